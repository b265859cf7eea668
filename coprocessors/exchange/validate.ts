import type { OrderRequest } from './enter.ts'
import { type MarketStatus, STATUSES } from './events.ts'
import type { ExchangeState } from './schema.ts'

export const statusOf = (state: ExchangeState, marketRow: number): MarketStatus =>
  STATUSES[state.markets.columns.status.get(marketRow)] ?? 'halted'

/** Whether owners may take their orders out. */
export const mayCancel = (state: ExchangeState, marketRow: number): boolean =>
  statusOf(state, marketRow) !== 'halted'

/** Why the market would not take this order, whoever sends it; null if it would. O(1). */
export function orderProblem(
  state: ExchangeState,
  marketRow: number,
  order: OrderRequest,
  time: number,
): string | null {
  const { maxPrice, maxOrder, minNotional, tickSize } = state.markets.columns
  const { price, size, timeInForce } = order
  const status = statusOf(state, marketRow)
  const admitted = status === 'open' || (status === 'postOnly' && timeInForce === 'POST_ONLY')
  if (!admitted) return 'MARKET_NOT_OPEN'
  if (price < 1 || price > maxPrice.get(marketRow)) return 'BAD_TICK'
  if (size < 1) return 'BAD_LOT'
  if (size > maxOrder.get(marketRow)) return 'ABOVE_MAX_ORDER'
  if (price * size * tickSize.get(marketRow) < minNotional.get(marketRow)) {
    return 'BELOW_MIN_NOTIONAL'
  }
  if (isOutsideBand(state, marketRow, price)) return 'OUTSIDE_PRICE_BAND'
  return timeInForce === 'GTT' && order.expiry <= time ? 'EXPIRED' : null
}

function isOutsideBand(state: ExchangeState, marketRow: number, price: number): boolean {
  const { referencePrice, bandPercent } = state.markets.columns
  const reference = referencePrice.get(marketRow)
  const band = bandPercent.get(marketRow)
  return price * 100 > reference * (100 + band) || price * 100 < reference * (100 - band)
}
