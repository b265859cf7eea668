import { millisOf } from '../../core/primitives/units.ts'
import { sleep } from '../../test/support/wait.ts'
import type { Testnet } from '../../test/testnet/testnet.ts'
import { type Samples, scrape } from '../metrics.ts'
import { resourcesOf } from '../resources.ts'
import { bytesIn } from './disk.ts'
import { type Drift, driftOf, envelopeOf, type Point } from './drift.ts'
import { offer } from './load.ts'
import { calmPlan, measuredNetworkOf, withTestnet } from './network.ts'

const SAMPLE_MS = 10_000
const SAY_EVERY = 30
const MIB = 2 ** 20
/** A minute's highest is what a machine must have; within five minutes every thread has collected its garbage. */
const PEAK_MINUTES = 1
const ALIVE_MINUTES = 5

/**
 * V8 grows and shrinks the memory for new objects, 200 MB of all threads, with the pace of blocks, which is that of the
 * machine. Here every thread has its largest from the start, so that whatever else grows is seen.
 */
const FULL_FROM_THE_START = ['--min-semi-space-size=64']

/**
 * A node that keeps all it ever saw grows for ever; this one keeps some minutes. Evidence bounds what
 * may be forgotten, so it ages as fast.
 */
const KEEPS_LITTLE = {
  consensus: { evidenceMaxAgeMs: millisOf(60_000), evidenceMaxAgeBlocks: 256 },
  config: { storage: { historyBlocks: 128, retainBlocks: 512, lightBlockMs: 60_000 } },
  flags: FULL_FROM_THE_START,
}

/** Of one validator at one time, in MB. */
type Reading = {
  readonly rss: number
  readonly disk: number
  /** Heap in use by thread; empty when the node did not answer. */
  readonly heaps: Readonly<Record<string, number>>
}

type Sample = { readonly minute: number; readonly nodes: readonly Reading[] }

type Judged = { readonly rss: Drift; readonly alive: Drift; readonly disk: Drift }

/** Load for so long, and whether memory and disk stayed what they were. */
export async function soak(
  options: { readonly minutes: number; readonly rate: number; readonly validators: number },
  say: (line: string) => void,
) {
  const { minutes, rate, validators } = options
  return withTestnet(calmPlan(validators, KEEPS_LITTLE), async (testnet) => {
    const watching = watch(testnet, say)
    const load = { perSecond: rate, seconds: minutes * 60 }
    const seen = await offer(measuredNetworkOf(testnet), load)
    const samples = await watching.stop()
    const drifts = testnet.members.map((_, node) => judgedOf(samples, node))
    const isFlat = drifts.every((one) => Object.values(one).every(isNotGrowing))
    return { passed: isFlat, seen, drifts, samples: byMinute(samples) }
  })
}

const isNotGrowing = ({ verdict }: Drift): boolean => verdict !== 'growing'

function watch(testnet: Testnet, say: (line: string) => void) {
  const samples: Sample[] = []
  const startMs = performance.now()
  let isOver = false
  const run = async (): Promise<void> => {
    while (!isOver) {
      const minute = Math.round((performance.now() - startMs) / 6_000) / 10
      const nodes = await Promise.all(testnet.members.map(readingOf))
      samples.push({ minute, nodes })
      if (samples.length % SAY_EVERY === 1) say(`minute ${minute}: ${lineOf(nodes)}`)
      await sleep(SAMPLE_MS)
    }
  }
  const running = run()
  return {
    stop: async (): Promise<readonly Sample[]> => {
      isOver = true
      await running
      return samples
    },
  }
}

async function readingOf(member: Testnet['members'][number]): Promise<Reading> {
  const samples: Samples = await scrape(member.metrics).catch(() => new Map())
  return {
    rss: resourcesOf(member.process.pid)?.rssMb ?? 0,
    disk: round(bytesIn(member.home.paths.data)),
    heaps: heapsIn(samples),
  }
}

const USED = /^nexus_thread_heap_bytes\{thread="(\w+)",kind="used"\}$/

function heapsIn(samples: Samples): Record<string, number> {
  const heaps: Record<string, number> = {}
  for (const [series, bytes] of samples) {
    const thread = USED.exec(series)?.[1]
    if (thread !== undefined) heaps[thread] = round(bytes)
  }
  return heaps
}

const round = (bytes: number): number => Math.round((10 * bytes) / MIB) / 10

function lineOf(nodes: readonly Reading[]): string {
  const list = (of: (one: Reading) => number): string =>
    nodes.map((one) => Math.round(of(one))).join()
  return `resident ${list(({ rss }) => rss)} MB, heaps ${list(heapOf)} MB, disk ${list(({ disk }) => disk)} MB`
}

const heapOf = ({ heaps }: Reading): number => Object.values(heaps).reduce((sum, mb) => sum + mb, 0)

function judgedOf(samples: readonly Sample[], node: number): Judged {
  const points = (of: (one: Reading) => number | undefined): Point[] =>
    samples.flatMap(({ minute, nodes }) => {
      const reading = nodes[node]
      const mb = reading === undefined ? undefined : of(reading)
      return mb === undefined ? [] : [{ minute, mb }]
    })
  const highest = envelopeOf(
    points(({ rss }) => rss),
    PEAK_MINUTES,
    'highest',
  )
  const rss = driftOf(highest)
  return {
    rss,
    alive: driftOf(aliveOf(points, threadsOf(samples, node)), rss.medianMb),
    disk: driftOf(points(({ disk }) => disk)),
  }
}

/** The lowest heaps of all threads together: each collects in its own time. */
function aliveOf(
  points: (of: (one: Reading) => number | undefined) => Point[],
  threads: readonly string[],
): Point[] {
  const sums = new Map<number, number>()
  for (const thread of threads) {
    const lowest = envelopeOf(
      points(({ heaps }) => heaps[thread]),
      ALIVE_MINUTES,
      'lowest',
    )
    for (const { minute, mb } of lowest) {
      const stretch = Math.floor(minute / ALIVE_MINUTES)
      sums.set(stretch, (sums.get(stretch) ?? 0) + mb)
    }
  }
  return [...sums].map(([stretch, mb]) => ({ minute: ALIVE_MINUTES * stretch, mb }))
}

const threadsOf = (samples: readonly Sample[], node: number): string[] => [
  ...new Set(samples.flatMap(({ nodes }) => Object.keys(nodes[node]?.heaps ?? {}))),
]

/** The first sample of every minute. */
const byMinute = (samples: readonly Sample[]): Sample[] =>
  samples.filter(
    ({ minute }, i) => i === 0 || Math.floor(minute) > Math.floor(samples[i - 1]?.minute ?? 0),
  )
