import { assert } from '../../core/primitives/assert.ts'
import { type Millis, millisOf } from '../../core/primitives/units.ts'

/** A share of voting power; more than it must have signed. */
export type TrustLevel = { readonly numerator: number; readonly denominator: number }

export type VerifyOptions = {
  readonly chainId: number
  /**
   * How long after a header's time its validators answer for it. Shorter than the time that a
   * validator's stake stays bonded: afterwards a false signature costs nothing.
   */
  readonly trustingPeriodMs: Millis
  /** How far ahead of the own clock a header may be. */
  readonly maxClockDriftMs: Millis
  /** Of the trusted set, to skip heights: from 1/3, so that at least one honest validator signed, to 1. */
  readonly trustLevel: TrustLevel
}

export type LightClientOptions = VerifyOptions & {
  /** Light blocks asked of one source for one request: 512 are 11 MB. */
  readonly maxFetches: number
  /** Verified blocks kept; the lowest is forgotten first. */
  readonly storeCapacity: number
  /** Requests in a row that a witness may miss because it is behind. */
  readonly maxMisses: number
}

const DAY_MS = 86_400_000

/** Everything but the chain. */
export const defaultLightOptions = {
  trustingPeriodMs: millisOf(7 * DAY_MS),
  maxClockDriftMs: millisOf(10_000),
  trustLevel: { numerator: 1, denominator: 3 },
  maxFetches: 512,
  storeCapacity: 1_024,
  maxMisses: 3,
} as const

export function assertVerifyOptions({ trustLevel, trustingPeriodMs }: VerifyOptions): void {
  const { numerator, denominator } = trustLevel
  // Total power is at most 2^44, so products with a denominator up to 2^8 are exact.
  assert(
    Number.isInteger(numerator) && Number.isInteger(denominator) && denominator <= 256,
    'the trust level is a small fraction',
  )
  assert(
    3 * numerator >= denominator && 0 < numerator && numerator <= denominator,
    'the trust level is from 1/3 to 1',
  )
  assert(trustingPeriodMs > 0, 'the trusting period is positive')
}
