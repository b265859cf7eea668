import { EVMError } from '@ethereumjs/evm'
import type { Frame } from './frame.ts'

/** One of our own opcodes. The loop has checked the stack and taken the fee, and stands behind the opcode. */
export type Operation = {
  readonly fee: number
  /** Items it takes from the stack. */
  readonly takes: number
  /** Items it leaves. */
  readonly leaves: number
  readonly run: (frame: Frame) => void
}

/** By opcode. */
export type Operations = ReadonlyMap<number, Operation>

export const operation = (
  fee: number,
  [takes, leaves]: readonly [takes: number, leaves: number],
  run: (frame: Frame) => void,
): Operation => ({ fee, takes, leaves, run })

export const STATIC_STATE_CHANGE = new EVMError(EVMError.errorMessages.STATIC_STATE_CHANGE)
