// One simulated network from one number: every option is drawn from the seed ("swarm"). First anything
// goes and only safety is asked for; then the faults end and the chain must grow.
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import type { BlockId } from '../../../core/primitives/units.ts'
import { testValidators } from '../../support/consensus.ts'
import { Checker } from './checker.ts'
import { Liar, type LiarOptions } from './liar.ts'
import type { Core, Message, SimBlock } from './messages.ts'
import { type SimContext, SimNode } from './node.ts'
import { Prng } from './prng.ts'
import { type Faults, World } from './world.ts'

export type SimOptions = {
  readonly powers: readonly number[]
  /** Indexes of Byzantine validators, less than a third of the power. */
  readonly liars: readonly number[]
  readonly liar: LiarOptions
  readonly faults: Faults
  /** Milliseconds between partitions, and between crashes; 0 for none. */
  readonly partitionEveryMs: number
  readonly crashEveryMs: number
  readonly skewMs: number
  /** How long faults last, in virtual milliseconds. */
  readonly chaosMs: number
  /** After the faults some validators stay dead, if the rest are more than two thirds. */
  readonly leaveDead: boolean
}

export class LivenessFailure extends Error {
  override readonly name = 'LivenessFailure'
}

export type SimResult = {
  readonly heights: number
  readonly events: number
  readonly convictions: number
  readonly maxRound: number
  readonly healMs: number
  /** Every message delivered and decision made, folded into one number. */
  readonly trace: number
}

const NO_LIES: LiarOptions = {
  equivocatePercent: 0,
  proposePercent: 0,
  certifyPercent: 0,
  repeatPercent: 0,
}

/** Few messages arrive, lives are short, and in the end nobody can be spared. */
export const HARSH = {
  ...{ powers: [1, 1, 1, 1], liars: [], liar: NO_LIES },
  faults: { lossPercent: 40, repeatPercent: 5, delayMs: [1, 60] },
  ...{ partitionEveryMs: 200, crashEveryMs: 100, skewMs: 0, chaosMs: 800, leaveDead: true },
} as const satisfies SimOptions

export function optionsFromSeed(seed: number): SimOptions {
  const prng = new Prng(seed)
  if (prng.chance(20)) return HARSH
  const size = prng.chance(60) ? 4 : 7
  const weighted = prng.chance(30)
  const powers = Array.from({ length: size }, () => (weighted ? prng.range(1, 3) : 1))
  const liars = prng.chance(70) ? chooseLiars(powers, prng) : []
  return {
    powers,
    liars,
    liar: {
      equivocatePercent: prng.range(0, 60),
      proposePercent: prng.range(0, 60),
      certifyPercent: prng.range(0, 60),
      repeatPercent: prng.range(0, 20),
    },
    faults: {
      lossPercent: prng.chance(50) ? 0 : prng.range(1, 40),
      repeatPercent: prng.range(0, 20),
      delayMs: [1, [3, 20, 60, 200][prng.range(0, 3)] as number],
    },
    partitionEveryMs: prng.chance(50) ? prng.range(100, 600) : 0,
    crashEveryMs: prng.chance(50) ? prng.range(100, 600) : 0,
    skewMs: prng.range(0, 8),
    chaosMs: prng.range(500, 2_500),
    leaveDead: prng.chance(40),
  }
}

/** In random order, as many as stay below a third of the power. */
function chooseLiars(powers: readonly number[], prng: Prng): number[] {
  const total = powers.reduce((sum, power) => sum + power, 0)
  const chosen: number[] = []
  let power = 0
  for (const index of shuffled(powers.length, prng)) {
    if (3 * (power + (powers[index] as number)) >= total) continue
    power += powers[index] as number
    chosen.push(index)
  }
  return chosen
}

function shuffled(length: number, prng: Prng): number[] {
  const order = Array.from({ length }, (_, index) => index)
  for (let i = length - 1; i > 0; i--) {
    const other = prng.range(0, i)
    ;[order[i], order[other]] = [order[other] as number, order[i] as number]
  }
  return order
}

const HEALED: Faults = { lossPercent: 0, repeatPercent: 0, delayMs: [1, 10] }
const HEIGHTS_AFTER_HEALING = 3
const HEAL_LIMIT_MS = 60_000
const MAX_EVENTS = 400_000

export class Cluster {
  readonly #options: SimOptions
  readonly #world: World
  readonly #prng: Prng
  readonly #checker: Checker
  readonly #nodes: SimNode[] = []
  readonly #liars = new Map<number, Liar>()
  #dead: ReadonlySet<number> = new Set()
  #chaos = true
  #events = 0
  #maxRound = 0
  #trace = 0

  constructor(seed: number, options: SimOptions, core: Core) {
    this.#options = options
    // One generator per subsystem: another draw in one does not shift the others.
    const [network, choices, lies] = [1, 2, 3].map((part) => new Prng(seed * 8 + part)) as [
      Prng,
      Prng,
      Prng,
    ]
    this.#prng = choices
    this.#world = new World(network, options.faults)
    const { set } = testValidators(options.powers)
    this.#checker = new Checker(set, new Set(options.liars))
    const context = this.#contextOf(set, core)
    options.powers.forEach((_, index) => {
      if (options.liars.includes(index)) {
        const liar = new Liar({ ...context, prng: lies }, index, options.liar, options.liars)
        this.#liars.set(index, liar)
      } else {
        const skew = choices.range(-options.skewMs, options.skewMs)
        this.#nodes.push(new SimNode(context, index, skew))
      }
    })
  }

  run(): SimResult {
    for (const node of this.#nodes) node.start()
    const { partitionEveryMs, crashEveryMs, chaosMs } = this.#options
    if (partitionEveryMs > 0) this.#world.after(partitionEveryMs, () => this.#partition())
    if (crashEveryMs > 0) this.#world.after(crashEveryMs, () => this.#crash())
    this.#runUntil(() => this.#world.now >= chaosMs)
    const healedAt = this.#world.now
    this.#heal()
    const target = Math.max(...this.#nodes.map((node) => node.height)) + HEIGHTS_AFTER_HEALING
    const living = this.#nodes.filter((node) => !this.#dead.has(node.index))
    this.#runUntil(() => {
      if (this.#world.now - healedAt > HEAL_LIMIT_MS)
        throw new LivenessFailure(
          `after ${HEAL_LIMIT_MS} ms of calm at ${living.map((node) => `${node.height}/${node.round}`).join()}, wanted ${target}`,
        )
      return living.every((node) => node.height >= target)
    })
    return {
      heights: this.#checker.decidedHeights,
      events: this.#events,
      convictions: this.#checker.convictions,
      maxRound: this.#maxRound,
      healMs: this.#world.now - healedAt,
      trace: this.#trace,
    }
  }

  #runUntil(done: () => boolean): void {
    while (!done()) {
      this.#events++
      if (this.#events > MAX_EVENTS) throw new LivenessFailure('too many events')
      if (!this.#world.step()) throw new LivenessFailure('nothing left to do')
    }
  }

  #contextOf(first: ValidatorSet, core: Core): SimContext {
    const sets = [first, first]
    let blocks = 0
    const world = this.#world
    return {
      world,
      core,
      prng: this.#prng,
      checker: this.#checker,
      size: this.#options.powers.length,
      validatorsAt: (height) => {
        for (let h = sets.length; h <= height; h++)
          sets.push((sets[h - 1] as ValidatorSet).advance())
        return sets[height] as ValidatorSet
      },
      newBlock: (content): SimBlock => {
        const id = (++blocks).toString(16).padStart(64, '0') as BlockId
        return { ...content, id }
      },
      transmit: (from, to, message) => world.send(from, to, () => this.#deliver(from, to, message)),
    }
  }

  #deliver(from: number, to: number, message: Message): void {
    this.#trace =
      (Math.imul(this.#trace, 31) + Math.imul(this.#world.now, 4_096) + from * 64 + to) | 0
    const liar = this.#liars.get(to)
    liar?.receive(from, message)
    const node = this.#nodes.find((one) => one.index === to)
    node?.receive(from, message)
    this.#maxRound = Math.max(this.#maxRound, node?.round ?? 0)
  }

  /** Nobody, one alone, two halves, or one direction only; it lasts until the next. */
  #partition(): void {
    if (!this.#chaos) return
    this.#world.join()
    const { length } = this.#options.powers
    const order = shuffled(length, this.#prng)
    const size = [0, 1, length >> 1, 1][this.#prng.range(0, 3)] as number
    const oneWay = this.#prng.chance(30)
    const side = new Set(order.slice(0, size))
    for (const a of side) {
      for (const b of order) {
        if (side.has(b)) continue
        this.#world.cut(a, b)
        if (!oneWay) this.#world.cut(b, a)
      }
    }
    this.#world.after(this.#prng.range(50, this.#options.partitionEveryMs), () => this.#partition())
  }

  #crash(): void {
    if (!this.#chaos) return
    const node = this.#nodes[this.#prng.range(0, this.#nodes.length - 1)] as SimNode
    node.crash()
    this.#world.after(this.#prng.range(1, 400), () => node.restart())
    this.#world.after(this.#prng.range(50, this.#options.crashEveryMs), () => this.#crash())
  }

  #heal(): void {
    this.#chaos = false
    this.#world.join()
    this.#world.setFaults(HEALED)
    this.#dead = this.#options.leaveDead ? this.#chooseDead() : new Set()
    for (const node of this.#nodes) {
      if (this.#dead.has(node.index)) node.crash()
      else node.restart()
    }
  }

  /** So many that the honest and living stay more than two thirds. */
  #chooseDead(): Set<number> {
    const { powers } = this.#options
    const total = powers.reduce((sum, power) => sum + power, 0)
    let living = this.#nodes.reduce((sum, node) => sum + (powers[node.index] as number), 0)
    const dead = new Set<number>()
    for (const node of this.#nodes) {
      const power = powers[node.index] as number
      if (3 * (living - power) <= 2 * total) continue
      living -= power
      dead.add(node.index)
    }
    return dead
  }
}

/** A calm network of honest, equal validators. */
export const calmOptions = (size: number): SimOptions => ({
  ...{ powers: new Array<number>(size).fill(1), liars: [], liar: NO_LIES },
  ...{ faults: HEALED, partitionEveryMs: 0, crashEveryMs: 0, skewMs: 0, chaosMs: 500 },
  leaveDead: false,
})

export const simulate = (seed: number, core: Core, options = optionsFromSeed(seed)): SimResult =>
  new Cluster(seed, options, core).run()
