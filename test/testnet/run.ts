// npm run testnets -- [options]: see --help.
import { parseArgs } from 'node:util'
import { disposeAll } from '../support/devnet.ts'
import { planFrom } from './plan.ts'
import { type PlanReport, runPlan } from './runPlan.ts'

const HELP = `Testnets of real processes, each from one number: topology, powers, delays, slow disks, wrong
clocks, and what happens to them (kill, restart, upgrade, pause, disconnect, partition) under load.

  npm run testnets                          ten of them, about half a minute each
  npm run testnets -- --seed 7              the one of this number
  npm run testnets -- --seed 1 --count 50   the ones of 50 numbers
  npm run testnets -- --perturbations 20    more of what happens, in each
  npm run testnets -- --show --seed 7       the plan, without running it
  npm run testnets -- --json                the reports as JSON on standard output

Afterwards all nodes must tell the same chain, with certificates of more than two thirds of the
power, nothing accepted lost, nobody caught signing twice.`

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    count: { type: 'string' },
    perturbations: { type: 'string', default: '5' },
    show: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const first = Number(values.seed ?? 1)
const count = Number(values.count ?? (values.seed === undefined ? 10 : 1))
const plans = Array.from({ length: count }, (_, i) =>
  planFrom(first + i, Number(values.perturbations)),
)

if (values.help) console.log(HELP)
else if (values.show) console.log(JSON.stringify(plans, null, 2))
else await runAll()

async function runAll(): Promise<void> {
  const reports: PlanReport[] = []
  let failed = 0
  for (const plan of plans) {
    const say = (line: string): void => console.error(`testnet ${plan.seed}: ${line}`)
    try {
      const report = await runPlan(plan, say)
      reports.push(report)
      const { faults, height, transactions } = report
      if (faults.length > 0) failed++
      for (const fault of faults.slice(0, 10)) say(`FAULT ${fault}`)
      say(
        `${faults.length === 0 ? 'passed' : 'failed'}, height ${height}, ${transactions} transactions`,
      )
    } catch (error) {
      failed++
      say(`failed: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      disposeAll()
    }
  }
  if (values.json) console.log(JSON.stringify(reports, null, 2))
  console.error(`${plans.length - failed} passed, ${failed} failed`)
  process.exit(failed === 0 ? 0 : 1)
}
