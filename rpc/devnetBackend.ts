import type { StateEdit } from '../core/chain/stateEdit.ts'
import type { AccessListEntry, AuthorizationTuple } from './backend.ts'
import type { Outcome } from './outcome.ts'

/** What the node of a devnet does for tools that expect a development network. */
export type DevnetBackend = {
  readonly hardfork: string
  /** Accounts this node signs for: everybody knows their keys. In the mnemonic's order. */
  readonly accounts: readonly Uint8Array[]
  /** Has coins for whoever asks, and is not listed. */
  readonly faucet: Uint8Array
  /** r, s and v (27 or 28); null: not one of the accounts. */
  signDigest(signer: Uint8Array, digest: Uint8Array): Uint8Array | null
  /** Null: not one of the accounts, nor the faucet, nor impersonated. */
  signTransaction(signer: Uint8Array, transaction: UnsignedTransaction): Uint8Array | null
  /** Addresses that this node sends for without their keys. */
  readonly impersonated: readonly Uint8Array[]
  impersonate(address: Uint8Array): void
  stopImpersonating(address: Uint8Array): void
  /** Whether it sends for every address there is. */
  impersonateAll(isOn: boolean): void
  /** What the faucet sends to change an account. */
  editOf(edit: StateEdit): { readonly to: Uint8Array; readonly data: Uint8Array }
  /** Resolves when reads show what was asked for. */
  control(request: DevnetRequest): Promise<Outcome<DevnetAnswer>>
}

export type UnsignedTransaction = {
  readonly type: 0 | 1 | 2 | 4
  readonly nonce: number
  readonly gas: bigint
  /** The gas price of types 0 and 1. */
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
  readonly to: Uint8Array | null
  readonly value: bigint
  readonly data: Uint8Array
  readonly accessList: readonly AccessListEntry[]
  readonly authorizations: readonly AuthorizationTuple[]
}

/** Times are milliseconds since the Unix epoch. */
export type DevnetRequest =
  /** `intervalMs`, above zero, lies between two of the blocks; null: what the clock says. */
  | { readonly kind: 'mine'; readonly blocks: number; readonly intervalMs: number | null }
  /** Puts the clock of blocks ahead. */
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'nextBlockTime'; readonly ms: number }
  /** Notes where the chain stands, once what was accepted before is in a block. */
  | { readonly kind: 'snapshot' }
  /** Back to where it stood then: later blocks, snapshots and pending transactions are gone. */
  | { readonly kind: 'revert'; readonly snapshot: number }

export type DevnetAnswer = {
  readonly height: number
  /** What the clock of blocks is ahead of the machine's. */
  readonly aheadMs: number
  /** The one that was taken or gone back to; null: there is no such one. */
  readonly snapshot?: number | null
}

/** DEVNET_NOT_ALONE: other validators have clocks of their own. CHAIN_IS_SHARED: others have its blocks. */
export type DevnetCode =
  | 'DEVNET_NOT_ALONE'
  | 'CHAIN_IS_SHARED'
  | 'CHAIN_WENT_BACK'
  | 'TIME_NOT_AHEAD'
  | 'TIME_TOO_FAR'
  | 'DEVNET_STOPS'
