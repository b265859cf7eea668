import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Devnet } from '../test/support/devnet.ts'
import type { LoadOptions } from './load.ts'
import { countersBetween, phasesBetween, type Samples, scrape } from './metrics.ts'
import { type Resources, resourcesOf, useBetween } from './resources.ts'

type Snapshot = {
  readonly atMs: number
  readonly samples: readonly Samples[]
  readonly resources: readonly (Resources | null)[]
}

/** Runs the load generator against a devnet and looks at the validators while it measures. */
export async function measureThroughput(
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
  const path = fileURLToPath(new URL('load.ts', import.meta.url))
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
