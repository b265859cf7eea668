import type { FrameKind } from '../core/chain/trace.ts'
import type { Fault } from './executive.ts'

export type TraceStep = {
  readonly pc: number
  readonly op: number
  /** As geth writes it: `PUSH1`, `KECCAK256`. */
  readonly name: string
  /** Left before the opcode. */
  readonly gas: number
  /** All of it: for calls, with what the callee is given. */
  readonly cost: number
  /** 1 for the transaction's own frame. */
  readonly depth: number
  /** Top last. */
  readonly stack: readonly bigint[]
  /** Before the opcode. Valid during the call only. */
  readonly memory: Uint8Array
  readonly refund: number
  /** Whose storage the code reads and writes. */
  readonly address: Uint8Array
  /** Of the last call. */
  readonly returnData: Uint8Array
  /** What ended the frame here, other than a revert; null as a rule. */
  readonly error: string | null
}

export type TraceFrame = {
  readonly kind: FrameKind
  readonly from: Uint8Array
  /** Of creations: the new contract. */
  readonly to: Uint8Array
  readonly value: bigint
  readonly gas: number
  readonly input: Uint8Array
  /** 1 for the transaction's own frame. */
  readonly depth: number
}

export type TraceResult = {
  readonly gasUsed: number
  readonly output: Uint8Array
  /** Null on success, `revert`, or the EVM's words for the exception. */
  readonly error: string | null
  readonly fault: Fault | null
  readonly depth: number
}

export type TraceLog = {
  readonly address: Uint8Array
  readonly topics: readonly Uint8Array[]
  readonly data: Uint8Array
  readonly depth: number
}

/**
 * Watches a run of the nexus executive. Called synchronously; must not change anything. SELFDESTRUCT
 * is a frame that is entered and left at once. Accounts and slots are told when code is about to
 * read or write them, before any change, as often as it happens.
 */
export type Tracer = {
  /** Each opcode, when its cost is known and before anything that comes after it. */
  step?(step: TraceStep): void
  enter?(frame: TraceFrame): void
  exit?(result: TraceResult): void
  log?(log: TraceLog): void
  account?(address: Uint8Array): void
  slot?(address: Uint8Array, slot: Uint8Array): void
}
