import { type IsVerified, verifyCommitCertificate } from '../../consensus/verifyCertificate.ts'
import { verifyEvidence } from '../../consensus/verifyEvidence.ts'
import {
  type Block,
  type CrossMessage,
  crossMessageCodec,
  payloadHashOf,
} from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import { evidenceHash, heightOfEvidence } from '../../core/chain/evidence.ts'
import { type ConsensusParams, consensusParamsHash } from '../../core/chain/params.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { equalBytes, toHex } from '../../core/primitives/bytes.ts'
import { encode } from '../../core/primitives/codec.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import type { Height } from '../../core/primitives/units.ts'
import type { ChainHead } from '../executor/chainHead.ts'
import type { StateSummary } from '../storage/stateSummary.ts'
import type { EvidencePool } from './evidencePool.ts'

export type BlockCode =
  | 'WRONG_CHAIN_ID'
  | 'WRONG_HEIGHT'
  | 'WRONG_PREVIOUS_BLOCK'
  | 'TIME_NOT_AFTER_PREVIOUS'
  | 'UNKNOWN_PROPOSER'
  | 'WRONG_VALIDATORS_HASH'
  | 'WRONG_NEXT_VALIDATORS_HASH'
  | 'WRONG_CONSENSUS_PARAMS_HASH'
  | 'WRONG_PAYLOAD_HASH'
  | 'WRONG_STATE_ROOT'
  | 'WRONG_RECEIPTS_ROOT'
  | 'BLOCK_TOO_LARGE'
  | 'WRONG_MESSAGES'
  | 'BAD_LAST_COMMIT'
  | 'EVIDENCE_NOT_ALLOWED'
  | 'BAD_EVIDENCE'
  | 'UNKNOWABLE_EVIDENCE'
  | 'BAD_TRANSACTION'

/** All that judging a block needs besides the block. */
export type ValidityContext = {
  readonly chainId: number
  readonly params: ConsensusParams
  readonly head: StateSummary
  /** The set that judges this height. */
  readonly validators: ValidatorSet
  readonly nextValidators: ValidatorSet
  /** What the state before has queued for this block. */
  readonly pendingMessages: readonly CrossMessage[]
  /** The set of an earlier height, for evidence and the last commit; null when it is no longer kept. */
  readonly validatorsAt: (height: Height) => ValidatorSet | null
  readonly timeAt: (height: Height) => number | null
  readonly hasEvidence: (hash: Uint8Array) => boolean
  /** What this node's records begin with; absent: the genesis. */
  readonly start?: Height
  /** Which signatures of the last commit need no verification any more; absent: none. */
  readonly knownPrecommits?: (certificate: Certificate) => IsVerified
  /** Two thirds of the validators vouch for the block, with a polka or a commit. */
  readonly vouched?: boolean
  /** Whether every transaction and envelope decodes and carries a valid signature for this chain. */
  readonly transactionsDecode: boolean
}

/** The context of the height after `head`. */
export function validityContextOf(
  options: Pick<
    ValidityContext,
    'chainId' | 'params' | 'validators' | 'nextValidators' | 'knownPrecommits'
  > & { readonly head: ChainHead },
  evidence: Pick<EvidencePool, 'validatorsAt' | 'timeAt' | 'isCommitted'> &
    Partial<Pick<EvidencePool, 'start'>>,
  { transactionsDecode, vouched = false }: Pick<ValidityContext, 'transactionsDecode' | 'vouched'>,
): ValidityContext {
  const { chainId, params, head, validators, nextValidators, knownPrecommits } = options
  return {
    ...(knownPrecommits === undefined ? {} : { knownPrecommits }),
    chainId,
    params,
    head: head.summary,
    validators,
    nextValidators,
    pendingMessages: head.pendingMessages,
    validatorsAt: evidence.validatorsAt,
    timeAt: evidence.timeAt,
    hasEvidence: evidence.isCommitted,
    ...(evidence.start === undefined ? {} : { start: evidence.start }),
    transactionsDecode,
    vouched,
  }
}

/** Judges a block against the state after the height before; `sizeBytes` is the length of its encoding. It is not executed for that. */
export function checkBlock(
  block: Block,
  sizeBytes: number,
  context: ValidityContext,
): Result<null, BlockCode> {
  const header = checkHeader(block, context)
  if (!header.ok) return header
  const { payload } = block
  if (!equalBytes(payloadHashOf(payload), block.header.payloadHash))
    return reject('WRONG_PAYLOAD_HASH')
  if (sizeBytes > context.params.maxBlockBytes) return reject('BLOCK_TOO_LARGE')
  if (!areSame(payload.messages, context.pendingMessages)) return reject('WRONG_MESSAGES')
  if (!context.transactionsDecode) return reject('BAD_TRANSACTION')
  const lastCommit = checkLastCommit(block, context)
  return lastCommit.ok ? checkEvidence(block, context) : lastCommit
}

function checkHeader({ header }: Block, context: ValidityContext): Result<null, BlockCode> {
  const { head, validators } = context
  if (header.chainId !== context.chainId) return reject('WRONG_CHAIN_ID')
  if (header.height !== head.height + 1) return reject('WRONG_HEIGHT')
  if (header.previousBlockId !== head.blockId) return reject('WRONG_PREVIOUS_BLOCK')
  if (header.time <= head.time) return reject('TIME_NOT_AFTER_PREVIOUS')
  // A re-proposal keeps the header of the first proposer, so any member is possible.
  if (validators.indexOf(header.proposer) < 0) return reject('UNKNOWN_PROPOSER')
  if (!equalBytes(header.validatorsHash, validators.hash)) return reject('WRONG_VALIDATORS_HASH')
  if (!equalBytes(header.nextValidatorsHash, context.nextValidators.hash))
    return reject('WRONG_NEXT_VALIDATORS_HASH')
  if (!equalBytes(header.consensusParamsHash, consensusParamsHash(context.params)))
    return reject('WRONG_CONSENSUS_PARAMS_HASH')
  if (!equalBytes(header.stateRoot, head.stateRoot)) return reject('WRONG_STATE_ROOT')
  if (!equalBytes(header.receiptsRoot, head.receiptsRoot)) return reject('WRONG_RECEIPTS_ROOT')
  return ok(null)
}

function areSame(given: readonly CrossMessage[], expected: readonly CrossMessage[]): boolean {
  const bytesOf = (message: CrossMessage): Uint8Array => encode(crossMessageCodec, message)
  return (
    given.length === expected.length &&
    given.every((message, i) => equalBytes(bytesOf(message), bytesOf(expected[i] as CrossMessage)))
  )
}

function checkLastCommit({ payload }: Block, context: ValidityContext): Result<null, BlockCode> {
  const { head, chainId } = context
  const certificate = payload.lastCommit
  if (head.height === 0) return certificate === null ? ok(null) : reject('BAD_LAST_COMMIT')
  if (certificate === null) return reject('BAD_LAST_COMMIT')
  if (certificate.height !== head.height || certificate.blockId !== head.blockId)
    return reject('BAD_LAST_COMMIT')
  const validators = context.validatorsAt(head.height)
  if (validators === null) return reject('BAD_LAST_COMMIT')
  const isVerified = context.knownPrecommits?.(certificate)
  return verifyCommitCertificate(certificate, validators, chainId, isVerified).ok
    ? ok(null)
    : reject('BAD_LAST_COMMIT')
}

function checkEvidence({ payload }: Block, context: ValidityContext): Result<null, BlockCode> {
  const { head, params, chainId } = context
  if (payload.evidence.length > LIMITS.blockEvidence) return reject('EVIDENCE_NOT_ALLOWED')
  const seen = new Set<string>()
  let isUnknown = false
  for (const evidence of payload.evidence) {
    const hash = evidenceHash(evidence)
    const height = heightOfEvidence(evidence)
    // Evidence of the height in flight once crashed peers that had not committed it (Mulberry, 2021).
    if (height > head.height || seen.has(toHex(hash)) || context.hasEvidence(hash))
      return reject('EVIDENCE_NOT_ALLOWED')
    seen.add(toHex(hash))
    if (isUnknowable(context, height, params)) {
      isUnknown = true
      continue
    }
    if (isEvidenceExpired(context, height, params)) return reject('EVIDENCE_NOT_ALLOWED')
    const validators = context.validatorsAt(height)
    if (validators === null || !verifyEvidence(evidence, validators, chainId).ok)
      return reject('BAD_EVIDENCE')
  }
  return isUnknown && context.vouched !== true ? reject('UNKNOWABLE_EVIDENCE') : ok(null)
}

/**
 * Of a height before the snapshot that this node was restored from, and not surely expired: it lacks the
 * validators of that height, and knows not whether a block holds the evidence already. It votes for no such
 * block unless two thirds vouch for it, as it does not vouch itself: among them are honest validators that
 * have judged it, so that nothing is decided here that they refuse.
 */
function isUnknowable(context: ValidityContext, height: Height, params: ConsensusParams): boolean {
  const { start } = context
  if (start === undefined || height >= start) return false
  return !isEvidenceExpired(context, start, params)
}

/** Expired when older than both the time and the number of blocks allowed. */
export function isEvidenceExpired(
  context: Pick<ValidityContext, 'head' | 'timeAt'>,
  height: Height,
  params: ConsensusParams,
): boolean {
  const time = context.timeAt(height)
  if (time === null) return true
  const tooOld = context.head.time - time > params.evidenceMaxAgeMs
  const tooManyBlocks = context.head.height - height > params.evidenceMaxAgeBlocks
  return tooOld && tooManyBlocks
}
