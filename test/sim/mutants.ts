// node test/sim/mutants.ts [--seconds N] [--only text]: every mutant before every driver, N seconds each at most.
import { parseArgs } from 'node:util'
import { firstFinding } from './core/drivers.ts'
import type { Driver } from './core/mutant.ts'
import { MUTANTS } from './core/mutants.ts'
import { plant } from './core/plant.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, only: { type: 'string' } },
})
const limitMs = 1_000 * Number(values.seconds ?? 10)
const DRIVERS: readonly Driver[] = ['faults', 'lockStep', 'rules']
const CHOICE = MUTANTS.filter(({ name }) => name.includes(values.only ?? ''))

console.log('| mutant | random faults | lock step | lock step and rules |')
console.log('|---|---|---|---|')
let missed = 0
for (const mutant of CHOICE) {
  const core = await plant(mutant)
  const cells = DRIVERS.map((driver) => {
    if (mutant.shell !== undefined && driver !== 'faults') return '–'
    const started = performance.now()
    const elapsed = (): number => performance.now() - started
    for (let run = 1; elapsed() < limitMs; run += 1) {
      const finding = firstFinding(driver, core, run, run)
      if (finding === null) continue
      const found = `${run} (${(elapsed() / 1_000).toFixed(1)} s)`
      return driver === mutant.finder[0] ? `**${found}**` : found
    }
    return 'not found'
  })
  if (!cells.some((cell) => cell.startsWith('**'))) missed++
  console.log(`| ${mutant.name} | ${cells.join(' | ')} |`)
}
console.log(`${CHOICE.length} mutants, ${missed} not found by the driver that must`)
process.exitCode = missed === 0 ? 0 : 1
