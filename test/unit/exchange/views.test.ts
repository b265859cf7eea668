import { describe, expect, it } from 'vitest'
import { constraints } from '../../../coprocessors/exchange/constraints.ts'
import { views } from '../../../coprocessors/exchange/views.ts'
import {
  createExchangeWorld,
  type ExchangeWorld,
  order,
  testMarket,
  unwrap,
} from '../../support/exchangeWorld.ts'

const [ALICE, BOB] = [11, 12]

function worldWithBook(): ExchangeWorld {
  const world = createExchangeWorld(
    [testMarket, { ...testMarket, base: 3, openOrderLimit: 100, marketOrderLimit: 100 }],
    {
      orders: 512,
      balances: 64,
      timers: 16,
      assets: 8,
    },
  )
  for (const account of [ALICE, BOB])
    for (const asset of [0, 2, 3]) world.credit(account, asset, 10_000_000)
  for (const [account, side, price, size] of [
    [ALICE, 'buy', 99, 10],
    [BOB, 'buy', 99, 5],
    [ALICE, 'buy', 97, 10],
    [BOB, 'sell', 101, 7],
    [BOB, 'sell', 103, 8],
  ] as const) {
    unwrap(world.call('placeOrder', account, order(side, price, size)))
  }
  return world
}

const read = <K extends keyof typeof views>(world: ExchangeWorld, name: K, args: object) =>
  (
    views[name] as {
      read: (
        s: unknown,
        a: object,
        c: object,
      ) => { ok: true; value: never } | { ok: false; code: string }
    }
  ).read(world.state, args, { height: 1, time: world.time })

describe('views', () => {
  it('sums levels, best first', () => {
    const world = worldWithBook()
    expect(read(world, 'book', { market: 0, depth: 1 })).toMatchObject({
      value: {
        complete: true,
        bids: [{ price: 99, size: 15, orders: 2 }],
        asks: [{ price: 101, size: 7, orders: 1 }],
      },
    })
    expect(read(world, 'book', { market: 0, depth: 100 })).toMatchObject({
      value: { bids: [{ price: 99 }, { price: 97 }], asks: [{ price: 101 }, { price: 103 }] },
    })
    expect(read(world, 'book', { market: 0, depth: 101 })).toMatchObject({ code: 'BAD_DEPTH' })
    expect(read(world, 'book', { market: 9, depth: 1 })).toMatchObject({ code: 'UNKNOWN_MARKET' })
    expect(read(world, 'best', { market: 0 })).toEqual({ ok: true, value: { bid: 99, ask: 101 } })
    expect(read(world, 'best', { market: 1 })).toEqual({ ok: true, value: { bid: 0, ask: 0 } })
  })

  it('lists single orders of a side page by page', () => {
    const world = worldWithBook()
    const prices: number[] = []
    let after = 0
    for (;;) {
      const page = read(world, 'bookOrders', { market: 0, side: 'buy', after, limit: 2 })
      if (!page.ok) throw new Error(page.code)
      const { orders } = page.value as { orders: { price: number; orderId: number }[] }
      prices.push(...orders.map((each) => each.price))
      const last = orders.at(-1)
      if (last === undefined) break
      after = last.orderId
    }
    expect(prices).toEqual([99, 99, 97])
    expect(
      read(world, 'bookOrders', { market: 0, side: 'sell', after: 77, limit: 2 }),
    ).toMatchObject({ code: 'UNKNOWN_ORDER' })
  })

  it('finds an order by id and client id, and lists an account over markets and pages', () => {
    const world = worldWithBook()
    for (let i = 0; i < 100; i++)
      unwrap(
        world.call(
          'placeOrder',
          ALICE,
          order('sell', 101 + (i % 20), 10, { market: 1, clientId: BigInt(i + 1) }),
        ),
      )
    const { orderId } = unwrap(
      world.call(
        'placeOrder',
        BOB,
        order('sell', 140, 10, { clientId: 5n, timeInForce: 'GTT', expiry: world.time + 50 }),
      ),
    )
    expect(read(world, 'order', { market: 0, orderId })).toMatchObject({
      value: { account: BOB, price: 140, size: 10, clientId: 5n, expiry: world.time + 50 },
    })
    expect(read(world, 'orderByClientId', { account: BOB, clientId: 5n })).toMatchObject({
      value: { orderId },
    })
    expect(read(world, 'orderByClientId', { account: BOB, clientId: 6n })).toMatchObject({
      code: 'UNKNOWN_ORDER',
    })
    const first = read(world, 'orders', {
      account: ALICE,
      market: 0xffff,
      cursorMarket: 0,
      cursor: 0,
    })
    if (!first.ok) throw new Error(first.code)
    const page = first.value as { orders: { orderId: number; market: number }[]; next: number }
    expect(page.orders.length).toBe(100)
    expect(page.orders.slice(0, 3).map((each) => each.market)).toEqual([0, 0, 1])
    const second = read(world, 'orders', {
      account: ALICE,
      market: 0xffff,
      cursorMarket: 1,
      cursor: page.next,
    })
    expect(second).toMatchObject({
      value: { next: 0, orders: [{ clientId: 99n }, { clientId: 100n }] },
    })
    expect(
      read(world, 'orders', { account: 99, market: 0xffff, cursorMarket: 0, cursor: 0 }),
    ).toEqual({ ok: true, value: { orders: [], next: 0 } })
  })

  it('shows balances, markets, fee tier and the switch', () => {
    const world = worldWithBook()
    unwrap(world.call('scheduleCancel', ALICE, { time: world.time + 6_000 }))
    expect(read(world, 'balances', { account: BOB })).toMatchObject({
      value: { balances: [{ asset: 2, held: 150 }, { asset: 0 }, { asset: 3 }] },
    })
    expect(read(world, 'balance', { account: BOB, asset: 2 })).toEqual({
      ok: true,
      value: { available: 9_999_850, held: 150 },
    })
    expect(read(world, 'balance', { account: 99, asset: 2 })).toEqual({
      ok: true,
      value: { available: 0, held: 0 },
    })
    expect(read(world, 'market', { market: 1 })).toMatchObject({
      value: { market: 1, base: 3, quote: 0, status: 'open', referencePrice: 100 },
    })
    expect(read(world, 'markets', {})).toMatchObject({
      value: { markets: [{ market: 0, openOrders: 5 }, { market: 1 }] },
    })
    expect(read(world, 'feeTier', { account: BOB })).toEqual({
      ok: true,
      value: { tier: 0, taker: 700, maker: 400, volume: 0 },
    })
    expect(read(world, 'scheduledCancel', { account: ALICE })).toEqual({
      ok: true,
      value: { time: world.time + 6_000 },
    })
  })
})

describe('constraints', () => {
  const wrongs: Record<string, (world: ExchangeWorld) => void> = {
    totals: ({ state }) => state.assets.columns.fees.add(1, 1),
    uncrossed: ({ state }) => {
      const row = state.byPrice.firstOf(state.byPrice.lowest(1))
      state.byPrice.remove(row)
      state.orders.columns.price.set(row, 99)
      state.byPrice.insert(row)
    },
    sums: ({ state }) => state.balances.columns.available.add(1, 1),
    holds: ({ state }) => {
      state.balances.columns.held.add(1, 1)
      state.balances.columns.available.add(1, -1)
    },
    orders: ({ state }) => state.markets.columns.openOrders.add(1, 1),
  }

  it('each hold on a good state and speak of a wrong one', () => {
    for (const { name, check } of constraints) {
      const world = worldWithBook()
      expect(check(world.state), name).toBeNull()
      wrongs[name]?.(world)
      expect(check(world.state), name).toMatch(/\w+ \w+/)
    }
  })

  it('are checked in constant time after a block or over all rows in full', () => {
    expect(constraints.map(({ name, when }) => [name, when])).toEqual([
      ['totals', 'block'],
      ['uncrossed', 'block'],
      ['sums', 'full'],
      ['holds', 'full'],
      ['orders', 'full'],
    ])
  })
})
