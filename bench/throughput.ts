import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Devnet } from '../test/support/devnet.ts'
import type { LoadOptions, LoadResult } from './load.ts'
import { countersBetween, phasesBetween, type Samples, scrape } from './metrics.ts'
import type { OrderLoadOptions } from './orderLoad.ts'
import { type Resources, type ResourceUse, resourcesOf, useBetween } from './resources.ts'
import { round } from './statistics.ts'

type Snapshot = {
  readonly atMs: number
  readonly samples: readonly Samples[]
  readonly resources: readonly (Resources | null)[]
}

/** A network under measurement, whoever started it. */
export type MeasuredNetwork = {
  readonly chainId: number
  readonly accounts: readonly { readonly privateKey: string }[]
  readonly nodes: readonly {
    readonly rpc: string
    readonly ws: string
    /** Null for a server that has none. */
    readonly metrics: string | null
    /** At this moment: a node that was started again has another. */
    readonly pid: () => number
  }[]
}

export const networkOf = (devnet: Devnet): MeasuredNetwork => ({
  chainId: devnet.report.chainId,
  accounts: devnet.report.accounts,
  nodes: devnet.report.validators.map(({ rpc, ws, metrics, index }) => ({
    ...{ rpc, ws, metrics },
    pid: () => devnet.pidOf(index),
  })),
})

/** EVM transactions. `meanwhile` runs once the measurement has begun. */
export function measureThroughput(
  network: MeasuredNetwork,
  options: Omit<LoadOptions, 'chainId' | 'urls' | 'ws' | 'fundingKey'>,
  meanwhile: () => Promise<void> = async () => undefined,
): Promise<Measured & LoadResult> {
  const { chainId, nodes, accounts } = network
  const load: LoadOptions = {
    ...options,
    chainId,
    urls: nodes.map(({ rpc }) => rpc),
    ws: nodes[0]?.ws ?? '',
    fundingKey: accounts[1]?.privateKey ?? '',
  }
  return measure<LoadResult>(network, { file: 'load.ts', load, meanwhile })
}

/** Orders on the exchange, each bot an account of the devnet. */
export async function measureOrders(
  network: MeasuredNetwork,
  options: Omit<OrderLoadOptions, 'chainId' | 'ws' | 'botKeys'>,
): Promise<object> {
  const { chainId, nodes, accounts } = network
  const load: OrderLoadOptions = {
    ...options,
    chainId,
    ws: nodes.map(({ ws }) => ws),
    botKeys: accounts.map(({ privateKey }) => privateKey),
  }
  const measured = await measure<object>(network, {
    file: 'orderLoad.ts',
    load,
    meanwhile: async () => undefined,
  })
  const calls = (outcome: string): number =>
    measured.counters[`nexus_core_calls_total{outcome="${outcome}"}`] ?? 0
  const perSecond = (count: number): number => round(count / measured.seconds)
  return {
    ordersFinalizedPerSecond: perSecond(calls('accepted')),
    rejectedPerSecond: perSecond(calls('rejected')),
    ...measured,
  }
}

export type Measured = {
  readonly seconds: number
  readonly heights: number
  /** Heights that needed more than one round. */
  readonly laterRounds: number
  readonly counters: Record<string, number>
  readonly validators: readonly { readonly index: number; readonly resources: ResourceUse | null }[]
  readonly [other: string]: unknown
}

type Run = {
  readonly file: string
  readonly load: object
  readonly meanwhile: () => Promise<void>
}

/** Runs a load generator against a network and looks at its nodes while it measures. */
async function measure<Result extends object>(
  network: MeasuredNetwork,
  { file, load, meanwhile }: Run,
): Promise<Measured & Result> {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const generator = spawn(process.execPath, ['--expose-gc', path, JSON.stringify(load)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const snapshots: Promise<Snapshot>[] = []
  let result: Result | null = null
  let beside: Promise<void> = Promise.resolve()
  for await (const line of createInterface(generator.stdout)) {
    const { event, ...rest } = JSON.parse(line) as { event: string }
    if (event === 'measuring' || event === 'measured') snapshots.push(snapshotOf(network))
    if (event === 'measuring') beside = meanwhile()
    if (event === 'result') result = rest as Result
  }
  await beside
  const [before, after] = await Promise.all(snapshots)
  if (result === null || before === undefined || after === undefined)
    throw new Error(`the load generator ended without a result (exit code ${generator.exitCode})`)
  const seconds = (after.atMs - before.atMs) / 1000
  const [first, last] = [before.samples[0] ?? new Map(), after.samples[0] ?? new Map()]
  const growth = (series: string): number => (last.get(series) ?? 0) - (first.get(series) ?? 0)
  const heights = growth(`${ROUNDS}_count`)
  return {
    ...result,
    seconds: round(seconds),
    heights,
    laterRounds: heights - growth(`${ROUNDS}_bucket{le="1"}`),
    validators: network.nodes.map((_, index) => ({
      index,
      resources: useBetween(
        before.resources[index] ?? null,
        after.resources[index] ?? null,
        seconds,
      ),
    })),
    // Every validator does the same work; the first stands for all.
    phases: phasesBetween(first, last, seconds),
    counters: countersBetween(first, last),
  }
}

const ROUNDS = 'nexus_consensus_rounds_per_height'

async function snapshotOf({ nodes }: MeasuredNetwork): Promise<Snapshot> {
  const resources = nodes.map(({ pid }) => resourcesOf(pid()))
  const atMs = performance.now()
  const samples = await Promise.all(
    nodes.map(({ metrics }) =>
      metrics === null ? new Map() : scrape(metrics).catch(() => new Map<string, number>()),
    ),
  )
  return { atMs, samples, resources }
}
