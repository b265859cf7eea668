import { toHex } from '../core/primitives/bytes.ts'
import { NexusError } from '../core/primitives/errors.ts'
import { checksumAddress, genesisHash, validatorSetOf } from '../genesis/index.ts'
import { type AdminServer, startAdminServer } from './admin/adminServer.ts'
import { explainError } from './cli/explain.ts'
import type { NodeConfig } from './config.ts'
import { readGenesis } from './home.ts'
import { nodeKeyFiles, peerIdOf } from './keys/nodeKey.ts'
import type { AskedPassword } from './keys/password.ts'
import { validatorKeyFiles } from './keys/validatorKey.ts'
import { acquireLock } from './lock.ts'
import { startNode } from './node.ts'
import type { RunningNode } from './nodeTypes.ts'
import { createLogger, type Logger, type LogSink } from './observability/logger.ts'
import { createMetrics, type Metrics } from './observability/metrics.ts'
import { type MonitoringServer, startMonitoringServer } from './observability/monitoringServer.ts'
import { onShutdown, type StopReason } from './shutdown.ts'
import { tellParent } from './supervised.ts'
import { STOPPED_WHILE_JOINING } from './sync/joinChain.ts'

/** A clean stop writes a few megabytes at most; what takes longer hangs. */
const STOP_DEADLINE_MS = 15_000
/** A chain that makes no block for ten intervals, and never less than this, stands. */
const MIN_BLOCK_AGE_MS = 10_000

/**
 * Runs the node of a home until it is told to stop. Resolves with the exit code after a clean
 * stop; ends the process itself after a failure, since what failed cannot be trusted to stop.
 */
export async function runNode(config: NodeConfig, password: AskedPassword): Promise<number> {
  const sink = createLogger({ ...config.log, node: config.moniker })
  const { log } = sink
  const fail = (error: unknown): void => void failProcess(error, sink)
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  const stopped = new Promise<StopReason>((resolve) => {
    onShutdown({ stop: resolve, force: () => process.exit(130) }, () => performance.now())
  })
  try {
    const lock = acquireLock(config.paths.lock)
    process.on('exit', () => lock.release())
    await runUntil(stopped, { config, log, setLogLevel: sink.setLevel, password, onFatal: fail })
  } catch (error) {
    const isAsked = error instanceof NexusError && error.detail.code === STOPPED_WHILE_JOINING
    if (!isAsked) await failProcess(error, sink)
  }
  log.info('Node stopped')
  sink.flush()
  process.exit(0)
}

type Surroundings = {
  readonly config: NodeConfig
  readonly log: Logger
  readonly setLogLevel: LogSink['setLevel']
  /** Of encrypted key files. */
  readonly password: AskedPassword
  readonly onFatal: (error: unknown) => void
}

async function runUntil(stopped: Promise<StopReason>, surroundings: Surroundings): Promise<void> {
  const { config, log } = surroundings
  const metrics = createMetrics({ thread: 'node', now: () => performance.now() / 1_000 })
  const running: { node: RunningNode | null } = { node: null }
  const { emptyBlockIntervalMs } = readGenesis(config.paths.genesis).value.consensus
  const monitoring = await startMonitoring(config, metrics, {
    node: () => running.node,
    maxBlockAgeMs: Math.max(MIN_BLOCK_AGE_MS, 10 * emptyBlockIntervalMs),
  })
  // A stop that is asked for during a start has the same time, whatever the start waits for.
  const deadline = stopped.then(() =>
    setTimeout(() => surroundings.onFatal(tooSlow()), STOP_DEADLINE_MS),
  )
  const stopping = new AbortController()
  void stopped.then(() => stopping.abort())
  const node = await startFrom(surroundings, metrics, stopping.signal)
  running.node = node
  const admin = await startAdmin(surroundings, node)
  log.info('Node ready', {
    height: node.height(),
    rpc: node.rpcUrl ?? 'off',
    metrics: monitoring?.url ?? 'off',
  })
  const metricsUrl = monitoring?.url ?? null
  await tellParent({ kind: 'ready', rpcUrl: node.rpcUrl, metricsUrl, height: node.height() })
  log.info('Node stops', { reason: await stopped })
  await admin?.close()
  await node.stop()
  await monitoring?.close()
  metrics.stop()
  clearTimeout(await deadline)
}

const tooSlow = (): NexusError => new NexusError({ code: 'STOP_TIMEOUT', ms: STOP_DEADLINE_MS })

async function startFrom(
  surroundings: Surroundings,
  metrics: Metrics,
  stopSignal: AbortSignal,
): Promise<RunningNode> {
  const { config, log, password, onFatal } = surroundings
  const { text, value: genesis } = readGenesis(config.paths.genesis)
  const { paths } = config
  const isHere = config.signer.kind === 'file' && config.validatorKeyFile !== null
  const key = isHere ? await validatorKeyFiles.open(paths.validatorKey, password.get) : null
  const nodeKey = await nodeKeyFiles.open(paths.nodeKey, password.get)
  await password.wipe()
  const index = key === null ? -1 : validatorSetOf(genesis).indexOf(key.address)
  log.info('Node starts', {
    home: config.paths.home,
    pid: process.pid,
    chainId: genesis.chainId,
    genesis: `0x${toHex(genesisHash(genesis))}`,
    peerId: peerIdOf(nodeKey),
    validator: key === null ? WITHOUT_KEY[config.signer.kind] : checksumAddress(key.address),
    validatorIndex: index,
  })
  if (key !== null && index < 0)
    log.info('Validator key is not in the genesis: it votes from when the chain lets it in', {
      validator: checksumAddress(key.address),
    })
  const node = await startNode({
    config,
    genesis,
    genesisText: text,
    validatorKey: key?.privateKey ?? null,
    nodeKey,
    log,
    metrics,
    stopSignal,
    onFatal,
  })
  // The signer has its own copy.
  key?.privateKey.fill(0)
  return node
}

const WITHOUT_KEY = { file: 'none', remote: 'remote' } as const

/** A node that cannot be asked still works. */
async function startAdmin(
  { config, log, setLogLevel }: Surroundings,
  node: RunningNode,
): Promise<AdminServer | null> {
  if (!config.admin.enabled) return null
  const { network } = node
  try {
    return await startAdminServer(config.paths.adminSocket, {
      peers: () => network.peers(),
      bans: () => network.bans(),
      ban: (peerId, ms) => network.ban(peerId, ms),
      unban: (peerId) => network.unban(peerId),
      setLogLevel: (level) => {
        setLogLevel(level)
        node.setLogLevel(level)
      },
      stop: () => void process.kill(process.pid, 'SIGTERM'),
    })
  } catch (error) {
    if (!(error instanceof NexusError)) throw error
    log.warn('No admin socket', { code: error.detail.code, reason: error.message })
    return null
  }
}

function startMonitoring(
  config: NodeConfig,
  metrics: Metrics,
  { node, maxBlockAgeMs }: { node: () => RunningNode | null; maxBlockAgeMs: number },
): Promise<MonitoringServer | null> {
  const { enabled, host, port } = config.metrics
  if (!enabled) return Promise.resolve(null)
  return startMonitoringServer(
    { host, port, maxBlockAgeMs },
    {
      status: () => node()?.status() ?? null,
      metrics: () => node()?.metricsText() ?? metrics.text([]),
      now: () => Date.now(),
    },
  )
}

let failing = false

/** Fail-stop: after a broken invariant nothing here is trusted to write another byte. */
async function failProcess(error: unknown, { log, flush }: LogSink): Promise<never> {
  if (!failing) {
    failing = true
    const code = error instanceof NexusError ? error.detail.code : 'INTERNAL_ERROR'
    log.fatal('Node failed', { code, error })
    flush()
    // A devnet's validator writes to a log; its supervisor explains.
    if (error instanceof NexusError && (process.stderr.isTTY || !process.connected))
      console.error(explainError(error))
    const message = error instanceof Error ? error.message : String(error)
    await Promise.race([tellParent({ kind: 'failed', code, message }), delay(500)])
    process.exit(1)
  }
  return new Promise(() => {})
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
