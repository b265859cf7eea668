export { ConsensusHeight, type ConsensusOptions, type ConsensusView } from './driver.ts'
export type { Effect } from './effect.ts'
export type { Input, Timer, TimerKind } from './input.ts'
export { Proposers } from './proposers.ts'
export type { Decision, Step } from './round.ts'
export { defaultTimeoutsOptions, type TimeoutsOptions, timeoutMs } from './timeouts.ts'
export type {
  VerifiedCommitCertificate,
  VerifiedPolkaCertificate,
  VerifiedProposal,
  VerifiedVote,
} from './verified.ts'
