import type { Certificate } from '../core/chain/certificate.ts'
import type { SignedVote, VoteType } from '../core/chain/vote.ts'
import type { BlockId } from '../core/primitives/units.ts'
import { Tally } from './tally.ts'

/** All votes of one round, of both types, and the certificates received for it. */
export class RoundVotes {
  #prevotes = new Tally()
  readonly #precommits = new Tally()
  /** Kept apart from the tallies: an equivocator's counted vote must not mask the one in a certificate. */
  readonly #polkas = new Map<BlockId, Certificate>()
  readonly #commits = new Map<BlockId, Certificate>()
  #senderPower = 0

  /** Power of the distinct validators that voted in this round, whatever they voted. */
  get senderPower(): number {
    return this.#senderPower
  }
  tally(type: VoteType): Tally {
    return type === 'prevote' ? this.#prevotes : this.#precommits
  }
  certificates(type: VoteType): Map<BlockId, Certificate> {
    return type === 'prevote' ? this.#polkas : this.#commits
  }
  hasCertificate(): boolean {
    return this.#polkas.size > 0 || this.#commits.size > 0
  }

  add(vote: SignedVote, power: number): void {
    if (!this.#hasSender(vote.validatorIndex)) this.#senderPower += power
    this.tally(vote.type).add(vote, power)
  }

  removeSender(validatorIndex: number, power: number): void {
    if (this.#hasSender(validatorIndex)) this.#senderPower -= power
    this.#prevotes.remove(validatorIndex, power)
    this.#precommits.remove(validatorIndex, power)
  }

  /** Forgets the prevotes; certificates stay, for a re-proposal may refer to them. */
  prunePrevotes(): void {
    this.#prevotes = new Tally()
  }

  #hasSender(validatorIndex: number): boolean {
    return (
      this.#prevotes.voteOf(validatorIndex) !== undefined ||
      this.#precommits.voteOf(validatorIndex) !== undefined
    )
  }
}
