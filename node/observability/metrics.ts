import { monitorEventLoopDelay } from 'node:perf_hooks'
import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client'
import { type WatchedThreads, watchHeaps } from './heapMetrics.ts'
import { createSignerMetrics, type SignerMetrics } from './signerMetrics.ts'

export type ConsensusMetrics = {
  /** Ends the step before, and its duration is observed. */
  stepChanged(height: number, round: number, step: string): void
  decided(block: {
    readonly height: number
    readonly round: number
    readonly bytes: number
    readonly transactions: number
  }): void
  proposed(bytes: number): void
  /** A vote for a height or round that was over when it came. */
  voteLate(type: string): void
  rejected(code: string): void
  /** A bounded queue was full. */
  dropped(kind: string): void
  equivocation(kind: string): void
  queueLength(length: number): void
  /** Of the height that begins; an observer has no power of its own. */
  validatorSet(set: {
    readonly size: number
    readonly totalPower: number
    readonly ownPower: number
  }): void
}

export type ExecutionMetrics = {
  phase(name: string, seconds: number): void
  executed(block: {
    readonly gasUsed: number
    readonly skipped: number
    readonly coreGas: { readonly [engine: string]: number }
    readonly coreCalls: { readonly accepted: number; readonly rejected: number }
  }): void
}

export type StorageMetrics = {
  committed(seconds: number, bytes: number): void
  walFlushed(seconds: number, bytes: number): void
}

export type MempoolMetrics = {
  lane(name: string, size: { readonly transactions: number; readonly bytes: number }): void
  admitted(): void
  rejected(code: string): void
  evicted(reason: string): void
  batchSent(size: { readonly transactions: number; readonly bytes: number }): void
  batchReceived(size: { readonly transactions: number; readonly bytes: number }): void
  batchFetched(outcome: string): void
  /** Submissions of RPC that wait for room. */
  heldBack(submissions: number): void
}

export type NetworkMetrics = {
  peers(count: number): void
  banned(code: string): void
  received(kind: string, bytes: number): void
  sent(kind: string, bytes: number): void
  rejected(code: string): void
  queueLength(kind: string, length: number): void
  dropped(kind: string): void
}

export type SyncMetrics = {
  blockApplied(): void
  catchingUp(behind: number): void
}

export type RpcMetrics = {
  /** `method` must be one that exists, or `unknown`; `code` is `ok` or the error's number. */
  answered(method: string, code: string, seconds: number): void
  connections(kind: string, count: number): void
  subscriptions(count: number): void
  refused(reason: string): void
}

export type Metrics = {
  readonly consensus: ConsensusMetrics
  readonly execution: ExecutionMetrics
  readonly storage: StorageMetrics
  readonly mempool: MempoolMetrics
  readonly network: NetworkMetrics
  readonly sync: SyncMetrics
  readonly rpc: RpcMetrics
  readonly signer: SignerMetrics
  /** Shows the heaps of threads that this one started beside its own. */
  watchThreads(threads: WatchedThreads): void
  /** What this thread counted, as plain data that crosses to another thread. */
  snapshot(): Promise<MetricsSnapshot>
  /** The Prometheus text of this thread and of the snapshots of others, summed by name and labels. */
  text(others: readonly MetricsSnapshot[]): Promise<string>
  stop(): void
}

export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[]

export type MetricsOptions = {
  /** Which thread this is: the label of its event-loop delay. */
  readonly thread: 'node' | 'executor' | 'rpc'
  /** Seconds on a clock that never steps back. */
  readonly now: () => number
}

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

/** One per thread, made before what it watches. Names are `nexus_<area>_<what>_<unit>`. */
export function createMetrics({ thread, now }: MetricsOptions): Metrics {
  const registry = new Registry()
  // Finer, its timer would wake the thread a hundred times a second for what `watchEventLoop` measures.
  const eventLoopMonitoringPrecision = 100
  // Memory, CPU and descriptors are the process's, whichever thread counts them.
  if (thread === 'node')
    collectDefaultMetrics({ register: registry, prefix: 'nexus_', eventLoopMonitoringPrecision })
  const delay = watchEventLoop(registry, thread)
  return {
    consensus: createConsensusMetrics(registry, now),
    execution: createExecutionMetrics(registry),
    storage: createStorageMetrics(registry),
    mempool: createMempoolMetrics(registry),
    network: createNetworkMetrics(registry),
    sync: createSyncMetrics(registry),
    rpc: createRpcMetrics(registry),
    signer: createSignerMetrics(registry),
    watchThreads: watchHeaps(registry, thread),
    snapshot: async () => structuredClone(await registry.getMetricsAsJSON()),
    text: async (others) => {
      if (others.length === 0) return registry.metrics()
      const own = await registry.getMetricsAsJSON()
      return AggregatorRegistry.aggregate([own, ...others] as never).metrics()
    },
    stop: () => delay.disable(),
  }
}

const SECONDS = [
  0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
]
const BYTES = [256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304]
const COUNTS = [0, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000]
const ROUNDS = [1, 2, 3, 4, 6, 10, 20, 50]

type Registries = readonly Registry[]

function createConsensusMetrics(registry: Registry, now: () => number): ConsensusMetrics {
  const at: Registries = [registry]
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `nexus_consensus_${name}`, help, registers: [...at] })
  const height = gauge('height', 'Height being decided.')
  const round = gauge('round', 'Round of the height being decided.')
  const queue = gauge('queue_length', 'Inputs waiting for the state machine.')
  const validators = gauge('validators', 'Validators of the height being decided.')
  const totalPower = gauge('total_power', 'Voting power of all of them.')
  const ownPower = gauge('own_power', 'Voting power of this node; 0 while it observes.')
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `nexus_consensus_${name}`, help, buckets, registers: [...at] })
  const steps = stepTimer(registry, now)
  const rounds = histogram('rounds_per_height', 'Rounds a height needed; 1 is the least.', ROUNDS)
  const interval = histogram('block_interval_seconds', 'Time between two decisions.', SECONDS)
  const blockBytes = histogram('block_bytes', 'Encoded size of a decided block.', BYTES)
  const blockTransactions = histogram('block_transactions', 'Transactions in a block.', COUNTS)
  const proposal = histogram('proposal_bytes', 'Size of a proposal this node sent.', BYTES)
  const transactions = new Counter({
    name: 'nexus_consensus_transactions_total',
    help: 'Transactions in decided blocks.',
    registers: [...at],
  })
  const late = labelled(registry, 'consensus_late_votes_total', 'Votes that came too late.', 'type')
  const rejected = labelled(registry, 'consensus_rejected_total', 'Refused messages.', 'code')
  const dropped = labelled(
    registry,
    'consensus_dropped_total',
    'Messages a full queue lost.',
    'kind',
  )
  const equivocations = labelled(
    registry,
    'consensus_equivocations_total',
    'Pairs of signatures that one validator may not make.',
    'kind',
  )
  let decidedAt: number | null = null
  return {
    stepChanged(atHeight, atRound, step) {
      height.set(atHeight)
      round.set(atRound)
      steps(step)
    },
    decided(block) {
      steps('idle')
      rounds.observe(block.round + 1)
      blockBytes.observe(block.bytes)
      blockTransactions.observe(block.transactions)
      transactions.inc(block.transactions)
      if (decidedAt !== null) interval.observe(now() - decidedAt)
      decidedAt = now()
    },
    proposed: (bytes) => proposal.observe(bytes),
    voteLate: late,
    rejected,
    dropped,
    equivocation: equivocations,
    queueLength: (length) => queue.set(length),
    validatorSet(set) {
      validators.set(set.size)
      totalPower.set(set.totalPower)
      ownPower.set(set.ownPower)
    },
  }
}

/** `idle` is from a decision to the next height's first step: the commit, then waiting for a transaction or for the interval of empty blocks. */
function stepTimer(registry: Registry, now: () => number): (next: string) => void {
  const duration = new Histogram({
    name: 'nexus_consensus_step_duration_seconds',
    help: 'Time spent in a step of the protocol.',
    labelNames: ['step'],
    buckets: SECONDS,
    registers: [registry],
  })
  let current: { readonly step: string; readonly since: number } | null = null
  return (next) => {
    const since = now()
    if (current !== null) duration.observe({ step: current.step }, since - current.since)
    current = { step: next, since }
  }
}

function createExecutionMetrics(registry: Registry): ExecutionMetrics {
  const phases = new Histogram({
    name: 'nexus_execution_phase_duration_seconds',
    help: 'Time per block in a phase of execution.',
    labelNames: ['phase'],
    buckets: SECONDS,
    registers: [registry],
  })
  const gas = new Counter({
    name: 'nexus_execution_gas_total',
    help: 'Gas used by executed blocks; a block may be executed and then not decided.',
    registers: [registry],
  })
  const skipped = new Counter({
    name: 'nexus_execution_skipped_total',
    help: 'Transactions of a payload that were invalid when their turn came.',
    registers: [registry],
  })
  const coreGas = labelled(registry, 'core_gas_total', 'Core gas used.', 'engine')
  const coreCalls = labelled(registry, 'core_calls_total', 'Calls of signed actions.', 'outcome')
  return {
    phase: (phase, seconds) => phases.observe({ phase }, seconds),
    executed(block) {
      gas.inc(block.gasUsed)
      skipped.inc(block.skipped)
      for (const [engine, gas] of Object.entries(block.coreGas)) coreGas(engine, gas)
      coreCalls('accepted', block.coreCalls.accepted)
      coreCalls('rejected', block.coreCalls.rejected)
    },
  }
}

function createStorageMetrics(registry: Registry): StorageMetrics {
  const histogram = (name: string, help: string) =>
    new Histogram({ name: `nexus_${name}`, help, buckets: SECONDS, registers: [registry] })
  const bytes = (name: string, help: string) =>
    new Counter({ name: `nexus_${name}`, help, registers: [registry] })
  const commit = histogram('storage_commit_seconds', 'Synced database batch of one height.')
  const commitBytes = bytes('storage_commit_bytes_total', 'Bytes in database batches.')
  const wal = histogram('wal_flush_seconds', 'Write and sync of the consensus WAL.')
  const walBytes = bytes('wal_bytes_total', 'Bytes appended to the consensus WAL.')
  return {
    committed(seconds, written) {
      commit.observe(seconds)
      commitBytes.inc(written)
    },
    walFlushed(seconds, written) {
      wal.observe(seconds)
      walBytes.inc(written)
    },
  }
}

function createMempoolMetrics(registry: Registry): MempoolMetrics {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `nexus_mempool_${name}`, help, labelNames: ['lane'], registers: [registry] })
  const transactions = gauge('transactions', 'Transactions waiting.')
  const bytes = gauge('bytes', 'Bytes of transactions waiting.')
  const admitted = new Counter({
    name: 'nexus_mempool_admitted_total',
    help: 'Transactions taken in.',
    registers: [registry],
  })
  const heldBack = new Gauge({
    name: 'nexus_mempool_held_submissions',
    help: 'Submissions of RPC that wait until blocks have cleared what is here.',
    registers: [registry],
  })
  const batchBytes = labelled(
    registry,
    'mempool_batch_bytes_total',
    'Bytes of batches.',
    'direction',
  )
  const batches = labelled(registry, 'mempool_batches_total', 'Batches.', 'direction')
  const batched = labelled(
    registry,
    'mempool_batch_transactions_total',
    'Transactions in batches.',
    'direction',
  )
  const batch =
    (direction: string) =>
    (size: { readonly transactions: number; readonly bytes: number }): void => {
      batches(direction)
      batched(direction, size.transactions)
      batchBytes(direction, size.bytes)
    }
  return {
    lane(lane, size) {
      transactions.set({ lane }, size.transactions)
      bytes.set({ lane }, size.bytes)
    },
    admitted: () => admitted.inc(),
    rejected: labelled(registry, 'mempool_rejected_total', 'Transactions refused.', 'code'),
    evicted: labelled(registry, 'mempool_evicted_total', 'Transactions removed unused.', 'reason'),
    batchSent: batch('sent'),
    batchReceived: batch('received'),
    batchFetched: labelled(
      registry,
      'mempool_batch_fetches_total',
      'Batches asked for.',
      'outcome',
    ),
    heldBack: (submissions) => heldBack.set(submissions),
  }
}

function createNetworkMetrics(registry: Registry): NetworkMetrics {
  const peers = new Gauge({
    name: 'nexus_network_peers',
    help: 'Peers that finished the handshake.',
    registers: [registry],
  })
  const queues = new Map<string, number>()
  new Gauge({
    name: 'nexus_network_queue_length',
    help: 'Messages waiting to be sent.',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      for (const [kind, length] of queues) this.set({ kind }, length)
    },
  })
  const messages = (name: string) =>
    labelled(registry, `network_${name}_messages_total`, `Messages ${name}.`, 'kind')
  const bytes = (name: string) =>
    labelled(registry, `network_${name}_bytes_total`, `Bytes ${name}.`, 'kind')
  const [received, receivedBytes] = [messages('received'), bytes('received')]
  const [sent, sentBytes] = [messages('sent'), bytes('sent')]
  return {
    peers: (count) => peers.set(count),
    banned: labelled(registry, 'network_bans_total', 'Peers that were banned.', 'code'),
    received(kind, size) {
      received(kind)
      receivedBytes(kind, size)
    },
    sent(kind, size) {
      sent(kind)
      sentBytes(kind, size)
    },
    rejected: labelled(registry, 'network_rejected_total', 'Refused messages and peers.', 'code'),
    queueLength: (kind, length) => queues.set(kind, length),
    dropped: labelled(registry, 'network_dropped_total', 'Messages a full queue lost.', 'kind'),
  }
}

function createSyncMetrics(registry: Registry): SyncMetrics {
  const applied = new Counter({
    name: 'nexus_sync_blocks_total',
    help: 'Blocks applied from peers with their certificate.',
    registers: [registry],
  })
  const behind = new Gauge({
    name: 'nexus_sync_behind_blocks',
    help: 'Blocks that a peer claims beyond ours.',
    registers: [registry],
  })
  return { blockApplied: () => applied.inc(), catchingUp: (blocks) => behind.set(blocks) }
}

function createRpcMetrics(registry: Registry): RpcMetrics {
  const requests = new Histogram({
    name: 'nexus_rpc_request_duration_seconds',
    help: 'JSON-RPC calls by method and result.',
    labelNames: ['method', 'code'],
    buckets: SECONDS,
    registers: [registry],
  })
  const connections = new Gauge({
    name: 'nexus_rpc_connections',
    help: 'Open connections.',
    labelNames: ['kind'],
    registers: [registry],
  })
  const subscriptions = new Gauge({
    name: 'nexus_rpc_subscriptions',
    help: 'Open subscriptions.',
    registers: [registry],
  })
  return {
    answered: (method, code, seconds) => requests.observe({ method, code }, seconds),
    connections: (kind, count) => connections.set({ kind }, count),
    subscriptions: (count) => subscriptions.set(count),
    refused: labelled(registry, 'rpc_refused_total', 'Requests refused unread.', 'reason'),
  }
}

/**
 * A counter by one label, as the function that raises it. What came since the last scrape is summed up
 * here: the library's own `inc` costs a microsecond, and messages raise four of them each.
 */
function labelled(
  registry: Registry,
  name: string,
  help: string,
  label: string,
): (value: string, by?: number) => void {
  const raised = new Map<string, number>()
  new Counter({
    name: `nexus_${name}`,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      for (const [value, by] of raised) this.inc({ [label]: value }, by)
      raised.clear()
    },
  })
  return (value, by = 1) => {
    raised.set(value, (raised.get(value) ?? 0) + by)
  }
}

const RESOLUTION_MS = 20
const QUANTILES = [50, 90, 99, 100]

/** How late a timer of this thread fires: the time that anything waits behind long work. Reset by every scrape. */
function watchEventLoop(registry: Registry, thread: string): { disable(): void } {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  new Gauge({
    name: 'nexus_process_event_loop_delay_seconds',
    help: 'Delay of the event loop since the last scrape; quantile 100 is the maximum.',
    labelNames: ['thread', 'quantile'],
    registers: [registry],
    collect() {
      for (const quantile of QUANTILES) {
        // Node records the time between two ticks of its timer; the delay is what exceeds the tick.
        const seconds = delay.percentile(quantile) / 1e9 - RESOLUTION_MS / 1e3
        this.set({ thread, quantile }, Number.isFinite(seconds) ? Math.max(0, seconds) : 0)
      }
      delay.reset()
    },
  })
  return delay
}
