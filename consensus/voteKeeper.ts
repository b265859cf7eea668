import { type Certificate, votesOf } from '../core/chain/certificate.ts'
import { duplicateVoteOf, type Evidence } from '../core/chain/evidence.ts'
import type { ValidatorSet } from '../core/chain/validatorSet.ts'
import type { SignedVote, VoteType } from '../core/chain/vote.ts'
import { assert } from '../core/primitives/assert.ts'
import type { BlockId, Round } from '../core/primitives/units.ts'
import type { Decision } from './round.ts'
import { RoundVotes } from './roundVotes.ts'
import type {
  VerifiedCommitCertificate,
  VerifiedPolkaCertificate,
  VerifiedVote,
} from './verified.ts'

/**
 * Rounds beyond the next in which one validator's votes are kept. A newer round displaces the
 * oldest, so a validator that runs ahead stays visible and one that lies costs two rounds of memory.
 */
export const CATCH_UP_ROUNDS = 2

/**
 * Counts the votes of one height. Every question is answered in O(1): thresholds are maintained as
 * votes arrive. A fact "polka for v at r" holds by votes or by a certificate, and is asked here only.
 */
export class VoteKeeper {
  readonly #validators: ValidatorSet
  readonly #chainId: number
  readonly #rounds = new Map<Round, RoundVotes>()
  /** Per validator, its rounds beyond the next, oldest first. */
  readonly #catchUp = new Map<number, Round[]>()
  /** Rounds above the current one with more than a third of the power. */
  readonly #skippable = new Set<Round>()
  readonly #commits: Decision[] = []
  #pruned: Round = 0 as Round

  constructor(validators: ValidatorSet, chainId: number) {
    this.#validators = validators
    this.#chainId = chainId
  }

  /** Values with more than two thirds of the precommits of a round, any round, in order of discovery. */
  get commits(): readonly Decision[] {
    return this.#commits
  }
  /** How many rounds take memory. */
  get roundsHeld(): number {
    return this.#rounds.size
  }
  voteOf(type: VoteType, round: Round, validatorIndex: number): SignedVote | undefined {
    return this.#rounds.get(round)?.tally(type).voteOf(validatorIndex)
  }
  hasPolka(round: Round, blockId: BlockId): boolean {
    return this.#hasQuorum('prevote', round, blockId)
  }
  hasPolkaNil(round: Round): boolean {
    return this.#isQuorum(this.#rounds.get(round)?.tally('prevote').powerFor(null))
  }
  /** More than two thirds of the power voted in this round, for whatever. */
  hasQuorumAny(type: VoteType, round: Round): boolean {
    const votes = this.#rounds.get(round)
    if (votes === undefined) return false
    return votes.certificates(type).size > 0 || this.#isQuorum(votes.tally(type).power)
  }
  /** The highest round above the current with votes of more than one third of the power (L55). */
  skipRound(current: Round): Round | null {
    let highest: Round | null = null
    for (const round of this.#skippable) {
      if (round <= current) this.#skippable.delete(round)
      else if (highest === null || round > highest) highest = round
    }
    return highest
  }

  /** Counts the vote unless it is known, contradicts a counted one, or is out of bounds. */
  add(vote: VerifiedVote, current: Round): Evidence | null {
    const { type, round, validatorIndex, blockId } = vote
    assert(validatorIndex < this.#validators.size, 'a verified vote is by a validator')
    if (type === 'prevote' && round < this.#pruned) return null
    if (this.voteOf(type, round, validatorIndex) !== undefined) return this.#evidenceOf(vote)
    if (!this.#admitRound(round, validatorIndex, current)) return null
    const votes = this.#roundVotes(round)
    const power = this.#validators.powerOf(validatorIndex)
    const hadCommit =
      type === 'precommit' && blockId !== null && this.#hasQuorum(type, round, blockId)
    votes.add(vote, power)
    if (type === 'precommit' && blockId !== null && !hadCommit) this.#noteCommit(round, blockId)
    this.#noteSkippable(round, current)
    return null
  }

  /** Takes a certificate as a unit: its votes are never run through first-vote-wins. */
  addCertificate(
    type: VoteType,
    certificate: VerifiedPolkaCertificate | VerifiedCommitCertificate,
    current: Round,
  ): readonly Evidence[] {
    const { round, blockId } = certificate
    const votes = this.#roundVotes(round)
    const known = votes.certificates(type)
    if (known.has(blockId)) return []
    const hadQuorum = this.#hasQuorum(type, round, blockId)
    known.set(blockId, certificate)
    if (type === 'precommit' && !hadQuorum) this.#noteCommit(round, blockId)
    this.#noteSkippable(round, current)
    return votesOf(certificate, type, this.#chainId)
      .map((vote) => this.#evidenceOf(vote))
      .filter((evidence) => evidence !== null)
  }

  /** The votes behind a quorum, from the tally when it has one, else as received. */
  certificate(type: VoteType, round: Round, blockId: BlockId): Certificate {
    assert(this.#hasQuorum(type, round, blockId), 'a certificate is made from a quorum')
    const votes = this.#rounds.get(round)
    const tally = votes?.tally(type)
    const received = votes?.certificates(type).get(blockId)
    if (received !== undefined && !this.#isQuorum(tally?.powerFor(blockId))) return received
    const counted = tally?.votes().filter((vote) => vote.blockId === blockId) ?? []
    const height = (counted[0] as SignedVote).height
    const signatures = counted.map(({ validatorIndex, signature }) => ({
      validatorIndex,
      signature,
    }))
    return { height, round, blockId, signatures }
  }

  /** Votes that allow a round to be entered: just enough for more than 1/3 of it, or of precommits for more than 2/3 of the round before. */
  roundCertificateVotes(round: Round, cause: 'skip' | 'precommits'): readonly SignedVote[] {
    const from = cause === 'skip' ? round : ((round - 1) as Round)
    const types: readonly VoteType[] = cause === 'skip' ? ['prevote', 'precommit'] : ['precommit']
    const chosen = new Map<number, SignedVote>()
    let power = 0
    for (const vote of types.flatMap((type) => this.#allVotes(type, from))) {
      if (chosen.has(vote.validatorIndex)) continue
      chosen.set(vote.validatorIndex, vote)
      power += this.#validators.powerOf(vote.validatorIndex)
      const enough =
        cause === 'skip' ? this.#validators.isHonest(power) : this.#validators.isQuorum(power)
      if (enough) return [...chosen.values()]
    }
    assert(false, 'a round is entered only with a certificate for it')
  }

  /** Forgets prevotes of rounds below a lock; precommits stay, because any round may still decide. */
  prune(before: Round): void {
    for (const [round, votes] of this.#rounds) if (round < before) votes.prunePrevotes()
    this.#pruned = before
  }

  #hasQuorum(type: VoteType, round: Round, blockId: BlockId): boolean {
    const votes = this.#rounds.get(round)
    if (votes === undefined) return false
    return (
      votes.certificates(type).has(blockId) || this.#isQuorum(votes.tally(type).powerFor(blockId))
    )
  }

  #isQuorum(power: number | undefined): boolean {
    return power !== undefined && this.#validators.isQuorum(power)
  }

  #roundVotes(round: Round): RoundVotes {
    let votes = this.#rounds.get(round)
    if (votes === undefined) {
      votes = new RoundVotes()
      this.#rounds.set(round, votes)
    }
    return votes
  }

  #allVotes(type: VoteType, round: Round): SignedVote[] {
    const votes = this.#rounds.get(round)
    if (votes === undefined) return []
    const certified = [...votes.certificates(type).values()].flatMap((certificate) =>
      votesOf(certificate, type, this.#chainId),
    )
    return [...votes.tally(type).votes(), ...certified]
  }

  #evidenceOf(vote: SignedVote): Evidence | null {
    const counted = this.#rounds.get(vote.round)?.tally(vote.type).convict(vote)
    return counted ? duplicateVoteOf(counted, vote) : null
  }

  #noteCommit(round: Round, blockId: BlockId): void {
    if (this.#hasQuorum('precommit', round, blockId)) this.#commits.push({ round, blockId })
  }

  #noteSkippable(round: Round, current: Round): void {
    const votes = this.#rounds.get(round)
    if (votes === undefined || round <= current) return
    if (votes.hasCertificate() || this.#validators.isHonest(votes.senderPower))
      this.#skippable.add(round)
    else this.#skippable.delete(round)
  }

  /** Makes room for a vote beyond the next round, or refuses one that is older than those kept. */
  #admitRound(round: Round, validatorIndex: number, current: Round): boolean {
    if (round <= current + 1) return true
    const ahead = (this.#catchUp.get(validatorIndex) ?? []).filter((kept) => kept > current + 1)
    if (!ahead.includes(round)) {
      const oldest = ahead[0]
      if (ahead.length >= CATCH_UP_ROUNDS && oldest !== undefined) {
        if (round < oldest) return false
        ahead.shift()
        this.#displace(validatorIndex, oldest, current)
      }
      ahead.push(round)
      ahead.sort((a, b) => a - b)
    }
    this.#catchUp.set(validatorIndex, ahead)
    return true
  }

  /** A round that nobody else voted in is dropped whole, or a liar could leave one behind per vote. */
  #displace(validatorIndex: number, round: Round, current: Round): void {
    const votes = this.#rounds.get(round)
    if (votes === undefined) return
    votes.removeSender(validatorIndex, this.#validators.powerOf(validatorIndex))
    this.#noteSkippable(round, current)
    if (votes.senderPower === 0 && !votes.hasCertificate()) this.#rounds.delete(round)
  }
}
