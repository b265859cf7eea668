import type { CallContext } from '../../core/host/coprocessor.ts'
import { move } from './balances.ts'
import type { SelfTrade } from './events.ts'
import { addVolume, heldFor, MAKER_RATES, rollVolume, shareDown, shareUp } from './fees.ts'
import { GAS } from './limits.ts'
import {
  cancelOrder,
  FLAG_GTT,
  nextSequence,
  orderIdOf,
  quoteBalanceOf,
  removeOrder,
  shrinkOrder,
} from './orders.ts'
import type { ExchangeState } from './schema.ts'
import { TIMER, timeOf } from './timers.ts'

/** An order on its way through the other side of the book, and what has become of it so far. */
export type Taker = {
  readonly market: number
  /** market × 2, plus 1 for a sell. */
  readonly book: number
  /** In ticks: the worst it takes. */
  readonly limit: number
  readonly orderId: number
  readonly account: number
  readonly owner: number
  readonly selfTrade: SelfTrade
  /** In millionths. */
  readonly rate: number
  readonly tickSize: number
  readonly lotSize: number
  /** Whether notional is USDX, which is what volume counts. */
  readonly counts: boolean
  readonly day: number
  /** Lots still wanted. */
  left: number
  /** Lots. */
  filled: number
  /** Quote units exchanged. */
  notional: number
  /** Its own, in units of what it receives. */
  fee: number
  baseFees: number
  quoteFees: number
  /** What makers' balances gained and lost in sum; the taker's own part is settled at the end. */
  baseMoved: number
  quoteMoved: number
  lastPrice: number
  trades: number
  /** Lots taken off by `decrement`. */
  decremented: number
  metItself: boolean
  /** Self-trade prevention ends it here; what is left must not rest. */
  stopped: boolean
}

/** The best level that the taker's limit reaches, or 0. */
export function reachableLevel(state: ExchangeState, book: number, limit: number): number {
  if ((book & 1) === 0) {
    const level = state.byPrice.lowest(book + 1)
    return level !== 0 && state.byPrice.priceOf(level) <= limit ? level : 0
  }
  const level = state.byPrice.highest(book - 1)
  return level !== 0 && state.byPrice.priceOf(level) >= limit ? level : 0
}

/**
 * Price, then time; at the maker's price. False when the gas limit is passed: the call must be rejected. O(log
 * levels) per level and O(1) per order met.
 */
export function match(state: ExchangeState, context: CallContext, taker: Taker): boolean {
  while (taker.left > 0 && !taker.stopped) {
    const level = reachableLevel(state, taker.book, taker.limit)
    if (level === 0) return true
    const price = state.byPrice.priceOf(level)
    if (!context.charge(GAS.level)) return false
    let row = state.byPrice.firstOf(level)
    while (row !== 0 && taker.left > 0 && !taker.stopped) {
      if (!context.charge(GAS.maker)) return false
      const next = state.byPrice.nextOf(row)
      meet(state, context, taker, row, price)
      row = next
    }
  }
  return true
}

function meet(
  state: ExchangeState,
  context: CallContext,
  taker: Taker,
  row: number,
  price: number,
): void {
  const columns = state.orders.columns
  if ((columns.flags.get(row) & FLAG_GTT) !== 0 && isExpired(state, row, context.time)) {
    cancelOrder(state, context, row, 'expired')
  } else if (columns.owner.get(row) === taker.owner) {
    meetItself(state, context, taker, row)
  } else {
    fill(state, context, taker, row, price)
  }
}

/** Expiry at the end of a block has a budget, so an order may still be in the book after its time. */
export const isExpired = (state: ExchangeState, row: number, time: number): boolean =>
  timeOf(state, TIMER.order, row) <= time

function fill(
  state: ExchangeState,
  context: CallContext,
  taker: Taker,
  row: number,
  price: number,
): void {
  const columns = state.orders.columns
  const open = columns.size.get(row)
  const size = Math.min(open, taker.left)
  const notional = price * size * taker.tickSize
  const maker = columns.owner.get(row)
  const makerOrder = orderIdOf(columns.sequence.get(row), row)
  rollVolume(state, maker, taker.day)
  const makerRate = MAKER_RATES[state.balances.columns.tier.get(maker)] ?? 0
  const makerFee =
    (taker.book & 1) === 0
      ? fillSell(state, taker, row, size * taker.lotSize, notional, makerRate)
      : fillBuy(state, taker, row, open, size, price, makerRate)
  const takerFee = shareUp((taker.book & 1) === 0 ? size * taker.lotSize : notional, taker.rate)
  if ((taker.book & 1) === 0) taker.baseFees += takerFee
  else taker.quoteFees += takerFee
  taker.fee += takerFee
  if (taker.counts) addVolume(state, maker, notional)
  taker.left -= size
  taker.filled += size
  taker.notional += notional
  taker.lastPrice = price
  taker.trades++
  const makerAccount = state.balances.columns.account.get(maker)
  if (size === open) removeOrder(state, row, taker.market)
  else columns.size.set(row, open - size)
  context.emit({
    kind: 'OrderFilled',
    market: taker.market,
    sequence: nextSequence(state, taker.market),
    takerSide: (taker.book & 1) === 0 ? 'buy' : 'sell',
    price,
    size,
    makerOrder,
    maker: makerAccount,
    makerFee,
    makerLeft: open - size,
    takerOrder: taker.orderId,
    taker: taker.account,
    takerFee,
  })
}

/** The maker sells: held base leaves, quote less the fee arrives. The fee rounds down, for the maker. */
function fillSell(
  state: ExchangeState,
  taker: Taker,
  row: number,
  amount: number,
  notional: number,
  rate: number,
): number {
  const { available, held } = state.balances.columns
  const fee = shareDown(notional, rate)
  move(held, state.orders.columns.baseBalance.get(row), -amount)
  move(available, quoteOf(state, taker, row), notional - fee)
  taker.baseMoved -= amount
  taker.quoteMoved += notional - fee
  taker.quoteFees += fee
  return fee
}

const quoteOf = (state: ExchangeState, taker: Taker, row: number): number =>
  taker.counts ? state.orders.columns.owner.get(row) : quoteBalanceOf(state, row)

/** The maker buys: the notional leaves what it held, the spare part of the hold is available again. */
function fillBuy(
  state: ExchangeState,
  taker: Taker,
  row: number,
  open: number,
  size: number,
  price: number,
  rate: number,
): number {
  const { available, held } = state.balances.columns
  const notional = price * size * taker.tickSize
  const freed =
    heldFor(price * open * taker.tickSize) - heldFor(price * (open - size) * taker.tickSize)
  const amount = size * taker.lotSize
  const fee = shareDown(amount, rate)
  const quote = quoteOf(state, taker, row)
  move(held, quote, -freed)
  if (freed !== notional) move(available, quote, freed - notional)
  move(available, state.orders.columns.baseBalance.get(row), amount - fee)
  taker.quoteMoved -= notional
  taker.baseMoved += amount - fee
  taker.baseFees += fee
  return fee
}

function meetItself(state: ExchangeState, context: CallContext, taker: Taker, row: number): void {
  taker.metItself = true
  const open = state.orders.columns.size.get(row)
  if (taker.selfTrade === 'cancelTaker') {
    taker.stopped = true
  } else if (taker.selfTrade === 'decrement') {
    const less = Math.min(open, taker.left)
    taker.left -= less
    taker.decremented += less
    if (less === open) cancelOrder(state, context, row, 'selfTrade')
    else reduceOrder(state, context, row, open - less)
  } else {
    cancelOrder(state, context, row, 'selfTrade')
    taker.stopped = taker.selfTrade === 'cancelBoth'
  }
}

/** Smaller, in its place. `size` is above 0. */
export function reduceOrder(
  state: ExchangeState,
  context: CallContext,
  row: number,
  size: number,
): void {
  const columns = state.orders.columns
  shrinkOrder(state, row, size)
  context.emit({
    kind: 'OrderReduced',
    market: columns.market.get(row),
    sequence: nextSequence(state, columns.market.get(row)),
    orderId: orderIdOf(columns.sequence.get(row), row),
    account: state.balances.columns.account.get(columns.owner.get(row)),
    size,
  })
}
