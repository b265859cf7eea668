import type { CallContext } from '../../core/host/coprocessor.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { assetRowOf, openAsset } from './balances.ts'
import { type MarketStatus, STATUSES } from './events.ts'
import { MAX_RATE } from './fees.ts'
import {
  MAX_BAND_PERCENT,
  MAX_OPEN_ORDERS_PER_ACCOUNT,
  MAX_PRICE,
  MILLION,
  ORDER_ROWS,
} from './limits.ts'
import { marketRowOf } from './orders.ts'
import { type ExchangeState, GLOBAL } from './schema.ts'

export type MarketSpec = {
  readonly base: number
  readonly quote: number
  /** Quote units per tick of one lot. */
  readonly tickSize: number
  /** Base units per lot. */
  readonly lotSize: number
  /** Quote units. */
  readonly minNotional: number
  /** Lots. */
  readonly maxOrder: number
  /** Ticks. */
  readonly maxPrice: number
  /** ± per cent of the reference price. */
  readonly bandPercent: number
  /** Ticks; the last trade takes its place. */
  readonly referencePrice: number
  /** Open orders of one account in this market, and of all. */
  readonly openOrderLimit: number
  readonly marketOrderLimit: number
}

/** By the admin, or the account that issued the base asset. */
export function createMarket(
  state: ExchangeState,
  spec: MarketSpec,
  context: CallContext,
): Result<{ readonly market: number }, string> {
  if (!isAdmin(state, context)) {
    if (!isIssuer(state, context, spec.base)) return reject('NOT_AUTHORIZED')
    // The order table is everybody's: it takes 64 such markets, each of an asset that was paid for, to fill it.
    const isModest =
      spec.openOrderLimit <= ISSUER_OPEN_ORDERS && spec.marketOrderLimit <= ISSUER_MARKET_ORDERS
    if (!isModest) return reject('BAD_MARKET')
  }
  const opened = openMarket(state, spec)
  if (!opened.ok) return opened
  const market = opened.value
  context.emit({ kind: 'MarketCreated', market, base: spec.base, quote: spec.quote })
  return ok({ market })
}

export function setMarketStatus(
  state: ExchangeState,
  args: { readonly market: number; readonly status: MarketStatus },
  context: CallContext,
): Result<Record<never, never>, string> {
  if (!isAdmin(state, context)) return reject('NOT_AUTHORIZED')
  const marketRow = marketRowOf(state, args.market)
  if (marketRow === 0) return reject('UNKNOWN_MARKET')
  state.markets.columns.status.set(marketRow, STATUSES.indexOf(args.status))
  context.emit({ kind: 'MarketStatusChanged', market: args.market, status: args.status })
  return ok({})
}

/** What the issuer of an asset may allow in a market of it. */
const ISSUER_OPEN_ORDERS = 1_000
const ISSUER_MARKET_ORDERS = ORDER_ROWS / 64

/** Without asking who; `BAD_MARKET` when an order of the largest size and price would not be an exact number. */
export function openMarket(state: ExchangeState, spec: MarketSpec): Result<number, string> {
  if (!isSound(spec)) return reject('BAD_MARKET')
  const baseRow = openAsset(state, spec.base)
  const quoteRow = openAsset(state, spec.quote)
  const row = baseRow === 0 || quoteRow === 0 ? 0 : state.markets.allocate()
  if (row === 0) return reject('TABLE_FULL')
  const columns = state.markets.columns
  columns.base.set(row, spec.base)
  columns.quote.set(row, spec.quote)
  columns.baseRow.set(row, baseRow)
  columns.quoteRow.set(row, quoteRow)
  columns.tickSize.set(row, spec.tickSize)
  columns.lotSize.set(row, spec.lotSize)
  columns.minNotional.set(row, spec.minNotional)
  columns.maxOrder.set(row, spec.maxOrder)
  columns.maxPrice.set(row, spec.maxPrice)
  columns.bandPercent.set(row, spec.bandPercent)
  columns.referencePrice.set(row, spec.referencePrice)
  columns.openOrderLimit.set(row, spec.openOrderLimit)
  columns.marketOrderLimit.set(row, spec.marketOrderLimit)
  return ok(row - 1)
}

function isSound(spec: MarketSpec): boolean {
  const within = (value: number, max: number): boolean => value >= 1 && value <= max
  const largest = BigInt(spec.maxPrice) * BigInt(spec.maxOrder) * BigInt(spec.tickSize)
  const fee = (largest * BigInt(MAX_RATE)) / BigInt(MILLION) + 1n
  const limit = BigInt(Number.MAX_SAFE_INTEGER)
  return (
    spec.base !== spec.quote &&
    spec.tickSize >= 1 &&
    spec.lotSize >= 1 &&
    spec.maxOrder >= 1 &&
    within(spec.maxPrice, MAX_PRICE) &&
    within(spec.referencePrice, spec.maxPrice) &&
    within(spec.bandPercent, MAX_BAND_PERCENT) &&
    within(spec.openOrderLimit, MAX_OPEN_ORDERS_PER_ACCOUNT) &&
    within(spec.marketOrderLimit, ORDER_ROWS) &&
    largest + fee <= limit &&
    BigInt(spec.maxOrder) * BigInt(spec.lotSize) <= limit
  )
}

const isAdmin = (state: ExchangeState, context: CallContext): boolean =>
  context.caller !== 0 && context.caller === state.globals.columns.admin.get(GLOBAL)

function isIssuer(state: ExchangeState, context: CallContext, asset: number): boolean {
  const row = assetRowOf(state, asset)
  return (
    row !== 0 && context.caller !== 0 && context.caller === state.assets.columns.issuer.get(row)
  )
}
