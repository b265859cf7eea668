import { toHex } from '../../core/primitives/bytes.ts'
import { type Random, randomFrom } from '../support/smallRandom.ts'
import type { Coverage } from './coverage.ts'
import { mutate } from './mutate.ts'
import { mutateJson } from './mutateJson.ts'
import type { Target } from './target.ts'

export type FuzzOptions = {
  readonly seed: number
  readonly cases: number
  /** Null: the codes alone guide the search. */
  readonly coverage: Coverage | null
}

export type FuzzReport = {
  readonly target: string
  readonly cases: number
  /** How often each word came, 'ok' among them. */
  readonly outcomes: { readonly [outcome: string]: number }
  /** Inputs worth changing further. */
  readonly corpus: number
  readonly slowestMs: number
  readonly failure: { readonly input: string; readonly error: unknown } | null
}

const DEFAULT_LIMIT = { ms: 25, microsPerByte: 20 }
/** Inputs between two questions about coverage. */
const SLICE = 256
const MAX_CORPUS = 2_000
/** A pause of the machine or of the collector is not the input's fault. */
const ATTEMPTS = 4
const MEMORY_EVERY = 64
const MEMORY_BASE = 4 << 20
const MEMORY_PER_BYTE = 256

/** Runs a target on changed inputs until one breaks a rule or all have passed. */
export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzReport> {
  const random = randomFrom(options.seed)
  const corpus = target.seeds.slice()
  const outcomes: { [outcome: string]: number } = {}
  const made: Uint8Array[] = []
  let slowestMs = 0
  let cases = 0
  const report = (failure: FuzzReport['failure']): FuzzReport => ({
    ...{ target: target.name, cases, outcomes, corpus: corpus.length, slowestMs, failure },
  })
  options.coverage?.newBlocks()
  for (; cases < options.cases; cases++) {
    const input =
      cases < target.seeds.length
        ? (target.seeds[cases] as Uint8Array)
        : next(target, corpus, random)
    try {
      const { outcome, ms } = await judged(target, input, cases % MEMORY_EVERY === 0)
      slowestMs = Math.max(slowestMs, ms)
      if (outcomes[outcome] === undefined && corpus.length < MAX_CORPUS) corpus.push(input)
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    } catch (error) {
      return report({ input: toHex(input), error })
    }
    made.push(input)
    if (made.length < SLICE) continue
    if ((options.coverage?.newBlocks() ?? 0) > 0 && corpus.length < MAX_CORPUS)
      corpus.push(...(await reaching(target, made, options.coverage as Coverage)))
    made.length = 0
  }
  return report(null)
}

function next(target: Target, corpus: readonly Uint8Array[], random: Random): Uint8Array {
  const pick = (): Uint8Array => corpus[random(corpus.length)] ?? new Uint8Array(0)
  const [base, other] = [pick(), pick()]
  const changed = target.isJson === true && random(4) > 0 ? mutateJson(base, random, other) : null
  return changed ?? mutate(base, random, other)
}

/** Which of a slice reached the new code cannot be asked afterwards, so all that differ in outcome stay. */
async function reaching(
  target: Target,
  made: readonly Uint8Array[],
  coverage: Coverage,
): Promise<Uint8Array[]> {
  const kept = new Map<string, Uint8Array>()
  for (const input of made) {
    const outcome = await target.run(input)
    if (!kept.has(outcome)) kept.set(outcome, input)
  }
  coverage.newBlocks()
  return [...kept.values()]
}

async function judged(
  target: Target,
  input: Uint8Array,
  withMemory: boolean,
): Promise<{ readonly outcome: string; readonly ms: number }> {
  const { ms: base, microsPerByte } = target.limit ?? DEFAULT_LIMIT
  const limitMs = base + (microsPerByte * input.length) / 1_000
  let best = Number.POSITIVE_INFINITY
  let outcome = ''
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = withMemory ? usedBytes() : 0
    const startMs = threadMs()
    outcome = await target.run(input)
    best = Math.min(best, threadMs() - startMs)
    const grown = withMemory ? usedBytes() - before : 0
    const isFrugal = grown <= MEMORY_BASE + MEMORY_PER_BYTE * input.length
    if (best <= limitMs && isFrugal) return { outcome, ms: best }
    if (attempt === ATTEMPTS - 1 && !isFrugal)
      throw new Error(`${input.length} bytes took ${grown} bytes of memory`)
  }
  throw new Error(
    `${input.length} bytes took ${best.toFixed(1)} ms, more than ${limitMs.toFixed(1)}`,
  )
}

/** Of the processor: what others do on the machine does not count. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

function usedBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
