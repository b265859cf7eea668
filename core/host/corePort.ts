import type { Log } from '../chain/executedBlock.ts'

/** A precompile call as the EVM sees it. */
export type CoreCall = {
  /** Engine id: the precompile's address minus 0x0800. */
  readonly engine: number
  /** msg.sender. */
  readonly caller: Uint8Array
  /** Wei that arrived with the call; already moved to the precompile's address, which the host then empties by burning. */
  readonly value: bigint
  /** Solidity ABI of the generated interface. */
  readonly data: Uint8Array
  readonly isStatic: boolean
  /** DELEGATECALL or CALLCODE: refused for everything. */
  readonly isDelegate: boolean
  /** EVM gas that the frame has. */
  readonly gasLimit: number
}

export type CoreCallOutcome =
  | {
      readonly kind: 'success'
      readonly gasUsed: number
      readonly returnData: Uint8Array
      readonly logs: readonly Log[]
    }
  /** `CoreRejected` or a typed error; gas beyond `gasUsed` is given back. */
  | { readonly kind: 'revert'; readonly gasUsed: number; readonly returnData: Uint8Array }
  /** All gas is gone, as for any failed precompile. */
  | { readonly kind: 'outOfGas' }

/**
 * NexusCore as the EVM enters it: from system transactions in phase 2, between Core's own work and
 * the signed actions, and from transactions in phase 4. The EVM keeps `mark` in its own undo log before a call
 * that may change something, and calls `revertTo` when it unwinds past it: one revert covers both
 * domains at any depth.
 */
export type CorePort = {
  /** Whether an engine answers at 0x0800 + id. */
  readonly has: (engine: number) => boolean
  call(call: CoreCall): CoreCallOutcome
  mark(): number
  revertTo(mark: number): void
}

/**
 * A system transaction that begins a block: a transfer, event or callback that Core queued in an
 * earlier one. `mint` is new native coin, in wei, credited to `to` before the call.
 */
export type SystemTransaction = {
  /** Position of its message in the queue: block, priority, nonce. */
  readonly nonce: number
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly mint: bigint
  readonly gasLimit: number
  readonly data: Uint8Array
}

export type SystemOutcome = {
  readonly nonce: number
  readonly status: 'success' | 'revert' | 'outOfGas'
  readonly returnData: Uint8Array
}
