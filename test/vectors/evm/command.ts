import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { ExecutiveName } from '../../../evm/executive.ts'
import { FORKS } from './stateTest.ts'
import { filesBelow, type SuiteOptions, summed, type Tally, unpack } from './suite.ts'
import type { Task, TaskDone } from './worker.ts'

const HELP = `usage: npm run vectors -- evm [options]

Runs Ethereum's published state tests: root of the state and logs of every transaction.

  --path FOLDER      any folder of state tests (those in test/vectors/evm)
  --fork NAME        ${Object.keys(FORKS).join(', ').toLowerCase()} (all)
  --executive NAME   nexus or reference (both)
  --only TEXT        the files whose path holds the text
  --quick            leaves out what takes seconds a case
  --workers N        threads (one for each core)
  --json             the table as JSON on standard output
  --help

Ends with 1 if a case failed.`

const EXECUTIVES = ['nexus', 'reference'] as const satisfies readonly ExecutiveName[]

/** `npm run vectors -- evm`: the process' exit code. */
export async function runStateTests(parameters: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      path: { type: 'string' },
      fork: { type: 'string' },
      executive: { type: 'string' },
      only: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
      workers: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return say(HELP, 0)
  const fork = Object.keys(FORKS).find((title) => title.toLowerCase() === values.fork) ?? null
  if (values.fork !== undefined && fork === null) return say(`no fork ${values.fork}\n${HELP}`, 2)
  const executives = EXECUTIVES.filter((name) => name === (values.executive ?? name))
  if (executives.length === 0) return say(`no executive ${values.executive}\n${HELP}`, 2)
  const workers = Number(values.workers ?? availableParallelism())
  if (!Number.isInteger(workers) || workers < 1) return say(`--workers is a count\n${HELP}`, 2)
  const folder = values.path ?? unpack()
  try {
    const files = filesBelow(folder).filter(({ shown }) => shown.includes(values.only))
    if (files.length === 0) return say(`no JSON files like that below ${folder}`, 2)
    const tasks = executives.flatMap((executive) => files.map((file) => ({ executive, file })))
    const tallies = summed(await runOnThreads(tasks, workers, { fork, isQuick: values.quick }))
    if (values.json) console.log(JSON.stringify(tallies, null, 2))
    else printTable(tallies)
    return tallies.some(({ failed }) => failed.length > 0) ? 1 : 0
  } finally {
    if (values.path === undefined) rmSync(folder, { recursive: true, force: true })
  }
}

function say(text: string, code: number): number {
  console.error(text)
  return code
}

/** Each thread gets its next file when it is done with one. */
async function runOnThreads(
  tasks: readonly Task[],
  workers: number,
  options: SuiteOptions,
): Promise<Tally[]> {
  const tallies: Tally[] = []
  const waiting = [...tasks].sort((a, b) => weightOf(b) - weightOf(a))
  const progress = createProgress(tasks.length)
  const thread = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: options })
      let task: Task | undefined
      const next = (): void => {
        task = waiting.shift()
        if (task !== undefined) worker.postMessage(task)
        else void worker.terminate().then(() => resolve())
      }
      worker.on('message', (done: TaskDone) => {
        tallies.push(...done.tallies)
        progress(done.tallies)
        next()
      })
      worker.on('error', (cause) =>
        reject(new Error(`while running ${task?.file.shown}`, { cause })),
      )
      next()
    })
  await Promise.all(Array.from({ length: Math.min(workers, tasks.length) }, thread))
  return tallies
}

/** Files of minutes first, so that no thread is left alone with one at the end. */
const weightOf = ({ file }: Task): number =>
  ['CALLBlake2f_MaxRounds', 'stQuadraticComplexityTest', 'stTimeConsuming', 'stAttackTest'].some(
    (part) => file.shown.includes(part),
  )
    ? 1
    : 0

function createProgress(files: number): (tallies: readonly Tally[]) => void {
  const everyMs = process.stderr.isTTY ? 200 : 10_000
  const [start, end] = process.stderr.isTTY ? ['\r', ''] : ['', '\n']
  let [done, passed, failed, shownMs] = [0, 0, 0, performance.now()]
  return (tallies) => {
    done++
    for (const tally of tallies) {
      passed += tally.passed
      failed += tally.failed.length
      for (const text of tally.failed) console.error(`${start}FAILED ${tally.executive}: ${text}`)
    }
    if (done < files && performance.now() - shownMs < everyMs) return
    shownMs = performance.now()
    process.stderr.write(
      `${start}${done} of ${files} files, ${passed} passed, ${failed} failed${end}`,
    )
    if (done === files && process.stderr.isTTY) process.stderr.write('\n')
  }
}

function printTable(tallies: readonly Tally[]): void {
  console.log('| fork | executive | cases | passed | failed | skipped |\n|---|---|---|---|---|---|')
  for (const { fork, executive, passed, failed, skipped } of tallies) {
    const reasons = Object.entries(skipped).sort(([, a], [, b]) => b - a)
    const left = reasons.reduce((sum, [, count]) => sum + count, 0)
    const shown = reasons.map(([reason, count]) => `${count} ${reason}`).join(', ')
    const counts = [left + passed + failed.length, passed, failed.length]
    console.log(`| ${[fork, executive, ...counts, shown === '' ? 0 : shown].join(' | ')} |`)
  }
}
