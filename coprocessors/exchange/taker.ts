import type { CallContext } from '../../core/host/coprocessor.ts'
import { move, USDX } from './balances.ts'
import type { Entry, OrderRequest } from './enter.ts'
import { addVolume, dayOf, rollVolume, TAKER_RATES } from './fees.ts'
import type { Taker } from './match.ts'
import type { ExchangeState } from './schema.ts'

export function takerOf(
  state: ExchangeState,
  context: CallContext,
  order: OrderRequest,
  entry: Entry,
): Taker {
  const day = dayOf(context.time)
  rollVolume(state, entry.owner, day)
  const columns = state.markets.columns
  return {
    market: order.market,
    book: entry.book,
    limit: order.price,
    orderId: entry.orderId,
    account: context.caller,
    owner: entry.owner,
    selfTrade: order.selfTrade,
    rate: TAKER_RATES[state.balances.columns.tier.get(entry.owner)] ?? 0,
    tickSize: entry.tickSize,
    lotSize: entry.lotSize,
    counts: columns.quote.get(entry.marketRow) === USDX,
    day,
    left: order.size,
    filled: 0,
    notional: 0,
    fee: 0,
    baseFees: 0,
    quoteFees: 0,
    baseMoved: 0,
    quoteMoved: 0,
    lastPrice: 0,
    trades: 0,
    decremented: 0,
    metItself: false,
    stopped: false,
  }
}

/** The taker's own balances, the fees, the sums, and the market's last price: once per order. */
export function settleTaker(state: ExchangeState, entry: Entry, taker: Taker): void {
  if (taker.trades === 0) return
  const { available } = state.balances.columns
  const { users, fees } = state.assets.columns
  const markets = state.markets.columns
  const base = taker.filled * taker.lotSize
  const buys = (taker.book & 1) === 0
  const baseDelta = buys ? base - taker.fee : -base
  const quoteDelta = buys ? -taker.notional : taker.notional - taker.fee
  move(available, entry.baseBalance, baseDelta)
  move(available, entry.quoteBalance, quoteDelta)
  if (taker.counts) addVolume(state, entry.owner, taker.notional)
  const baseRow = markets.baseRow.get(entry.marketRow)
  const quoteRow = markets.quoteRow.get(entry.marketRow)
  if (taker.baseFees !== 0) move(fees, baseRow, taker.baseFees)
  if (taker.quoteFees !== 0) move(fees, quoteRow, taker.quoteFees)
  // Sums of what was written to balances, not of the fees again: the block constraint compares the two.
  const baseDrift = taker.baseMoved + baseDelta
  const quoteDrift = taker.quoteMoved + quoteDelta
  if (baseDrift !== 0) move(users, baseRow, baseDrift)
  if (quoteDrift !== 0) move(users, quoteRow, quoteDrift)
  if (markets.referencePrice.get(entry.marketRow) !== taker.lastPrice) {
    markets.referencePrice.set(entry.marketRow, taker.lastPrice)
  }
  move(markets.trades, entry.marketRow, taker.trades)
}
