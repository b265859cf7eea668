import type { NextCalls } from '../../core/host/coprocessor.ts'
import { findGuess, USDX } from './balances.ts'
import { ORDER_ROWS } from './limits.ts'
import { marketRowOf } from './orders.ts'
import { publicFns } from './publicFns.ts'
import type { ExchangeState } from './schema.ts'

/** With fewer orders their rows are in the processor's caches; with a million nearly none is. */
const MANY_ORDERS = 2 ** 15

/** First what the calls name, then what that names. */
export function fetch(state: ExchangeState, next: readonly NextCalls[]): number {
  if (state.orders.count() < MANY_ORDERS) return 0
  let seen = 0
  for (const { account, calls } of next)
    for (const { values } of calls) seen ^= fetchNamed(state, account, values as Named)
  for (const { account, calls } of next)
    for (const { fn, values } of calls) seen ^= fetchBehind(state, account, fn, values as Named)
  return seen
}

/** What of the arguments says where a call will go; no function has all. */
type Named = { readonly market?: number; readonly orderId?: number }

const rowOf = (orderId: number): number => orderId - Math.floor(orderId / ORDER_ROWS) * ORDER_ROWS

/** The order and its place in the book, or the account's rows. */
function fetchNamed(state: ExchangeState, account: number, { market, orderId }: Named): number {
  if (orderId !== undefined) {
    const row = rowOf(orderId)
    return state.orders.isLive(row) ? state.byPrice.levelOf(row) : 0
  }
  const home = findGuess(account, USDX)
  if (!state.balances.isLive(home)) return 0
  const marketRow = market === undefined ? 0 : marketRowOf(state, market)
  const base = marketRow === 0 ? USDX : state.markets.columns.base.get(marketRow)
  const isOpen = state.balances.isLive(findGuess(account, base))
  return state.byOwner.lowest(home) ^ (isOpen ? 1 : 0)
}

/** An order's owner and neighbours, or the end of the account's orders, where a new one will stand. */
function fetchBehind(
  state: ExchangeState,
  account: number,
  fn: number,
  { market, orderId }: Named,
): number {
  const { byPrice, byOwner, balances, orders } = state
  if (orderId !== undefined) {
    const row = rowOf(orderId)
    if (!orders.isLive(row)) return 0
    const isOwned = balances.isLive(orders.columns.owner.get(row))
    const isKept = balances.isLive(orders.columns.baseBalance.get(row))
    return byPrice.fetch(row) ^ byOwner.fetch(row) ^ (isOwned ? 1 : 0) ^ (isKept ? 2 : 0)
  }
  const home = findGuess(account, USDX)
  if (fn !== publicFns.placeOrder.id || market === undefined || !balances.isLive(home)) return 0
  return byOwner.fetchEnd(home, market)
}
