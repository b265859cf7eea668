// npm run bench [-- latency|throughput|devnet|evm] [options]; the report is JSON on stdout.
import { execFileSync, spawnSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Devnet, disposeAll, temporaryDirectory } from '../test/support/devnet.ts'
import { installTools, NoTools } from '../test/support/tools/install.ts'
import { defaultLatencyOptions, measureLatency } from './latency.ts'
import { comparePeers, MODES } from './peers/compare.ts'
import { SERVERS } from './peers/servers.ts'
import type { Pace } from './pump.ts'
import { measureOrders, measureThroughput, networkOf } from './throughput.ts'
import { KINDS } from './workloads.ts'

const SUITES = ['latency', 'throughput', 'orders', 'evm', 'exchange', 'arena'] as const
type Suite = (typeof SUITES)[number]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    validators: { type: 'string', default: '1,4' },
    seconds: { type: 'string' },
    warmup: { type: 'string', default: '5' },
    kind: { type: 'string' },
    samples: { type: 'string', default: String(defaultLatencyOptions.samples) },
    window: { type: 'string' },
    rate: { type: 'string' },
    batch: { type: 'string', default: '100' },
    senders: { type: 'string', default: '128' },
    prepared: { type: 'string' },
    peers: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    mode: { type: 'string', default: MODES.join(',') },
    connections: { type: 'string', default: '64,4' },
    'orders-rate': { type: 'string', default: '5000,15000,20000' },
    'orders-batch': { type: 'string', default: '1,20,100' },
  },
})

const suites: Record<Suite, () => Promise<object>> = {
  latency: runLatency,
  throughput: runThroughput,
  orders: runOrders,
  evm: () => (values.peers === undefined ? runScript('evm.ts') : runPeers(values.peers)),
  exchange: () => runScript('exchange.ts'),
  arena: () => runScript('arena.ts'),
}

const asked = positionals.length === 0 ? ['devnet', 'evm', 'exchange', 'arena'] : positionals
const chosen = asked.flatMap((name) =>
  name === 'devnet' ? ['latency', 'throughput', 'orders'] : [name],
)
const unknown = chosen.filter((name) => !SUITES.includes(name as Suite))
if (unknown.length > 0) {
  console.error(`unknown suite ${unknown.join(', ')}; there are devnet, ${SUITES.join(', ')}`)
  process.exit(2)
}

const report: Record<string, object> = { machine: machine() }
try {
  for (const suite of chosen as Suite[]) report[suite] = await suites[suite]()
} catch (error) {
  if (!(error instanceof NoTools)) throw error
  console.error(`bench: ${error.message}`)
  process.exit(1)
} finally {
  disposeAll()
}
console.log(JSON.stringify(report, null, 2))

function validatorCounts(): number[] {
  return values.validators.split(',').map(Number)
}

async function withDevnet<T>(validators: number, run: (devnet: Devnet) => Promise<T>): Promise<T> {
  console.error(`bench: starting a devnet of ${validators}`)
  const devnet = await Devnet.start({ validators, timeoutMs: 120_000 })
  try {
    const result = await run(devnet)
    const deaths = devnet.deaths()
    if (deaths.length > 0) throw new Error(deaths.join('\n'))
    return result
  } finally {
    await devnet.stop()
  }
}

/** On the largest devnet asked for. */
async function runLatency(): Promise<object> {
  const validators = Math.max(...validatorCounts())
  return withDevnet(validators, async (devnet) => {
    console.error('bench: idle latency')
    const options = { ...defaultLatencyOptions, samples: Number(values.samples) }
    return { validators, ...(await measureLatency(devnet.report, options)) }
  })
}

function paceOf(window: string): Pace {
  if (values.rate !== undefined) return { kind: 'open', perSecond: Number(values.rate) }
  return { kind: 'closed', window: Number(values.window ?? window) }
}

/** Those of `all` that a list names, in the order of `all`. */
function named<Name extends string>(all: readonly Name[], list: string): Name[] {
  const strange = list.split(',').filter((name) => !all.some((known) => known === name))
  if (strange.length > 0)
    throw new Error(`unknown ${strange.join(', ')}; there are ${all.join(', ')}`)
  return all.filter((name) => list.split(',').includes(name))
}

/** The same transactions through the same generator, on one validator and on other servers. */
async function runPeers(peers: string): Promise<object> {
  // Before anything is measured: it takes the machine for half a minute.
  await installTools()
  const [single = 64, batch = 4] = values.connections.split(',').map(Number)
  return comparePeers({
    servers: named(SERVERS, `nexus,${peers}`),
    kinds: named(KINDS, values.kind ?? KINDS.join()),
    modes: named(MODES, values.mode),
    rounds: Number(values.rounds),
    warmupSeconds: Number(values.warmup),
    seconds: Number(values.seconds ?? '10'),
    pace: paceOf('4000'),
    senders: Number(values.senders),
    batch: Number(values.batch),
    connections: { single, batch },
    folder: temporaryDirectory('bench'),
  })
}

/** A fresh devnet for every number, so that no run inherits the state of another. */
async function runThroughput(): Promise<object> {
  const out: Record<string, Record<string, object>> = {}
  const [seconds, warmupSeconds] = [Number(values.seconds ?? '20'), Number(values.warmup)]
  const pace = paceOf('1000')
  const perSecond = pace.kind === 'open' ? pace.perSecond : 5_000
  for (const validators of validatorCounts()) {
    for (const kind of named(KINDS, values.kind ?? 'transfer,erc20')) {
      const measured = await withDevnet(validators, (devnet) => {
        console.error(`bench: ${kind} on ${validators} validators for ${seconds} s`)
        return measureThroughput(networkOf(devnet), {
          kind,
          seconds,
          warmupSeconds,
          pace,
          senders: Number(values.senders),
          prepared: Number(values.prepared ?? perSecond * (seconds + warmupSeconds)),
          batch: Number(values.batch),
        })
      })
      const ofCount = out[String(validators)] ?? {}
      out[String(validators)] = { ...ofCount, [kind]: { pace, ...measured } }
    }
  }
  return out
}

/** Orders offered at a fixed rate, for each number of orders under one signature. */
async function runOrders(): Promise<object> {
  const out: Record<string, Record<string, object>> = {}
  const [seconds, warmupSeconds] = [Number(values.seconds ?? '20'), Number(values.warmup)]
  for (const validators of validatorCounts()) {
    const rates = values['orders-rate'].split(',')
    for (const [i, batch] of values['orders-batch'].split(',').entries()) {
      const rate = Number(rates[i] ?? rates.at(-1))
      const measured = await withDevnet(validators, (devnet) => {
        console.error(`bench: orders in batches of ${batch} on ${validators} validators`)
        return measureOrders(networkOf(devnet), {
          seconds,
          warmupSeconds,
          rate,
          actions: Number(batch),
        })
      })
      out[String(validators)] = { ...out[String(validators)], [`batch${batch}`]: measured }
    }
  }
  return out
}

/** Execution alone, without a node: a script of its own, for a heap that nothing else has used. */
async function runScript(file: string): Promise<object> {
  console.error(`bench: ${file}`)
  const path = fileURLToPath(new URL(file, import.meta.url))
  const run = spawnSync(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (run.status !== 0) throw new Error(`bench/${file} ended with code ${run.status}`)
  return JSON.parse(run.stdout.toString('utf8')) as object
}

function machine(): object {
  const git = (...args: string[]): string => {
    try {
      return execFileSync('git', args, { stdio: ['ignore', 'pipe', 'ignore'] })
        .toString()
        .trim()
    } catch {
      return ''
    }
  }
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? '',
    // Above 0.5 before the start, somebody else is using the machine and the numbers are theirs too.
    loadAverage1: loadavg()[0],
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    commit: git('rev-parse', '--short', 'HEAD'),
    startedAt: new Date().toISOString(),
  }
}
