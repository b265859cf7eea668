import { assert } from './assert.ts'

const KIB = 1024
const MIB = 1024 * KIB

/**
 * Every bound that all nodes must share, or that protects one node from another, with its
 * arithmetic. A chain's own parameters (block bytes, block gas) may be smaller, never larger.
 */
export const LIMITS = {
  /** A commit certificate of 128 validators is 128 × 66 + 50 bytes: below 9 KiB in every block. */
  validators: 128,
  /**
   * Σ power ≤ 2^44: a proposer priority stays within ± 2 · total plus one step of ≤ total, and the sum
   * of 128 of them, which centring takes, below 2^53; so do 3 · power and 2 · total of a quorum.
   */
  totalVotingPower: 2 ** 44,

  /** geth's limit for a pooled transaction. */
  transactionBytes: 128 * KIB,
  /** The largest value a genesis file may choose for `maxBlockBytes`. */
  blockBytes: 4 * MIB,
  /** 4 MiB of the smallest legal transaction (about 100 bytes) is 42,000. */
  blockTransactions: 50_000,
  blockMessages: 10_000,
  /** Calls of contracts that Core may have queued for one block; they are not in the payload. */
  systemTransactions: 256,
  /** A full payload and all that Core queued for its block: 50,000 + 256. */
  executedTransactions: 50_256,
  blockEvidence: 16,
  /** The Ethereum gas field is a u64; 2^32 per block keeps sums over a height as exact numbers. */
  blockGas: 2 ** 32,

  /** A batch is pushed whole: two of the largest transactions, or about 2,400 transfers. */
  batchBytes: 256 * KIB,
  batchTransactions: 4_096,
  /** A block of 4 MiB in batches holding one small transaction each would be slower to name than to send. */
  blockBatches: 4_096,

  /** Distinct proposals kept per round: an equivocating proposer is already convicted by two. */
  proposalsPerRound: 4,
  /** Rounds ahead of ours from which a proposal is admitted: finding the proposer of a round costs as many steps. */
  roundsAhead: 64,
  /** Heights ahead of ours whose consensus messages are buffered, farthest evicted first (Malachite ADR-008). */
  heightsAhead: 10,
  /** Buffered messages per height ahead: 3 per validator for two rounds, rounded up. */
  messagesPerHeightAhead: 1_024,

  /** Wire frames by kind. A vote is 190 bytes, a proposal header below 1 KiB. */
  voteFrameBytes: 512,
  certificateFrameBytes: 32 * KIB,
  handshakeFrameBytes: 4 * KIB,
  /** A proposal may carry a whole block inline, its references and its certificate. */
  proposalFrameBytes: 5 * MIB,
  /** One block with its certificate. */
  syncFrameBytes: 5 * MIB,
  syncRequestBlocks: 64,

  /**
   * Of a snapshot of the state (CometBFT's `max-snapshot-chunks`): with 1 MiB each far more than a state, and
   * their list of 48 bytes each fits a sync frame.
   */
  snapshotParts: 100_000,
  snapshotPartBytes: 4 * MIB,
  snapshotManifestBytes: 5 * MIB - 64 * KIB,
  /** Snapshots that a peer may offer. */
  snapshotsListed: 16,

  /** A WAL record may hold a whole block. */
  walRecordBytes: 5 * MIB,

  evidenceBytes: 1 * KIB,

  /** Engine ids are below this; each owns one precompile address from 0x0800 on. */
  coprocessors: 64,
  /** spec/core §2: one signature covers at most this many calls. */
  envelopeActions: 256,
  /** An envelope of 256 calls of the longest arguments would be 1 MiB; `transactionBytes` bounds the whole. */
  actionArgsBytes: 4 * KIB,
  callResultBytes: 64 * KIB,
  /** Calls in a block: 4 MiB of the shortest calls (about 16 bytes each in one envelope) is 262,144. */
  blockCalls: 262_144,
  /** Rounds of posts at one barrier: A tells B, B answers A, with room; a longer chain is a fault. */
  postRounds: 8,
  /** Calldata of a queued message, and what a callback hands back. */
  messageBytes: 1 * KIB,
} as const

assert(
  LIMITS.validators * 3 * LIMITS.totalVotingPower < Number.MAX_SAFE_INTEGER,
  'priorities, their sum, and quorums are exact',
)
assert(
  LIMITS.executedTransactions === LIMITS.blockTransactions + LIMITS.systemTransactions,
  'what a full block executes has a record',
)
assert(LIMITS.batchBytes >= 2 * LIMITS.transactionBytes, 'a batch holds any transaction')
assert(
  LIMITS.proposalFrameBytes >= LIMITS.blockBytes + LIMITS.certificateFrameBytes,
  'a proposal fits its frame',
)
assert(
  LIMITS.syncFrameBytes >= LIMITS.blockBytes + LIMITS.certificateFrameBytes,
  'a block fits its frame',
)
assert(
  LIMITS.walRecordBytes >= LIMITS.blockBytes + LIMITS.certificateFrameBytes,
  'a block fits a WAL record',
)
assert(LIMITS.validators * 66 + 64 < LIMITS.certificateFrameBytes, 'a certificate fits its frame')
assert(
  LIMITS.blockEvidence * LIMITS.evidenceBytes < 64 * KIB,
  'evidence is a small part of a block',
)
