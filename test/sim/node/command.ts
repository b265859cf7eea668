// What `node test/sim/run.ts` does with whole nodes: seeds, replays, and the report of a failure.
import { readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Profile, SimOptions } from './options.ts'
import { nodeCount, optionsFromSeed } from './options.ts'
import { shrink } from './shrink.ts'
import { inputFromSeed, type SimInput, type SimResult, simulate } from './simulation.ts'

export type CommandOptions = {
  readonly seed: number
  readonly count: number
  readonly profile: Profile
  readonly machines: SimOptions['machines'] | null
  readonly nodes: number | null
  readonly log: boolean
  readonly json: boolean
  /** Each seed twice, comparing everything that happened. */
  readonly verify: boolean
  readonly maxShrinkRuns: number
}

type Totals = { [name: string]: number }

/** Runs seeds one after another; how many failed. */
export async function runSeeds(options: CommandOptions): Promise<number> {
  const { seed: first, count } = options
  const started = performance.now()
  const cpu = process.cpuUsage()
  const totals: Totals = {}
  let failed = 0
  for (let seed = first; seed < first + count; seed++) {
    const input = inputFromSeed(seed, chosenOptions(seed, options))
    const result = await simulate(input, { keepLog: options.log })
    if (options.log) console.log((result.log ?? []).join('\n'))
    add(totals, result)
    const again = options.verify ? await simulate(input) : result
    if (again.hash !== result.hash) {
      failed++
      console.log(`seed ${seed}: ${result.hash} and then ${again.hash}`)
    }
    if (result.failure !== null) {
      failed++
      await report(input, result, options.maxShrinkRuns)
    }
    if (count > 1 && seed % 10 === 0)
      process.stderr.write(`\r${seed - first + 1} of ${count} seeds, ${failed} failed `)
  }
  if (count > 1) process.stderr.write('\r')
  const spent = process.cpuUsage(cpu)
  const times = {
    seconds: (performance.now() - started) / 1_000,
    cpuSeconds: (spent.user + spent.system) / 1_000_000,
  }
  closing({ seeds: count, failed, ...totals }, times, options.json)
  return failed
}

/** Runs a saved failure again with everything that happens. */
export async function replay(file: string, isLogged: boolean): Promise<number> {
  const input = JSON.parse(readFileSync(file, 'utf8')) as SimInput
  const result = await simulate(input, { keepLog: isLogged })
  if (isLogged) console.log((result.log ?? []).join('\n'))
  console.log(result.failure?.message ?? 'nothing failed')
  console.log(`hash ${result.hash}`)
  return result.failure === null ? 0 : 1
}

function chosenOptions(seed: number, { profile, machines, nodes }: CommandOptions): SimOptions {
  const drawn = optionsFromSeed(seed, profile)
  const sized =
    nodes === null
      ? drawn
      : {
          ...drawn,
          ...{ powers: new Array<number>(nodes).fill(1), twins: [], liars: [] },
          ...{ spares: 0, secondKeys: [], membershipEveryHeights: 0 },
          expendable: drawn.expendable
            .filter((one) => one < nodes)
            .slice(0, Math.ceil(nodes / 3) - 1),
        }
  return machines === null ? sized : { ...sized, machines }
}

async function report(input: SimInput, result: SimResult, maxRuns: number): Promise<void> {
  const { seed } = input
  console.log(`seed ${seed} failed after ${result.atMs.toFixed(0)} ms: ${result.failure?.message}`)
  const shrunk = await shrink(input, result, { maxRuns, extras: {} })
  const file = join(tmpdir(), `nexus-sim-${seed}.json`)
  writeFileSync(file, JSON.stringify(shrunk.input, null, 2))
  console.log(
    `${nodeCount(input.options)} nodes and ${input.schedule.length} faults shrunk to ${nodeCount(shrunk.input.options)} and ${shrunk.input.schedule.length} in ${shrunk.runs} runs: ${shrunk.result.failure?.message}`,
  )
  console.log(JSON.stringify(shrunk.input.options))
  for (const one of shrunk.input.schedule) console.log(JSON.stringify(one))
  console.log(`again, with everything that happens: node test/sim/run.ts --replay ${file} --log`)
}

function add(totals: Totals, { faults, ...result }: SimResult): void {
  const counted = {
    ...{ virtualMs: result.atMs, heights: result.heights, events: result.events },
    ...{ transactions: result.transactions, coreCalls: result.coreCalls },
    ...{ restarts: result.restarts, messages: result.messages },
    ...{ syncedBlocks: result.syncedBlocks, convictions: result.convictions },
    setChanges: result.setChanges,
    ...{ keyChanges: faults.keyChange ?? 0, boundaryCrashes: faults.crashAt ?? 0 },
    crashes:
      (faults.crash ?? 0) + (faults.crashAt ?? 0) + (faults.wipe ?? 0) + (faults.diskFailure ?? 0),
    ...{ partitions: faults.partition ?? 0, dataLosses: faults.wipe ?? 0 },
    diskFailures: faults.diskFailure ?? 0,
    ...{ rotten: (faults.rot ?? 0) + (faults.misdirected ?? 0), ruined: faults.ruin ?? 0 },
  }
  for (const [name, value] of Object.entries(counted)) totals[name] = (totals[name] ?? 0) + value
}

type Times = { readonly seconds: number; readonly cpuSeconds: number }

function closing(totals: Totals, { seconds, cpuSeconds }: Times, isJson: boolean): void {
  const { virtualMs = 0, ...counts } = totals
  const hours = virtualMs / 3_600_000
  const figures = {
    ...counts,
    simulatedHours: Number(hours.toFixed(3)),
    realSeconds: Number(seconds.toFixed(1)),
    cpuSeconds: Number(cpuSeconds.toFixed(1)),
    hoursPerSecond: Number((hours / seconds).toFixed(5)),
    timesRealTime: Number(((hours * 3_600) / seconds).toFixed(1)),
  }
  console.log(
    isJson
      ? JSON.stringify(figures)
      : Object.entries(figures)
          .map(([name, value]) => `${name} ${value}`)
          .join(', '),
  )
}
