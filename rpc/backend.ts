import type { LightBlock } from '../consensus/light/lightBlock.ts'
import type { Certificate } from '../core/chain/certificate.ts'
import type { BlockOutline, EthereumHeader, ExecutedBlock } from '../core/chain/executedBlock.ts'
import type { StateRoots } from '../core/chain/roots.ts'
import type { Validator } from '../core/chain/validatorSet.ts'
import type { CoreBackend, CoreHeight } from './coreBackend.ts'
import type { Deadline } from './deadline.ts'
import type { DevnetBackend } from './devnetBackend.ts'
import type { InspectionBackend } from './inspection.ts'
import type { LogCandidates, LogCriteria } from './logSearch.ts'
import type { Outcome } from './outcome.ts'

/**
 * What the server needs of a node. Reads of the chain are synchronous and see one committed height,
 * which moves on only between two turns of the event loop, right before the `head` event.
 */
export type RpcBackend = {
  readonly identity: NodeIdentity
  /** Absent: the node runs no engines, and nothing named after them exists. */
  readonly core?: CoreBackend
  /** Absent but in a devnet. */
  readonly devnet?: DevnetBackend

  readonly inspection: InspectionBackend

  /** The committed height. */
  height(): number
  /** Null above the committed height. */
  header(height: number): EthereumHeader | null
  block(height: number): ExecutedBlock | null
  /** Null where `block` is; costs a small part of it. */
  outline(height: number): BlockOutline | null
  heightOfHash(hash: Uint8Array): number | null
  /** A search for logs over committed heights, a bounded step at a time: (from, to) to where they may be. */
  logSearch(criteria: LogCriteria): (from: number, to: number) => LogCandidates
  location(transactionHash: Uint8Array): TransactionLocation | null
  /** The commit certificate; null at height 0 and above the committed height. */
  certificate(height: number): Certificate | null
  /** The set that judges a height, in address order. */
  validators(height: number): readonly Validator[] | null
  /** Null at height 0, above the committed height, and where the block or a set is not kept. */
  lightBlock(height: number): CertifiedBlock | null
  /** Decoded for display. */
  transaction(signed: SignedTransaction): TransactionView
  /** Base fee of the block after `height`. */
  nextBaseFee(height: number): bigint

  /** Accounts after a height; `read` must not keep its argument. */
  state<T>(height: number, read: (state: StateReader) => T): Outcome<T>
  proof(
    height: number,
    address: Uint8Array,
    slots: readonly Uint8Array[],
  ): Promise<Outcome<AccountProof>>
  call(request: CallRequest): Promise<Outcome<Uint8Array>>
  /** Gas. */
  estimateGas(request: CallRequest): Promise<Outcome<bigint>>
  createAccessList(request: CallRequest): Promise<Outcome<AccessListResult>>

  /** The transaction hash once the pool has taken it. */
  submit(bytes: Uint8Array): Promise<Outcome<Uint8Array>>
  /** The nonce after the last pooled transaction of an account without gaps; null: none is pooled. */
  pendingNonce(address: Uint8Array): Promise<number | null>
  pendingTransaction(hash: Uint8Array): Promise<SignedTransaction | null>
  status(): Promise<NodeStatus>
  /** A snapshot of NexusBFT for people; JSON. */
  consensusState(): Promise<unknown>

  /** Events until the returned function is called. */
  subscribe(listener: (event: BackendEvent) => void): () => void
}

export type CertifiedBlock = {
  readonly block: LightBlock
  /** After the height before: what the header's state root is the hash of. Null when not kept. */
  readonly roots: StateRoots | null
}

export type NodeIdentity = {
  /** For example `Nexus/v0.1.0/linux-x64/node24.21.0`. */
  readonly clientVersion: string
  readonly chainId: number
  readonly genesisHash: Uint8Array
}

/**
 * `head` and then `core` come once for every height, in order. After `wentBack` and then `coreWentBack`, on a
 * development network alone, they go on from that height.
 */
export type BackendEvent =
  | { readonly kind: 'wentBack'; readonly height: number }
  | { readonly kind: 'coreWentBack'; readonly height: number; readonly time: number }
  | { readonly kind: 'head'; readonly outline: BlockOutline }
  | { readonly kind: 'pendingTransactions'; readonly hashes: readonly Uint8Array[] }
  | { readonly kind: 'syncing'; readonly isCatchingUp: boolean }
  | CoreHeight

export type TransactionLocation = { readonly height: number; readonly index: number }

export type SignedTransaction = {
  readonly hash: Uint8Array
  readonly sender: Uint8Array
  readonly bytes: Uint8Array
}

export type AccessListEntry = {
  readonly address: Uint8Array
  readonly storageKeys: readonly Uint8Array[]
}

/** EIP-7702. Numbers are big-endian without leading zeros. */
export type AuthorizationTuple = {
  readonly chainId: bigint
  readonly address: Uint8Array
  readonly nonce: bigint
  readonly yParity: bigint
  readonly r: Uint8Array
  readonly s: Uint8Array
}

export type TransactionView = {
  readonly hash: Uint8Array
  readonly sender: Uint8Array
  /** 126 is a system transaction: nobody signed it, and it has neither fee nor nonce. */
  readonly type: 0 | 1 | 2 | 4 | 126
  readonly chainId: bigint
  readonly nonce: number
  readonly gasLimit: number
  /** The gas price of types 0 and 1. */
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
  readonly to: Uint8Array | null
  readonly value: bigint
  readonly data: Uint8Array
  readonly accessList: readonly AccessListEntry[]
  readonly authorizations: readonly AuthorizationTuple[]
  /** As it was signed: EIP-155's v in type 0, the parity elsewhere. */
  readonly v: bigint
  readonly r: Uint8Array
  readonly s: Uint8Array
  /** Of type 126 only. */
  readonly system?: {
    readonly sourceHash: Uint8Array
    /** New native coin that came with it, in wei. */
    readonly mint: bigint
  }
}

export type StateReader = {
  readonly height: number
  balance(address: Uint8Array): bigint
  nonce(address: Uint8Array): number
  code(address: Uint8Array): Uint8Array
  /** 32 bytes; so is the slot. */
  storage(address: Uint8Array, slot: Uint8Array): Uint8Array
}

export type AccountProof = {
  readonly balance: bigint
  readonly nonce: number
  readonly codeHash: Uint8Array
  readonly storageHash: Uint8Array
  readonly accountProof: readonly Uint8Array[]
  /** In the order of the slots asked for. */
  readonly storageProof: readonly {
    readonly value: bigint
    readonly proof: readonly Uint8Array[]
  }[]
}

/** A message call as `eth_call` describes it; null is what the caller left open. */
export type CallMessage = {
  readonly from: Uint8Array | null
  readonly to: Uint8Array | null
  readonly gas: bigint | null
  readonly gasPrice: bigint | null
  readonly maxFeePerGas: bigint | null
  readonly maxPriorityFeePerGas: bigint | null
  readonly value: bigint
  readonly data: Uint8Array
  readonly accessList: readonly AccessListEntry[]
  readonly authorizations: readonly AuthorizationTuple[]
}

export type AccountOverride = {
  readonly address: Uint8Array
  readonly balance: bigint | null
  readonly nonce: number | null
  readonly code: Uint8Array | null
  /** Replaces the whole storage; null keeps it. */
  readonly state: readonly SlotOverride[] | null
  readonly stateDiff: readonly SlotOverride[]
}

/** 32 bytes each. */
export type SlotOverride = { readonly slot: Uint8Array; readonly value: Uint8Array }

export type BlockOverrides = {
  readonly number: number | null
  /** Seconds. */
  readonly time: number | null
  readonly gasLimit: number | null
  readonly feeRecipient: Uint8Array | null
  readonly prevRandao: Uint8Array | null
  readonly baseFeePerGas: bigint | null
  readonly blobBaseFee: bigint | null
}

export type CallRequest = {
  readonly message: CallMessage
  /** The call sees the state after this height, in a block of this number. */
  readonly height: number
  readonly stateOverrides: readonly AccountOverride[]
  readonly blockOverrides: BlockOverrides
  readonly deadline: Deadline
}

export type AccessListResult = {
  readonly accessList: readonly AccessListEntry[]
  readonly gasUsed: bigint
  /** Why the call failed; the list is right all the same. */
  readonly error: string | null
}

export type NodeStatus = {
  readonly moniker: string
  readonly version: string
  /** Null for a node that does not vote. */
  readonly validator: Uint8Array | null
  /** Of the node thread, which may be ahead of this one for a moment. */
  readonly height: number
  readonly catchingUp: boolean
  /** The highest height that a peer has announced. */
  readonly highestKnown: number
  readonly pendingTransactions: number
  readonly peers: readonly PeerView[]
  /** A fork that this node found and its operator acknowledged. */
  readonly fork: ForkView | null
}

/** Two certified blocks of one height; powers are of that height's validators. */
export type ForkView = {
  readonly height: number
  /** Hexadecimal, without prefix. */
  readonly blockIds: readonly string[]
  readonly proved: readonly AccusedView[]
  readonly suspected: readonly AccusedView[]
  readonly totalPower: number
}

export type AccusedView = { readonly address: Uint8Array; readonly power: number }

export type PeerView = {
  readonly id: string
  readonly moniker: string
  readonly address: string
  readonly direction: 'inbound' | 'outbound'
  readonly height: number
  readonly validator: Uint8Array | null
}
