// npm run qa -- SCENARIO... [options]: see --help.
import { parseArgs } from 'node:util'
import { SCENARIOS, type Scenario } from './scenarios.ts'

const HELP = `What operators ask of a chain, measured on real processes of this machine; JSON on standard output.

  npm run qa -- saturation       rising load until four validators no longer keep up
  npm run qa -- wide             latency below saturation, with the delays of four regions of the world
  npm run qa -- sizes            4, 7 and 16 validators
  npm run qa -- slow             one validator with a slow disk
  npm run qa -- down             as many validators gone as may be
  npm run qa -- rolling          every validator restarted, one after the other, under load
  npm run qa -- soak             memory and disk over an hour of load; exits 1 when they grow by more than 5 % an hour

  --seconds 30     of each measurement
  --rate 500       transfers a second, where a scenario stays below saturation
  --minutes 60     of the soak
  --validators 4   where a scenario does not say

100 validators are simulated: npm run sim -- --nodes 100`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '30' },
    rate: { type: 'string', default: '500' },
    minutes: { type: 'string', default: '60' },
    validators: { type: 'string', default: '4' },
    help: { type: 'boolean', default: false },
  },
})
const unknown = positionals.filter((name) => SCENARIOS[name] === undefined)

if (values.help || positionals.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`unknown: ${unknown.join(', ')}`)
  console.log(HELP)
  process.exit(values.help ? 0 : 2)
}
const options = {
  seconds: Number(values.seconds),
  rate: Number(values.rate),
  minutes: Number(values.minutes),
  validators: Number(values.validators),
}
const report: Record<string, Awaited<ReturnType<Scenario>>> = {}
for (const name of positionals) {
  console.error(`qa: ${name}`)
  report[name] =
    (await SCENARIOS[name]?.(options, (line) => console.error(`qa: ${name}: ${line}`))) ?? {}
}
console.log(JSON.stringify(report, null, 2))
const failed = Object.keys(report).filter((name) => report[name]?.passed === false)
if (failed.length > 0) console.error(`qa: failed: ${failed.join(', ')}`)
process.exit(failed.length > 0 ? 1 : 0)
