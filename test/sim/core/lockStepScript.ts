// What the lock-step adversary can send. Made once and used again in every run: values are small
// numbers, 0 is nil, and a message depends on nothing but its fields.
import type { Input } from '../../../consensus/index.ts'
import {
  trustCommit,
  trustPolka,
  trustProposal,
  trustVote,
  type VerifiedVote,
} from '../../../consensus/verified.ts'
import type { VoteType } from '../../../core/chain/vote.ts'
import {
  type BlockId,
  heightOf,
  millisOf,
  type Round,
  roundOf,
} from '../../../core/primitives/units.ts'
import { fakeSignature, voteKey } from './messages.ts'

export const CHAIN_ID = 7
export const HEIGHT = heightOf(1)
export const NOW = millisOf(1_000)
export const NIL = 0
export const HIDDEN_LOCK_ROUND = 2
/** Blocks of one run are numbered below this; it bounds the tables. */
const VALUES = 64

export const blockIdOf = (value: number): BlockId => value.toString(16).padStart(64, '0') as BlockId
export const numberOf = (blockId: BlockId | null): number =>
  blockId === null ? NIL : Number.parseInt(blockId.slice(-8), 16)

const BLOCK_IDS = Array.from({ length: VALUES }, (_, value) => blockIdOf(value))
const idOf = (value: number): BlockId => BLOCK_IDS[value] ?? blockIdOf(value)

export type Sent = { readonly value: number; readonly polRound: number }

const votes = new Map<number, Input & { readonly kind: 'vote' }>()

export function voteInput(
  type: VoteType,
  round: number,
  value: number,
  validatorIndex: number,
): Input & { readonly kind: 'vote' } {
  const key = ((round * VALUES + value) * 2 + (type === 'prevote' ? 0 : 1)) * 128 + validatorIndex
  const known = votes.get(key)
  if (known !== undefined) return known
  const blockId = value === NIL ? null : idOf(value)
  const slot = { type, height: HEIGHT, round: roundOf(round), blockId, validatorIndex }
  const vote: VerifiedVote = trustVote({
    ...slot,
    chainId: CHAIN_ID,
    signature: fakeSignature(voteKey(slot), validatorIndex),
  })
  const input = { kind: 'vote', vote } as const
  votes.set(key, input)
  return input
}

/** Prevotes make a polka certificate, precommits a commit certificate. */
export function certificateInput(
  type: VoteType,
  round: number,
  value: number,
  signers: readonly number[],
): Input {
  const signatures = [...signers]
    .sort((a, b) => a - b)
    .map((validatorIndex) => ({
      validatorIndex,
      signature: voteInput(type, round, value, validatorIndex).vote.signature,
    }))
  const certificate = { height: HEIGHT, round: roundOf(round), blockId: idOf(value), signatures }
  return type === 'prevote'
    ? { kind: 'polkaCertificate', certificate: trustPolka(certificate) }
    : { kind: 'commitCertificate', certificate: trustCommit(certificate) }
}

const proposals = new Map<number, Input>()

export function proposalInput(
  round: number,
  validatorIndex: number,
  { value, polRound }: Sent,
): Input {
  const key = ((round * 16 + polRound + 1) * VALUES + value) * 128 + validatorIndex
  const known = proposals.get(key)
  if (known !== undefined) return known
  const proposal = trustProposal({
    ...{ chainId: CHAIN_ID, height: HEIGHT, round: roundOf(round), validatorIndex },
    ...{ blockId: idOf(value), polRound: polRound as Round | -1 },
    signature: fakeSignature(`${round}/${polRound}/${value}`, validatorIndex),
  })
  const input: Input = { kind: 'proposal', proposal, time: NOW, receivedAt: NOW }
  proposals.set(key, input)
  return input
}

export const judgedInput = (value: number, valid: boolean): Input => ({
  kind: 'blockChecked',
  blockId: idOf(value),
  valid,
})
