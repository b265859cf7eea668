import type { CallContext } from '../../core/host/coprocessor.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { ownOrder } from './cancel.ts'
import type { OrderRequest, Placed } from './enter.ts'
import { reduceOrder } from './match.ts'
import { cancelOrder, FLAG_GTT, FLAG_POST_ONLY, orderIdOf, selfTradeOf } from './orders.ts'
import { placeOrder } from './place.ts'
import type { ExchangeState } from './schema.ts'
import { TIMER, timeOf } from './timers.ts'

export type AmendRequest = {
  readonly market: number
  /** 0: by client id. */
  readonly orderId: number
  readonly clientId: bigint
  readonly price: number
  /** The open lots it shall have, whatever was filled before. */
  readonly size: number
}

/**
 * Fewer lots at the same price keep the place. Anything else is a new order with the old one's terms; if it is
 * refused the whole call is, so the old one stands.
 */
export function amend(
  state: ExchangeState,
  to: AmendRequest,
  context: CallContext,
): Result<Placed, string> {
  const found = ownOrder(state, context, to)
  if (!found.ok) return found
  const row = found.value
  const columns = state.orders.columns
  const open = columns.size.get(row)
  if (to.price !== columns.price.get(row) || to.size > open) return replace(state, to, context, row)
  if (to.size < 1) return reject('BAD_LOT')
  const { minNotional, tickSize } = state.markets.columns
  const notional = to.price * to.size * tickSize.get(to.market + 1)
  if (notional < minNotional.get(to.market + 1)) return reject('BELOW_MIN_NOTIONAL')
  if (to.size < open) reduceOrder(state, context, row, to.size)
  const orderId = orderIdOf(columns.sequence.get(row), row)
  return ok({ orderId, filled: 0, open: to.size, notional: 0, fee: 0 })
}

function replace(
  state: ExchangeState,
  to: AmendRequest,
  context: CallContext,
  row: number,
): Result<Placed, string> {
  const columns = state.orders.columns
  const flags = columns.flags.get(row)
  const order: OrderRequest = {
    market: to.market,
    side: (columns.book.get(row) & 1) === 0 ? 'buy' : 'sell',
    price: to.price,
    size: to.size,
    timeInForce:
      (flags & FLAG_GTT) !== 0 ? 'GTT' : (flags & FLAG_POST_ONLY) !== 0 ? 'POST_ONLY' : 'GTC',
    expiry: (flags & FLAG_GTT) !== 0 ? timeOf(state, TIMER.order, row) : 0,
    clientId: columns.clientId.get(row),
    selfTrade: selfTradeOf(flags),
  }
  cancelOrder(state, context, row, 'amended')
  return placeOrder(state, order, context)
}
