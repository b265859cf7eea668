import type { SignedVote, Vote, VoteType } from '../core/chain/vote.ts'
import { assert } from '../core/primitives/assert.ts'
import type { Round } from '../core/primitives/units.ts'

/** Votes of one validator in the order it may sign them. */
const positionOf = (vote: { readonly type: VoteType; readonly round: Round }): number =>
  2 * vote.round + (vote.type === 'precommit' ? 1 : 0)

/**
 * The second guard against voting twice, independent of the round's step: positions only grow. An
 * own vote that comes back without having been cast here (a lost WAL) moves the position too.
 */
export class OwnVotes {
  #lastCast = -1
  #lastSigned = -1
  readonly #latest = new Map<VoteType, SignedVote>()

  /** False when a vote at or after this one was signed before; it must not be signed again. */
  cast(vote: Vote): boolean {
    const position = positionOf(vote)
    assert(position > this.#lastCast, 'one prevote and one precommit per round, in order')
    this.#lastCast = position
    return position > this.#lastSigned
  }

  /** A vote of ours, signed, came back. */
  signed(vote: SignedVote): void {
    this.#lastSigned = Math.max(this.#lastSigned, positionOf(vote))
    const latest = this.#latest.get(vote.type)
    if (latest === undefined || latest.round < vote.round) this.#latest.set(vote.type, vote)
  }

  /** The last prevote and the last precommit, of whichever round: they help a peer that is a round behind. */
  latest(): readonly SignedVote[] {
    return [...this.#latest.values()].sort((a, b) => positionOf(a) - positionOf(b))
  }
}
