import { assert } from '../../core/primitives/assert.ts'
import { LIMITS } from '../../core/primitives/limits.ts'

const DAY_MS = 86_400_000

/** What every node must hold to the same, with its arithmetic. */
export const RULES = {
  /** Exact as a JavaScript number; 9.007 billion USDX. */
  balance: Number.MAX_SAFE_INTEGER,
  /** 34,359 USDX: set aside for every call of the fullest block, the sum is still exact. */
  maxFee: 2 ** 35 - 1,

  noncesKept: 100,
  nonceAgeMs: 2 * DAY_MS,
  nonceLeadMs: DAY_MS,
  /** Signer rows looked at after each block; 131,071 of them in 34 minutes at one block a second. */
  signersSwept: 64,

  agents: 16,
  agentLifeMs: 180 * DAY_MS,
  agentNameLength: 32,
  scopeEngines: 8,
  scopeMarkets: 16,

  symbolLength: 16,
  /**
   * Core and EVM decimals differ by at most 12: 2^20 accounts × 2^53 units × 10^12 is below 2^113, so
   * no supply in EVM units can pass a u128.
   */
  decimalsApart: 12,
  coreDecimals: 18,

  /** A share is in millionths. */
  share: 1_000_000,
} as const

/** Core gas. A row that stays for ever costs more than the call that makes it. */
export const GAS = {
  noop: 200,
  transfer: 1_000,
  depositTo: 1_500,
  toEvm: 5_000,
  approveAgent: 10_000,
  revokeAgent: 500,
  registerAsset: 100_000,
  issue: 1_000,
  burn: 1_000,
  depositNative: 1_000,
  creditFromToken: 1_000,
  newAccount: 5_000,
  newBalance: 2_000,
  view: 200,
} as const

/** The asset of fees, quotes and the EVM's native coin. */
export const USDX = 0

assert(
  LIMITS.blockCalls * RULES.maxFee < Number.MAX_SAFE_INTEGER,
  'fees set aside in one block add up exactly',
)
assert(
  RULES.nonceAgeMs + RULES.nonceLeadMs < 2 ** 32,
  'nonces within the window differ in their low 32 bits',
)
