// Two certified blocks of one height. Less than a third cannot make them, so a third or more did, and
// this says who can be proved and who cannot.
//
// Both commits in one round: whoever signed both signed twice in one slot, which is proof, and two quorums
// share more than a third. Commits in different rounds: somebody left a lock. A validator that
// precommitted the first block may prevote another only after a newer polka for it; one that did so
// without any such polka among the votes known here is suspected. That is not proof: the polka may have
// been seen by that validator alone. Without prevotes all that is known is who signed both commits, and
// an honest validator may be among them.
import { blockIdOf, type Header, headerCodec } from '../core/chain/block.ts'
import { type Certificate, certificateCodec, votesOf } from '../core/chain/certificate.ts'
import { duplicateVoteOf, type Evidence } from '../core/chain/evidence.ts'
import { type Validator, ValidatorSet, validatorSetCodec } from '../core/chain/validatorSet.ts'
import { type SignedVote, signedVoteCodec, voteDigest } from '../core/chain/vote.ts'
import { type Codec, int, list, optional, struct } from '../core/primitives/codec.ts'
import { LIMITS } from '../core/primitives/limits.ts'
import { ok, type Result, reject } from '../core/primitives/result.ts'
import { signatures } from '../core/primitives/signature.ts'
import type { BlockId, Height, Round } from '../core/primitives/units.ts'
import { type CertificateCode, verifyCommitCertificate } from './verifyCertificate.ts'

/** A commit; the header is not needed for any proof and not always known. */
export type CommittedHeader = { readonly certificate: Certificate; readonly header: Header | null }

export type Fork = {
  readonly chainId: number
  /** The set of the height. */
  readonly validators: readonly Validator[]
  /** The commit of the lower round; in one round, that of the lower block id. */
  readonly first: CommittedHeader
  readonly second: CommittedHeader
  /** Further votes of the height, as many as are known. */
  readonly votes: readonly SignedVote[]
}

export type ForkCode =
  | CertificateCode
  | 'BAD_VALIDATORS'
  | 'DIFFERENT_HEIGHT'
  | 'SAME_BLOCK'
  | 'NOT_CANONICAL'
  | 'WRONG_HEADER'
  | 'BAD_VOTE'

export type Accused = {
  readonly validatorIndex: number
  /** 20 bytes. */
  readonly address: Uint8Array
  readonly power: number
}

export type ForkReport = {
  readonly height: Height
  readonly blockIds: readonly [BlockId, BlockId]
  readonly rounds: readonly [Round, Round]
  /** Signed twice in one slot, with the evidence. */
  readonly proved: readonly (Accused & { readonly evidence: Evidence })[]
  /** Prevoted against a lock with no reason known here; not proof. None of them is proved. */
  readonly suspected: readonly Accused[]
  /** Signed both commits, in different rounds; honest validators may be among them. */
  readonly signedBoth: readonly Accused[]
  readonly provedPower: number
  readonly suspectedPower: number
  readonly totalPower: number
}

/** What is kept of the votes of a height: both types, all validators, 32 rounds. */
export const MAX_FORK_VOTES = 2 * 32 * LIMITS.validators

const committedHeaderCodec: Codec<CommittedHeader> = struct<CommittedHeader>({
  certificate: certificateCodec,
  header: optional(headerCodec),
})

export const forkCodec: Codec<Fork> = struct<Fork>({
  chainId: int,
  validators: validatorSetCodec,
  first: committedHeaderCodec,
  second: committedHeaderCodec,
  votes: list(signedVoteCodec, MAX_FORK_VOTES),
})

/** The same two commits always make the same fork, whichever came first. */
export function forkOf(
  commits: readonly [CommittedHeader, CommittedHeader],
  context: Pick<Fork, 'chainId' | 'validators' | 'votes'>,
): Fork {
  const [a, b] = commits
  const [first, second] = isBefore(a.certificate, b.certificate) ? [a, b] : [b, a]
  const { chainId, validators, votes } = context
  return { chainId, validators, first, second, votes: votes.slice(0, MAX_FORK_VOTES) }
}

/** Checks every signature, about 50 µs each, and names who is to blame. */
export function judgeFork(fork: Fork): Result<ForkReport, ForkCode> {
  const created = ValidatorSet.create(fork.validators)
  if (!created.ok) return reject('BAD_VALIDATORS')
  const set = created.value
  const { first, second, chainId } = fork
  if (first.certificate.height !== second.certificate.height) return reject('DIFFERENT_HEIGHT')
  if (first.certificate.blockId === second.certificate.blockId) return reject('SAME_BLOCK')
  if (!isBefore(first.certificate, second.certificate)) return reject('NOT_CANONICAL')
  for (const { certificate, header } of [first, second]) {
    const verified = verifyCommitCertificate(certificate, set, chainId)
    if (!verified.ok) return verified
    if (header !== null && !isHeaderOf(header, certificate)) return reject('WRONG_HEADER')
  }
  return fork.votes.every((vote) => isVoteOf(vote, fork, set))
    ? ok(reportOf(fork, set))
    : reject('BAD_VOTE')
}

const isBefore = (a: Certificate, b: Certificate): boolean =>
  a.round === b.round ? a.blockId < b.blockId : a.round < b.round

const isHeaderOf = (header: Header, { height, blockId }: Certificate): boolean =>
  header.height === height && blockIdOf(header) === blockId

function isVoteOf(vote: SignedVote, { chainId, first }: Fork, set: ValidatorSet): boolean {
  const validator = set.validators[vote.validatorIndex]
  if (validator === undefined || vote.chainId !== chainId) return false
  if (vote.height !== first.certificate.height) return false
  return signatures.verify(vote.signature, voteDigest(vote), validator.publicKey)
}

function reportOf(fork: Fork, set: ValidatorSet): ForkReport {
  const [first, second] = [fork.first.certificate, fork.second.certificate]
  const votes = [
    ...votesOf(first, 'precommit', fork.chainId),
    ...votesOf(second, 'precommit', fork.chainId),
    ...fork.votes,
  ]
  const accused = (validatorIndex: number): Accused => ({
    validatorIndex,
    address: set.addresses[validatorIndex] as Uint8Array,
    power: set.powerOf(validatorIndex),
  })
  const doubles = doubleVotesOf(votes)
  const proved = inOrder(doubles.keys()).map((index) => ({
    ...accused(index),
    evidence: doubles.get(index) as Evidence,
  }))
  const suspected = inOrder(unjustifiedOf(first, votes, set))
    .filter((index) => !doubles.has(index))
    .map(accused)
  const seconds = new Set(second.signatures.map(({ validatorIndex }) => validatorIndex))
  const both = first.signatures.filter(({ validatorIndex }) => seconds.has(validatorIndex))
  return {
    height: first.height,
    blockIds: [first.blockId, second.blockId],
    rounds: [first.round, second.round],
    proved,
    suspected,
    signedBoth:
      first.round === second.round ? [] : both.map(({ validatorIndex }) => accused(validatorIndex)),
    provedPower: powerOf(proved),
    suspectedPower: powerOf(suspected),
    totalPower: set.totalPower,
  }
}

/** By validator: its first pair of votes that contradict each other in one slot. */
function doubleVotesOf(votes: readonly SignedVote[]): Map<number, Evidence> {
  const slots = new Map<string, SignedVote>()
  const found = new Map<number, Evidence>()
  for (const vote of votes) {
    const { type, round, validatorIndex } = vote
    const slot = `${type}/${round}/${validatorIndex}`
    const before = slots.get(slot) ?? vote
    slots.set(slot, before)
    if (before.blockId !== vote.blockId && !found.has(validatorIndex))
      found.set(validatorIndex, duplicateVoteOf(before, vote))
  }
  return found
}

/** Signers of the first commit that later prevoted another block, with no polka for it since the commit's round. */
function unjustifiedOf(
  first: Certificate,
  votes: readonly SignedVote[],
  set: ValidatorSet,
): Set<number> {
  const locked = new Set(first.signatures.map(({ validatorIndex }) => validatorIndex))
  const prevotes = votes.filter(({ type, round }) => type === 'prevote' && round >= first.round)
  const unjustified = new Set<number>()
  for (const { blockId, round, validatorIndex } of prevotes) {
    if (blockId === null || blockId === first.blockId || round === first.round) continue
    if (!locked.has(validatorIndex)) continue
    const earlier = prevotes.filter((vote) => vote.blockId === blockId && vote.round < round)
    if (!hasPolka(earlier, set)) unjustified.add(validatorIndex)
  }
  return unjustified
}

/** Whether in some round more than two thirds are among these votes, all for one block. */
function hasPolka(votes: readonly SignedVote[], set: ValidatorSet): boolean {
  const voters = new Map<Round, Set<number>>()
  for (const { round, validatorIndex } of votes)
    voters.set(round, (voters.get(round) ?? new Set<number>()).add(validatorIndex))
  return [...voters.values()].some((indexes) =>
    set.isQuorum([...indexes].reduce((power, index) => power + set.powerOf(index), 0)),
  )
}

const inOrder = (indexes: Iterable<number>): number[] => [...indexes].sort((a, b) => a - b)
const powerOf = (accused: readonly Accused[]): number =>
  accused.reduce((sum, { power }) => sum + power, 0)
