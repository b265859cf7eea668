import { NexusError } from '../../core/primitives/errors.ts'
import type { NodeConfig } from '../config.ts'
import { readLastSigned } from '../consensus/lastSigned.ts'
import { walFilesOf } from '../consensus/walFiles.ts'
import { readGenesis } from '../home.ts'
import { lockHolder } from '../lock.ts'
import { type DiskUse, diskUse } from '../maintenance/diskUse.ts'
import type { HealthReport } from '../observability/monitoringServer.ts'
import { nodeFileSystem } from '../storage/fileSystem.ts'
import { callNode, getJson, type NodeTarget, targetOf } from './nodeClient.ts'

/** What a node is doing, in one word for scripts. `unreachable`: its process lives, or nothing is known of it. */
export type StatusWord = 'ok' | 'catchingUp' | 'stalled' | 'starting' | 'stopped' | 'unreachable'

export type RunningStatus = {
  readonly kind: 'running'
  readonly status: StatusWord
  readonly moniker: string
  readonly version: string
  readonly chainId: number
  readonly genesisHash: string
  readonly height: number
  readonly blockHash: string
  readonly blockTime: string
  readonly lastBlockAgeMs: number
  readonly round: number
  readonly step: string
  readonly peers: number
  readonly catchingUp: boolean
  readonly highestKnown: number
  readonly pendingTransactions: number
  /** Null: an observer. `power` null: it has a key that the present set does not know. */
  readonly validator: { readonly address: string; readonly power: number | null } | null
  readonly totalPower: number
  readonly disk: DiskUse | null
  readonly pid: number | null
}

export type StoppedStatus = {
  readonly kind: 'stopped'
  readonly status: 'stopped' | 'unreachable' | 'starting'
  readonly reason: string
  readonly moniker: string
  readonly pid: number | null
  readonly chainId: number
  /** Null: the database is in use, or there is none. */
  readonly height: number | null
  readonly start: number | null
  readonly blockTime: string | null
  readonly wal: readonly number[]
  readonly lastSigned: {
    readonly height: number
    readonly round: number
    readonly step: number
  } | null
  readonly disk: DiskUse
}

export type Status = RunningStatus | StoppedStatus

export const isHealthy = ({ status }: Status): boolean => status === 'ok'

/** Without a home nobody says how often blocks come. */
const DEFAULT_MAX_AGE_MS = 60_000

/** Of a node somewhere: what its RPC says. NODE_UNREACHABLE, NODE_ANSWER. */
export async function remoteStatus(target: NodeTarget): Promise<RunningStatus> {
  return askNode(target, { maxAgeMs: DEFAULT_MAX_AGE_MS, health: null, disk: null, pid: null })
}

/** Of the node of a home: what it says, or what its files say while it does not run. */
export async function homeStatus(config: NodeConfig): Promise<Status> {
  const { paths } = config
  const { value: genesis } = readGenesis(paths.genesis)
  const pid = lockHolder(paths.lock)
  if (pid === null) return stoppedStatus(config, { pid, reason: 'no process holds its lock' })
  const health = config.metrics.enabled ? await healthOf(config) : null
  const maxAgeMs = Math.max(10_000, 10 * genesis.consensus.emptyBlockIntervalMs)
  try {
    return await askNode(targetOf(config.rpc), { maxAgeMs, health, disk: diskUse(paths), pid })
  } catch (error) {
    if (!(error instanceof NexusError)) throw error
    const status = await stoppedStatus(config, { pid, reason: error.message })
    return { ...status, status: health?.status === 'starting' ? 'starting' : 'unreachable' }
  }
}

async function healthOf(config: NodeConfig): Promise<HealthReport | null> {
  try {
    return await getJson<HealthReport>(targetOf(config.metrics), '/health')
  } catch {
    return null
  }
}

type Known = {
  readonly maxAgeMs: number
  readonly health: HealthReport | null
  readonly disk: DiskUse | null
  readonly pid: number | null
}

type RpcStatus = {
  readonly moniker: string
  readonly version: string
  readonly chainId: string
  readonly genesisHash: string
  readonly validator: string | null
  readonly height: string
  readonly blockHash: string
  readonly blockTimestamp: string
  readonly catchingUp: boolean
  readonly highestKnown: string
  readonly pendingTransactions: string
  readonly peers: readonly unknown[]
}

type RpcValidators = {
  readonly totalPower: number
  readonly validators: readonly { readonly address: string; readonly power: number }[]
}

async function askNode(target: NodeTarget, known: Known): Promise<RunningStatus> {
  const status = await callNode<RpcStatus>(target, 'nexus_status')
  const [consensus, set] = await Promise.all([
    callNode<{ readonly round: number; readonly step: string }>(target, 'nexus_consensusState'),
    callNode<RpcValidators>(target, 'nexus_validators'),
  ])
  const blockTime = Number(status.blockTimestamp) * 1_000
  const lastBlockAgeMs = known.health?.lastBlockAgeMs ?? Math.max(0, Date.now() - blockTime)
  const power = set.validators.find(({ address }) => address === status.validator)?.power ?? null
  const word = status.catchingUp ? 'catchingUp' : lastBlockAgeMs > known.maxAgeMs ? 'stalled' : 'ok'
  return {
    kind: 'running',
    status: known.health?.status ?? word,
    moniker: status.moniker,
    version: status.version,
    chainId: Number(status.chainId),
    genesisHash: status.genesisHash,
    height: Number(status.height),
    blockHash: status.blockHash,
    blockTime: new Date(blockTime).toISOString(),
    lastBlockAgeMs,
    round: consensus.round,
    step: consensus.step,
    peers: status.peers.length,
    catchingUp: status.catchingUp,
    highestKnown: Number(status.highestKnown),
    pendingTransactions: Number(status.pendingTransactions),
    validator: status.validator === null ? null : { address: status.validator, power },
    totalPower: set.totalPower,
    disk: known.disk,
    pid: known.pid,
  }
}

async function stoppedStatus(
  config: NodeConfig,
  { pid, reason }: { readonly pid: number | null; readonly reason: string },
): Promise<StoppedStatus> {
  const { paths } = config
  const { value: genesis } = readGenesis(paths.genesis)
  const head = pid === null ? await storedHead(config) : null
  const wal = await walFilesOf(paths.wal, nodeFileSystem).catch(() => [])
  const signed = await readLastSigned(paths.lastSigned, nodeFileSystem)
  return {
    kind: 'stopped',
    status: 'stopped',
    reason,
    moniker: config.moniker,
    pid,
    chainId: genesis.chainId,
    height: head?.height ?? null,
    start: head?.start ?? null,
    blockTime: head?.blockTime ?? null,
    wal: wal.map(({ height }) => height),
    lastSigned:
      signed === null || signed.step === 0
        ? null
        : { height: signed.height, round: signed.round, step: signed.step },
    disk: diskUse(paths),
  }
}

/** Null: it has never run. */
async function storedHead({ paths }: NodeConfig) {
  const [{ withStopped }, { readProgress, readSummary }] = await Promise.all([
    import('../maintenance/stoppedNode.ts'),
    import('../storage/chainRecords.ts'),
  ])
  try {
    return await withStopped(paths, async ({ read }) => {
      const progress = readProgress(read)
      const summary = progress === null ? null : readSummary(read, progress.height, progress)
      if (progress === null || summary === null) return null
      const { height, start } = progress
      return { height, start, blockTime: new Date(summary.time).toISOString() }
    })
  } catch (error) {
    if (error instanceof NexusError && error.detail.code === 'DATABASE_EMPTY') return null
    throw error
  }
}
