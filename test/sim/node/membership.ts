// Who validates when: targets that change now and then, and the set of every height that follows from
// them. A function of the height alone, so that all nodes ask for the same and a checker can foresee it.
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import {
  checkValidatorTarget,
  nextValidatorSet,
  updatesToward,
} from '../../../core/chain/validatorUpdates.ts'
import type { Random } from '../random.ts'

/** Powers by number of key. */
export type Powers = ReadonlyMap<number, number>

type DrawOptions = {
  readonly publicKeys: ReadonlyMap<number, Uint8Array>
  /** Which node holds a key. */
  readonly nodeOf: (key: number) => number
  /** Nodes that may lie, fail for good or be left behind: always less than a third of the power. */
  readonly faulty: ReadonlySet<number>
  readonly random: Random
}

/** The cap on changes spreads them over heights; this many are looked at before a target is accepted. */
const LOOK_AHEAD = 40
const ATTEMPTS = 6

export class Membership {
  readonly #draw: MembershipDraw
  readonly #everyHeights: number
  readonly #sets: ValidatorSet[]
  /** By height of the block that asks; the last one stays. */
  readonly #targets: ValidatorSet[] = []
  #powers: Powers

  constructor(first: ValidatorSet, powers: Powers, draw: MembershipDraw, everyHeights: number) {
    this.#draw = draw
    this.#everyHeights = everyHeights
    this.#powers = powers
    this.#sets = [first, nextValidatorSet(first, [])]
  }

  /** What the block of a height asks for. */
  targetAt(height: number): ValidatorSet {
    this.#reach(height)
    return this.#targets[height - 1] as ValidatorSet
  }

  /** The set that judges a height. */
  setAt(height: number): ValidatorSet {
    this.#reach(height - 2)
    return this.#sets[height - 1] as ValidatorSet
  }

  #reach(height: number): void {
    while (this.#targets.length < height) {
      const next = this.#targets.length + 1
      const newest = this.#sets.at(-1) as ValidatorSet
      if (next % this.#everyHeights === 0) this.#powers = this.#draw.after(newest, this.#powers)
      const target = this.#draw.targetOf(this.#powers)
      this.#targets.push(target)
      this.#sets.push(nextValidatorSet(newest, updatesToward(newest, target)))
    }
  }
}

/** Who shall validate next. */
export class MembershipDraw {
  readonly #options: DrawOptions
  readonly #keyOfAddress = new Map<string, number>()

  constructor(options: DrawOptions) {
    this.#options = options
    for (const [key, publicKey] of options.publicKeys) this.#keyOfAddress.set(latin(publicKey), key)
  }

  /** New powers whose way there from a set is safe, or those there are. */
  after(set: ValidatorSet, before: Powers): Powers {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const powers = this.#drawn(before)
      if (this.#isSafe(set, powers)) return powers
    }
    return before
  }

  nodeOf(key: number): number {
    return this.#options.nodeOf(key)
  }
  publicKeyOf(key: number): Uint8Array {
    return this.#options.publicKeys.get(key) as Uint8Array
  }

  #drawn(before: Powers): Powers {
    const { random, publicKeys, nodeOf } = this.#options
    const powers = new Map(before)
    const nodes = new Set([...powers.keys()].map(nodeOf))
    const outside = [...publicKeys.keys()].filter((key) => !nodes.has(nodeOf(key)))
    const member = (): number => random.pick([...powers.keys()])
    if (random.chance(50)) powers.delete(member())
    if (random.chance(60) && outside.length > 0)
      powers.set(random.pick(outside), random.range(5, 20))
    if (powers.size > 0 && random.chance(50)) powers.set(member(), random.range(5, 20))
    if (powers.size > 0 && random.chance(40)) {
      const from = member()
      const others = [...publicKeys.keys()].filter(
        (key) => !powers.has(key) && nodeOf(key) === nodeOf(from),
      )
      const to = others[0]
      if (to !== undefined) {
        powers.set(to, powers.get(from) as number)
        powers.delete(from)
      }
    }
    return powers
  }

  #isSafe(set: ValidatorSet, powers: Powers): boolean {
    if (powers.size === 0) return false
    const target = this.targetOf(powers)
    let next = set
    for (let i = 0; i < LOOK_AHEAD; i++) {
      const updates = updatesToward(next, target)
      next = nextValidatorSet(next, updates)
      if (3 * this.#faultyPower(next) >= next.totalPower) return false
      if (updates.length === 0) return true
    }
    return false
  }

  /** A node has one key in use at a time: what its others hold is silent. */
  #faultyPower(set: ValidatorSet): number {
    const { nodeOf, faulty } = this.#options
    const largest = new Map<number, number>()
    let power = 0
    for (const validator of set.validators) {
      const node = nodeOf(this.#keyOfAddress.get(latin(validator.publicKey)) as number)
      const before = largest.get(node) ?? 0
      power += faulty.has(node) ? validator.power : Math.min(before, validator.power)
      largest.set(node, Math.max(before, validator.power))
    }
    return power
  }

  targetOf(powers: Powers): ValidatorSet {
    const target = checkValidatorTarget(
      [...powers].map(([key, power]) => ({ publicKey: this.publicKeyOf(key), power })),
    )
    if (!target.ok) throw new Error(target.code)
    return target.value
  }
}

const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
