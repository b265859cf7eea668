import { assert } from '../primitives/assert.ts'

/** Core gas of a call whose function or arguments cannot be read: what finding that out costs. */
export const JUNK_CALL_GAS = 100

/** Core gas of the ledger row that a contract's first call makes. */
export const NEW_ACCOUNT_GAS = 5_000

/** EVM gas of crossing into Core, beside the call itself: a message, and two per byte both ways. */
export const CROSS_GAS = 500
export const CROSS_GAS_PER_BYTE = 2

/** Prices are USDX units per this much Core gas. */
const PRICE_UNIT = 1_000

/** `a × b / d`, exact. A few ns while the product stays below 2^53. */
export function mulDiv(a: number, b: number, d: number, rounding: 'down' | 'up'): number {
  assert(d > 0, 'a divisor is positive')
  const product = a * b
  if (product + d <= Number.MAX_SAFE_INTEGER) {
    return rounding === 'down' ? Math.floor(product / d) : Math.floor((product + d - 1) / d)
  }
  const wide = BigInt(a) * BigInt(b) + (rounding === 'up' ? BigInt(d) - 1n : 0n)
  const quotient = wide / BigInt(d)
  return quotient > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(quotient)
}

/** USDX units, rounded against the user. */
export const feeOf = (gas: number, gasPrice: number): number =>
  mulDiv(gas, gasPrice, PRICE_UNIT, 'up')

/** The most gas that a fee pays for: `feeOf` of it does not exceed `maxFee`. */
export const gasFor = (maxFee: number, gasPrice: number): number =>
  gasPrice === 0 ? Number.MAX_SAFE_INTEGER : mulDiv(maxFee, PRICE_UNIT, gasPrice, 'down')
