import type { CallContext } from '../../core/host/coprocessor.ts'
import { findBalance, move, USDX, unhold } from './balances.ts'
import { type CancelReason, SELF_TRADES, type SelfTrade, type Side } from './events.ts'
import { heldFor } from './fees.ts'
import { MAX_MARKETS, ORDER_ROWS, ORDER_TAGS } from './limits.ts'
import type { ExchangeState } from './schema.ts'
import { endTimer, TIMER } from './timers.ts'

const SELF_TRADE_BITS = 3
export const FLAG_GTT = 4
export const FLAG_POST_ONLY = 8
/** Has a client id. */
export const FLAG_NAMED = 16

export const selfTradeOf = (flags: number): SelfTrade =>
  SELF_TRADES[flags & SELF_TRADE_BITS] ?? 'cancelMaker'

export const selfTradeFlag = (choice: SelfTrade): number => SELF_TRADES.indexOf(choice)

/**
 * Names the row and, to tell it from the row's earlier and later tenants, the order's sequence. Row 0 is an order
 * that never rested. An id can only come back for the same row after 2^33 events of its market; events carry
 * the whole sequence.
 */
export function orderIdOf(sequence: number, row: number): number {
  return (sequence - Math.floor(sequence / ORDER_TAGS) * ORDER_TAGS) * ORDER_ROWS + row
}

/** The resting order of this market with this id, or 0. O(1), one row read. */
export function findOrder(state: ExchangeState, market: number, orderId: number): number {
  const row = orderId - Math.floor(orderId / ORDER_ROWS) * ORDER_ROWS
  if (!state.orders.isLive(row)) return 0
  const { sequence, market: marketOf } = state.orders.columns
  const isSame = marketOf.get(row) === market && orderIdOf(sequence.get(row), row) === orderId
  return isSame ? row : 0
}

/** Group of the price index. */
export const bookOf = (market: number, side: Side): number => market * 2 + (side === 'buy' ? 0 : 1)

/** A market's row, or 0. */
export function marketRowOf(state: ExchangeState, market: number): number {
  return market < MAX_MARKETS && market < state.markets.count() ? market + 1 : 0
}

export function nextSequence(state: ExchangeState, market: number): number {
  const { sequence } = state.markets.columns
  const next = sequence.get(market + 1) + 1
  sequence.set(market + 1, next)
  return next
}

/** What an open order of this size holds: quote units for a buy, base units for a sell. */
export function holdOf(state: ExchangeState, book: number, price: number, size: number): number {
  const { tickSize, lotSize } = state.markets.columns
  const marketRow = (book >> 1) + 1
  return (book & 1) === 1
    ? size * lotSize.get(marketRow)
    : heldFor(price * size * tickSize.get(marketRow))
}

/** The owner's balance row in the quote asset. O(1); no look-up where the quote is USDX. */
export function quoteBalanceOf(state: ExchangeState, row: number): number {
  const { owner, market } = state.orders.columns
  const home = owner.get(row)
  const quote = state.markets.columns.quote.get(market.get(row) + 1)
  if (quote === USDX) return home
  return findBalance(state, state.balances.columns.account.get(home), quote)
}

/** Lets go of what the order no longer needs, and writes its smaller size. */
export function shrinkOrder(state: ExchangeState, row: number, size: number): void {
  const columns = state.orders.columns
  const [book, price] = [columns.book.get(row), columns.price.get(row)]
  const before = holdOf(state, book, price, columns.size.get(row))
  const after = holdOf(state, book, price, size)
  unhold(state, payerOf(state, row, book), before - after)
  columns.size.set(row, size)
}

/** The balance row that the order holds from. */
export const payerOf = (state: ExchangeState, row: number, book: number): number =>
  (book & 1) === 1 ? state.orders.columns.baseBalance.get(row) : quoteBalanceOf(state, row)

/** Takes the order off the book. Its hold must have been settled. O(log levels) at most. */
export function removeOrder(state: ExchangeState, row: number, market: number): void {
  const flags = state.orders.columns.flags.get(row)
  if ((flags & FLAG_GTT) !== 0) endTimer(state, TIMER.order, row)
  if ((flags & FLAG_NAMED) !== 0) state.byClientId.remove(row)
  state.byPrice.remove(row)
  state.byOwner.remove(row)
  move(state.markets.columns.openOrders, market + 1, -1)
  state.orders.free(row)
}

/** Releases the hold, removes the order, and says so. */
export function cancelOrder(
  state: ExchangeState,
  context: CallContext,
  row: number,
  reason: CancelReason | 'expired',
): void {
  const columns = state.orders.columns
  const book = columns.book.get(row)
  const market = book >> 1
  const orderId = orderIdOf(columns.sequence.get(row), row)
  const account = state.balances.columns.account.get(columns.owner.get(row))
  const size = columns.size.get(row)
  unhold(state, payerOf(state, row, book), holdOf(state, book, columns.price.get(row), size))
  removeOrder(state, row, market)
  const sequence = nextSequence(state, market)
  if (reason === 'expired') {
    context.emit({ kind: 'OrderExpired', market, sequence, orderId, account, size })
  } else {
    context.emit({ kind: 'OrderCancelled', market, sequence, orderId, account, size, reason })
  }
}
