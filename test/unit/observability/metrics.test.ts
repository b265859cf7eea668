import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { createMetrics, type Metrics } from '../../../node/observability/metrics.ts'

function metricsWithClock() {
  const clock = { seconds: 100 }
  const metrics = createMetrics({ thread: 'rpc', now: () => clock.seconds })
  return { clock, metrics }
}

async function seriesOf(metrics: Metrics, series: string): Promise<number | null> {
  const line = (await metrics.text([])).split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? null : Number(line.slice(series.length + 1))
}

describe('createMetrics', () => {
  it('observes the time of every step, and the idle time between heights apart', async () => {
    const { clock, metrics } = metricsWithClock()
    const { consensus } = metrics
    const sum = 'nexus_consensus_step_duration_seconds_sum'
    consensus.stepChanged(5, 0, 'propose')
    clock.seconds += 3
    consensus.stepChanged(5, 0, 'prevote')
    clock.seconds += 2
    consensus.decided({ height: 5, round: 1, bytes: 1_000, transactions: 4 })
    clock.seconds += 7
    consensus.stepChanged(6, 0, 'propose')
    expect(await seriesOf(metrics, `${sum}{step="propose"}`)).toBe(3)
    expect(await seriesOf(metrics, `${sum}{step="prevote"}`)).toBe(2)
    expect(await seriesOf(metrics, `${sum}{step="idle"}`)).toBe(7)
    expect(await seriesOf(metrics, 'nexus_consensus_height')).toBe(6)
    expect(await seriesOf(metrics, 'nexus_consensus_rounds_per_height_sum')).toBe(2)
    expect(await seriesOf(metrics, 'nexus_consensus_transactions_total')).toBe(4)
    metrics.stop()
  })

  it('shows the validator set of the height and the part of this node', async () => {
    const { metrics } = metricsWithClock()
    metrics.consensus.validatorSet({ size: 4, totalPower: 91, ownPower: 14 })
    metrics.consensus.validatorSet({ size: 5, totalPower: 93, ownPower: 0 })
    expect(await seriesOf(metrics, 'nexus_consensus_validators')).toBe(5)
    expect(await seriesOf(metrics, 'nexus_consensus_total_power')).toBe(93)
    expect(await seriesOf(metrics, 'nexus_consensus_own_power')).toBe(0)
    metrics.stop()
  })

  it('adds what other threads counted', async () => {
    const { metrics } = metricsWithClock()
    const other = createMetrics({ thread: 'executor', now: () => 0 })
    metrics.rpc.answered('eth_call', 'ok', 0.25)
    other.rpc.answered('eth_call', 'ok', 0.5)
    other.execution.phase('evm', 2)
    const text = await metrics.text([await other.snapshot()])
    expect(text).toContain(
      'nexus_rpc_request_duration_seconds_sum{method="eth_call",code="ok"} 0.75',
    )
    expect(text).toContain('nexus_execution_phase_duration_seconds_sum{phase="evm"} 2')
    expect(text).toMatch(/event_loop_delay_seconds\{thread="executor",quantile="99"\}/)
    expect(text).toMatch(/event_loop_delay_seconds\{thread="rpc",quantile="99"\}/)
    expect(text.match(/# TYPE nexus_process_event_loop_delay_seconds/g)?.length).toBe(1)
    metrics.stop()
    other.stop()
  })

  it('names every metric nexus_<area>_<what>, and the node thread adds those of the process', async () => {
    const metrics = createMetrics({ thread: 'node', now: () => 0 })
    metrics.mempool.rejected('NONCE_TOO_LOW')
    metrics.network.received('vote', 190)
    metrics.storage.walFlushed(0.001, 200)
    const names = (await metrics.text([])).match(/(?<=# TYPE )\S+/g) ?? []
    expect(names.filter((name) => !/^nexus_[a-z]+_[a-z0-9_]+$/.test(name))).toEqual([])
    for (const name of [
      'nexus_mempool_rejected_total',
      'nexus_network_received_bytes_total',
      'nexus_wal_flush_seconds',
      'nexus_process_resident_memory_bytes',
    ])
      expect(names).toContain(name)
    metrics.stop()
  })
})

describe('watchThreads', () => {
  const used = (text: string, thread: string): number =>
    Number(
      new RegExp(`^nexus_thread_heap_bytes\\{thread="${thread}",kind="used"\\} (\\d+)$`, 'm').exec(
        text,
      )?.[1],
    )

  it('shows the heap of this thread, and of those it started as one series a name', async () => {
    const { metrics } = metricsWithClock()
    const idle = () => new Worker('setInterval(() => {}, 1e6)', { eval: true })
    const workers = [idle(), idle()]
    metrics.watchThreads({ name: 'pool', workers: () => workers })
    await Promise.all(
      workers.map((worker) => new Promise((resolve) => worker.on('online', resolve))),
    )
    const [first, second] = await Promise.all([metrics.text([]), metrics.text([])])
    const one = (await workers[0]?.getHeapStatistics())?.used_heap_size ?? 0
    expect(used(first, 'rpc')).toBeGreaterThan(1_000_000)
    // Two scrapes at a time show two threads each, not four.
    for (const text of [first, second]) {
      expect(used(text, 'pool')).toBeGreaterThan(1.3 * one)
      expect(used(text, 'pool')).toBeLessThan(2.7 * one)
    }
    await Promise.all(workers.map((worker) => worker.terminate()))
    expect(used(await metrics.text([]), 'pool')).toBeNaN()
    metrics.stop()
  })

  it('does not wait for a thread that does not answer', async () => {
    const { metrics } = metricsWithClock()
    metrics.watchThreads({ name: 'stuck', workers: () => [{ getHeapStatistics: never }] })
    expect(used(await metrics.text([]), 'rpc')).toBeGreaterThan(0)
    metrics.stop()
  })
})

const never = (): Promise<never> => new Promise(() => {})
