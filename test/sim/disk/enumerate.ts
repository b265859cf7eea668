import {
  type Crash,
  type CrashCase,
  type CrashOutcome,
  runCase,
  type Topology,
  undisturbed,
} from './crashCase.ts'

export type Variant = {
  readonly name: string
  readonly crashes: (index: number) => readonly Crash[]
}

const powerCut = (moment: Crash['moment'], fate: Crash['fate']): Variant => ({
  name: `${moment} ${fate}`,
  crashes: (index) => [{ after: index, moment, fate }],
})

/** The process dies; the page cache stays. */
export const killed: readonly Variant[] = [
  powerCut('before', 'kill'),
  powerCut('during', 'kill'),
  powerCut('after', 'kill'),
]

/** The power goes, and of what was not synced the disk has nothing, everything, or the first part. */
export const powerCuts: readonly Variant[] = [
  powerCut('before', 'none'),
  powerCut('after', 'none'),
  powerCut('during', 'all'),
  powerCut('during', 'prefix'),
  powerCut('after', 'prefix'),
]

/** The power goes while the disk writes in an order of its own; also with noise where it was writing. */
export const tornPowerCuts: readonly Variant[] = [
  powerCut('during', 'subset'),
  powerCut('after', 'subset'),
  powerCut('during', 'garbage'),
]

/** The noise takes with it what the sector held before: damage of what was promised. */
export const noisyPowerCuts: readonly Variant[] = [
  powerCut('during', 'sector'),
  powerCut('after', 'sector'),
]

/** One of the variants at each operation, the next one at the next. */
export const rotated = (variants: readonly Variant[], start = 0): Variant => ({
  name: 'rotating',
  crashes: (index) => variants[(index + start) % variants.length]?.crashes(index) ?? [],
})

export const nothing = (): boolean => false
export const isCorrupt = (code: string): boolean => code.endsWith('_CORRUPT')

/** A second crash while the first is recovered from, early and late; the process first, then the power. */
export const doubleCrashes: readonly Variant[] = [
  ['kill', 'none', 0],
  ['kill', 'prefix', 1],
  ['subset', 'none', 2],
  ['prefix', 'prefix', 3],
  ['garbage', 'garbage', 4],
].map(([first, second, shift]) => ({
  name: `during ${first}, then ${second}`,
  crashes: (index) => [
    { after: index, moment: 'during', fate: first as Crash['fate'] },
    {
      after: (index + (shift as number)) % RECOVERY_OPERATIONS,
      moment: 'during',
      fate: second as Crash['fate'],
    },
  ],
}))

/** Opening the files again takes about a dozen operations; the rest is the height in flight. */
const RECOVERY_OPERATIONS = 24

export type Tally = {
  /** Operations of the undisturbed run, each of which was crashed at. */
  points: number
  cases: number
  crashes: number
  signatures: number
  /** By what became of the case. */
  readonly outcomes: Map<string, number>
  /** Each of them a broken promise. */
  readonly failures: { readonly name: string; readonly message: string }[]
}

export const emptyTally = (): Tally => ({
  points: 0,
  cases: 0,
  crashes: 0,
  signatures: 0,
  outcomes: new Map(),
  failures: [],
})

export type EnumerateOptions = {
  readonly topology: Topology
  readonly heights: number
  readonly variants: readonly Variant[]
  /** Random choices to try of each. */
  readonly seeds: number
  /** What a crash may make the node refuse to start with. */
  readonly mayRefuse: (code: string) => boolean
}

/** A crash at every operation of the victim in every variant. */
export async function enumerateCrashes(
  options: EnumerateOptions,
  tally = emptyTally(),
): Promise<Tally> {
  const { topology, heights } = options
  const calm = { ...undisturbed, topology, heights, seed: 1 }
  const { operations } = await runCase(calm)
  tally.points += operations.length
  for (let index = 0; index < operations.length; index++)
    for (const { name, crashes } of options.variants)
      for (let seed = 1; seed <= options.seeds; seed++) {
        const operation = operations[index]
        const label = `${topology}, ${name}, seed ${seed}, at ${index} (${operation?.kind} ${operation?.path})`
        await tallied(tally, label, { ...calm, seed, crashes: crashes(index) }, options.mayRefuse)
      }
  return tally
}

export async function tallied(
  tally: Tally,
  name: string,
  crashCase: CrashCase,
  mayRefuse: (code: string) => boolean,
): Promise<void> {
  tally.cases++
  try {
    const outcome = await runCase(crashCase)
    note(tally, outcome)
    const [verdict, code] = outcome.kind.split(' ')
    if (verdict === 'refused' && !mayRefuse(code ?? ''))
      tally.failures.push({ name, message: outcome.kind })
  } catch (error) {
    tally.failures.push({ name, message: String(error) })
  }
}

function note(tally: Tally, outcome: CrashOutcome): void {
  tally.crashes += outcome.crashes
  tally.signatures += outcome.signatures
  for (const kind of [outcome.kind, ...outcome.ended.map((code) => `ended ${code}`)])
    tally.outcomes.set(kind, (tally.outcomes.get(kind) ?? 0) + 1)
}
