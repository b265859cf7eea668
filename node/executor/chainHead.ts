import type { CrossMessage } from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { EthereumHeader } from '../../core/chain/executedBlock.ts'
import { type Validator, ValidatorSet } from '../../core/chain/validatorSet.ts'
import type { ValidatorUpdate } from '../../core/chain/validatorUpdates.ts'
import { assert } from '../../core/primitives/assert.ts'
import type { StateSummary } from '../storage/stateSummary.ts'
import { sameValidators } from '../storage/validatorRecord.ts'

/** What the chain looks like after its last committed height: all that the next height builds on. */
export type ChainHead = {
  readonly summary: StateSummary
  readonly header: EthereumHeader
  readonly nextBaseFee: bigint
  /** What the next block's payload must carry, exactly. */
  readonly pendingMessages: readonly CrossMessage[]
}

export type ExecuteRequest = {
  readonly height: number
  readonly blockId: string
  /** The canonical encoding of the block. */
  readonly block: Uint8Array
  /** 20 bytes for each EVM transaction; zeros where the sender was not recovered yet. */
  readonly senders: Uint8Array
  /** 20 bytes for each Core envelope; zeros where the signer was not recovered yet. */
  readonly signers: Uint8Array
}

/** A block that more than two thirds of the power precommitted. */
export type DecideRequest = ExecuteRequest & { readonly certificate: Certificate }

export type Decided = {
  readonly head: ChainHead
  readonly result: ExecutionResult
  /** Of the synced batch. */
  readonly commitSeconds: number
}

export type IncludedTransaction = {
  readonly hash: Uint8Array
  readonly sender: Uint8Array
  readonly nonce: number
}

export type ExecutedAction = {
  readonly hash: Uint8Array
  /** Why the envelope was refused as a whole; null: it ran, and its nonce is used. */
  readonly code: string | null
}

export type ExecutionResult = {
  readonly blockId: string
  readonly stateRoot: Uint8Array
  readonly receiptsRoot: Uint8Array
  readonly gasUsed: number
  readonly included: readonly IncludedTransaction[]
  readonly skipped: readonly { readonly hash: Uint8Array; readonly code: string }[]
  /** Every envelope of the block. */
  readonly actions: readonly ExecutedAction[]
  /** From the height after the next on, in address order. */
  readonly validatorUpdates: readonly ValidatorUpdate[]
  /** Calls of signed actions. */
  readonly coreCalls: { readonly accepted: number; readonly rejected: number }
  /** Core gas by engine name, of the whole height. */
  readonly coreGas: { readonly [engine: string]: number }
  /** Seconds by phase. */
  readonly timings: { readonly [phase: string]: number }
}

/** The sets of heights around the one in flight, newest first. */
const recent: ValidatorSet[] = []
const RECENT_SETS = 8

/**
 * The object there is for a set already. A height's sets are those of the height before, and making
 * one and hashing it costs 4 µs a validator.
 */
export function recentSet(set: ValidatorSet): ValidatorSet {
  const known = recent.find(({ validators }) => sameValidators(validators, set.validators))
  if (known !== undefined) return known
  recent.unshift(set)
  if (recent.length > RECENT_SETS) recent.pop()
  return set
}

/** A set as the database holds it; it was valid when it was written. */
export function storedValidatorSet(validators: readonly Validator[]): ValidatorSet {
  const known = recent.find((set) => sameValidators(set.validators, validators))
  if (known !== undefined) return known
  const set = ValidatorSet.create(validators)
  assert(set.ok, 'a stored validator set is valid')
  return recentSet(set.value)
}
