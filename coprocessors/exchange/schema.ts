import { hashIndex, orderedIndex, type StateOf, table } from '../../core/arena/schema.ts'
import { assert } from '../../core/primitives/assert.ts'
import { MAX_MARKETS, ORDER_ROWS } from './limits.ts'

/** Rows of the tables that grow, row 0 included. */
export type ExchangeCapacities = {
  readonly orders: number
  /** Pairs of account and asset. */
  readonly balances: number
  readonly timers: number
  readonly assets: number
}

export const defaultExchangeCapacities: ExchangeCapacities = {
  orders: ORDER_ROWS,
  balances: 2 ** 19,
  timers: 2 ** 17,
  assets: 1_024,
}

/** The chain's own numbers: one row, number 1. */
const globals = table({
  capacity: 2,
  columns: {
    timerSequence: 'int',
    admin: 'u32',
    treasury: 'u32',
    /** Of every fee, in millionths. The rest goes to the treasury. */
    burnShare: 'u32',
    /** Asset row at which paying out fees goes on. */
    payoutCursor: 'u32',
  },
})

const markets = table({
  capacity: MAX_MARKETS + 1,
  columns: {
    /** Of the last event of this market. */
    sequence: 'int',
    /** In ticks: of the last trade, or the one the market began with. */
    referencePrice: 'int',
    trades: 'int',
    /** Quote units per tick of one lot. */
    tickSize: 'int',
    /** Base units per lot. */
    lotSize: 'int',
    minNotional: 'int',
    /** In lots. */
    maxOrder: 'int',
    /** In ticks. */
    maxPrice: 'int',
    openOrders: 'u32',
    openOrderLimit: 'u32',
    marketOrderLimit: 'u32',
    /** Asset rows. */
    baseRow: 'u32',
    quoteRow: 'u32',
    base: 'u16',
    quote: 'u16',
    bandPercent: 'u16',
    status: 'u8',
  },
})

const assets = table({
  capacity: defaultExchangeCapacities.assets,
  columns: {
    /** Deposited and not yet withdrawn or paid out: what the ledger holds for this engine. */
    total: 'int',
    /** Of all accounts, available and held. */
    users: 'int',
    /** Taken from trades and not yet paid out. */
    fees: 'int',
    /** Ledger account, 0 while unknown. */
    issuer: 'u32',
    asset: 'u16',
  },
})

/**
 * One row per account and asset. The row of asset 0 is the account's home: only there have the columns from
 * `today` on a meaning. A trade against USDX then touches one chunk for the account and its quote balance.
 */
const balances = (capacity: number) =>
  table({
    capacity,
    columns: {
      available: 'int',
      held: 'int',
      /** Notional traded on `day`, in USDX units. */
      today: 'int',
      account: 'u32',
      asset: 'u16',
      tier: 'u8',
      /** Days since 1970 at UTC. */
      day: 'u32',
      /** Row of `volumes`, 0 before the first day is over. */
      volumes: 'u32',
    },
  })

const dayColumns = {
  day0: 'int',
  day1: 'int',
  day2: 'int',
  day3: 'int',
  day4: 'int',
  day5: 'int',
  day6: 'int',
  day7: 'int',
  day8: 'int',
  day9: 'int',
  day10: 'int',
  day11: 'int',
  day12: 'int',
  day13: 'int',
} as const

/** The 14 days before an account's `day`, each at its number modulo 14. */
const volumes = (capacity: number) => table({ capacity, columns: { ...dayColumns, home: 'u32' } })

/** 64 bytes: a resting order is one chunk. `market` is an `int` because it is the level of `byOwner`. */
const orders = (capacity: number) =>
  table({
    capacity,
    columns: {
      sequence: 'int',
      price: 'int',
      /** Open lots. */
      size: 'int',
      market: 'int',
      clientId: 'u128',
      /** Balance rows of the owner: home and base. The quote's is the home where the quote is USDX. */
      owner: 'u32',
      baseBalance: 'u32',
      /** market × 2, plus 1 for a sell. */
      book: 'u16',
      flags: 'u8',
    },
  })

/** `kind` 0: an order's end, `subject` is its row. 1: a dead-man switch, `subject` is the home row. */
const timers = (capacity: number) =>
  table({
    capacity,
    columns: { time: 'int', sequence: 'int', subject: 'u32', kind: 'u16' },
  })

/** Asserts that the capacities fit the order id. */
export function exchangeSchemaOf(capacities: ExchangeCapacities) {
  assert(capacities.orders <= ORDER_ROWS, 'an order row fits the order id')
  const balanceTable = balances(capacities.balances)
  const orderTable = orders(capacities.orders)
  const timerTable = timers(capacities.timers)
  const assetTable = { ...assets, capacity: capacities.assets }
  return {
    globals,
    markets,
    assets: assetTable,
    balances: balanceTable,
    volumes: volumes(capacities.balances),
    orders: orderTable,
    timers: timerTable,
    byAsset: hashIndex(assetTable, ['asset']),
    byAccount: hashIndex(balanceTable, ['account', 'asset']),
    byClientId: hashIndex(orderTable, ['owner', 'clientId'], { when: 'clientId' }),
    byPrice: orderedIndex(orderTable, {
      group: 'book',
      groups: MAX_MARKETS * 2,
      price: 'price',
      sequence: 'sequence',
    }),
    byOwner: orderedIndex(orderTable, {
      group: 'owner',
      groups: capacities.balances,
      price: 'market',
      sequence: 'sequence',
    }),
    byTime: orderedIndex(timerTable, {
      group: 'kind',
      groups: 2,
      price: 'time',
      sequence: 'sequence',
    }),
    bySubject: hashIndex(timerTable, ['kind', 'subject']),
  }
}

export type ExchangeSchema = ReturnType<typeof exchangeSchemaOf>
export type ExchangeState = StateOf<ExchangeSchema>

/** The only row of `globals`. */
export const GLOBAL = 1
