import type { BlockId, Height, Millis, Round } from '../core/primitives/units.ts'
import type {
  VerifiedCommitCertificate,
  VerifiedPolkaCertificate,
  VerifiedProposal,
  VerifiedVote,
} from './verified.ts'

export const TIMER_KINDS = ['propose', 'prevote', 'precommit', 'rebroadcast'] as const
export type TimerKind = (typeof TIMER_KINDS)[number]

/** Carries what it was set for, so that one that fires late is recognized and ignored. */
export type Timer = { readonly kind: TimerKind; readonly height: Height; readonly round: Round }

/** Everything that can happen to a height. The shell writes each to the WAL before it is handled. */
export type Input =
  | {
      readonly kind: 'proposal'
      readonly proposal: VerifiedProposal
      /** Of the proposed header. */
      readonly time: Millis
      /** Wall clock at arrival, taken once; a replay must judge timeliness as the first run did. */
      readonly receivedAt: Millis
    }
  /** The shell holds the block and judged it. A block once valid stays valid; invalid may become valid. */
  | { readonly kind: 'blockChecked'; readonly blockId: BlockId; readonly valid: boolean }
  | { readonly kind: 'vote'; readonly vote: VerifiedVote }
  /** The answer to `getValue`: a block of our own, stored and valid. */
  | {
      readonly kind: 'valueReady'
      readonly round: Round
      readonly blockId: BlockId
      readonly time: Millis
    }
  | { readonly kind: 'timeout'; readonly timer: Timer }
  | { readonly kind: 'polkaCertificate'; readonly certificate: VerifiedPolkaCertificate }
  | { readonly kind: 'commitCertificate'; readonly certificate: VerifiedCommitCertificate }
  | { readonly kind: 'start' }
