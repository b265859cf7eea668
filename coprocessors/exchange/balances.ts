import type { NumberColumn } from '../../core/arena/schema.ts'
import { assert } from '../../core/primitives/assert.ts'
import type { ExchangeState } from './schema.ts'

/** USDX: gas, the usual quote, and the asset of every account's home row. */
export const USDX = 0

const GUESSES = 2 ** 18
/**
 * The row last found for a pair, in 1 MiB that stay in the processor's cache where the index does not. A guess
 * is believed only when the row itself says so, so it may be stale, or of another arena.
 */
const guesses = new Int32Array(GUESSES)

const slotOf = (account: number, asset: number): number =>
  (account * 2 + (asset & 1) + Math.imul(asset >>> 1, 0x9e37_79b1)) & (GUESSES - 1)

/** The row that was last found for this pair, or for one that shares its slot. */
export const findGuess = (account: number, asset: number): number =>
  guesses[slotOf(account, asset)] as number

/** The row of this account and asset, or 0. */
export function findBalance(state: ExchangeState, account: number, asset: number): number {
  const slot = slotOf(account, asset)
  const guess = guesses[slot] as number
  const columns = state.balances.columns
  const isRight =
    state.balances.isLive(guess) &&
    columns.account.get(guess) === account &&
    columns.asset.get(guess) === asset
  if (isRight) return guess
  const found = state.byAccount.find(account, asset)
  guesses[slot] = found
  return found
}

export const homeOf = (state: ExchangeState, account: number): number =>
  findBalance(state, account, USDX)

export const assetRowOf = (state: ExchangeState, asset: number): number => state.byAsset.find(asset)

/** Finds or makes the row; 0 when the table is full. The account's home must exist unless this is it. */
export function openBalance(state: ExchangeState, account: number, asset: number): number {
  const found = findBalance(state, account, asset)
  if (found !== 0) return found
  const row = state.balances.allocate()
  if (row === 0) return 0
  state.balances.columns.account.set(row, account)
  state.balances.columns.asset.set(row, asset)
  state.byAccount.insert(row)
  return row
}

/** Finds or makes the row; 0 when the table is full. */
export function openAsset(state: ExchangeState, asset: number): number {
  const found = state.byAsset.find(asset)
  if (found !== 0) return found
  const row = state.assets.allocate()
  if (row === 0) return 0
  state.assets.columns.asset.set(row, asset)
  state.byAsset.insert(row)
  return row
}

/**
 * Adds to a balance or a sum over balances. All units of an asset here are together at most 2^53 − 1, by the
 * bound on credits, so only a fault of the engine can make this fail.
 */
export function move(column: NumberColumn, row: number, delta: number): void {
  assert(column.add(row, delta), 'a balance stays between 0 and all there is')
}

/** From available to held, of one balance. False when too little is available. */
export function hold(state: ExchangeState, row: number, amount: number): boolean {
  const { available, held } = state.balances.columns
  if (!available.add(row, -amount)) return false
  move(held, row, amount)
  return true
}

export function unhold(state: ExchangeState, row: number, amount: number): void {
  const { available, held } = state.balances.columns
  move(held, row, -amount)
  move(available, row, amount)
}
