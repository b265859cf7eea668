import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { homeOf } from './balances.ts'
import { type SelfTrade, SIDES, type Side } from './events.ts'
import { ALL_MARKETS, VIEW_ROWS } from './limits.ts'
import { bookOf, findOrder, marketRowOf, orderIdOf, selfTradeOf } from './orders.ts'
import type { ExchangeState } from './schema.ts'
import { TIMER, timeOf } from './timers.ts'

export const MAX_DEPTH = 100
export const MAX_PAGE = 100

export type Level = { readonly price: number; readonly size: number; readonly orders: number }

export type OrderRow = {
  readonly orderId: number
  readonly account: number
  readonly market: number
  readonly side: Side
  readonly price: number
  readonly size: number
  readonly clientId: bigint
  readonly expiry: number
  readonly selfTrade: SelfTrade
}

/**
 * Best levels first. A level's size is summed over its orders, at most `VIEW_ROWS` in all; a level that would
 * pass that, and those behind it, are left out and `complete` is false.
 */
export function readBook(
  state: ExchangeState,
  { market, depth }: { readonly market: number; readonly depth: number },
) {
  const marketRow = marketRowOf(state, market)
  if (marketRow === 0) return reject('UNKNOWN_MARKET')
  if (depth < 1 || depth > MAX_DEPTH) return reject('BAD_DEPTH')
  const bids = levelsOf(state, market * 2, depth)
  const asks = levelsOf(state, market * 2 + 1, depth)
  const sequence = state.markets.columns.sequence.get(marketRow)
  const complete = bids.complete && asks.complete
  return ok({ sequence, complete, bids: bids.levels, asks: asks.levels })
}

function levelsOf(state: ExchangeState, book: number, depth: number) {
  const levels: Level[] = []
  let left = VIEW_ROWS / 2
  let level = bestOf(state, book)
  while (level !== 0 && levels.length < depth) {
    const orders = state.byPrice.countOf(level)
    if (orders > left) return { levels, complete: false }
    left -= orders
    let size = 0
    for (let row = state.byPrice.firstOf(level); row !== 0; row = state.byPrice.nextOf(row)) {
      size += state.orders.columns.size.get(row)
    }
    levels.push({ price: state.byPrice.priceOf(level), size, orders })
    level = behind(state, book, level)
  }
  return { levels, complete: true }
}

export const bestOf = (state: ExchangeState, book: number): number =>
  (book & 1) === 0 ? state.byPrice.highest(book) : state.byPrice.lowest(book)

const behind = (state: ExchangeState, book: number, level: number): number =>
  (book & 1) === 0 ? state.byPrice.lower(level) : state.byPrice.higher(level)

/** O(1): what a contract asks before it quotes or takes. Zero where a side is empty. */
export function readBest(state: ExchangeState, { market }: { readonly market: number }) {
  if (marketRowOf(state, market) === 0) return reject('UNKNOWN_MARKET')
  const priceOf = (level: number): number => (level === 0 ? 0 : state.byPrice.priceOf(level))
  const bid = priceOf(bestOf(state, market * 2))
  const ask = priceOf(bestOf(state, market * 2 + 1))
  return ok({ bid, ask })
}

/** Single orders of one side, best first, behind the order `after`, which must still be open; 0 begins. */
export function readOrdersOfBook(
  state: ExchangeState,
  args: {
    readonly market: number
    readonly side: Side
    readonly after: number
    readonly limit: number
  },
) {
  const { market, side, after, limit } = args
  if (marketRowOf(state, market) === 0) return reject('UNKNOWN_MARKET')
  if (limit < 1 || limit > MAX_PAGE) return reject('BAD_DEPTH')
  const book = bookOf(market, side)
  const from = after === 0 ? 0 : findOrder(state, market, after)
  if (after !== 0 && (from === 0 || state.orders.columns.book.get(from) !== book)) {
    return reject('UNKNOWN_ORDER')
  }
  const orders: OrderRow[] = []
  let row = from === 0 ? firstOfBook(state, book) : nextOfBook(state, book, from)
  while (row !== 0 && orders.length < limit) {
    orders.push(orderRowOf(state, row))
    row = nextOfBook(state, book, row)
  }
  return ok({ orders })
}

function firstOfBook(state: ExchangeState, book: number): number {
  const level = bestOf(state, book)
  return level === 0 ? 0 : state.byPrice.firstOf(level)
}

function nextOfBook(state: ExchangeState, book: number, row: number): number {
  const next = state.byPrice.nextOf(row)
  if (next !== 0) return next
  const level = behind(state, book, state.byPrice.levelOf(row))
  return level === 0 ? 0 : state.byPrice.firstOf(level)
}

export function readOrder(
  state: ExchangeState,
  { market, orderId }: { readonly market: number; readonly orderId: number },
): Result<OrderRow, string> {
  const row = findOrder(state, market, orderId)
  return row === 0 ? reject('UNKNOWN_ORDER') : ok(orderRowOf(state, row))
}

export function readOrderByClientId(
  state: ExchangeState,
  { account, clientId }: { readonly account: number; readonly clientId: bigint },
): Result<OrderRow, string> {
  const home = homeOf(state, account)
  const row = home === 0 || clientId === 0n ? 0 : state.byClientId.find(home, clientId)
  return row === 0 ? reject('UNKNOWN_ORDER') : ok(orderRowOf(state, row))
}

/**
 * Open orders of an account in one market, or all, by market and age. `cursor` is the order after which to go on,
 * 0 to begin; it must still be open. `next` is 0 at the end.
 */
export function readOrders(
  state: ExchangeState,
  args: {
    readonly account: number
    readonly market: number
    readonly cursorMarket: number
    readonly cursor: number
  },
) {
  const home = homeOf(state, args.account)
  if (args.market !== ALL_MARKETS && marketRowOf(state, args.market) === 0) {
    return reject('UNKNOWN_MARKET')
  }
  const from = args.cursor === 0 ? 0 : findOrder(state, args.cursorMarket, args.cursor)
  if (args.cursor !== 0 && (from === 0 || state.orders.columns.owner.get(from) !== home)) {
    return reject('UNKNOWN_ORDER')
  }
  const orders: OrderRow[] = []
  let row = from === 0 ? firstOwn(state, home, args.market) : nextOwn(state, args.market, from)
  while (row !== 0 && orders.length < MAX_PAGE) {
    orders.push(orderRowOf(state, row))
    row = nextOwn(state, args.market, row)
  }
  const last = orders.at(-1)
  return ok({ orders, next: row === 0 || last === undefined ? 0 : last.orderId })
}

function firstOwn(state: ExchangeState, home: number, market: number): number {
  if (home === 0) return 0
  const { byOwner } = state
  const level = market === ALL_MARKETS ? byOwner.lowest(home) : byOwner.levelAt(home, market)
  return level === 0 ? 0 : byOwner.firstOf(level)
}

function nextOwn(state: ExchangeState, market: number, row: number): number {
  const { byOwner } = state
  const next = byOwner.nextOf(row)
  if (next !== 0 || market !== ALL_MARKETS) return next
  const level = byOwner.higher(byOwner.levelOf(row))
  return level === 0 ? 0 : byOwner.firstOf(level)
}

function orderRowOf(state: ExchangeState, row: number): OrderRow {
  const columns = state.orders.columns
  return {
    orderId: orderIdOf(columns.sequence.get(row), row),
    account: state.balances.columns.account.get(columns.owner.get(row)),
    market: columns.market.get(row),
    side: SIDES[columns.book.get(row) & 1] ?? 'buy',
    price: columns.price.get(row),
    size: columns.size.get(row),
    clientId: columns.clientId.get(row),
    expiry: timeOf(state, TIMER.order, row),
    selfTrade: selfTradeOf(columns.flags.get(row)),
  }
}
