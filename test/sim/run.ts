// node test/sim/run.ts --help: simulated networks from seeds, beyond those of the tests.
import { parseArgs } from 'node:util'
import { ConsensusHeight, replay as replayCore } from '../../consensus/index.ts'
import { optionsFromSeed, simulate } from './core/cluster.ts'
import { type CommandOptions, replay, runSeeds } from './node/command.ts'
import { PROFILES, type Profile } from './node/options.ts'

const HELP = `usage: node test/sim/run.ts [options]

Runs whole networks of real nodes in virtual time, each drawn from one number.

  --seed N           the first seed; without it one is picked and printed
  --count N          how many seeds (1 with --seed, else 100)
  --replay FILE      runs a saved failure again
  --log              prints everything that happens
  --verify           runs each seed twice and compares all that happened
  --machines KIND    echo or real (both machines as nodes run them); drawn from the seed
  --nodes N          so many equal validators; drawn from the seed
  --profile NAME     ${PROFILES.join(', ')} (swarm)
  --shrink N         runs spent on making a failure smaller (150)
  --json             the closing line as JSON
  --driver core      the pure consensus core alone, with modelled nodes around it
  --help`

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    count: { type: 'string' },
    replay: { type: 'string' },
    log: { type: 'boolean', default: false },
    verify: { type: 'boolean', default: false },
    machines: { type: 'string' },
    nodes: { type: 'string' },
    profile: { type: 'string', default: 'swarm' },
    shrink: { type: 'string', default: '150' },
    json: { type: 'boolean', default: false },
    driver: { type: 'string', default: 'node' },
    help: { type: 'boolean', default: false },
  },
})

function refuse(text: string): never {
  console.error(`${text}\n\n${HELP}`)
  process.exit(2)
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < min || value > max)
    refuse(`--${name} is a whole number from ${min} to ${max}, not ${text}`)
  return value
}

const isProfile = (name: string): name is Profile => PROFILES.some((one) => one === name)

function optionsOf(): CommandOptions {
  const { profile, machines, nodes } = values
  if (!isProfile(profile)) refuse(`--profile is one of ${PROFILES.join(', ')}`)
  if (machines !== undefined && machines !== 'echo' && machines !== 'real')
    refuse('--machines is echo or real')
  return {
    ...seedsOf(100),
    ...{ profile, log: values.log, json: values.json, verify: values.verify },
    machines: machines ?? null,
    nodes: nodes === undefined ? null : integer('nodes', nodes, 1, 100),
    maxShrinkRuns: integer('shrink', values.shrink, 0, 100_000),
  }
}

function seedsOf(otherwise: number): { readonly seed: number; readonly count: number } {
  const seed = integer('seed', values.seed ?? String(Date.now() % 1_000_000_000), 0, 2 ** 52)
  const count = values.count ?? String(values.seed === undefined ? otherwise : 1)
  return { seed, count: integer('count', count, 1, 10_000_000) }
}

function runCore(): number {
  const { seed: first, count } = seedsOf(1_000)
  let failed = 0
  for (let seed = first; seed < first + count; seed++) {
    try {
      const result = simulate(seed, { ConsensusHeight, replay: replayCore })
      if (count === 1) console.log(JSON.stringify({ options: optionsFromSeed(seed), result }))
    } catch (error) {
      failed++
      console.log(`seed ${seed}: ${error}`)
      console.log(JSON.stringify(optionsFromSeed(seed)))
    }
  }
  console.log(`seeds ${first} to ${first + count - 1}: ${failed} failed`)
  return failed
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(HELP)
    return 0
  }
  if (values.replay !== undefined) return replay(values.replay, values.log)
  if (values.driver === 'core') return runCore()
  if (values.driver !== 'node') refuse('--driver is node or core')
  const options = optionsOf()
  if (!options.json) console.log(`seeds ${options.seed} to ${options.seed + options.count - 1}`)
  return runSeeds(options)
}

process.exitCode = (await main()) === 0 ? 0 : 1
