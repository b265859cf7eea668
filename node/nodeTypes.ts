import type { Millis } from '../core/primitives/units.ts'
import type { Genesis } from '../genesis/genesis.ts'
import type { NodeConfig } from './config.ts'
import type { NodeKey } from './keys/nodeKey.ts'
import type { Network } from './network/network.ts'
import type { Logger, LogLevel } from './observability/logger.ts'
import type { Metrics } from './observability/metrics.ts'

/** Everything a node is made of that comes from outside; `node.ts` makes the rest. */
export type StartNodeOptions = {
  readonly config: NodeConfig
  readonly genesis: Genesis
  /** The document of `genesis`, for threads that read it again. */
  readonly genesisText: string
  /** 32 bytes; null observes without voting. */
  readonly validatorKey: Uint8Array | null
  readonly nodeKey: NodeKey
  readonly log: Logger
  readonly metrics: Metrics
  /** Ends what a start waits for. */
  readonly stopSignal?: AbortSignal
  /** Called once when the node cannot go on; the process logs, stops what it can and exits with 1. */
  readonly onFatal: (error: unknown) => void
}

export type NodeStatus = {
  readonly height: number
  /** Consensus time of the last block; null before the first. */
  readonly lastBlockTime: Millis | null
  /** In blocks that this process committed. */
  readonly transactions: number
  readonly peers: number
  /** Blocks are known that this node has not applied yet. */
  readonly catchingUp: boolean
}

export type RunningNode = {
  /** Null when RPC is switched off. */
  readonly rpcUrl: string | null
  height(): number
  status(): NodeStatus
  /** What its operator may ask about peers. */
  readonly network: Pick<Network, 'peers' | 'bans' | 'ban' | 'unban'>
  /** The Prometheus text of all threads. */
  metricsText(): Promise<string>
  /** Of threads that write lines of their own. */
  setLogLevel(level: LogLevel): void
  /** Everything durable and closed; later calls give the same promise. */
  stop(): Promise<void>
}
