// The exchange as one would write it first: plain objects, sorted arrays, no arena, no indexes, nothing shared with
// the engine but its types. An order's id is the sequence of its acceptance; a reject may leave a half-done state.

import type { MarketSpec } from '../../coprocessors/exchange/index.ts'
import type { publicFns } from '../../coprocessors/exchange/publicFns.ts'
import type { Fields, Values } from '../../core/host/fields.ts'

type Args<K extends keyof typeof publicFns> = (typeof publicFns)[K] extends {
  args: infer A extends Fields
}
  ? Values<A>
  : never
type Place = Args<'placeOrder'>
export type NaiveOrder = Place & { id: number; account: number; open: number }
type Market = {
  spec: MarketSpec
  status: string
  reference: number
  sequence: number
  trades: number
  bids: NaiveOrder[]
  asks: NaiveOrder[]
}
type Balance = { available: number; held: number }
export type NaiveEvent = { kind: string; [field: string]: unknown }
export type NaiveAnswer = { code: string } | { code: null; [field: string]: unknown }

const DAY = 86_400_000
const TIERS = [
  [0, 700, 400],
  [5e12, 600, 300],
  [25e12, 500, 200],
  [100e12, 400, 100],
  [500e12, 350, 0],
  [2e15, 300, 0],
  [7e15, 250, 0],
] as const
const up = (amount: number, rate: number) =>
  Number((BigInt(amount) * BigInt(rate) + 999_999n) / 1_000_000n)
const down = (amount: number, rate: number) => Number((BigInt(amount) * BigInt(rate)) / 1_000_000n)
const no = (code: string): NaiveAnswer => ({ code })

export function createNaiveBook(
  specs: readonly MarketSpec[],
  limits: { orders: number; timers: number },
) {
  const markets: Market[] = specs.map((spec) => ({
    spec,
    status: 'open',
    reference: spec.referencePrice,
    sequence: 0,
    trades: 0,
    bids: [],
    asks: [],
  }))
  const state = {
    time: 0,
    markets,
    balances: {} as Record<string, Balance>,
    volumes: {} as Record<string, Record<number, number>>,
    fees: {} as Record<number, number>,
    switches: {} as Record<string, { time: number; order: number }>,
    started: 0,
  }
  let events: NaiveEvent[] = []
  const balance = (account: number, asset: number): Balance => {
    state.balances[`${account}:${asset}`] ??= { available: 0, held: 0 }
    return state.balances[`${account}:${asset}`] as Balance
  }
  const emit = (market: Market, kind: string, fields: object) => {
    events.push({
      kind,
      market: state.markets.indexOf(market),
      sequence: ++market.sequence,
      ...fields,
    })
    return market.sequence
  }
  const all = () => state.markets.flatMap((market) => [...market.bids, ...market.asks])
  const sideOf = (market: Market, side: string) => (side === 'buy' ? market.bids : market.asks)
  const notional = (market: Market, price: number, size: number) =>
    price * size * market.spec.tickSize
  const needs = (market: Market, side: string, price: number, size: number) =>
    side === 'sell'
      ? size * market.spec.lotSize
      : notional(market, price, size) + up(notional(market, price, size), 700)
  const payer = (market: Market, order: { account: number; side: string }) =>
    balance(order.account, order.side === 'buy' ? market.spec.quote : market.spec.base)
  const resize = (market: Market, order: NaiveOrder, open: number) => {
    const freed =
      needs(market, order.side, order.price, order.open) -
      (open && needs(market, order.side, order.price, open))
    payer(market, order).held -= freed
    payer(market, order).available += freed
    order.open = open
    if (open === 0) sideOf(market, order.side).splice(sideOf(market, order.side).indexOf(order), 1)
  }
  const kill = (order: NaiveOrder, reason: string | null) => {
    const market = state.markets[order.market] as Market
    const size = order.open
    resize(market, order, 0)
    const fields = { id: order.id, account: order.account, size }
    if (reason === null) emit(market, 'OrderExpired', fields)
    else emit(market, 'OrderCancelled', { ...fields, reason })
  }
  const rates = (account: number) => {
    const today = Math.floor(state.time / DAY)
    const days = Object.entries(state.volumes[account] ?? {}).filter(
      ([day]) => Number(day) < today && Number(day) >= today - 14,
    )
    const volume = days.reduce((sum, [, amount]) => sum + amount, 0)
    const [, taker, maker] = TIERS.findLast(([above]) => volume > above) ?? TIERS[0]
    return { taker, maker }
  }
  const traded = (account: number, amount: number) => {
    const today = Math.floor(state.time / DAY)
    state.volumes[account] ??= {}
    const days = state.volumes[account] as Record<number, number>
    days[today] = (days[today] ?? 0) + amount
  }

  function fill(market: Market, taker: NaiveOrder, maker: NaiveOrder) {
    const { spec } = market
    const size = Math.min(taker.open, maker.open)
    const value = notional(market, maker.price, size)
    const [buyer, seller] = taker.side === 'buy' ? [taker, maker] : [maker, taker]
    const feeOf = (of: NaiveOrder, received: number) =>
      of === taker ? up(received, rates(of.account).taker) : down(received, rates(of.account).maker)
    const baseFee = feeOf(buyer, size * spec.lotSize)
    const quoteFee = feeOf(seller, value)
    resize(market, maker, maker.open - size)
    balance(buyer.account, spec.quote).available -= value
    balance(buyer.account, spec.base).available += size * spec.lotSize - baseFee
    balance(seller.account, spec.base).available -= size * spec.lotSize
    balance(seller.account, spec.quote).available += value - quoteFee
    state.fees[spec.base] = (state.fees[spec.base] ?? 0) + baseFee
    state.fees[spec.quote] = (state.fees[spec.quote] ?? 0) + quoteFee
    for (const side of [buyer, seller]) if (spec.quote === 0) traded(side.account, value)
    taker.open -= size
    market.reference = maker.price
    market.trades++
    const takerFee = taker === buyer ? baseFee : quoteFee
    const makerFee = taker === buyer ? quoteFee : baseFee
    emit(market, 'OrderFilled', {
      takerSide: taker.side,
      price: maker.price,
      size,
      maker: maker.account,
      makerOrder: maker.id,
      makerFee,
      makerLeft: maker.open,
      taker: taker.account,
      takerOrder: taker.id,
      takerFee,
    })
    return { size, value, takerFee }
  }

  function place(account: number, order: Place): NaiveAnswer {
    const market = state.markets[order.market]
    if (market === undefined) return no('UNKNOWN_MARKET')
    const { spec, reference, status } = market
    const { side, price, size, timeInForce } = order
    const rests = timeInForce !== 'IOC' && timeInForce !== 'FOK'
    if (status !== 'open' && !(status === 'postOnly' && timeInForce === 'POST_ONLY'))
      return no('MARKET_NOT_OPEN')
    if (price < 1 || price > spec.maxPrice) return no('BAD_TICK')
    if (size < 1) return no('BAD_LOT')
    if (size > spec.maxOrder) return no('ABOVE_MAX_ORDER')
    if (notional(market, price, size) < spec.minNotional) return no('BELOW_MIN_NOTIONAL')
    if (Math.abs(price - reference) * 100 > reference * spec.bandPercent)
      return no('OUTSIDE_PRICE_BAND')
    if (timeInForce === 'GTT' && order.expiry <= state.time) return no('EXPIRED')
    if (payer(market, { account, side }).available < needs(market, side, price, size))
      return no('INSUFFICIENT_BALANCE')
    const own = all().filter((other) => other.account === account)
    if (order.clientId !== 0n && own.some((other) => other.clientId === order.clientId))
      return no('DUPLICATE_CLIENT_ID')
    if (rests && all().length >= limits.orders) return no('TABLE_FULL')
    const id = emit(market, 'OrderAccepted', {
      account,
      side,
      price,
      size,
      timeInForce,
      clientId: order.clientId,
    })
    const taker: NaiveOrder = { ...order, id, account, open: size }
    const others = sideOf(market, side === 'buy' ? 'sell' : 'buy')
    const best = () => {
      while (
        others[0]?.timeInForce === 'GTT' &&
        others[0].expiry <= state.time &&
        reaches(others[0])
      )
        kill(others[0], null)
      return others[0] !== undefined && reaches(others[0]) ? others[0] : null
    }
    const reaches = (maker: NaiveOrder) =>
      side === 'buy' ? maker.price <= price : maker.price >= price
    if (timeInForce === 'POST_ONLY' && best() !== null) return no('POST_ONLY_WOULD_CROSS')
    let [filled, value, fee, decremented, met, stopped] = [0, 0, 0, 0, false, false]
    for (
      let maker = best();
      maker !== null && taker.open > 0 && !stopped;
      maker = taker.open > 0 ? best() : null
    ) {
      if (maker.account !== account) {
        const part = fill(market, taker, maker)
        filled += part.size
        value += part.value
        fee += part.takerFee
        continue
      }
      met = true
      stopped = order.selfTrade === 'cancelTaker' || order.selfTrade === 'cancelBoth'
      if (order.selfTrade === 'cancelMaker' || order.selfTrade === 'cancelBoth')
        kill(maker, 'selfTrade')
      if (order.selfTrade !== 'decrement') continue
      const less = Math.min(taker.open, maker.open)
      taker.open -= less
      decremented += less
      if (maker.open === less) kill(maker, 'selfTrade')
      else reduce(maker, maker.open - less)
    }
    if (timeInForce === 'FOK' && filled < size) return no('FOK_NOT_FILLED')
    if (filled === 0 && stopped && order.selfTrade === 'cancelTaker') return no('SELF_TRADE')
    if (filled === 0 && !met && !rests) return no('NO_LIQUIDITY')
    const open = rests && !stopped ? taker.open : 0
    const lost = size - filled - open
    if (open > 0) {
      const mine = [...market.bids, ...market.asks].filter((other) => other.account === account)
      const here = market.bids.length + market.asks.length
      if (here >= spec.marketOrderLimit || mine.length >= spec.openOrderLimit) {
        return no('TOO_MANY_ORDERS')
      }
      if (timeInForce === 'GTT' && timed() >= limits.timers) return no('TABLE_FULL')
      payer(market, taker).available -= needs(market, side, price, open)
      payer(market, taker).held += needs(market, side, price, open)
      const queue = sideOf(market, side)
      const at = queue.findIndex((other) =>
        side === 'buy' ? other.price < price : other.price > price,
      )
      queue.splice(at < 0 ? queue.length : at, 0, taker)
      if (lost > 0) emit(market, 'OrderReduced', { id, account, size: open })
    } else if (lost > 0) {
      emit(market, 'OrderCancelled', {
        id,
        account,
        size: lost,
        reason: stopped || decremented > 0 ? 'selfTrade' : 'immediate',
      })
    }
    return { code: null, orderId: id, filled, open, notional: value, fee }
  }

  const timed = () =>
    all().filter((order) => order.timeInForce === 'GTT').length + Object.keys(state.switches).length
  const reduce = (order: NaiveOrder, size: number) => {
    const market = state.markets[order.market] as Market
    resize(market, order, size)
    emit(market, 'OrderReduced', { id: order.id, account: order.account, size })
  }

  function own(
    account: number,
    at: number,
    wanted: (order: NaiveOrder) => boolean,
  ): NaiveOrder | string {
    const market = state.markets[at]
    if (market === undefined) return 'UNKNOWN_MARKET'
    if (market.status === 'halted') return 'MARKET_NOT_OPEN'
    const order = [...market.bids, ...market.asks].find(wanted)
    if (order === undefined) return 'UNKNOWN_ORDER'
    return order.account === account ? order : 'NOT_OWNER'
  }

  function amend(
    account: number,
    to: Omit<Args<'amend'>, 'orderId'>,
    wanted: (order: NaiveOrder) => boolean,
  ): NaiveAnswer {
    const order = own(account, to.market, wanted)
    if (typeof order === 'string') return no(order)
    if (to.price !== order.price || to.size > order.open) {
      kill(order, 'amended')
      return place(account, { ...order, price: to.price, size: to.size })
    }
    const market = state.markets[to.market] as Market
    if (to.size < 1) return no('BAD_LOT')
    if (notional(market, to.price, to.size) < market.spec.minNotional)
      return no('BELOW_MIN_NOTIONAL')
    if (to.size < order.open) reduce(order, to.size)
    return { code: null, orderId: order.id, filled: 0, open: to.size, notional: 0, fee: 0 }
  }

  return {
    state,
    takeEvents: () => {
      const taken = events
      events = []
      return taken
    },
    credit: (account: number, asset: number, amount: number) => {
      balance(account, asset).available += amount
    },
    place,
    cancel(account: number, market: number, wanted: (order: NaiveOrder) => boolean): NaiveAnswer {
      const order = own(account, market, wanted)
      if (typeof order === 'string') return no(order)
      const size = order.open
      kill(order, 'user')
      return { code: null, size }
    },
    cancelAll(account: number, at: number): NaiveAnswer {
      if (at !== 0xffff && state.markets[at] === undefined) return no('UNKNOWN_MARKET')
      if (state.markets[at]?.status === 'halted') return no('MARKET_NOT_OPEN')
      const mine = all().filter(
        (order) =>
          order.account === account &&
          (at === 0xffff || order.market === at) &&
          state.markets[order.market]?.status !== 'halted',
      )
      for (const order of mine.sort((a, b) => a.market - b.market || a.id - b.id))
        kill(order, 'user')
      return { code: null, cancelled: mine.length }
    },
    amend,
    scheduleCancel(account: number, time: number): NaiveAnswer {
      if (time !== 0 && time < state.time + 5_000) return no('TOO_SOON')
      delete state.switches[account]
      if (time !== 0 && timed() >= limits.timers) return no('TABLE_FULL')
      if (time !== 0) state.switches[account] = { time, order: ++state.started }
      events.push({ kind: 'CancelScheduled', account, time })
      return { code: null }
    },
    withdraw(account: number, asset: number, amount: number): NaiveAnswer {
      if (amount < 1) return no('BAD_AMOUNT')
      if (balance(account, asset).available < amount) return no('INSUFFICIENT_BALANCE')
      balance(account, asset).available -= amount
      return { code: null }
    },
    /** The order of simultaneous expiries is not compared, so it is not modelled. */
    endBlock() {
      for (const order of all())
        if (order.timeInForce === 'GTT' && order.expiry <= state.time) kill(order, null)
      for (const [account, { time }] of Object.entries(state.switches)) {
        if (time > state.time) continue
        for (const order of all()) if (order.account === Number(account)) kill(order, 'scheduled')
        delete state.switches[account]
      }
      state.fees = {}
    },
  }
}
