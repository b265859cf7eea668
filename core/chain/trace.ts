import type { Log } from './executedBlock.ts'

/** What is null in a trace was not asked for, unless said otherwise. Slots and values are words in hexadecimal. */

/** One step of geth's struct logger. */
export type StructLog = {
  readonly pc: number
  readonly op: string
  readonly gas: number
  readonly gasCost: number
  readonly depth: number
  readonly error: string | null
  readonly refund: number
  readonly stack: readonly bigint[] | null
  readonly memory: Uint8Array | null
  readonly returnData: Uint8Array | null
  /** All slots of the contract that its code has read or written so far; at SLOAD and SSTORE only. */
  readonly storage: ReadonlyMap<string, string> | null
}

export type StructTrace = {
  readonly gas: number
  readonly failed: boolean
  readonly returnValue: Uint8Array
  readonly structLogs: readonly StructLog[]
}

export type CallLog = Log & {
  /** Among all logs of the transaction. */
  readonly index: number
  /** How many calls of the same frame came before it. */
  readonly position: number
}

/** The opcodes that open a frame, as tracers name them. */
export type FrameKind =
  | 'CALL'
  | 'CALLCODE'
  | 'DELEGATECALL'
  | 'STATICCALL'
  | 'CREATE'
  | 'CREATE2'
  | 'SELFDESTRUCT'

/** A frame with those below it, as geth's callTracer shows it. */
export type CallTrace = {
  readonly kind: FrameKind
  readonly from: Uint8Array
  /** Null: a creation that failed. */
  readonly to: Uint8Array | null
  /** Null: a static call has none. */
  readonly value: bigint | null
  readonly gas: number
  readonly gasUsed: number
  readonly input: Uint8Array
  /** What was returned, or came with a revert. Null: nothing. */
  readonly output: Uint8Array | null
  readonly error: string | null
  readonly isReverted: boolean
  readonly calls: readonly CallTrace[]
  readonly logs: readonly CallLog[]
}

export type TracedAccount = {
  readonly balance: bigint | null
  /** 0 is not told. */
  readonly nonce: number
  readonly code: Uint8Array | null
  readonly codeHash: Uint8Array | null
  readonly storage: ReadonlyMap<string, string>
}

/** By address in hexadecimal, in order. */
export type TracedAccounts = ReadonlyMap<string, TracedAccount>

export type PrestateTrace = {
  readonly pre: TracedAccounts
  /** Null unless differences were asked for. */
  readonly post: TracedAccounts | null
}

/** A call of `eth_simulateV1`. */
export type SimulatedCall = {
  readonly status: 'success' | 'revert' | 'error'
  readonly error: string | null
  readonly returnData: Uint8Array
  readonly gasUsed: number
  /** Before refunds. */
  readonly gasSpent: number
  readonly logs: readonly Log[]
}
