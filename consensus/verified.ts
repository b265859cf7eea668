import type { Certificate } from '../core/chain/certificate.ts'
import type { SignedProposal, SignedVote } from '../core/chain/vote.ts'

declare const verified: unique symbol
type Verified<T, Name extends string> = T & { readonly [verified]: Name }

/** Of this chain and height, from a validator of its set, with a signature that was checked. */
export type VerifiedVote = Verified<SignedVote, 'vote'>
/** The same, and signed by the proposer of its round, with `polRound` below its round. */
export type VerifiedProposal = Verified<SignedProposal, 'proposal'>
/** Prevotes of more than two thirds of the power, every signature checked. */
export type VerifiedPolkaCertificate = Verified<Certificate, 'polka'>
/** Precommits of more than two thirds of the power, every signature checked. */
export type VerifiedCommitCertificate = Verified<Certificate, 'commit'>

// The four casts below belong to node/consensus/admission.ts, which checks, and to inputCodec.ts,
// which reads back what admission had checked before the WAL recorded it. Nothing else calls them.
export const trustVote = (vote: SignedVote): VerifiedVote => vote as VerifiedVote
export const trustProposal = (proposal: SignedProposal): VerifiedProposal =>
  proposal as VerifiedProposal
export const trustPolka = (certificate: Certificate): VerifiedPolkaCertificate =>
  certificate as VerifiedPolkaCertificate
export const trustCommit = (certificate: Certificate): VerifiedCommitCertificate =>
  certificate as VerifiedCommitCertificate
