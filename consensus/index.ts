export { ConsensusHeight, type ConsensusOptions, type ConsensusView } from './driver.ts'
export type { Effect } from './effect.ts'
export {
  type Accused,
  type CommittedHeader,
  type Fork,
  type ForkReport,
  forkCodec,
  forkOf,
  judgeFork,
} from './fork.ts'
export type { Input, Timer, TimerKind } from './input.ts'
export { inputCodec } from './inputCodec.ts'
export { Proposers } from './proposers.ts'
export { replay } from './replay.ts'
export type { Decision, Step } from './round.ts'
export { defaultTimeoutOptions, type TimeoutOptions, timeoutOf } from './timeouts.ts'
export type {
  VerifiedCommitCertificate,
  VerifiedPolkaCertificate,
  VerifiedProposal,
  VerifiedVote,
} from './verified.ts'
export {
  type CertificateCode,
  verifyCommitCertificate,
  verifyPolkaCertificate,
} from './verifyCertificate.ts'
export { type Conviction, type EvidenceCode, verifyEvidence } from './verifyEvidence.ts'
