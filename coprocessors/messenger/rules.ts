import { assert } from '../../core/primitives/assert.ts'
import { LIMITS } from '../../core/primitives/limits.ts'

/** What every node must hold to the same, with its arithmetic. Gas of messages is EVM gas. */
export const RULES = {
  /** Of a block's work; the rest of a longer queue waits. */
  perBlock: LIMITS.systemTransactions,
  gasPerBlock: 15_000_000,
  /** Most for a call or a callback: three of the largest fit a block. */
  messageGas: 5_000_000,
  /** What `send` buys for the callback. */
  callbackGas: 100_000,
  /** A mint of a system ERC-20 takes about 60,000. */
  transferGas: 100_000,
  transferPriority: 128,
} as const

/** Contracts cannot fill the queue so far that transfers find no place. */
export const placesForCalls = (capacity: number): number => Math.floor((capacity * 3) / 4)

/** Core gas. */
export const GAS = {
  /** A row of 1.2 KiB, written, hashed and removed again. */
  send: 5_000,
  /** Buys a place before others of the block. */
  perPriority: 10,
  view: 500,
} as const

assert(RULES.messageGas <= RULES.gasPerBlock, 'the first message of a queue always runs')
assert(RULES.transferGas <= RULES.messageGas, 'a transfer is a message like others')
