import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutiveName } from '../../../evm/executive.ts'
import { type Case, casesOf, type Engines, isOurs, type Outcome, runCase } from './stateTest.ts'

/** What one executive did with the cases of one fork. */
export type Tally = {
  /** As the files have it; `others` for all that no chain of ours can choose. */
  readonly fork: string
  readonly executive: ExecutiveName
  passed: number
  readonly failed: string[]
  /** Cases by reason. */
  readonly skipped: Record<string, number>
}

export type SuiteOptions = {
  /** The title of a fork, or null for all. */
  readonly fork: string | null
  /** Leaves out what takes seconds a case. */
  readonly isQuick: boolean
}

export type SuiteFile = { readonly path: string; readonly shown: string }

const BIG_MEMORY = 'more memory than a block can pay for'
const BLAKE = '2^32 rounds of BLAKE2 in JavaScript take 25 minutes'

/** Its 2^52 gas buy more than the 4 GiB at which our memory ends; a block has at most 2^32. */
const IMPOSSIBLE: Readonly<Record<ExecutiveName, Readonly<Record<string, string>>>> = {
  nexus: { 'stRandom/randomStatetest384.json': BIG_MEMORY },
  reference: {
    'stRandom/randomStatetest384.json': BIG_MEMORY,
    'stTimeConsuming/CALLBlake2f_MaxRounds.json': BLAKE,
  },
}

/** Right, but they take a second or more of processor time each. */
const SLOW: Readonly<Record<ExecutiveName, readonly string[]>> = {
  nexus: [
    'stTimeConsuming/CALLBlake2f_MaxRounds.json',
    'stTimeConsuming/static_Call50000_sha256.json',
  ],
  reference: [
    'stTimeConsuming/static_Call50000_sha256.json',
    'stAttackTest/',
    'stQuadraticComplexityTest/Call50000_sha256.json',
    'stQuadraticComplexityTest/Return50000',
    'stPreCompiledContracts2/CALLBlake2f.json',
    'stPreCompiledContracts2/CALLCODEBlake2f.json',
    'stStaticCall/static_LoopCalls',
    'stStaticCall/static_Call50000',
    'stStaticCall/static_Call1MB1024Calldepth.json',
    'eip1153_tstore/run_until_out_of_gas.json',
  ],
}

/** Unpacks the published tests into a new folder, which is the caller's to remove. */
export function unpack(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-vectors-'))
  for (const archive of ['general-state-tests', 'osaka-state-tests']) {
    const path = new URL(`./${archive}.tar.xz`, import.meta.url).pathname
    execFileSync('tar', ['-xJf', path, '-C', folder])
  }
  return folder
}

export function filesBelow(folder: string): SuiteFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((shown) => ({ path: join(folder, shown), shown }))
}

/** Runs every case of a file: a tally for each fork in it. */
export async function runFile(
  engines: Engines,
  file: SuiteFile,
  { fork, isQuick }: SuiteOptions,
): Promise<Tally[]> {
  const { executive } = engines
  const tallies = new Map<string, Tally>()
  for (const testCase of casesOf(file.path, file.shown)) {
    const { name, title } = testCase
    if (fork !== null && title !== fork) continue
    const row = isOurs(title) ? title : 'others'
    const tally = tallies.get(row) ?? emptyTally(row, executive)
    tallies.set(row, tally)
    const reason = reasonToLeaveOut(executive, name, isQuick)
    const outcome: Outcome =
      reason === null ? await runGuarded(engines, testCase) : { kind: 'skipped', reason }
    if (outcome.kind === 'passed') tally.passed++
    else if (outcome.kind === 'failed') tally.failed.push(`${name}: ${outcome.reason}`)
    else tally.skipped[outcome.reason] = (tally.skipped[outcome.reason] ?? 0) + 1
  }
  return [...tallies.values()]
}

/** The sum of tallies, by fork and executive, in that order. */
export function summed(tallies: readonly Tally[]): Tally[] {
  const sums = new Map<string, Tally>()
  for (const { fork, executive, passed, failed, skipped } of tallies) {
    const key = `${fork} ${executive}`
    const sum = sums.get(key) ?? emptyTally(fork, executive)
    sums.set(key, sum)
    sum.passed += passed
    sum.failed.push(...failed)
    for (const [reason, count] of Object.entries(skipped)) {
      sum.skipped[reason] = (sum.skipped[reason] ?? 0) + count
    }
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum)
}

const emptyTally = (fork: string, executive: ExecutiveName): Tally => ({
  ...{ fork, executive },
  ...{ passed: 0, failed: [], skipped: {} },
})

function reasonToLeaveOut(executive: ExecutiveName, name: string, isQuick: boolean): string | null {
  const impossible = Object.entries(IMPOSSIBLE[executive]).find(([part]) => name.includes(part))
  if (impossible !== undefined) return impossible[1]
  return isQuick && SLOW[executive].some((part) => name.includes(part)) ? 'slow' : null
}

/** A throw is a failure of the case, and says where. */
async function runGuarded(engines: Engines, testCase: Case): Promise<Outcome> {
  try {
    return await runCase(engines, testCase)
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? String(error.stack) : String(error) }
  }
}
