import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { Comparer } from '../../support/evm/comparison.ts'
import { scenarioFromJson } from './scenarioFile.ts'
import type { RangeDone, SeedRange } from './worker.ts'

const HELP = `usage: npm run fuzz -- evm [options]

Random contracts and published ones with changed bytes, on nexus and on the reference: every step
(pc, opcode, gas, depth, stack), gas, error, output, logs, burned coins and state must be equal.

  --cases N       so many (100,000)
  --seed N        the first seed (1); the same seed makes the same case
  --workers N     threads (one for each core)
  --replay FILE   one case as a failure prints it
  --help

Ends with 1 after a difference; each is made smaller and printed with its seed.`

const RANGE = 200

/** `npm run fuzz -- evm`: the process' exit code. */
export async function fuzzEvm(parameters: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      cases: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      workers: { type: 'string', default: String(availableParallelism()) },
      replay: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return say(HELP, 0)
  if (values.replay !== undefined) return replay(values.replay)
  const [cases, seed, workers] = [values.cases, values.seed, values.workers].map(Number)
  if (!isCount(cases) || !isCount(seed) || !isCount(workers)) {
    return say(`--cases, --seed and --workers are whole numbers from 1 on\n\n${HELP}`, 2)
  }
  return runOnThreads(cases, seed, workers)
}

const isCount = (value: number | undefined): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 1

function say(text: string, code: number): number {
  console.error(text)
  return code
}

async function replay(path: string): Promise<number> {
  const comparer = await Comparer.create()
  const { difference, ending } = await comparer.compare(
    scenarioFromJson(readFileSync(path, 'utf8')),
  )
  return say(difference ?? `the same: ${ending}`, difference === null ? 0 : 1)
}

async function runOnThreads(cases: number, seed: number, workers: number): Promise<number> {
  const startMs = performance.now()
  const total = { cases: 0, steps: 0, differences: 0, endings: {} as Record<string, number> }
  let next = seed
  let shownMs = startMs
  const add = (done: RangeDone): void => {
    total.cases += done.cases
    total.steps += done.steps
    total.differences += done.differences.length
    for (const [ending, count] of Object.entries(done.endings)) {
      total.endings[ending] = (total.endings[ending] ?? 0) + count
    }
    for (const { seed: found, difference, scenario } of done.differences) {
      console.error(`DIFFERENT, seed ${found}: ${difference}\n${scenario}`)
    }
    if (performance.now() - shownMs < 10_000) return
    shownMs = performance.now()
    console.error(`${total.cases} of ${cases} cases, ${total.differences} differences`)
  }
  const thread = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.ts', import.meta.url))
      const ask = (): void => {
        const count = Math.min(RANGE, seed + cases - next)
        if (count <= 0) void worker.terminate().then(() => resolve())
        else worker.postMessage({ from: next, count } satisfies SeedRange)
        next += Math.max(0, count)
      }
      worker.on('message', (done: RangeDone) => {
        add(done)
        ask()
      })
      worker.on('error', reject)
      ask()
    })
  await Promise.all(Array.from({ length: workers }, thread))
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(0)
  const endings = Object.entries(total.endings).sort(([, a], [, b]) => b - a)
  console.log(
    `${total.cases} cases from seed ${seed} in ${seconds} s, ${total.steps} steps, ${total.differences} differences: ` +
      endings.map(([ending, count]) => `${ending} ${count}`).join(', '),
  )
  return total.differences === 0 ? 0 : 1
}
