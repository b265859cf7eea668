import type { Account } from '../account.ts'
import type { Tracer } from '../tracer.ts'

/** Who takes part in a transaction before any code runs. */
export type TracedTransaction = {
  readonly sender: Uint8Array
  /** The new contract of a creation. */
  readonly to: Uint8Array
  readonly isCreation: boolean
  /** The coinbase, and who else a fee goes to. */
  readonly paid: readonly Uint8Array[]
  readonly gasLimit: number
  /** EIP-7702: whoever signed an authorization that could be recovered. */
  readonly authorities: readonly Uint8Array[]
}

export type TracedOutcome = {
  /** What is paid for. */
  readonly gasUsed: number
  /** Null on success, `revert`, or the EVM's words for the exception. */
  readonly error: string | null
  readonly returnData: Uint8Array
}

/** The state that a transaction is traced on. */
export type TracedState = {
  account(address: Uint8Array): Account | null
  code(account: Account): Uint8Array
  /** Big-endian without leading zeros. */
  slot(address: Uint8Array, slot: Uint8Array): Uint8Array
}

/** Follows one transaction from before its fee is taken until all it did is done. */
export type TransactionTracer<T> = {
  readonly tracer: Tracer
  start(transaction: TracedTransaction, state: TracedState): void
  end(outcome: TracedOutcome): T
}

/** Thrown through the interpreter by a tracer that holds as much as it may; never an EVM outcome. */
export class TraceTooLarge {
  readonly code = 'TRACE_TOO_LARGE'
}

/** Counts what traces hold, in bytes of about what they will be as JSON. One for a whole answer. */
export class TraceBudget {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  /** Throws TraceTooLarge. */
  take(bytes: number): void {
    this.#left -= bytes
    if (this.#left < 0) throw new TraceTooLarge()
  }
}
