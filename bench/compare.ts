// node bench/compare.ts [--tolerance 0.3] [--update] run1.json run2.json …
// Takes the median of each number over the runs and compares it with bench/baseline.json.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { medianOf, round } from './statistics.ts'

/** Numbers that matter, by their place in a report, and which way is better. */
const WATCHED: readonly (readonly [pattern: RegExp, better: 'higher' | 'lower'])[] = [
  [/^latency\.\w+\.(p50|p99)Ms$/, 'lower'],
  [/^throughput\.\d+\.\w+\.finalizedPerSecond$/, 'higher'],
  [/^throughput\.\d+\.\w+\.submitToFinal\.(p50|p99)Ms$/, 'lower'],
  [/^evm\..*[pP]erSecond$/, 'higher'],
]

const baselinePath = new URL('baseline.json', import.meta.url)
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tolerance: { type: 'string', default: '0.3' },
    update: { type: 'boolean', default: false },
  },
})
if (positionals.length === 0) {
  console.error('usage: node bench/compare.ts [--tolerance 0.3] [--update] run.json …')
  process.exit(2)
}

const runs = positionals.map((path) => numbersIn(JSON.parse(readFileSync(path, 'utf8'))))
const names = [...new Set(runs.flatMap((run) => [...run.keys()]))].filter(
  (name) => directionOf(name) !== null,
)
const current = Object.fromEntries(
  names.map((name) => [name, round(medianOf(runs.flatMap((run) => run.get(name) ?? [])))]),
)

if (values.update) {
  writeFileSync(baselinePath, `${JSON.stringify(current, null, 2)}\n`)
  console.log(`wrote ${names.length} numbers to bench/baseline.json`)
} else {
  process.exit(compare(JSON.parse(readFileSync(baselinePath, 'utf8'))) ? 0 : 1)
}

/** Prints one line per number; false when one is worse than the tolerance allows or is missing. */
function compare(baseline: Record<string, number>): boolean {
  const tolerance = Number(values.tolerance)
  let good = true
  for (const [name, before] of Object.entries(baseline)) {
    const now = current[name]
    if (now === undefined) {
      console.log(`missing  ${name}`)
      good = false
      continue
    }
    // How many times worse: a latency from 10 to 15 is 1.5, a rate from 3000 to 2000 also.
    const factor = directionOf(name) === 'lower' ? now / before : before / now
    const worse = !(factor <= 1 + tolerance)
    good &&= !worse
    console.log(`${worse ? 'WORSE  ' : 'ok     '}  ${name}: ${before} → ${now}`)
  }
  return good
}

function directionOf(name: string): 'higher' | 'lower' | null {
  return WATCHED.find(([pattern]) => pattern.test(name))?.[1] ?? null
}

function numbersIn(value: unknown, path = ''): Map<string, number> {
  if (typeof value === 'number') return new Map([[path, value]])
  if (typeof value !== 'object' || value === null) return new Map()
  return new Map(
    Object.entries(value).flatMap(([key, inner]) => [
      ...numbersIn(inner, path === '' ? key : `${path}.${key}`),
    ]),
  )
}
