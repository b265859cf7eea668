import type { CallContext } from '../../core/host/coprocessor.ts'
import { assert } from '../../core/primitives/assert.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { hold } from './balances.ts'
import type { SelfTrade, Side, TimeInForce } from './events.ts'
import { heldFor } from './fees.ts'
import { GAS } from './limits.ts'
import { isExpired, match, reachableLevel, type Taker } from './match.ts'
import { cancelOrder, FLAG_GTT, FLAG_POST_ONLY, nextSequence, selfTradeFlag } from './orders.ts'
import { restOrder } from './rest.ts'
import type { ExchangeState } from './schema.ts'
import { settleTaker, takerOf } from './taker.ts'
import { startTimer, TIMER } from './timers.ts'

export type OrderRequest = {
  readonly market: number
  readonly side: Side
  /** Ticks. */
  readonly price: number
  /** Lots. */
  readonly size: number
  readonly timeInForce: TimeInForce
  /** Milliseconds; for GTT. */
  readonly expiry: number
  /** 0 for none. */
  readonly clientId: bigint
  readonly selfTrade: SelfTrade
}

export type Placed = {
  readonly orderId: number
  /** Lots. */
  readonly filled: number
  /** Lots that rest in the book. */
  readonly open: number
  /** Quote units exchanged. */
  readonly notional: number
  /** Units of what was received. */
  readonly fee: number
}

/** What was looked up for an order before it enters the book. */
export type Entry = {
  readonly marketRow: number
  readonly tickSize: number
  readonly lotSize: number
  /** Group of the price index. */
  readonly book: number
  /** Where the order may rest; 0 when it may not. */
  readonly row: number
  readonly sequence: number
  readonly orderId: number
  /** Balance rows: home, and those that the order pays from and is paid into. */
  readonly owner: number
  readonly baseBalance: number
  readonly quoteBalance: number
  /** Has a client id. Compared once: bigints are slow. */
  readonly named: boolean
}

export const mayRest = (timeInForce: TimeInForce): boolean =>
  timeInForce !== 'IOC' && timeInForce !== 'FOK'

/** Matches an order that passed all checks, and rests or drops what is left. */
export function enterOrder(
  state: ExchangeState,
  context: CallContext,
  order: OrderRequest,
  entry: Entry,
): Result<Placed, string> {
  context.emit({
    kind: 'OrderAccepted',
    market: order.market,
    sequence: entry.sequence,
    orderId: entry.orderId,
    account: context.caller,
    side: order.side,
    price: order.price,
    size: order.size,
    timeInForce: order.timeInForce,
    clientId: order.clientId,
  })
  if (order.timeInForce === 'POST_ONLY') {
    const refused = wouldCross(state, context, entry.book, order.price)
    if (refused !== null) return reject(refused)
  } else if (reachableLevel(state, entry.book, order.price) !== 0) {
    return cross(state, context, order, entry)
  }
  if (!mayRest(order.timeInForce)) {
    return reject(order.timeInForce === 'FOK' ? 'FOK_NOT_FILLED' : 'NO_LIQUIDITY')
  }
  const unrested = rest(state, order, entry, order.size)
  if (unrested !== null) return reject(unrested)
  return ok({ orderId: entry.orderId, filled: 0, open: order.size, notional: 0, fee: 0 })
}

/** Why a post-only order may not enter, or null. Orders whose time is over do not count, and leave. */
function wouldCross(
  state: ExchangeState,
  context: CallContext,
  book: number,
  price: number,
): string | null {
  for (;;) {
    const level = reachableLevel(state, book, price)
    if (level === 0) return null
    const first = state.byPrice.firstOf(level)
    const mayEnd = (state.orders.columns.flags.get(first) & FLAG_GTT) !== 0
    if (!mayEnd || !isExpired(state, first, context.time)) return 'POST_ONLY_WOULD_CROSS'
    if (!context.charge(GAS.maker)) return 'OUT_OF_GAS'
    cancelOrder(state, context, first, 'expired')
  }
}

function cross(
  state: ExchangeState,
  context: CallContext,
  order: OrderRequest,
  entry: Entry,
): Result<Placed, string> {
  const taker = takerOf(state, context, order, entry)
  if (!match(state, context, taker)) return reject('OUT_OF_GAS')
  const refused = refusalOf(order.timeInForce, taker)
  if (refused !== null) return reject(refused)
  settleTaker(state, entry, taker)
  const open = taker.stopped || !mayRest(order.timeInForce) ? 0 : taker.left
  if (open > 0) {
    const unrested = rest(state, order, entry, open)
    if (unrested !== null) return reject(unrested)
  } else if (entry.row !== 0) {
    state.orders.free(entry.row)
  }
  reportLost(state, context, order, taker, open)
  return ok({
    orderId: taker.orderId,
    filled: taker.filled,
    open,
    notional: taker.notional,
    fee: taker.fee,
  })
}

/** The host reverts a reject, so a refused order has changed nothing, however far it went. */
function refusalOf(timeInForce: TimeInForce, taker: Taker): string | null {
  const short = taker.left > 0 || taker.decremented > 0
  if (timeInForce === 'FOK' && short) return 'FOK_NOT_FILLED'
  if (taker.filled > 0) return null
  if (taker.stopped && taker.selfTrade === 'cancelTaker') return 'SELF_TRADE'
  if (!taker.metItself && !mayRest(timeInForce)) return 'NO_LIQUIDITY'
  return null
}

/** Holds what the open size needs and puts it into the book; or why that is refused. */
function rest(
  state: ExchangeState,
  order: OrderRequest,
  entry: Entry,
  size: number,
): string | null {
  const { timeInForce } = order
  const buys = (entry.book & 1) === 0
  const amount = buys ? heldFor(order.price * size * entry.tickSize) : size * entry.lotSize
  const held = hold(state, buys ? entry.quoteBalance : entry.baseBalance, amount)
  assert(held, 'what the whole order could afford covers what is left of it')
  const kind = timeInForce === 'GTT' ? FLAG_GTT : timeInForce === 'POST_ONLY' ? FLAG_POST_ONLY : 0
  restOrder(state, order, entry, size, kind | selfTradeFlag(order.selfTrade))
  if (hasTooMany(state, entry)) return 'TOO_MANY_ORDERS'
  if (kind !== FLAG_GTT) return null
  return startTimer(state, TIMER.order, entry.row, order.expiry) ? null : 'TABLE_FULL'
}

/** Asked with the new order in place, where the count is at hand. */
function hasTooMany(state: ExchangeState, { marketRow, row }: Entry): boolean {
  const { openOrders, openOrderLimit, marketOrderLimit } = state.markets.columns
  if (openOrders.get(marketRow) > marketOrderLimit.get(marketRow)) return true
  const { byOwner } = state
  return byOwner.countOf(byOwner.levelOf(row)) > openOrderLimit.get(marketRow)
}

/** Says what became of the lots that were neither filled nor rest. */
function reportLost(
  state: ExchangeState,
  context: CallContext,
  order: OrderRequest,
  taker: Taker,
  open: number,
): void {
  const { orderId, account } = taker
  const { market } = order
  const dropped = open > 0 ? 0 : taker.left
  if (open > 0 && taker.decremented > 0) {
    const sequence = nextSequence(state, market)
    context.emit({ kind: 'OrderReduced', market, sequence, orderId, account, size: open })
  } else if (dropped + taker.decremented > 0) {
    const sequence = nextSequence(state, market)
    const reason = taker.stopped || taker.decremented > 0 ? 'selfTrade' : 'immediate'
    const size = dropped + taker.decremented
    context.emit({ kind: 'OrderCancelled', market, sequence, orderId, account, size, reason })
  }
}
