import { view } from '../../core/host/coprocessor.ts'
import { account, bool, int, list, u8, u16, u32, u128 } from '../../core/host/fields.ts'
import {
  readBalance,
  readBalances,
  readFeeTier,
  readMarket,
  readMarkets,
  readScheduledCancel,
} from './accountViews.ts'
import {
  MAX_DEPTH,
  MAX_PAGE,
  readBest,
  readBook,
  readOrder,
  readOrderByClientId,
  readOrders,
  readOrdersOfBook,
} from './bookViews.ts'
import { selfTrade, side, status } from './events.ts'
import { GAS, MAX_MARKETS } from './limits.ts'
import { defaultExchangeCapacities, type ExchangeSchema } from './schema.ts'

const level = { price: int, size: int, orders: u32 }

const order = {
  orderId: int,
  account,
  market: u16,
  side,
  price: int,
  size: int,
  clientId: u128,
  expiry: int,
  selfTrade,
}

const market = {
  market: u16,
  base: u16,
  quote: u16,
  tickSize: int,
  lotSize: int,
  minNotional: int,
  maxOrder: int,
  maxPrice: int,
  bandPercent: u16,
  openOrderLimit: u32,
  marketOrderLimit: u32,
  status,
  referencePrice: int,
  trades: int,
  openOrders: u32,
  sequence: int,
}

const balance = { asset: u16, available: int, held: int }
const of = view<ExchangeSchema>()

export const views = {
  book: of({
    id: 0,
    args: { market: u16, depth: u8 },
    result: {
      sequence: int,
      complete: bool,
      bids: list(level, MAX_DEPTH),
      asks: list(level, MAX_DEPTH),
    },
    gas: GAS.bookView,
    read: readBook,
  }),
  best: of({
    id: 1,
    args: { market: u16 },
    result: { bid: int, ask: int },
    gas: GAS.view,
    read: readBest,
  }),
  bookOrders: of({
    id: 2,
    args: { market: u16, side, after: int, limit: u8 },
    result: { orders: list(order, MAX_PAGE) },
    gas: GAS.pageView,
    read: readOrdersOfBook,
  }),
  order: of({
    id: 3,
    args: { market: u16, orderId: int },
    result: order,
    gas: GAS.view,
    read: readOrder,
  }),
  orderByClientId: of({
    id: 4,
    args: { account, clientId: u128 },
    result: order,
    gas: GAS.view,
    read: readOrderByClientId,
  }),
  orders: of({
    id: 5,
    args: { account, market: u16, cursorMarket: u16, cursor: int },
    result: { orders: list(order, MAX_PAGE), next: int },
    gas: GAS.pageView,
    read: readOrders,
  }),
  balances: of({
    id: 6,
    args: { account },
    result: { balances: list(balance, defaultExchangeCapacities.assets) },
    gas: GAS.pageView,
    read: readBalances,
  }),
  balance: of({
    id: 7,
    args: { account, asset: u16 },
    result: { available: int, held: int },
    gas: GAS.view,
    read: readBalance,
  }),
  market: of({ id: 8, args: { market: u16 }, result: market, gas: GAS.view, read: readMarket }),
  markets: of({
    id: 9,
    args: {},
    result: { markets: list(market, MAX_MARKETS) },
    gas: GAS.pageView,
    read: readMarkets,
  }),
  feeTier: of({
    id: 10,
    args: { account },
    result: { tier: u8, taker: u32, maker: u32, volume: int },
    gas: GAS.view,
    read: readFeeTier,
  }),
  scheduledCancel: of({
    id: 11,
    args: { account },
    result: { time: int },
    gas: GAS.view,
    read: readScheduledCancel,
  }),
}
