import { fromHex, toHex } from '../primitives/bytes.ts'
import {
  type Codec,
  fixedBytes,
  int,
  mapped,
  optional,
  struct,
  u8,
  u16,
  u32,
  unitOf,
  written,
} from '../primitives/codec.ts'
import { keccak256 } from '../primitives/hash.ts'
import { SIGNATURE_LENGTH } from '../primitives/signature.ts'
import type { BlockId, Height, Round } from '../primitives/units.ts'

export type VoteType = 'prevote' | 'precommit'

/** What a validator signs when it votes. `blockId` null is a vote for nil. */
export type Vote = {
  readonly type: VoteType
  readonly chainId: number
  readonly height: Height
  readonly round: Round
  readonly blockId: BlockId | null
  /** Position in the validator set of `height`; not signed, the key is. */
  readonly validatorIndex: number
}

export type SignedVote = Vote & { readonly signature: Uint8Array }

/** What the proposer of a round signs. `polRound` −1: a fresh value, else the round of its polka. */
export type Proposal = {
  readonly chainId: number
  readonly height: Height
  readonly round: Round
  readonly polRound: Round | -1
  readonly blockId: BlockId
  readonly validatorIndex: number
}

export type SignedProposal = Proposal & { readonly signature: Uint8Array }

/** First byte of what is signed, so that no message can be replayed as another kind. */
const SIGN_DOMAIN = { prevote: 0x01, precommit: 0x02, proposal: 0x20 } as const

/** Fixed layout, 54 bytes: domain u8 | chainId u64 | height u64 | round u32 | present u8 | blockId 32. */
export function voteSignBytes(vote: Omit<Vote, 'validatorIndex'>): Uint8Array {
  return written((writer) => {
    writer.u8(SIGN_DOMAIN[vote.type])
    writer.int(vote.chainId)
    writer.int(vote.height)
    writer.u32(vote.round)
    writer.u8(vote.blockId === null ? 0 : 1)
    writer.raw(vote.blockId === null ? new Uint8Array(32) : fromHex(vote.blockId))
  })
}

/** Fixed layout, 57 bytes: domain u8 | chainId u64 | height u64 | round u32 | polRound + 1 u32 | blockId 32. */
export function proposalSignBytes(proposal: Omit<Proposal, 'validatorIndex'>): Uint8Array {
  return written((writer) => {
    writer.u8(SIGN_DOMAIN.proposal)
    writer.int(proposal.chainId)
    writer.int(proposal.height)
    writer.u32(proposal.round)
    writer.u32(proposal.polRound + 1)
    writer.raw(fromHex(proposal.blockId))
  })
}

/** The digest under the signature; Keccak, so that a contract computes it with one opcode. */
export const voteDigest = (vote: Omit<Vote, 'validatorIndex'>): Uint8Array =>
  keccak256(voteSignBytes(vote))
export const proposalDigest = (proposal: Omit<Proposal, 'validatorIndex'>): Uint8Array =>
  keccak256(proposalSignBytes(proposal))

export const blockIdCodec: Codec<BlockId> = mapped(
  fixedBytes(32),
  (bytes) => toHex(bytes) as BlockId,
  (id) => fromHex(id),
)
export const heightCodec = unitOf<Height>(int)
export const roundCodec = unitOf<Round>(u32)

const voteTypeCodec: Codec<VoteType> = mapped(
  u8,
  (tag, reader) => {
    if (tag !== 1 && tag !== 2) reader.fail('BAD_TAG')
    return tag === 1 ? 'prevote' : 'precommit'
  },
  (type) => (type === 'prevote' ? 1 : 2),
)

const polRoundCodec: Codec<Round | -1> = mapped(
  u32,
  (raw) => (raw - 1) as Round | -1,
  (round) => round + 1,
)

export const signedVoteCodec: Codec<SignedVote> = struct<SignedVote>({
  type: voteTypeCodec,
  chainId: int,
  height: heightCodec,
  round: roundCodec,
  blockId: optional(blockIdCodec),
  validatorIndex: u16,
  signature: fixedBytes(SIGNATURE_LENGTH),
})

export const signedProposalCodec: Codec<SignedProposal> = struct<SignedProposal>({
  chainId: int,
  height: heightCodec,
  round: roundCodec,
  polRound: polRoundCodec,
  blockId: blockIdCodec,
  validatorIndex: u16,
  signature: fixedBytes(SIGNATURE_LENGTH),
})
