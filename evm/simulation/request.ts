import type { CorePort } from '../../core/host/corePort.ts'
import type { AccessListEntry, Authorization } from '../accessList.ts'
import type { BlockEnvironment } from '../blockEnvironment.ts'
import type { EvmStore } from '../store.ts'

/** What `eth_call` and its kin run. Absent fields have geth's defaults: the zero address, all gas, price 0, no value. */
export type CallRequest = {
  readonly from?: Uint8Array
  /** Null or absent creates a contract. */
  readonly to?: Uint8Array | null
  readonly gas?: number
  /** In wei per gas. Either `gasPrice` or the other two. */
  readonly gasPrice?: bigint
  readonly maxFeePerGas?: bigint
  readonly maxPriorityFeePerGas?: bigint
  readonly value?: bigint
  readonly data?: Uint8Array
  readonly accessList?: readonly AccessListEntry[]
  readonly authorizations?: readonly Authorization[]
}

export type StorageEntry = { readonly slot: Uint8Array; readonly value: Uint8Array }

export type StateOverride = {
  readonly address: Uint8Array
  readonly balance?: bigint
  readonly nonce?: number
  readonly code?: Uint8Array
  /** Replaces the whole storage; slots and values of 32 bytes. */
  readonly state?: readonly StorageEntry[]
  /** Replaces some slots. */
  readonly stateDiff?: readonly StorageEntry[]
}

/** The state a simulation starts from and the block it believes to be in. */
export type SimulationContext = {
  readonly store: EvmStore
  readonly block: BlockEnvironment
  /** Hash of an earlier block, for BLOCKHASH. */
  readonly ancestorHash: (number: number) => Uint8Array | null
  /** Engines on the same state; left as they were when a run ends. Absent: calls of engines fail. */
  readonly core?: CorePort
  readonly stateOverrides?: readonly StateOverride[]
  readonly blockOverrides?: Partial<BlockEnvironment>
}

export type SimulationLimits = {
  /** No run gets more gas; at most 2^32, as in a block: the interpreter's memory ends at 4 GiB. */
  readonly gasCap: number
  /** Asked every few thousand opcodes; true ends the run. The deadline is the caller's. */
  readonly shouldStop: () => boolean
}

/**
 * `revert`: the contract refused and says why in `returnData`. `error`: an exception, or a request
 * that cannot run at all, in geth's words.
 */
export type CallResult = {
  readonly status: 'success' | 'revert' | 'error'
  readonly error: string | null
  readonly returnData: Uint8Array
  readonly gasUsed: number
}

export type EstimateResult =
  | { readonly ok: true; readonly gas: number }
  | { readonly ok: false; readonly failure: CallResult }

export type AccessListResult = {
  readonly accessList: readonly AccessListEntry[]
  readonly gasUsed: number
  /** Null, or why the call fails with this list. */
  readonly error: string | null
}
