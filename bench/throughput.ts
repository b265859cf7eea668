import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Devnet } from '../test/support/devnet.ts'
import type { LoadOptions } from './load.ts'
import { countersBetween, phasesBetween, type Samples, scrape } from './metrics.ts'
import type { OrderLoadOptions } from './orderLoad.ts'
import { type Resources, resourcesOf, useBetween } from './resources.ts'
import { round } from './statistics.ts'

type Snapshot = {
  readonly atMs: number
  readonly samples: readonly Samples[]
  readonly resources: readonly (Resources | null)[]
}

/** EVM transactions. */
export function measureThroughput(
  devnet: Devnet,
  options: Omit<LoadOptions, 'chainId' | 'urls' | 'ws' | 'fundingKey'>,
): Promise<object> {
  const { chainId, validators, accounts } = devnet.report
  const load: LoadOptions = {
    ...options,
    chainId,
    urls: validators.map(({ rpc }) => rpc),
    ws: validators[0]?.ws ?? '',
    fundingKey: accounts[1]?.privateKey ?? '',
  }
  return measure(devnet, 'load.ts', load)
}

/** Orders on the exchange, each bot an account of the devnet. */
export async function measureOrders(
  devnet: Devnet,
  options: Omit<OrderLoadOptions, 'chainId' | 'ws' | 'botKeys'>,
): Promise<object> {
  const { chainId, validators, accounts } = devnet.report
  const load: OrderLoadOptions = {
    ...options,
    chainId,
    ws: validators.map(({ ws }) => ws),
    botKeys: accounts.map(({ privateKey }) => privateKey),
  }
  const measured = await measure(devnet, 'orderLoad.ts', load)
  const calls = (outcome: string): number =>
    measured.counters[`nexus_core_calls_total{outcome="${outcome}"}`] ?? 0
  const perSecond = (count: number): number => round(count / measured.seconds)
  return {
    ordersFinalizedPerSecond: perSecond(calls('accepted')),
    rejectedPerSecond: perSecond(calls('rejected')),
    ...measured,
  }
}

type Measured = {
  readonly seconds: number
  readonly counters: Record<string, number>
  readonly [other: string]: unknown
}

/** Runs a load generator against a devnet and looks at the validators while it measures. */
async function measure(devnet: Devnet, file: string, load: object): Promise<Measured> {
  const { validators } = devnet.report
  const path = fileURLToPath(new URL(file, import.meta.url))
  const generator = spawn(process.execPath, [path, JSON.stringify(load)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const snapshots: Promise<Snapshot>[] = []
  let result: object | null = null
  for await (const line of createInterface(generator.stdout)) {
    const { event, ...rest } = JSON.parse(line) as { event: string }
    if (event === 'measuring' || event === 'measured') snapshots.push(snapshotOf(devnet))
    if (event === 'result') result = rest
  }
  const [before, after] = await Promise.all(snapshots)
  if (result === null || before === undefined || after === undefined)
    throw new Error(`the load generator ended without a result (exit code ${generator.exitCode})`)
  const seconds = (after.atMs - before.atMs) / 1000
  return {
    ...result,
    seconds: round(seconds),
    validators: validators.map(({ index }) => ({
      index,
      resources: useBetween(
        before.resources[index] ?? null,
        after.resources[index] ?? null,
        seconds,
      ),
    })),
    // Every validator does the same work; the first stands for all.
    phases: phasesBetween(before.samples[0] ?? new Map(), after.samples[0] ?? new Map(), seconds),
    counters: countersBetween(before.samples[0] ?? new Map(), after.samples[0] ?? new Map()),
  }
}

async function snapshotOf(devnet: Devnet): Promise<Snapshot> {
  const { validators } = devnet.report
  const resources = validators.map(({ index }) => resourcesOf(devnet.pidOf(index)))
  const atMs = performance.now()
  const samples = await Promise.all(
    validators.map(({ metrics }) => scrape(metrics).catch(() => new Map<string, number>())),
  )
  return { atMs, samples, resources }
}
