import type { SignedVote } from '../core/chain/vote.ts'
import { assert } from '../core/primitives/assert.ts'
import type { BlockId } from '../core/primitives/units.ts'

/** Votes of one round and type: the first of each validator counts, a different second one convicts. */
export class Tally {
  readonly #votes = new Map<number, SignedVote>()
  readonly #powerByValue = new Map<BlockId | null, number>()
  readonly #convicted = new Set<number>()
  #power = 0

  /** Power behind any value or nil. */
  get power(): number {
    return this.#power
  }
  powerFor(blockId: BlockId | null): number {
    return this.#powerByValue.get(blockId) ?? 0
  }
  voteOf(validatorIndex: number): SignedVote | undefined {
    return this.#votes.get(validatorIndex)
  }
  /** In the order of validator index. */
  votes(): SignedVote[] {
    return [...this.#votes.values()].sort((a, b) => a.validatorIndex - b.validatorIndex)
  }

  add(vote: SignedVote, power: number): void {
    assert(!this.#votes.has(vote.validatorIndex), 'one vote counts for each validator')
    assert(power > 0, 'a voter has power')
    this.#votes.set(vote.validatorIndex, vote)
    this.#change(vote.blockId, power)
  }

  remove(validatorIndex: number, power: number): void {
    const vote = this.#votes.get(validatorIndex)
    if (vote === undefined) return
    this.#votes.delete(validatorIndex)
    this.#change(vote.blockId, -power)
  }

  /** The counted vote that this one contradicts, once per validator. */
  convict(vote: SignedVote): SignedVote | null {
    const counted = this.#votes.get(vote.validatorIndex)
    if (counted === undefined || counted.blockId === vote.blockId) return null
    if (this.#convicted.has(vote.validatorIndex)) return null
    this.#convicted.add(vote.validatorIndex)
    return counted
  }

  #change(blockId: BlockId | null, power: number): void {
    this.#power += power
    this.#powerByValue.set(blockId, this.powerFor(blockId) + power)
  }
}
