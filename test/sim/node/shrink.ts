// Makes a failure small enough to be read: fewer faults, then a simpler network, the same invariant broken.
import { type Fault, nodeCount, type ScheduledFault, type SimOptions } from './options.ts'
import { type SimExtras, type SimInput, type SimResult, simulate } from './simulation.ts'

export type Shrunk = { readonly input: SimInput; readonly result: SimResult; readonly runs: number }

/** `result` is what running `input` gave. At most `maxRuns` runs, each no longer than the first. */
export async function shrink(
  input: SimInput,
  result: SimResult,
  options: { readonly maxRuns: number; readonly extras: SimExtras },
): Promise<Shrunk> {
  const shrinker = new Shrinker(input, result, options)
  await shrinker.shortenSchedule()
  await shrinker.simplifyOptions()
  await shrinker.shortenSchedule()
  return shrinker.best
}

class Shrinker {
  #input: SimInput
  #result: SimResult
  #runs = 0
  readonly #maxRuns: number
  readonly #extras: SimExtras

  constructor(
    input: SimInput,
    result: SimResult,
    { maxRuns, extras }: { readonly maxRuns: number; readonly extras: SimExtras },
  ) {
    this.#input = input
    this.#result = result
    this.#maxRuns = maxRuns
    this.#extras = extras
  }

  get best(): Shrunk {
    return { input: this.#input, result: this.#result, runs: this.#runs }
  }

  /** Delta debugging: leaves out halves, quarters, and at last single faults. */
  async shortenSchedule(): Promise<void> {
    const { atMs } = this.#result
    await this.#try({ schedule: this.#input.schedule.filter((one) => one.atMs <= atMs) })
    for (let size = this.#input.schedule.length; size >= 1; size = Math.floor(size / 2)) {
      for (let from = 0; from < this.#input.schedule.length; ) {
        const { schedule } = this.#input
        const without = [...schedule.slice(0, from), ...schedule.slice(from + size)]
        if (!(await this.#try({ schedule: without }))) from += size
        if (this.#runs >= this.#maxRuns) return
      }
    }
  }

  /** Each simplification stays if the failure does. */
  async simplifyOptions(): Promise<void> {
    for (const simpler of SIMPLER) {
      while (this.#runs < this.#maxRuns) {
        const options = simpler(this.#input.options)
        if (options === null) break
        const schedule = this.#input.schedule.flatMap((one) => fitting(one, options))
        if (!(await this.#try({ options, schedule }))) break
      }
    }
  }

  async #try(change: Partial<SimInput>): Promise<boolean> {
    const input = { ...this.#input, ...change }
    if (JSON.stringify(input) === JSON.stringify(this.#input)) return false
    this.#runs++
    const result = await simulate(input, this.#extras)
    if (result.failure?.invariant !== this.#result.failure?.invariant) return false
    this.#input = input
    this.#result = result
    return true
  }
}

/** Null: it is as simple as that already. */
type Simpler = (options: SimOptions) => SimOptions | null

const SIMPLER: readonly Simpler[] = [
  (options) => (options.clients === 0 ? null : { ...options, clients: 0 }),
  (options) => (options.twins.length === 0 ? null : { ...options, twins: [] }),
  (options) => (options.liars.length === 0 ? null : { ...options, liars: [] }),
  (options) => (options.secondKeys.length === 0 ? null : { ...options, secondKeys: [] }),
  (options) => (options.spares === 0 ? null : withoutSpares(options)),
  (options) =>
    options.membershipEveryHeights === 0 ? null : { ...options, membershipEveryHeights: 0 },
  (options) => (options.observers === 0 ? null : { ...options, observers: 0 }),
  ({ link, ...options }) =>
    link.lossPercent === 0 ? null : { ...options, link: { ...link, lossPercent: 0 } },
  ({ link, ...options }) =>
    link.duplicatePercent === 0 ? null : { ...options, link: { ...link, duplicatePercent: 0 } },
  (options) => (options.leftBehind === 'healed' ? null : { ...options, leftBehind: 'healed' }),
  (options) => (options.powers.every((power) => power === 1) ? null : equalized(options)),
  withoutLast,
]

const equalized = (options: SimOptions): SimOptions => ({
  ...{ ...options, powers: options.powers.map(() => 1) },
  expendable: options.expendable.slice(0, Math.ceil(options.powers.length / 3) - 1),
})

const withoutSpares = (options: SimOptions): SimOptions => ({
  ...{ ...options, spares: 0 },
  secondKeys: options.secondKeys.filter((node) => node < options.powers.length),
})

/** One validator less; the numbers of the others must stay what they are. */
function withoutLast(options: SimOptions): SimOptions | null {
  const { powers, observers, twins, expendable, spares, liars, secondKeys } = options
  const isMixed = observers + spares + twins.length + liars.length + secondKeys.length > 0
  if (powers.length === 1 || isMixed) return null
  const left = powers.slice(0, -1)
  const total = left.reduce((sum, power) => sum + power, 0)
  const spared: number[] = []
  for (const one of expendable)
    if (3 * [...spared, one].reduce((sum, index) => sum + (left[index] ?? total), 0) < total)
      spared.push(one)
  return { ...options, powers: left, expendable: spared }
}

/** The fault without the nodes that are gone. */
function fitting(one: ScheduledFault, options: SimOptions): ScheduledFault[] {
  const count = nodeCount(options)
  const { fault } = one
  if (fault.kind === 'partition') {
    const side = fault.side.filter((node) => node < count)
    return side.length === 0 || side.length === count ? [] : [{ ...one, fault: { ...fault, side } }]
  }
  return nodesOf(fault).every((node) => node < count) ? [one] : []
}

const nodesOf = (fault: Exclude<Fault, { kind: 'partition' }>): readonly number[] =>
  fault.kind === 'clog' ? [fault.from, fault.to] : [fault.node]
