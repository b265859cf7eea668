import { type FastifyInstance, fastify } from 'fastify'
import { NexusError } from '../../core/primitives/errors.ts'
import type { NodeStatus } from '../nodeTypes.ts'
import { METRICS_CONTENT_TYPE } from './metrics.ts'

export type MonitoringOptions = {
  readonly host: string
  readonly port: number
  /** A block older than this means that the chain stands, or that this node is cut off. */
  readonly maxBlockAgeMs: number
}

export type MonitoringSource = {
  /** Null while the node starts. */
  status(): NodeStatus | null
  metrics(): Promise<string>
  /** Milliseconds since the Unix epoch. */
  now(): number
}

export type HealthStatus = 'ok' | 'starting' | 'catchingUp' | 'stalled'

export type HealthReport = {
  readonly status: HealthStatus
  readonly height: number
  /** Null before the first block. */
  readonly lastBlockAgeMs: number | null
  readonly peers: number
  readonly catchingUp: boolean
  /** Transactions in blocks since this process started. */
  readonly transactions: number
}

export type MonitoringServer = {
  readonly url: string
  close(): Promise<void>
}

/** 503 means: do not send users here. Whether to restart the process is `/health/live`'s business. */
export function healthOf(
  status: NodeStatus | null,
  { now, maxBlockAgeMs }: { readonly now: number; readonly maxBlockAgeMs: number },
): HealthReport {
  if (status === null)
    return {
      status: 'starting',
      height: 0,
      lastBlockAgeMs: null,
      peers: 0,
      catchingUp: false,
      transactions: 0,
    }
  const { height, lastBlockTime, peers, catchingUp, transactions } = status
  // Block times are those of the proposer, whose clock may be ahead of ours.
  const lastBlockAgeMs = lastBlockTime === null ? null : Math.max(0, now - lastBlockTime)
  const isOld = lastBlockAgeMs === null || lastBlockAgeMs > maxBlockAgeMs
  const word = catchingUp ? 'catchingUp' : isOld ? 'stalled' : 'ok'
  return { status: word, height, lastBlockAgeMs, peers, catchingUp, transactions }
}

/** The routes without a port, for tests and for `startMonitoringServer`. */
export function createMonitoringRoutes(
  options: MonitoringOptions,
  source: MonitoringSource,
): FastifyInstance {
  const server = fastify({ bodyLimit: 1_024, forceCloseConnections: true })
  server.get('/metrics', async (_, reply) => {
    reply.type(METRICS_CONTENT_TYPE)
    return source.metrics()
  })
  server.get('/health', async (_, reply) => {
    const { maxBlockAgeMs } = options
    const report = healthOf(source.status(), { now: source.now(), maxBlockAgeMs })
    return reply.code(report.status === 'ok' ? 200 : 503).send(report)
  })
  server.get('/health/live', async () => ({ status: 'live' }))
  return server
}

/** PORT_IN_USE, or PORT_UNAVAILABLE with the reason of the operating system. */
export async function startMonitoringServer(
  options: MonitoringOptions,
  source: MonitoringSource,
): Promise<MonitoringServer> {
  const server = createMonitoringRoutes(options, source)
  const { host, port } = options
  try {
    const url = await server.listen({ host, port })
    return { url, close: () => server.close() }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const inUse = reason.includes('EADDRINUSE')
    throw new NexusError(
      { code: inUse ? 'PORT_IN_USE' : 'PORT_UNAVAILABLE', host, port, use: 'metrics', reason },
      { message: reason },
    )
  }
}
