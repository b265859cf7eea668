import { Proposers } from '../../consensus/index.ts'
import {
  trustCommit,
  trustPolka,
  trustProposal,
  trustVote,
  type VerifiedCommitCertificate,
  type VerifiedPolkaCertificate,
  type VerifiedProposal,
  type VerifiedVote,
} from '../../consensus/verified.ts'
import {
  type CertificateCode,
  verifyCommitCertificate,
  verifyPolkaCertificate,
} from '../../consensus/verifyCertificate.ts'
import type { Certificate, RoundCertificate } from '../../core/chain/certificate.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import {
  proposalDigest,
  type SignedProposal,
  type SignedVote,
  type VoteType,
  voteDigest,
} from '../../core/chain/vote.ts'
import { assert } from '../../core/primitives/assert.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { signatures } from '../../core/primitives/signature.ts'
import type { Height, Round } from '../../core/primitives/units.ts'

export type AdmissionOptions = {
  readonly chainId: number
  readonly height: Height
  /** The set of `height`. */
  readonly validators: ValidatorSet
}

export type AdmissionCode =
  | CertificateCode
  | 'WRONG_CHAIN'
  | 'WRONG_HEIGHT'
  | 'UNKNOWN_VALIDATOR'
  | 'ROUND_TOO_FAR'
  | 'BAD_POL_ROUND'
  | 'WRONG_PROPOSER'
  | 'WRONG_ROUND'

type Slot = { readonly chainId: number; readonly height: Height; readonly validatorIndex: number }

/**
 * The door of one height: the only maker of what the core calls verified. Cheap checks come before
 * the signature, which takes about 50 µs; an index is checked before it indexes anything.
 */
export class Admission {
  readonly #options: AdmissionOptions
  readonly #proposers: Proposers
  readonly #digests = new Map<
    VoteType,
    { readonly vote: SignedVote; readonly digest: Uint8Array }
  >()

  constructor(options: AdmissionOptions) {
    this.#options = options
    this.#proposers = new Proposers(options.validators)
  }

  /** Validator index. O(round · validators) the first time. */
  proposerOf(round: Round): number {
    return this.#proposers.of(round)
  }

  admitVote(vote: SignedVote): Result<VerifiedVote, AdmissionCode> {
    const publicKey = this.#publicKeyFor(vote)
    if (!publicKey.ok) return publicKey
    return signatures.verify(vote.signature, this.#digestOf(vote), publicKey.value)
      ? ok(trustVote(vote))
      : reject('BAD_SIGNATURE')
  }

  /** `current` is our round: the proposer of a round far ahead is costly to find, so it is not looked for. */
  admitProposal(proposal: SignedProposal, current: Round): Result<VerifiedProposal, AdmissionCode> {
    const { round, polRound, validatorIndex } = proposal
    const publicKey = this.#publicKeyFor(proposal)
    if (!publicKey.ok) return publicKey
    if (round > current + LIMITS.roundsAhead) return reject('ROUND_TOO_FAR')
    if (polRound < -1 || polRound >= round) return reject('BAD_POL_ROUND')
    if (this.#proposers.of(round) !== validatorIndex) return reject('WRONG_PROPOSER')
    return signatures.verify(proposal.signature, proposalDigest(proposal), publicKey.value)
      ? ok(trustProposal(proposal))
      : reject('BAD_SIGNATURE')
  }

  admitPolka(certificate: Certificate): Result<VerifiedPolkaCertificate, AdmissionCode> {
    const { height, validators, chainId } = this.#options
    if (certificate.height !== height) return reject('WRONG_HEIGHT')
    const verified = verifyPolkaCertificate(certificate, validators, chainId)
    return verified.ok ? ok(trustPolka(certificate)) : verified
  }

  admitCommit(certificate: Certificate): Result<VerifiedCommitCertificate, AdmissionCode> {
    const { height, validators, chainId } = this.#options
    if (certificate.height !== height) return reject('WRONG_HEIGHT')
    const verified = verifyCommitCertificate(certificate, validators, chainId)
    return verified.ok ? ok(trustCommit(certificate)) : verified
  }

  /** All its votes or none: votes of the round it enters, or precommits of the round before. */
  admitRoundCertificate(
    certificate: RoundCertificate,
  ): Result<readonly VerifiedVote[], AdmissionCode> {
    const { height, round, votes } = certificate
    if (height !== this.#options.height) return reject('WRONG_HEIGHT')
    const admitted: VerifiedVote[] = []
    for (const vote of votes) {
      const before = vote.type === 'precommit' && vote.round === round - 1
      if (vote.round !== round && !before) return reject('WRONG_ROUND')
      const result = this.admitVote(vote)
      if (!result.ok) return result
      admitted.push(result.value)
    }
    return ok(admitted)
  }

  /** A vote that our signer just signed; its signature is not checked again. */
  ownVote(vote: SignedVote): VerifiedVote {
    assert(this.#publicKeyFor(vote).ok, 'an own vote is of this height')
    return trustVote(vote)
  }

  /** A proposal that our signer just signed. */
  ownProposal(proposal: SignedProposal): VerifiedProposal {
    assert(this.#publicKeyFor(proposal).ok, 'an own proposal is of this height')
    return trustProposal(proposal)
  }

  /** Those who vote for the same sign the same. */
  #digestOf(vote: SignedVote): Uint8Array {
    const last = this.#digests.get(vote.type)
    if (last?.vote.round === vote.round && last.vote.blockId === vote.blockId) return last.digest
    const digest = voteDigest(vote)
    this.#digests.set(vote.type, { vote, digest })
    return digest
  }

  #publicKeyFor(slot: Slot): Result<Uint8Array, AdmissionCode> {
    const { chainId, height, validators } = this.#options
    if (slot.chainId !== chainId) return reject('WRONG_CHAIN')
    if (slot.height !== height) return reject('WRONG_HEIGHT')
    const validator = validators.validators[slot.validatorIndex]
    return validator === undefined ? reject('UNKNOWN_VALIDATOR') : ok(validator.publicKey)
  }
}
