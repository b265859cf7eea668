// npm run fuzz -- [options]: see --help.
import { parseArgs } from 'node:util'
import { Coverage } from './coverage.ts'
import { fuzzEvm } from './evm/command.ts'
import { type FuzzReport, fuzz } from './fuzz.ts'
import { TARGETS } from './targets/index.ts'

const HELP = `Feeds changed inputs to everything that reads bytes from outside.

  npm run fuzz                            100,000 inputs for every target
  npm run fuzz -- --cases 1000000         more of them
  npm run fuzz -- --target "frames of"    the targets whose name holds the text
  npm run fuzz -- --seed 7                other inputs; the same seed makes the same ones
  npm run fuzz -- --codes-only            without V8's coverage as a guide, three times as fast
  npm run fuzz -- --json                  the report as JSON on standard output
  npm run fuzz -- --list                  the names of the targets
  npm run fuzz -- evm --help              the two interpreters of the EVM against each other

Ends with 1 when an input made a target throw something unplanned, answer with two encodings,
or take more time or memory than its length allows; the input is printed in hex.`

const isEvm = process.argv[2] === 'evm'
const { values } = parseArgs({
  args: isEvm ? [] : process.argv.slice(2),
  options: {
    cases: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string', default: '' },
    'codes-only': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const chosen = TARGETS.filter(({ name }) => name.includes(values.target))

if (isEvm) process.exitCode = await fuzzEvm(process.argv.slice(3))
else if (values.help) console.log(HELP)
else if (values.list) for (const { name } of chosen) console.log(name)
else await runAll()

async function runAll(): Promise<void> {
  if (chosen.length === 0) {
    console.error(`no target is called like "${values.target}"; --list names them`)
    process.exitCode = 2
    return
  }
  const reports: FuzzReport[] = []
  const startMs = performance.now()
  for (const target of chosen) {
    const coverage = values['codes-only'] ? null : new Coverage()
    const beganMs = performance.now()
    const [seed, cases] = [Number(values.seed), Number(values.cases)]
    const report = await fuzz(target, { seed, cases, coverage })
    coverage?.stop()
    reports.push(report)
    console.error(lineOf(report, (performance.now() - beganMs) / 1_000))
  }
  const failed = reports.filter(({ failure }) => failure !== null)
  if (values.json) console.log(JSON.stringify(reports, null, 2))
  const total = reports.reduce((sum, { cases }) => sum + cases, 0)
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(0)
  console.error(
    `${total} inputs for ${reports.length} targets in ${seconds} s, ${failed.length} failed`,
  )
  process.exitCode = failed.length === 0 ? 0 : 1
}

function lineOf(
  { target, cases, outcomes, slowestMs, failure, corpus }: FuzzReport,
  seconds: number,
): string {
  const kinds = Object.entries(outcomes).sort(([, a], [, b]) => b - a)
  const shown = kinds.slice(0, 6).map(([outcome, count]) => `${outcome} ${count}`)
  const more = kinds.length > 6 ? `, ${kinds.length - 6} more` : ''
  const speed = `${cases} in ${seconds.toFixed(1)} s, slowest ${slowestMs.toFixed(2)} ms, corpus ${corpus}`
  const verdict =
    failure === null ? '' : `\n  FAILED on ${failure.input}\n  ${String(failure.error)}`
  return `${target}: ${speed}: ${shown.join(', ')}${more}${verdict}`
}
