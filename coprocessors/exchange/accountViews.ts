import type { ViewContext } from '../../core/host/coprocessor.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { homeOf } from './balances.ts'
import type { MarketStatus } from './events.ts'
import { currentTier, dayOf, FEE_TIERS } from './fees.ts'
import { marketRowOf } from './orders.ts'
import type { ExchangeState } from './schema.ts'
import { TIMER, timeOf } from './timers.ts'
import { statusOf } from './validate.ts'

export type MarketView = {
  readonly market: number
  readonly base: number
  readonly quote: number
  readonly tickSize: number
  readonly lotSize: number
  readonly minNotional: number
  readonly maxOrder: number
  readonly maxPrice: number
  readonly bandPercent: number
  readonly openOrderLimit: number
  readonly marketOrderLimit: number
  readonly status: MarketStatus
  readonly referencePrice: number
  readonly trades: number
  readonly openOrders: number
  readonly sequence: number
}

export function readMarket(
  state: ExchangeState,
  { market }: { readonly market: number },
): Result<MarketView, string> {
  const row = marketRowOf(state, market)
  return row === 0 ? reject('UNKNOWN_MARKET') : ok(marketViewOf(state, row))
}

export function readMarkets(state: ExchangeState) {
  const markets = Array.from({ length: state.markets.count() }, (_, i) =>
    marketViewOf(state, i + 1),
  )
  return ok({ markets })
}

function marketViewOf(state: ExchangeState, row: number): MarketView {
  const columns = state.markets.columns
  return {
    market: row - 1,
    base: columns.base.get(row),
    quote: columns.quote.get(row),
    tickSize: columns.tickSize.get(row),
    lotSize: columns.lotSize.get(row),
    minNotional: columns.minNotional.get(row),
    maxOrder: columns.maxOrder.get(row),
    maxPrice: columns.maxPrice.get(row),
    bandPercent: columns.bandPercent.get(row),
    openOrderLimit: columns.openOrderLimit.get(row),
    marketOrderLimit: columns.marketOrderLimit.get(row),
    status: statusOf(state, row),
    referencePrice: columns.referencePrice.get(row),
    trades: columns.trades.get(row),
    openOrders: columns.openOrders.get(row),
    sequence: columns.sequence.get(row),
  }
}

/** In order of asset rows. O(assets of the exchange). */
export function readBalances(state: ExchangeState, { account }: { readonly account: number }) {
  const { available, held } = state.balances.columns
  const balances: { asset: number; available: number; held: number }[] = []
  for (let row = state.assets.next(0); row !== 0; row = state.assets.next(row)) {
    const asset = state.assets.columns.asset.get(row)
    const balance = state.byAccount.find(account, asset)
    if (balance === 0) continue
    const amounts = { available: available.get(balance), held: held.get(balance) }
    if (amounts.available + amounts.held > 0) balances.push({ asset, ...amounts })
  }
  return ok({ balances })
}

/** Zero for an account the exchange has never seen. */
export function readBalance(
  state: ExchangeState,
  { account, asset }: { readonly account: number; readonly asset: number },
) {
  const row = state.byAccount.find(account, asset)
  if (row === 0) return ok({ available: 0, held: 0 })
  const { available, held } = state.balances.columns
  return ok({ available: available.get(row), held: held.get(row) })
}

/** Rates in millionths; volume of the 14 days before the block's, in USDX units. */
export function readFeeTier(
  state: ExchangeState,
  { account }: { readonly account: number },
  context: ViewContext,
) {
  const home = homeOf(state, account)
  const { tier, volume } =
    home === 0 ? { tier: 0, volume: 0 } : currentTier(state, home, dayOf(context.time))
  const { taker, maker } = FEE_TIERS[tier] ?? FEE_TIERS[0]
  return ok({ tier, taker, maker, volume })
}

/** 0 when the dead-man switch is not set. */
export function readScheduledCancel(
  state: ExchangeState,
  { account }: { readonly account: number },
) {
  const home = homeOf(state, account)
  return ok({ time: home === 0 ? 0 : timeOf(state, TIMER.account, home) })
}
