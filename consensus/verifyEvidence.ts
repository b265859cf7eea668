import type { Evidence } from '../core/chain/evidence.ts'
import type { ValidatorSet } from '../core/chain/validatorSet.ts'
import { proposalDigest, voteDigest } from '../core/chain/vote.ts'
import { compareBytes } from '../core/primitives/bytes.ts'
import { ok, type Result, reject } from '../core/primitives/result.ts'
import { signatures } from '../core/primitives/signature.ts'

export type EvidenceCode =
  | 'WRONG_CHAIN'
  | 'DIFFERENT_SLOT'
  | 'SAME_MESSAGE'
  | 'NOT_CANONICAL'
  | 'UNKNOWN_VALIDATOR'
  | 'BAD_SIGNATURE'

/** Who is guilty, by position in the set of the evidence's height. */
export type Conviction = { readonly validatorIndex: number; readonly power: number }

/**
 * Two valid signatures of one validator, same height, round and kind, different content.
 * `validators` is the set of the evidence's height. Whether it is too old or known is the caller's
 * question. A double proposal convicts whoever signed it, the round's proposer or not: no honest
 * validator signs two, and the proposer of an absurd round would take an absurd time to find.
 */
export function verifyEvidence(
  evidence: Evidence,
  validators: ValidatorSet,
  chainId: number,
): Result<Conviction, EvidenceCode> {
  const { first, second } = evidence
  if (first.chainId !== chainId || second.chainId !== chainId) return reject('WRONG_CHAIN')
  if (!sameSlot(evidence)) return reject('DIFFERENT_SLOT')
  if (!differs(evidence)) return reject('SAME_MESSAGE')
  if (compareBytes(first.signature, second.signature) >= 0) return reject('NOT_CANONICAL')
  const { validatorIndex } = first
  const validator = validators.validators[validatorIndex]
  if (validator === undefined) return reject('UNKNOWN_VALIDATOR')
  const [a, b] = digestsOf(evidence)
  const { publicKey, power } = validator
  const proven =
    signatures.verify(first.signature, a, publicKey) &&
    signatures.verify(second.signature, b, publicKey)
  return proven ? ok({ validatorIndex, power }) : reject('BAD_SIGNATURE')
}

function sameSlot(evidence: Evidence): boolean {
  const { first, second } = evidence
  return (
    first.height === second.height &&
    first.round === second.round &&
    first.validatorIndex === second.validatorIndex &&
    (evidence.kind === 'duplicateProposal' || evidence.first.type === evidence.second.type)
  )
}

function differs(evidence: Evidence): boolean {
  if (evidence.first.blockId !== evidence.second.blockId) return true
  return (
    evidence.kind === 'duplicateProposal' && evidence.first.polRound !== evidence.second.polRound
  )
}

function digestsOf(evidence: Evidence): readonly [Uint8Array, Uint8Array] {
  return evidence.kind === 'duplicateVote'
    ? [voteDigest(evidence.first), voteDigest(evidence.second)]
    : [proposalDigest(evidence.first), proposalDigest(evidence.second)]
}
