// One-line factories for consensus tests. Signatures are stand-ins: the core never looks at them.
import {
  ConsensusHeight,
  type ConsensusOptions,
  type Effect,
  type Input,
  type TimerKind,
} from '../../consensus/index.ts'
import { trustCommit, trustPolka, trustProposal, trustVote } from '../../consensus/verified.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import { ValidatorSet } from '../../core/chain/validatorSet.ts'
import type { SignedProposal, SignedVote, VoteType } from '../../core/chain/vote.ts'
import { compareBytes, toHex } from '../../core/primitives/bytes.ts'
import { sha256 } from '../../core/primitives/hash.ts'
import {
  addressOfPrivateKey,
  SIGNATURE_LENGTH,
  signatures,
} from '../../core/primitives/signature.ts'
import {
  type BlockId,
  heightOf,
  millisOf,
  type Round,
  roundOf,
} from '../../core/primitives/units.ts'

const encoder = new TextEncoder()

export const CHAIN_ID = 3940
export const HEIGHT = heightOf(5)

/** The id of a block that exists in name only. */
export const block = (name: string): BlockId => toHex(sha256(encoder.encode(name))) as BlockId

export type TestValidators = {
  readonly set: ValidatorSet
  /** In index order. */
  readonly privateKeys: readonly Uint8Array[]
}

/** Validators with keys that are the same in every run; `powers` are in index order, and index 0 proposes round 0 when they are equal. */
export function testValidators(powers: readonly number[]): TestValidators {
  const privateKeys = powers
    .map((_, i) => sha256(encoder.encode(`validator ${i}`)))
    .map((key) => ({ key, address: addressOfPrivateKey(key) }))
    .sort((a, b) => compareBytes(a.address, b.address))
    .map(({ key }) => key)
  const created = ValidatorSet.create(
    privateKeys.map((key, i) => ({
      publicKey: signatures.publicKeyOf(key),
      power: powers[i] as number,
      priority: 0,
    })),
  )
  if (!created.ok) throw new Error(created.code)
  return { set: created.value, privateKeys }
}

export const equalPowers = (count: number): number[] => new Array<number>(count).fill(1)

/** Different content, different bytes; the same content, the same bytes. */
export function standInSignature(...content: readonly (string | number | null)[]): Uint8Array {
  const signature = new Uint8Array(SIGNATURE_LENGTH)
  signature.set(sha256(encoder.encode(content.join('/'))))
  return signature
}

export function signedVote(
  type: VoteType,
  round: number,
  blockId: BlockId | null,
  validatorIndex: number,
): SignedVote {
  return {
    ...{ type, chainId: CHAIN_ID, height: HEIGHT, round: roundOf(round), blockId, validatorIndex },
    signature: standInSignature(type, round, blockId, validatorIndex),
  }
}

export function signedProposal(
  round: number,
  blockId: BlockId,
  polRound: number,
  validatorIndex: number,
): SignedProposal {
  return {
    ...{ chainId: CHAIN_ID, height: HEIGHT, round: roundOf(round), blockId, validatorIndex },
    polRound: polRound as Round | -1,
    signature: standInSignature('proposal', round, blockId, polRound, validatorIndex),
  }
}

export function certificateBy(
  type: VoteType,
  round: number,
  blockId: BlockId,
  indexes: readonly number[],
): Certificate {
  return {
    ...{ height: HEIGHT, round: roundOf(round), blockId },
    signatures: indexes.map((validatorIndex) => ({
      validatorIndex,
      signature: signedVote(type, round, blockId, validatorIndex).signature,
    })),
  }
}

export const prevote = (round: number, blockId: BlockId | null, index: number): Input => ({
  kind: 'vote',
  vote: trustVote(signedVote('prevote', round, blockId, index)),
})
export const precommit = (round: number, blockId: BlockId | null, index: number): Input => ({
  kind: 'vote',
  vote: trustVote(signedVote('precommit', round, blockId, index)),
})
export const polka = (round: number, blockId: BlockId, indexes: readonly number[]): Input => ({
  kind: 'polkaCertificate',
  certificate: trustPolka(certificateBy('prevote', round, blockId, indexes)),
})
export const commit = (round: number, blockId: BlockId, indexes: readonly number[]): Input => ({
  kind: 'commitCertificate',
  certificate: trustCommit(certificateBy('precommit', round, blockId, indexes)),
})
export const checked = (blockId: BlockId, valid = true): Input => ({
  kind: 'blockChecked',
  blockId,
  valid,
})
export const timeout = (kind: TimerKind, round: number): Input => ({
  kind: 'timeout',
  timer: { kind, height: HEIGHT, round: roundOf(round) },
})
export const valueReady = (round: number, blockId: BlockId): Input => ({
  kind: 'valueReady',
  round: roundOf(round),
  blockId,
  time: millisOf(1_000),
})
export const START: Input = { kind: 'start' }

/** A proposal of equal validators, by the right proposer: `round mod count`. Timely unless told otherwise. */
export function proposal(
  round: number,
  blockId: BlockId,
  { polRound = -1, count = 4, receivedAt = 1_010 } = {},
): Input {
  return {
    kind: 'proposal',
    proposal: trustProposal(signedProposal(round, blockId, polRound, round % count)),
    time: millisOf(1_000),
    receivedAt: millisOf(receivedAt),
  }
}

const sets = new Map<number, ValidatorSet>()
/** Equal powers; cached, for making keys is slow. */
export function validatorSetOf(count: number): ValidatorSet {
  const set = sets.get(count) ?? testValidators(equalPowers(count)).set
  sets.set(count, set)
  return set
}

export function optionsOf(ownIndex: number | null, count = 4): ConsensusOptions {
  return {
    ...{ chainId: CHAIN_ID, height: HEIGHT, validators: validatorSetOf(count), ownIndex },
    ...{ precisionMs: millisOf(20), messageDelayMs: millisOf(200), hiddenLockRound: 2 },
  }
}

export const newHeight = (ownIndex: number | null, count = 4): ConsensusHeight =>
  new ConsensusHeight(optionsOf(ownIndex, count))

/** Feeds inputs in order and returns all effects. */
export const feed = (height: ConsensusHeight, ...inputs: readonly Input[]): Effect[] =>
  inputs.flatMap((input) => height.handle(input))

/** Effects as short words, for tables: `prevote 0 nil`, `schedule propose 0`, `decide 0 a`. */
export function words(
  effects: readonly Effect[],
  nameOf: (blockId: BlockId) => string = nameOfBlock,
): string[] {
  return effects.map((effect) => wordsOf(effect, nameOf))
}

function wordsOf(effect: Effect, nameOf: (blockId: BlockId) => string): string {
  switch (effect.kind) {
    case 'castVote': {
      const { type, round, blockId } = effect.vote
      return `${type} ${round} ${blockId === null ? 'nil' : nameOf(blockId)}`
    }
    case 'propose':
      return `propose ${effect.round} ${nameOf(effect.blockId)} ${effect.polRound}`
    case 'getValue':
      return `getValue ${effect.round}`
    case 'checkBlock':
      return `checkBlock ${nameOf(effect.blockId)}`
    case 'fetchBlock':
      return `fetchBlock ${nameOf(effect.blockId)} from ${effect.signers.join()}`
    case 'schedule':
    case 'cancel':
      return `${effect.kind} ${effect.timer.kind} ${effect.timer.round}`
    case 'rebroadcast':
      return `rebroadcast ${effect.votes.map(({ type, round }) => `${type} ${round}`).join()}`
    case 'publishPolka':
      return `publishPolka ${effect.certificate.round} ${nameOf(effect.certificate.blockId)}`
    case 'publishProposal':
      return `publishProposal ${effect.proposal.round} ${nameOf(effect.proposal.blockId)}`
    case 'publishRoundCertificate':
      return `publishRoundCertificate ${effect.certificate.round}`
    case 'decide':
    case 'disagreement':
      return `${effect.kind} ${effect.round} ${nameOf(effect.blockId)}`
    case 'evidence':
      return `evidence ${effect.evidence.kind} ${effect.evidence.first.validatorIndex}`
    case 'stepChanged':
      return `${effect.round}.${effect.step}`
    default:
      throw new Error('unknown effect')
  }
}

const NAMES = new Map(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [block(name), name]))
const nameOfBlock = (blockId: BlockId): string => NAMES.get(blockId) ?? blockId.slice(0, 6)
