// node bench/exchange.ts: the exchange engine alone on one core, driven as the host drives it. JSON on stdout.
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { inlineMore } from '../node/threads/engineFlags.ts'
import { createBench, type FlowOptions, recordFlow, type Tape, unitsOf } from './exchangeFlow.ts'
import { naivePerSecond } from './exchangeNaive.ts'
import { medianOf, round } from './statistics.ts'

inlineMore()
const { values } = parseArgs({
  options: {
    resting: { type: 'string', default: '100,10000,1000000' },
    accounts: { type: 'string', default: '10,1000,100000' },
    blocks: { type: 'string', default: '2500,500' },
    calls: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '3' },
  },
})
const numbers = (text: string): number[] => text.split(',').map(Number)

type Play = {
  readonly applyMs: number[]
  readonly rootMs: number[]
  readonly sealMs: number[]
  words: number
  bytes: number
  fills: number
  rejects: number
  pages: number
  /** Of this thread, in microseconds, in steps of the kernel's clock (4 ms): true in sum, not for a block. */
  cpu: number
  rootCpu: number
}

const cpuUs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

/** One engine from nothing to the end of the flow; a timing for each block. */
function play(setup: Tape, flow: Tape, options: FlowOptions): Play {
  const { arena, events, apply, run } = createBench(options.accounts)
  arena.takePages()
  for (let i = 0; i < setup.length; i++) {
    apply(setup.at(i))
    if (i % 5_000 !== 0) continue
    arena.seal()
    events.length = 0
  }
  arena.seal()
  arena.root()
  const pages = arena.takePages().length
  const out: Play = {
    applyMs: [],
    rootMs: [],
    sealMs: [],
    words: 0,
    bytes: 0,
    fills: 0,
    rejects: 0,
    pages,
    cpu: 0,
    rootCpu: 0,
  }
  for (let start = 0; start < flow.length; start += options.blockCalls) {
    events.length = 0
    const end = Math.min(start + options.blockCalls, flow.length)
    const calls = Array.from({ length: end - start }, (_, i) => flow.at(start + i))
    const units = unitsOf(calls)
    const begunCpu = cpuUs()
    const begun = performance.now()
    out.rejects += run(calls, units)
    const applied = performance.now()
    out.words += arena.mark()
    const countedCpu = cpuUs()
    const counted = performance.now()
    arena.root()
    const rooted = performance.now()
    out.rootCpu += cpuUs() - countedCpu
    out.bytes += arena.seal().bytes.length
    const sealed = performance.now()
    out.cpu += cpuUs() - begunCpu
    out.applyMs.push(applied - begun)
    out.rootMs.push(rooted - counted)
    out.sealMs.push(sealed - rooted)
    for (const event of events) if (event.kind === 'OrderFilled') out.fills++
  }
  return out
}

/** What a journaled write of a word costs beyond the write: the share of the journal is this times the words. */
function nanosecondsPerWord(): number {
  const { arena, state } = createBench(10)
  const plain = new Float64Array(64)
  const column = state.balances.columns.today
  const count = 200_000
  const samples = Array.from({ length: 9 }, () => {
    const begun = performance.now()
    for (let i = 1; i <= count; i++) column.set(1 + (i & 7), i)
    const journaled = performance.now()
    for (let i = 1; i <= count; i++) plain[1 + (i & 7)] = i
    const written = performance.now()
    arena.seal()
    return ((journaled - begun - (written - journaled)) * 1e6) / count
  })
  return Math.max(0, medianOf(samples))
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

/**
 * Median over rounds of the time for the whole flow, and the sum of each block's best round: what the code does on a
 * core that nobody else uses.
 */
function millisecondsOf(plays: readonly Play[], part: 'applyMs' | 'rootMs' | 'sealMs') {
  const median = medianOf(plays.map((each) => sum(each[part])))
  const blocks = plays[0]?.[part].length ?? 0
  const best = sum(
    Array.from({ length: blocks }, (_, i) =>
      Math.min(...plays.map((each) => each[part][i] as number)),
    ),
  )
  return { median, best }
}

function report(
  plays: readonly Play[],
  calls: number,
  options: FlowOptions,
  perWord: number,
): object {
  const [apply, root, seal] = (['applyMs', 'rootMs', 'sealMs'] as const).map((part) =>
    millisecondsOf(plays, part),
  ) as [Parts, Parts, Parts]
  const perSecond = (...parts: readonly number[]): number =>
    Math.round((calls * 1_000) / sum(parts))
  const first = plays[0] as Play
  const all = apply.median + root.median + seal.median
  const journalMs = (first.words * perWord) / 1e6 + seal.median
  return {
    ...options,
    ordersPerSecond: {
      withJournal: perSecond(apply.median, seal.median),
      withRoots: perSecond(apply.median, seal.median, root.median),
      bestWithJournal: perSecond(apply.best, seal.best),
      bestWithRoots: perSecond(apply.best, seal.best, root.best),
      perCpuSecondWithJournal: perSecond(
        medianOf(plays.map((each) => (each.cpu - each.rootCpu) / 1_000)),
      ),
      perCpuSecondWithRoots: perSecond(medianOf(plays.map((each) => each.cpu / 1_000))),
    },
    share: {
      match: round((all - journalMs - root.median) / all),
      journal: round(journalMs / all),
      root: round(root.median / all),
    },
    perOrder: {
      journaledWords: round(first.words / calls),
      deltaBytes: round(first.bytes / calls),
      fills: round(first.fills / calls),
      rejects: round(first.rejects / calls),
    },
    // Pages of 4 KiB that the resting orders made non-zero, indexes included.
    ...(options.resting >= 10_000 && {
      bytesPerRestingOrder: round((first.pages * 4_096) / options.resting),
    }),
  }
}

type Parts = ReturnType<typeof millisecondsOf>

const perWord = nanosecondsPerWord()
const results: object[] = []
for (const resting of numbers(values.resting)) {
  for (const accounts of numbers(values.accounts)) {
    const recorded = { resting, accounts, calls: Number(values.calls), blockCalls: 2_500 }
    const { setup, flow } = recordFlow(recorded)
    const naive = naivePerSecond(setup, flow, accounts)
    for (const blockCalls of numbers(values.blocks)) {
      const options = { ...recorded, blockCalls }
      const plays = Array.from({ length: Number(values.rounds) }, () => play(setup, flow, options))
      const result = {
        ...report(plays, flow.length, options, perWord),
        naiveOrdersPerSecond: naive,
      }
      console.error(`bench: ${JSON.stringify(result)}`)
      results.push(result)
    }
  }
}
console.log(
  JSON.stringify({ nanosecondsPerJournaledWord: round(perWord), exchange: results }, null, 2),
)
