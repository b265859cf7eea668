import type { ExecutedBlock } from '../core/chain/executedBlock.ts'
import type { CallTrace, PrestateTrace, SimulatedCall, StructTrace } from '../core/chain/trace.ts'
import type {
  AccountOverride,
  BlockOverrides,
  CallMessage,
  CallRequest,
  SignedTransaction,
} from './backend.ts'
import type { Deadline } from './deadline.ts'
import type { Outcome } from './outcome.ts'

/** `debug_*`, `txpool_*` and `eth_simulateV1` as the server needs them of a node. */
export type InspectionBackend = {
  /** Traces of a block's transactions, or of the one at `index`. */
  traceTransactions(request: TraceRequest): Promise<Outcome<readonly Trace[]>>
  traceCall(request: CallRequest, tracing: Tracing): Promise<Outcome<Trace>>
  simulateBlocks(request: SimulationRequest): Promise<Outcome<readonly SimulatedBlock[]>>
  /** RLP. Null where the block is not kept. */
  rawBlock(height: number): RawBlock | null
  /** The lowest heights whose block and whose state are kept. */
  oldest(): { readonly block: number; readonly state: number }
  poolCounts(): Promise<PoolCounts>
  /** By sender and nonce; at most `limit` in all. `sender` null: everybody's. */
  poolContent(request: PoolRequest): Promise<PoolContent>
}

export type Tracing = {
  readonly tracer: TracerChoice
  /** About what the answer may take as JSON. */
  readonly maxBytes: number
}

export type TraceRequest = Tracing & {
  readonly height: number
  readonly index: number | null
  readonly deadline: Deadline
}

export type TracerChoice =
  | {
      readonly kind: 'struct'
      readonly enableMemory: boolean
      readonly disableStack: boolean
      readonly disableStorage: boolean
      readonly enableReturnData: boolean
      /** Most steps; 0: all. */
      readonly limit: number
    }
  | { readonly kind: 'call'; readonly onlyTopCall: boolean; readonly withLog: boolean }
  | {
      readonly kind: 'prestate'
      readonly diffMode: boolean
      readonly disableCode: boolean
      readonly disableStorage: boolean
      readonly includeEmpty: boolean
    }
  | { readonly kind: 'fourByte' }
  | { readonly kind: 'noop' }

export type Trace =
  | { readonly kind: 'struct'; readonly trace: StructTrace }
  | { readonly kind: 'call'; readonly trace: CallTrace }
  | { readonly kind: 'prestate'; readonly trace: PrestateTrace }
  | { readonly kind: 'fourByte'; readonly trace: Readonly<Record<string, number>> }
  | { readonly kind: 'noop' }

export type SimulatedBlockRequest = {
  readonly blockOverrides: BlockOverrides
  readonly stateOverrides: readonly AccountOverride[]
  readonly calls: readonly { readonly message: CallMessage; readonly nonce: number | null }[]
}

export type SimulationRequest = {
  /** Whose state comes before. */
  readonly height: number
  readonly blocks: readonly SimulatedBlockRequest[]
  readonly validates: boolean
  readonly tracesTransfers: boolean
  readonly deadline: Deadline
}

export type SimulatedBlock = {
  readonly block: ExecutedBlock
  readonly calls: readonly SimulatedCall[]
}

export type RawBlock = {
  readonly header: Uint8Array
  readonly block: Uint8Array
  readonly receipts: readonly Uint8Array[]
}

export type PoolCounts = { readonly pending: number; readonly queued: number }
export type PoolRequest = { readonly sender: Uint8Array | null; readonly limit: number }
/** Whose nonce is next or follows, and those that wait for a nonce before them. */
export type PoolContent = {
  readonly pending: readonly SignedTransaction[]
  readonly queued: readonly SignedTransaction[]
}
