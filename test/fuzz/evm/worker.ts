// A thread of command.ts: compares the scenarios of a range of seeds.
import { parentPort } from 'node:worker_threads'
import { Comparer } from '../../support/evm/comparison.ts'
import { scenarioOf } from '../../support/evm/scenarios.ts'
import { scenarioToJson } from './scenarioFile.ts'
import { shrink } from './shrink.ts'

export type SeedRange = { readonly from: number; readonly count: number }
export type RangeDone = {
  readonly cases: number
  readonly steps: number
  readonly endings: Readonly<Record<string, number>>
  readonly differences: readonly FoundDifference[]
}
type FoundDifference = {
  readonly seed: number
  readonly difference: string
  /** Shrunk, for `--replay`. */
  readonly scenario: string
}

async function run(comparer: Comparer, { from, count }: SeedRange): Promise<RangeDone> {
  let steps = 0
  const endings: Record<string, number> = {}
  const differences: FoundDifference[] = []
  const differenceOf = async (scenario: Parameters<Comparer['compare']>[0]) => {
    try {
      const done = await comparer.compare(scenario)
      steps += done.steps
      return { difference: done.difference, ending: done.ending }
    } catch (error) {
      return { difference: `threw ${(error as Error).stack}`, ending: 'threw' }
    }
  }
  for (let seed = from; seed < from + count; seed++) {
    const scenario = scenarioOf(seed)
    const { difference, ending } = await differenceOf(scenario)
    endings[ending] = (endings[ending] ?? 0) + 1
    if (difference === null) continue
    const small = await shrink(
      scenario,
      async (candidate) => (await differenceOf(candidate)).difference !== null,
    )
    const shown = (await differenceOf(small)).difference ?? difference
    differences.push({ seed, difference: shown, scenario: scenarioToJson(small) })
  }
  return { cases: count, steps, endings, differences }
}

const comparer = await Comparer.create()
parentPort?.on('message', (range: SeedRange) => {
  void run(comparer, range).then((done) => parentPort?.postMessage(done))
})
