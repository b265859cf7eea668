// With the real machines: an operator signs actions of the authority, a test engine, and the set of every
// height follows from those that ran. The next is sent when the set of the one before is there.
import type { ActionCall } from '../../../core/chain/action.ts'
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import { nextValidatorSet, updatesToward } from '../../../core/chain/validatorUpdates.ts'
import { equalBytes } from '../../../core/primitives/bytes.ts'
import type { Pooled } from '../../../node/mempool/action.ts'
import { join, leave, rotate, setPower } from '../../support/authorityChain.ts'
import type { MembershipDraw, Powers } from './membership.ts'

type Asked = { readonly item: Pooled; readonly powers: Powers }

export class ActedMembership {
  readonly #draw: MembershipDraw
  readonly #everyHeights: number
  readonly #sign: (calls: readonly ActionCall[], number: number) => Pooled
  readonly #sets: ValidatorSet[]
  #powers: Powers
  #asked: Asked | null = null
  #count = 0
  #nextAt = 0

  constructor(
    first: ValidatorSet,
    powers: Powers,
    options: {
      readonly draw: MembershipDraw
      readonly everyHeights: number
      readonly sign: (calls: readonly ActionCall[], number: number) => Pooled
    },
  ) {
    this.#draw = options.draw
    this.#everyHeights = options.everyHeights
    this.#sign = options.sign
    this.#powers = powers
    this.#sets = [first, nextValidatorSet(first, [])]
  }

  /** The set that judges a height. */
  setAt(height: number): ValidatorSet {
    return this.#sets[height - 1] as ValidatorSet
  }

  /** The next height is there, and these ran in it. */
  committed(ran: readonly { readonly hash: Uint8Array }[]): void {
    const asked = this.#asked
    if (asked !== null && ran.some(({ hash }) => equalBytes(hash, asked.item.hash))) {
      this.#powers = asked.powers
      this.#asked = null
      this.#nextAt = this.#sets.length + this.#everyHeights
    }
    const newest = this.#newest
    this.#sets.push(nextValidatorSet(newest, updatesToward(newest, this.#target)))
  }

  /** Sent and not in a block yet. */
  get isOpen(): boolean {
    return this.#asked !== null
  }

  /** What the operator sends now; null: nothing. */
  item(mayAskAnew: boolean): Pooled | null {
    if (this.#asked === null && mayAskAnew) this.#asked = this.#ask()
    return this.#asked?.item ?? null
  }

  #ask(): Asked | null {
    if (this.#sets.length < this.#nextAt) return null
    if (updatesToward(this.#newest, this.#target).length > 0) return null
    const powers = this.#draw.after(this.#newest, this.#powers)
    const calls = this.#callsFor(powers)
    return calls.length === 0 ? null : { powers, item: this.#sign(calls, this.#count++) }
  }

  /** Newcomers first, so that no set on the way is too small. */
  #callsFor(after: Powers): ActionCall[] {
    const before = this.#powers
    const key = (number: number): Uint8Array => this.#draw.publicKeyOf(number)
    const gone = [...before.keys()].filter((number) => !after.has(number))
    const added = [...after].filter(([number]) => !before.has(number))
    const heirOf = (number: number) =>
      added.find(
        ([other, power]) =>
          this.#draw.nodeOf(other) === this.#draw.nodeOf(number) && power === before.get(number),
      )?.[0]
    const heirs = new Map(gone.map((number) => [number, heirOf(number)]))
    const rotated = new Set(heirs.values())
    return [
      ...added
        .filter(([number]) => !rotated.has(number))
        .map(([number, power]) => join(key(number), power)),
      ...[...after]
        .filter(([number, power]) => (before.get(number) ?? power) !== power)
        .map(([number, power]) => setPower(key(number), power)),
      ...[...heirs].map(([from, to]) =>
        to === undefined ? leave(key(from)) : rotate(key(from), key(to)),
      ),
    ]
  }

  get #newest(): ValidatorSet {
    return this.#sets.at(-1) as ValidatorSet
  }
  get #target(): ValidatorSet {
    return this.#draw.targetOf(this.#powers)
  }
}
