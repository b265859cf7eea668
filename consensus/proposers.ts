import type { ValidatorSet } from '../core/chain/validatorSet.ts'
import type { Round } from '../core/primitives/units.ts'

/** Who proposes in each round of one height; each round is computed once. */
export class Proposers {
  readonly #validators: ValidatorSet
  readonly #indexByRound = new Map<Round, number>()

  constructor(validators: ValidatorSet) {
    this.#validators = validators
  }

  /** Validator index. O(round · validators) the first time: callers bound the round of what comes from outside. */
  of(round: Round): number {
    const known = this.#indexByRound.get(round)
    if (known !== undefined) return known
    const index = this.#validators.proposerIndex(round)
    this.#indexByRound.set(round, index)
    return index
  }
}
