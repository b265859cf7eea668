// node test/sim/crashes.ts [--heights N] [--seeds N] [--topology spare,needed,real] [--json]: a crash
// at every write and flush of a validator, and every fault. `real` are both machines' checkpoints.
import { parseArgs } from 'node:util'
import { enumerateCheckpointCrashes, enumerateStateRot } from './disk/checkpoints.ts'
import { runCase, type Topology, undisturbed } from './disk/crashCase.ts'
import { enumerateFaults, enumerateRot, faultKinds } from './disk/damage.ts'
import {
  doubleCrashes,
  emptyTally,
  enumerateCrashes,
  isCorrupt,
  killed,
  noisyPowerCuts,
  nothing,
  powerCuts,
  type Tally,
  tornPowerCuts,
} from './disk/enumerate.ts'

const { values } = parseArgs({
  options: {
    heights: { type: 'string', default: '5' },
    seeds: { type: 'string', default: '2' },
    topology: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const heights = Number(values.heights)
const seeds = Number(values.seeds)
const TOPOLOGIES = ['spare', 'needed'] satisfies Topology[]
const chosen: readonly string[] = (values.topology ?? 'spare,needed,real').split(',')
const results: { readonly name: string; readonly tally: Tally; readonly seconds: number }[] = []

async function measured(name: string, run: () => Promise<Tally>): Promise<void> {
  const startedMs = performance.now()
  const tally = await run()
  const seconds = Math.round((performance.now() - startedMs) / 1_000)
  results.push({ name, tally, seconds })
  if (!values.json) print(name, tally, seconds)
}

function print(name: string, tally: Tally, seconds: number): void {
  const { points, cases, crashes, signatures, outcomes, failures } = tally
  console.log(
    `${name}: ${points} points, ${cases} cases, ${crashes} crashes, ${signatures} signatures checked, ${seconds} s`,
  )
  for (const [outcome, count] of [...outcomes].sort()) console.log(`  ${outcome}: ${count}`)
  for (const { name: where, message } of failures) console.log(`  FAILED ${where}: ${message}`)
}

for (const topology of TOPOLOGIES) {
  if (!chosen.includes(topology)) continue
  const base = { topology, heights, seeds }
  await measured(`${topology}: process killed`, () =>
    enumerateCrashes({ ...base, variants: killed, mayRefuse: nothing }),
  )
  await measured(`${topology}: power cut`, () =>
    enumerateCrashes({ ...base, variants: powerCuts, mayRefuse: nothing }),
  )
  await measured(`${topology}: power cut, sectors in any order`, () =>
    enumerateCrashes({ ...base, variants: tornPowerCuts, mayRefuse: isCorrupt }),
  )
  // A validator whose log lost what it promised abstains; where it is needed, nothing is decided then.
  if (topology === 'spare')
    await measured(`${topology}: power cut, noise in a whole sector`, () =>
      enumerateCrashes({ ...base, variants: noisyPowerCuts, mayRefuse: isCorrupt }),
    )
  await measured(`${topology}: crash while recovering`, () =>
    enumerateCrashes({ ...base, variants: doubleCrashes, mayRefuse: isCorrupt }),
  )
  await measured(`${topology}: failing disk`, () =>
    enumerateFaults({ ...base, kinds: faultKinds, mayRefuse: nothing }),
  )
  await measured(`${topology}: bit rot`, async () => {
    const { operations } = await runCase({ ...undisturbed, topology, heights, seed: 1 })
    const tally = emptyTally()
    for (let crashAt = 20; crashAt < operations.length; crashAt += 12)
      await enumerateRot({ ...base, crashAt, mayRefuse: isCorrupt }, tally)
    return tally
  })
}
if (chosen.includes('real')) {
  await measured('two machines: crash or fault at each commit', () =>
    enumerateCheckpointCrashes(2 * heights),
  )
  await measured('two machines: bit rot', () => enumerateStateRot(2 * heights))
}

if (values.json)
  console.log(
    JSON.stringify(
      results.map(({ name, tally, seconds }) => ({
        ...{ name, seconds, ...tally },
        outcomes: Object.fromEntries(tally.outcomes),
      })),
    ),
  )
process.exitCode = results.every(({ tally }) => tally.failures.length === 0) ? 0 : 1
