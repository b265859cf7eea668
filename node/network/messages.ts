import {
  type CrossMessage,
  crossMessageCodec,
  type Header,
  headerCodec,
} from '../../core/chain/block.ts'
import {
  type Certificate,
  certificateCodec,
  type RoundCertificate,
  roundCertificateCodec,
} from '../../core/chain/certificate.ts'
import { type Evidence, evidenceCodec } from '../../core/chain/evidence.ts'
import {
  blockIdCodec,
  heightCodec,
  roundCodec,
  type SignedProposal,
  type SignedVote,
  signedProposalCodec,
  signedVoteCodec,
} from '../../core/chain/vote.ts'
import {
  bytes,
  type Codec,
  fixedBytes,
  list,
  optional,
  struct,
  u16,
} from '../../core/primitives/codec.ts'
import { HASH_LENGTH } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import type { BlockId, Height, Round } from '../../core/primitives/units.ts'
import { frameFormat } from './frames.ts'

/** EVM transactions and Core envelopes that travel together, told apart by their first byte; its digest is hash(DOMAIN.batch, its encoding). */
export const batchCodec: Codec<readonly Uint8Array[]> = list(
  bytes(LIMITS.transactionBytes),
  LIMITS.batchTransactions,
)

/** Where a transaction of the block is: an index into the body's batches, and its place there. */
export type TransactionReference = { readonly batch: number; readonly position: number }

/** A payload by reference. `inline` holds whole batches that peers may lack, each named in `batches` by its digest. */
export type ProposalBody = {
  readonly batches: readonly Uint8Array[]
  readonly inline: readonly Uint8Array[]
  /** What users signed, for both machines; the order within each is the block's. */
  readonly transactions: readonly TransactionReference[]
  readonly messages: readonly CrossMessage[]
  readonly evidence: readonly Evidence[]
  readonly lastCommit: Certificate | null
}

export type ProposalMessage = {
  readonly kind: 'proposal'
  readonly proposal: SignedProposal
  readonly header: Header
  readonly body: ProposalBody
}

/** Small messages, which never wait behind a proposal. */
export type VoteMessage =
  | { readonly kind: 'vote'; readonly vote: SignedVote }
  | { readonly kind: 'polkaCertificate'; readonly certificate: Certificate }
  | { readonly kind: 'roundCertificate'; readonly certificate: RoundCertificate }
  | { readonly kind: 'commitCertificate'; readonly certificate: Certificate }
  /** The committed height, and the round of the height in flight. */
  | { readonly kind: 'status'; readonly height: Height; readonly round: Round }

export type ConsensusMessage = VoteMessage | ProposalMessage

/** The block that a node has just made durable. */
export type Announcement = { readonly height: Height; readonly blockId: BlockId }

export const proposalBodyCodec: Codec<ProposalBody> = struct<ProposalBody>({
  batches: list(fixedBytes(HASH_LENGTH), LIMITS.blockBatches),
  inline: list(bytes(LIMITS.batchBytes), LIMITS.blockBatches),
  transactions: list(
    struct<TransactionReference>({ batch: u16, position: u16 }),
    LIMITS.blockTransactions,
  ),
  messages: list(crossMessageCodec, LIMITS.blockMessages),
  evidence: list(evidenceCodec, LIMITS.blockEvidence),
  lastCommit: optional(certificateCodec),
})

export const announcementCodec: Codec<Announcement> = struct<Announcement>({
  height: heightCodec,
  blockId: blockIdCodec,
})

const certificateFrame = (tag: number) => ({
  tag,
  maxBytes: LIMITS.certificateFrameBytes,
  codec: struct<{ certificate: Certificate }>({ certificate: certificateCodec }),
})

export const voteFrames = frameFormat<VoteMessage>({
  vote: {
    tag: 1,
    maxBytes: LIMITS.voteFrameBytes,
    codec: struct<{ vote: SignedVote }>({ vote: signedVoteCodec }),
  },
  polkaCertificate: certificateFrame(2),
  roundCertificate: {
    tag: 3,
    maxBytes: LIMITS.certificateFrameBytes,
    codec: struct<{ certificate: RoundCertificate }>({ certificate: roundCertificateCodec }),
  },
  commitCertificate: certificateFrame(4),
  status: {
    tag: 5,
    maxBytes: LIMITS.voteFrameBytes,
    codec: struct<{ height: Height; round: Round }>({ height: heightCodec, round: roundCodec }),
  },
})

export const proposalFrames = frameFormat<ProposalMessage>({
  proposal: {
    tag: 6,
    maxBytes: LIMITS.proposalFrameBytes,
    codec: struct<Omit<ProposalMessage, 'kind'>>({
      proposal: signedProposalCodec,
      header: headerCodec,
      body: proposalBodyCodec,
    }),
  },
})

/** The height in flight that a message is about; null: none. */
export function heightOfMessage(message: ConsensusMessage): Height | null {
  switch (message.kind) {
    case 'vote':
      return message.vote.height
    case 'proposal':
      return message.proposal.height
    case 'polkaCertificate':
    case 'commitCertificate':
    case 'roundCertificate':
      return message.certificate.height
    case 'status':
      return null
  }
}
