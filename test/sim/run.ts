// node test/sim/run.ts [--seed N] [--count N]: runs seeds beyond those of the tests. Without a seed, picks one and says which.
import { parseArgs } from 'node:util'
import { ConsensusHeight, replay } from '../../consensus/index.ts'
import { optionsFromSeed, simulate } from './cluster.ts'

const { values } = parseArgs({ options: { seed: { type: 'string' }, count: { type: 'string' } } })
const first = Number(values.seed ?? Date.now() % 1_000_000_000)
const count = Number(values.count ?? (values.seed === undefined ? 1_000 : 1))
console.log(`seeds ${first} to ${first + count - 1}`)

let failed = 0
for (let seed = first; seed < first + count; seed++) {
  try {
    const result = simulate(seed, { ConsensusHeight, replay })
    if (count === 1) console.log(JSON.stringify({ options: optionsFromSeed(seed), result }))
  } catch (error) {
    failed++
    console.log(`seed ${seed}: ${error}`)
    console.log(JSON.stringify(optionsFromSeed(seed)))
  }
}
console.log(`seeds ${first} to ${first + count - 1}: ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
