import { describe, expect, it } from 'vitest'
import { millisOf } from '../../../core/primitives/units.ts'
import type { NodeStatus } from '../../../node/nodeTypes.ts'
import { createMonitoringRoutes } from '../../../node/observability/monitoringServer.ts'

const NOW = 1_000_000
const options = { host: '127.0.0.1', port: 0, maxBlockAgeMs: 10_000 }
const good: NodeStatus = {
  height: 12,
  lastBlockTime: millisOf(NOW - 400),
  transactions: 3,
  peers: 3,
  catchingUp: false,
}

async function get(path: string, status: NodeStatus | null) {
  const server = createMonitoringRoutes(options, {
    status: () => status,
    metrics: async () => 'nexus_consensus_height 12\n',
    now: () => NOW,
  })
  const answer = await server.inject({ method: 'GET', url: path })
  await server.close()
  return answer
}

describe('monitoring server', () => {
  it.each<readonly [string, NodeStatus | null, number, object]>([
    ['ok', good, 200, { status: 'ok', height: 12, lastBlockAgeMs: 400, peers: 3 }],
    ['catching up', { ...good, catchingUp: true }, 503, { status: 'catchingUp', catchingUp: true }],
    [
      'stalled',
      { ...good, lastBlockTime: millisOf(NOW - 10_001) },
      503,
      { status: 'stalled', lastBlockAgeMs: 10_001 },
    ],
    [
      'without a block',
      { ...good, lastBlockTime: null },
      503,
      { status: 'stalled', lastBlockAgeMs: null },
    ],
    ['starting', null, 503, { status: 'starting' }],
    [
      'behind the clock of the proposer',
      { ...good, lastBlockTime: millisOf(NOW + 300) },
      200,
      { status: 'ok', lastBlockAgeMs: 0 },
    ],
  ])('reports a node that is %s', async (_, status, code, body) => {
    const answer = await get('/health', status)
    expect(answer.statusCode).toBe(code)
    expect(answer.json()).toMatchObject(body)
  })

  it('is live even while the node is not healthy', async () => {
    const answer = await get('/health/live', null)
    expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'live' }])
  })

  it('serves Prometheus text', async () => {
    const answer = await get('/metrics', good)
    expect(answer.headers['content-type']).toContain('text/plain; version=0.0.4')
    expect(answer.body).toBe('nexus_consensus_height 12\n')
  })

  it('answers nothing else', async () => {
    expect((await get('/', good)).statusCode).toBe(404)
  })
})
