import { defaultArenaOptions } from '../core/arena/index.ts'
import { assert } from '../core/primitives/assert.ts'
import { LIMITS } from '../core/primitives/limits.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Bounds of a genesis document, and the ranges its parameters may be chosen from. */
export const GENESIS_LIMITS = {
  /** 100,000 funded accounts take about 10 MiB, and contracts their code twice over as hex. */
  textLength: 64 * MIB,
  accounts: 100_000,
  /** EIP-170: no deployment could make a larger contract. */
  codeBytes: 24_576,
  /** Slots per account; a state that needs more is a migration, not a genesis. */
  storageSlots: 100_000,
  nameLength: 64,
  symbolLength: 16,
  /**
   * Core gas bounds what a block writes: 100 gas pay for at most 25 words, which
   * `gasCoversJournal.test.ts` holds the exchange to (a cancelled order with a client id: 21). Signed
   * actions and contracts each use at most this much of one engine: 2 × 30 M × 0.25 = 15 M of the
   * journal's 16.7 M words.
   */
  coreBlockGas: 30_000_000,
  assets: 1_000,
  markets: 256,
  /** 2^53 − 1: wallets read the chain id as a JavaScript number. */
  chainId: Number.MAX_SAFE_INTEGER,
  /** EIP-2681: the nonce of an account stays below 2^64 − 1; here also an exact number. */
  nonce: Number.MAX_SAFE_INTEGER,
  /** 2001 and 2100: an earlier time is seconds given for milliseconds. */
  earliestTimeMs: 978_307_200_000,
  latestTimeMs: 4_102_444_800_000,
  /** The largest transaction, a full last commit, and what Core may have queued for a block (256 messages of 1.25 KiB) must fit. */
  minBlockBytes: MIB,
  /**
   * Core's system transactions take up to 15,000,000 of a block (the messenger's `gasPerBlock`); what
   * is left has room for a deployment of the largest size, about 6,000,000 (24,576 bytes × 200 gas,
   * and their calldata), and for others beside it.
   */
  minBlockGas: 30_000_000,
  maxIntervalMs: 3_600_000,
  maxClockMs: 60_000,
  /** A year, and the blocks of a year at 20 ms. */
  maxEvidenceAgeMs: 365 * 86_400_000,
  maxEvidenceAgeBlocks: (365 * 86_400_000) / 20,
  /** 2^64 wei is 18 coins for one gas: far beyond any price, far below an overflow of gas × fee. */
  minBaseFee: 1n,
  maxBaseFee: (1n << 64n) - 1n,
  /** An amount of the native coin, and so the sum of all, fits an EVM word. */
  supply: 1n << 256n,
} as const

assert(
  2 * GENESIS_LIMITS.coreBlockGas * 0.25 < defaultArenaOptions.journalEntries,
  'the journal holds a full block',
)
assert(GENESIS_LIMITS.minBlockBytes <= LIMITS.blockBytes, 'a legal block size exists')
assert(
  GENESIS_LIMITS.minBlockBytes >= LIMITS.transactionBytes + LIMITS.validators * 66 + KIB,
  'the smallest block holds the largest transaction and a full commit',
)
