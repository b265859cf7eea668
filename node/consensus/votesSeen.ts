import type { Vote, VoteType } from '../../core/chain/vote.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'

type Signed = Pick<Vote, 'type' | 'round' | 'validatorIndex' | 'blockId'> & {
  readonly signature: Uint8Array
}

/**
 * The verified votes of one height: the first of each validator, round and type, and the last that
 * contradicts it. One that comes again costs a comparison instead of a verification.
 */
export class VotesSeen<T extends Signed> {
  readonly #firsts = new Map<number, T>()
  readonly #seconds = new Map<number, T>()

  /** The same vote with the same signature; of one from outside nothing needs to have been checked. */
  has(vote: Signed): boolean {
    const slot = slotOf(vote)
    return isSame(this.#firsts.get(slot), vote) || isSame(this.#seconds.get(slot), vote)
  }

  /** A verified vote. Bounded by `MAX_VOTES`; what is not kept is verified again. */
  add(vote: T): void {
    const slot = slotOf(vote)
    const votes = this.#firsts.has(slot) ? this.#seconds : this.#firsts
    if (votes.size < MAX_VOTES || votes.has(slot)) votes.set(slot, vote)
  }

  firstOf(vote: Signed): T | undefined {
    return this.#firsts.get(slotOf(vote))
  }
  firsts(): readonly T[] {
    return [...this.#firsts.values()]
  }
}

const isSame = (known: Signed | undefined, vote: Signed): boolean =>
  known !== undefined &&
  known.blockId === vote.blockId &&
  equalBytes(known.signature, vote.signature)

const TYPES = { prevote: 0, precommit: 1 } as const satisfies Record<VoteType, number>
/** Of an index as it is sent. */
const INDEXES = 2 ** 16

/** A small integer for the rounds that happen: 20 times as fast as a string. */
const slotOf = ({ type, round, validatorIndex }: Signed): number =>
  (2 * round + TYPES[type]) * INDEXES + validatorIndex

/** Of 128 validators over the window of counted rounds, of both types. */
const MAX_VOTES = 2 * 128 * 64
