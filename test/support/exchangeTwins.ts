// Runs one command on the engine and on the naive book, and compares what can be seen.

import type { MarketSpec } from '../../coprocessors/exchange/index.ts'
import { ORDER_ROWS } from '../../coprocessors/exchange/limits.ts'
import type { EngineEvent } from '../../core/host/coprocessor.ts'
import {
  type ArgsOf,
  createExchangeWorld,
  type ExchangeWorld,
  smallCapacities,
  testMarket,
} from './exchangeWorld.ts'
import { createNaiveBook, type NaiveAnswer, type NaiveOrder } from './naiveBook.ts'

export type Command =
  | {
      kind: 'place'
      account: number
      order: Omit<ArgsOf<'placeOrder'>, 'expiry'> & { expiresIn: number }
    }
  | { kind: 'market'; account: number; order: ArgsOf<'placeMarketOrder'> }
  | { kind: 'cancel'; account: number; market: number; pick: number }
  | { kind: 'cancelByClientId'; account: number; market: number; clientId: bigint }
  | { kind: 'cancelAll'; account: number; market: number }
  | { kind: 'amend'; account: number; market: number; pick: number; price: number; size: number }
  | { kind: 'schedule'; account: number; inMs: number }
  | { kind: 'withdraw'; account: number; asset: number; amount: number }
  | { kind: 'status'; market: number; status: ArgsOf<'setMarketStatus'>['status'] }
  | { kind: 'endBlock'; passMs: number }

/** The first has notionals that move an account up and down the fee tiers. */
export const twinMarkets: readonly MarketSpec[] = [
  {
    ...testMarket,
    tickSize: 1_000_000_007,
    minNotional: 200_000_000_000,
    maxOrder: 1_000,
    maxPrice: 1_000,
  },
  {
    ...testMarket,
    base: 3,
    quote: 2,
    tickSize: 1,
    lotSize: 7,
    openOrderLimit: 3,
    marketOrderLimit: 8,
  },
]
export const twinAccounts = [11, 12, 13]
const ASSETS = [0, 2, 3]
const fundsOf = (asset: number): number => (asset === 0 ? 30_000_000_000_000 : 400_000)

export type Twins = {
  readonly world: ExchangeWorld
  readonly naive: ReturnType<typeof createNaiveBook>
}

export function createTwins(): Twins {
  const world = createExchangeWorld(twinMarkets)
  const limits = { orders: smallCapacities.orders - 1, timers: smallCapacities.timers - 1 }
  const naive = createNaiveBook(twinMarkets, limits)
  naive.state.time = world.time
  for (const account of twinAccounts) {
    for (const asset of ASSETS) {
      world.credit(account, asset, fundsOf(asset))
      naive.credit(account, asset, fundsOf(asset))
    }
  }
  world.events.length = 0
  return { world, naive }
}

/** Sequences stand for ids: the engine's ids carry them modulo 2^33. */
const sequenceOf = (orderId: number): number => Math.floor(orderId / ORDER_ROWS)

/** The same command on both. Differences as words; empty is good. */
export function runOnBoth({ world, naive }: Twins, command: Command): string[] {
  const before = structuredClone(naive.state)
  const [engine, twin] = answersOf({ world, naive }, command)
  const twinEvents = naive.takeEvents()
  const engineEvents = world.events.splice(0)
  if (twin.code !== null) {
    Object.assign(naive.state, before)
    twinEvents.length = 0
  }
  const differences: string[] = []
  const compare = (what: string, a: unknown, b: unknown): void => {
    const [left, right] = [text(a), text(b)]
    if (left !== right) differences.push(`${what}: engine ${left}, naive ${right}`)
  }
  compare('answer', engine, twin)
  if (command.kind !== 'endBlock') compare('events', engineEvents.map(eventOf), twinEvents)
  compare('balances', balancesOf(world), naiveBalancesOf(naive))
  compare('book', bookOf(world), naiveBookOf(naive))
  compare(
    'fees',
    feesOf(world),
    ASSETS.map((asset) => naive.state.fees[asset] ?? 0),
  )
  if (command.kind === 'endBlock') {
    const inOrder = (events: readonly object[]) =>
      events.map((e) => text({ ...e, sequence: 0 })).sort()
    compare(
      'events',
      inOrder(engineEvents.filter((e) => e.kind !== 'FeesPaid').map(eventOf)),
      inOrder(twinEvents),
    )
  }
  return differences
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, v) =>
    typeof v === 'bigint'
      ? `${v}n`
      : v !== null && typeof v === 'object' && !Array.isArray(v)
        ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
        : v,
  )

function answersOf({ world, naive }: Twins, c: Command): [NaiveAnswer, NaiveAnswer] {
  switch (c.kind) {
    case 'place': {
      const { expiresIn, ...rest } = c.order
      const order = { ...rest, expiry: world.time + expiresIn }
      return [answer(world.call('placeOrder', c.account, order)), naive.place(c.account, order)]
    }
    case 'market': {
      const { limit, ...order } = c.order
      const asIoc = { ...order, price: limit, timeInForce: 'IOC', expiry: 0 } as const
      return [
        answer(world.call('placeMarketOrder', c.account, c.order)),
        naive.place(c.account, asIoc),
      ]
    }
    case 'cancel': {
      const { id, is } = pick({ world, naive }, c.market, c.pick)
      const named = { market: c.market, orderId: id }
      return [answer(world.call('cancel', c.account, named)), naive.cancel(c.account, c.market, is)]
    }
    case 'cancelByClientId': {
      const named = { market: c.market, clientId: c.clientId }
      const is = (order: NaiveOrder) =>
        c.clientId !== 0n && order.account === c.account && order.clientId === c.clientId
      return [
        answer(world.call('cancelByClientId', c.account, named)),
        naive.cancel(c.account, c.market, is),
      ]
    }
    case 'cancelAll':
      return [
        answer(world.call('cancelAll', c.account, { market: c.market })),
        naive.cancelAll(c.account, c.market),
      ]
    case 'amend': {
      const { id, is } = pick({ world, naive }, c.market, c.pick)
      const to = { market: c.market, price: c.price, size: c.size, clientId: 0n }
      return [
        answer(world.call('amend', c.account, { ...to, orderId: id })),
        naive.amend(c.account, to, is),
      ]
    }
    case 'schedule': {
      const time = c.inMs === 0 ? 0 : world.time + c.inMs
      return [
        answer(world.call('scheduleCancel', c.account, { time })),
        naive.scheduleCancel(c.account, time),
      ]
    }
    case 'withdraw': {
      const engine = answer(world.call('withdraw', c.account, { asset: c.asset, amount: c.amount }))
      world.events.splice(0)
      return [engine, naive.withdraw(c.account, c.asset, c.amount)]
    }
    case 'status': {
      world.call('setMarketStatus', 900, { market: c.market, status: c.status })
      world.events.splice(0)
      const market = naive.state.markets[c.market]
      if (market !== undefined) market.status = c.status
      return [{ code: null }, { code: null }]
    }
    case 'endBlock':
      world.time += c.passMs
      naive.state.time += c.passMs
      world.endBlock()
      naive.endBlock()
      return [{ code: null }, { code: null }]
  }
}

/** One of the open orders of the market, or with none an id that no order has. */
function pick({ world, naive }: Twins, market: number, n: number) {
  const of = naive.state.markets[market]
  const open = of === undefined ? [] : [...of.bids, ...of.asks]
  const chosen = open[n % Math.max(open.length, 1)]
  if (chosen === undefined) return { id: 77 * ORDER_ROWS + 5, is: () => false }
  const row = rowsOf(world, market).find(({ sequence }) => sequence === chosen.id)?.row ?? 0
  return {
    id: chosen.id * ORDER_ROWS + row,
    is: (order: NaiveOrder) => order.market === market && order.id === chosen.id,
  }
}

const rowsOf = (world: ExchangeWorld, market: number) => {
  const { orders } = world.state
  const rows: { row: number; sequence: number }[] = []
  for (let row = orders.next(0); row !== 0; row = orders.next(row)) {
    if (orders.columns.market.get(row) === market)
      rows.push({ row, sequence: orders.columns.sequence.get(row) })
  }
  return rows
}

function answer(result: { ok: boolean; value?: object; code?: string }): NaiveAnswer {
  if (!result.ok) return { code: result.code as string }
  const value = { ...result.value } as { orderId?: number }
  if (value.orderId !== undefined) value.orderId = sequenceOf(value.orderId)
  return { code: null, ...value }
}

/** An engine event as the naive book writes it: orders by sequence. */
function eventOf({ orderId, makerOrder, takerOrder, ...rest }: EngineEvent): object {
  const event: Record<string, unknown> = { ...rest }
  if (orderId !== undefined && rest.kind !== 'OrderAccepted')
    event.id = sequenceOf(orderId as number)
  if (makerOrder !== undefined) event.makerOrder = sequenceOf(makerOrder as number)
  if (takerOrder !== undefined) event.takerOrder = sequenceOf(takerOrder as number)
  return event
}

function balancesOf(world: ExchangeWorld): object {
  const { available, held } = world.state.balances.columns
  return twinAccounts.flatMap((account) =>
    ASSETS.map((asset) => {
      const row = world.state.byAccount.find(account, asset)
      return row === 0 ? [0, 0] : [available.get(row), held.get(row)]
    }),
  )
}

const naiveBalancesOf = ({ state }: Twins['naive']): object =>
  twinAccounts.flatMap((account) =>
    ASSETS.map((asset) => {
      const balance = state.balances[`${account}:${asset}`]
      return balance === undefined ? [0, 0] : [balance.available, balance.held]
    }),
  )

function bookOf(world: ExchangeWorld): object {
  const { byPrice, orders } = world.state
  const sideOf = (book: number): object[] => {
    const rows: object[] = []
    const isBid = (book & 1) === 0
    let level = isBid ? byPrice.highest(book) : byPrice.lowest(book)
    while (level !== 0) {
      for (let row = byPrice.firstOf(level); row !== 0; row = byPrice.nextOf(row)) {
        rows.push([
          orders.columns.sequence.get(row),
          orders.columns.price.get(row),
          orders.columns.size.get(row),
        ])
      }
      level = isBid ? byPrice.lower(level) : byPrice.higher(level)
    }
    return rows
  }
  return twinMarkets.map((_, market) => ({
    bids: sideOf(market * 2),
    asks: sideOf(market * 2 + 1),
    reference: world.state.markets.columns.referencePrice.get(market + 1),
    trades: world.state.markets.columns.trades.get(market + 1),
  }))
}

const naiveBookOf = ({ state }: Twins['naive']): object =>
  state.markets.map(({ bids, asks, reference, trades }) => ({
    bids: bids.map((order) => [order.id, order.price, order.open]),
    asks: asks.map((order) => [order.id, order.price, order.open]),
    reference,
    trades,
  }))

const feesOf = (world: ExchangeWorld): number[] =>
  ASSETS.map((asset) => world.state.assets.columns.fees.get(world.state.byAsset.find(asset)))
