import type { Certificate, RoundCertificate } from '../core/chain/certificate.ts'
import type { Evidence } from '../core/chain/evidence.ts'
import type { SignedProposal, SignedVote, Vote } from '../core/chain/vote.ts'
import type { BlockId, Round } from '../core/primitives/units.ts'
import type { Timer } from './input.ts'
import type { Step } from './round.ts'

/** What the shell must do, in array order, before it feeds the next input. */
export type Effect =
  /** Sign, log, feed back as `vote`, then send. */
  | { readonly kind: 'castVote'; readonly vote: Vote }
  /** Sign, log, feed back as `proposal`, then send with header and body. */
  | {
      readonly kind: 'propose'
      readonly round: Round
      readonly polRound: Round | -1
      readonly blockId: BlockId
    }
  /** Build a block; comes back as `valueReady`, or never. */
  | { readonly kind: 'getValue'; readonly round: Round }
  /** Judge the block of a signed proposal; comes back as `blockChecked`, or never. */
  | { readonly kind: 'checkBlock'; readonly blockId: BlockId; readonly round: Round }
  /** The validators committed a block that is not judged yet: get it from those who signed; comes back as `blockChecked`. */
  | {
      readonly kind: 'fetchBlock'
      readonly blockId: BlockId
      readonly round: Round
      readonly signers: readonly number[]
    }
  | { readonly kind: 'schedule'; readonly timer: Timer }
  | { readonly kind: 'cancel'; readonly timer: Timer }
  /** Send our own votes again: the same bytes with the same signatures. */
  | { readonly kind: 'rebroadcast'; readonly votes: readonly SignedVote[] }
  | { readonly kind: 'publishPolka'; readonly certificate: Certificate }
  /** Send somebody's proposal and its block again. */
  | { readonly kind: 'publishProposal'; readonly proposal: SignedProposal }
  | { readonly kind: 'publishRoundCertificate'; readonly certificate: RoundCertificate }
  | {
      readonly kind: 'decide'
      readonly blockId: BlockId
      readonly round: Round
      readonly certificate: Certificate
    }
  /** The validators committed a block that we judged invalid: our state is wrong, stop voting and halt. */
  | {
      readonly kind: 'disagreement'
      readonly blockId: BlockId
      readonly round: Round
      readonly certificate: Certificate
    }
  | { readonly kind: 'evidence'; readonly evidence: Evidence }
  /** For metrics and logs. */
  | { readonly kind: 'stepChanged'; readonly round: Round; readonly step: Step }
