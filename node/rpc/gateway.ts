import type { MessagePort } from 'node:worker_threads'
import type { Result } from '../../core/primitives/result.ts'
import type {
  DevnetAnswer,
  DevnetCode,
  DevnetRequest,
  NodeStatus,
  PoolContent,
  PoolCounts,
  PoolRequest,
  SignedTransaction,
} from '../../rpc/index.ts'
import type { PooledAction } from '../mempool/action.ts'
import type { ActionPoolCode } from '../mempool/corePool.ts'
import type { PoolCode } from '../mempool/pool.ts'
import type { PooledTransaction } from '../mempool/transaction.ts'
import type { LogLevel } from '../observability/logger.ts'
import type { MetricsSnapshot } from '../observability/metrics.ts'

/** Whatever is submitted. */
export type NotNowCode = 'CATCHING_UP' | 'CHAIN_BUSY'
/** What a submission may come to in the node thread. */
export type SubmissionCode = PoolCode | NotNowCode
export type ActionSubmissionCode = ActionPoolCode | NotNowCode
export type Verdicts<C extends string> = readonly Result<null, C>[]
type Submit<T, C extends string> = (items: readonly T[]) => Verdicts<C> | Promise<Verdicts<C>>

/** What the RPC thread asks of the node thread. Answers are plain data: they cross to another thread. */
export type RpcGateway = {
  /** In order; one result each. Signatures and form were checked. Waits where the chain is busy. */
  readonly submit: Submit<PooledTransaction, SubmissionCode>
  readonly submitActions: Submit<PooledAction, ActionSubmissionCode>
  /** The nonce after the last pooled transaction of an account without gaps; null: none is pooled. */
  pendingNonce(address: Uint8Array): number | null
  pendingTransaction(hash: Uint8Array): SignedTransaction | null
  poolCounts(): PoolCounts
  poolContent(request: PoolRequest): PoolContent
  status(): NodeStatus
  catchingUp(): boolean
  /** JSON for people: height, round, step, votes. */
  consensusState(): unknown
  /** Absent but in a devnet. */
  devnet?(request: DevnetRequest): Promise<Result<DevnetAnswer, DevnetCode>>
}

/** The gateway as a thread's methods take it. */
export type GatewayApi = {
  readonly submit: RpcGateway['submit']
  readonly submitActions: RpcGateway['submitActions']
  readonly pendingNonce: (address: Uint8Array) => number | null
  readonly pendingTransaction: (hash: Uint8Array) => SignedTransaction | null
  readonly poolCounts: (argument: undefined) => PoolCounts
  readonly poolContent: (request: PoolRequest) => PoolContent
  readonly status: (argument: undefined) => NodeStatus
  readonly consensusState: (argument: undefined) => unknown
  readonly devnet: (request: DevnetRequest) => Promise<Result<DevnetAnswer, DevnetCode>>
}

/** What the node thread asks of the RPC thread. */
export type RpcThreadApi = {
  /** Opens the database and the port; the URL. The executor is at the other end of `feed`. */
  readonly start: (feed: MessagePort) => Promise<string>
  /** The chain went back, and goes on at the other end of another feed; resolves when reads show it. */
  readonly rejoin: (feed: MessagePort) => Promise<void>
  readonly metrics: (argument: undefined) => Promise<MetricsSnapshot>
  readonly stop: (argument: undefined) => Promise<void>
}

export type RpcThreadEvents = {
  /** Hashes, 32 bytes each, one after the other. */
  readonly pendingTransactions: Uint8Array
  readonly syncing: boolean
  /** Of this thread's own lines. */
  readonly logLevel: LogLevel
  /** From the RPC thread: a method failed as none should. */
  readonly fault: RpcFault
}

export type RpcFault = {
  readonly method: string
  readonly code: string
  readonly message: string
  readonly stack: string
  /** The program or the database is wrong: the node must not go on. */
  readonly isFatal: boolean
}
