import { compareBytes } from '../primitives/bytes.ts'
import { type Codec, encode, struct, union } from '../primitives/codec.ts'
import { DOMAIN, hash } from '../primitives/hash.ts'
import type { Height } from '../primitives/units.ts'
import {
  type SignedProposal,
  type SignedVote,
  signedProposalCodec,
  signedVoteCodec,
} from './vote.ts'

/** Two signatures of one validator that the protocol forbids together; `first` has the smaller signature. */
export type Evidence =
  | { readonly kind: 'duplicateVote'; readonly first: SignedVote; readonly second: SignedVote }
  | {
      readonly kind: 'duplicateProposal'
      readonly first: SignedProposal
      readonly second: SignedProposal
    }

export const evidenceCodec: Codec<Evidence> = union<Evidence>({
  duplicateVote: {
    tag: 1,
    codec: struct({ first: signedVoteCodec, second: signedVoteCodec }),
  },
  duplicateProposal: {
    tag: 2,
    codec: struct({ first: signedProposalCodec, second: signedProposalCodec }),
  },
})

export const evidenceHash = (evidence: Evidence): Uint8Array =>
  hash(DOMAIN.evidence, encode(evidenceCodec, evidence))

export const heightOfEvidence = (evidence: Evidence): Height => evidence.first.height

/** The same pair always makes the same evidence, whichever message came first. */
export function duplicateVoteOf(a: SignedVote, b: SignedVote): Evidence {
  const [first, second] = compareBytes(a.signature, b.signature) <= 0 ? [a, b] : [b, a]
  return { kind: 'duplicateVote', first, second }
}

export function duplicateProposalOf(a: SignedProposal, b: SignedProposal): Evidence {
  const [first, second] = compareBytes(a.signature, b.signature) <= 0 ? [a, b] : [b, a]
  return { kind: 'duplicateProposal', first, second }
}
