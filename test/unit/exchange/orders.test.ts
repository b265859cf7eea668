import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ADMIN,
  balanceOf,
  codeOf,
  createExchangeWorld,
  type ExchangeWorld,
  order,
  testMarket,
  unwrap,
} from '../../support/exchangeWorld.ts'

const [ALICE, BOB, CAROL] = [11, 12, 13]
const FUNDS = 1_000_000
let world: ExchangeWorld

beforeEach(() => {
  world = createExchangeWorld()
  for (const account of [ALICE, BOB, CAROL]) {
    world.credit(account, 0, FUNDS)
    world.credit(account, 2, FUNDS)
  }
  world.events.length = 0
})

afterEach(() => {
  expect(world.problems()).toEqual([])
})

const place = (account: number, ...args: Parameters<typeof order>) =>
  world.call('placeOrder', account, order(...args))
const kinds = (): string[] => world.events.map((event) => event.kind)
const open = (): [number, number][] => {
  const { orders } = world.state
  const rows: [number, number][] = []
  for (let row = orders.next(0); row !== 0; row = orders.next(row)) {
    rows.push([orders.columns.price.get(row), orders.columns.size.get(row)])
  }
  return rows
}

/** Runs what must be refused, and checks that nothing at all changed. */
const refused = (run: () => { ok: boolean; code?: string }): string => {
  const [root, events] = [world.arena.root(), world.events.length]
  const result = run()
  expect(world.arena.root()).toEqual(root)
  expect(world.events.length).toBe(events)
  return result.ok ? 'ok' : (result.code as string)
}

describe('fees and holds', () => {
  it('takes a fee of one unit from a taker who receives one unit, and nothing from the maker', () => {
    world = createExchangeWorld([
      { ...testMarket, tickSize: 1, lotSize: 1, minNotional: 1, referencePrice: 1 },
    ])
    for (const account of [ALICE, BOB])
      for (const asset of [0, 2]) world.credit(account, asset, 100)
    unwrap(place(ALICE, 'sell', 1, 1))
    expect(unwrap(place(BOB, 'buy', 1, 1))).toMatchObject({ filled: 1, notional: 1, fee: 1 })
    expect([balanceOf(world, ALICE, 0), balanceOf(world, ALICE, 2)]).toEqual([
      [101, 0],
      [99, 0],
    ])
    expect([balanceOf(world, BOB, 0), balanceOf(world, BOB, 2)]).toEqual([
      [99, 0],
      [100, 0],
    ])
  })

  it('holds notional and the highest fee for a buy, base for a sell', () => {
    unwrap(place(ALICE, 'buy', 99, 7))
    unwrap(place(BOB, 'sell', 101, 7))
    const notional = 99 * 7 * 3
    const held = notional + Math.ceil((notional * 700) / 1e6)
    expect(balanceOf(world, ALICE, 0)).toEqual([FUNDS - held, held])
    expect(balanceOf(world, BOB, 2)).toEqual([FUNDS - 70, 70])
  })

  it('releases price improvement and the spare hold at once, with odd lots', () => {
    unwrap(place(ALICE, 'sell', 97, 3))
    unwrap(place(ALICE, 'sell', 101, 13))
    expect(unwrap(place(BOB, 'buy', 105, 7))).toMatchObject({ filled: 7, open: 0 })
    const paid = 97 * 3 * 3 + 101 * 4 * 3
    expect(balanceOf(world, BOB, 0)).toEqual([FUNDS - paid, 0])
    const fee = Math.ceil((30 * 700) / 1e6) + Math.ceil((40 * 700) / 1e6)
    expect(balanceOf(world, BOB, 2)).toEqual([FUNDS + 70 - fee, 0])
  })

  it('needs the hold, not only the notional, to be available', () => {
    world = createExchangeWorld()
    const notional = 100 * 10 * 3
    world.credit(ALICE, 0, notional + 2)
    expect(codeOf(place(ALICE, 'buy', 100, 10))).toBe('INSUFFICIENT_BALANCE')
    world.credit(ALICE, 0, 1)
    expect(codeOf(place(ALICE, 'buy', 100, 10))).toBe('ok')
    expect(balanceOf(world, ALICE, 0)).toEqual([0, notional + 3])
  })

  it('lowers fees the day after enough volume, and raises them again 14 days later', () => {
    world = createExchangeWorld([
      { ...testMarket, tickSize: 1_000_000, lotSize: 1, maxOrder: 100_000, maxPrice: 1_000 },
    ])
    for (const account of [ALICE, BOB])
      for (const asset of [0, 2]) world.credit(account, asset, 4e15)
    const trade = (): number => {
      unwrap(place(ALICE, 'sell', 100, 60_000))
      return unwrap(place(BOB, 'buy', 100, 60_000)).fee
    }
    expect(trade()).toBe(42)
    expect(trade()).toBe(42)
    world.time += 86_400_000
    expect(trade()).toBe(36)
    world.time += 13 * 86_400_000
    // The first day is still among the 14 before this one.
    expect(trade()).toBe(36)
    world.time += 15 * 86_400_000
    expect(trade()).toBe(42)
  })
})

describe('times in force', () => {
  it('fills a FOK over several levels, or changes nothing', () => {
    for (const [price, size] of [
      [100, 5],
      [101, 5],
      [103, 5],
    ] as const)
      unwrap(place(ALICE, 'sell', price, size))
    expect(refused(() => place(BOB, 'buy', 102, 11, { timeInForce: 'FOK' }))).toBe('FOK_NOT_FILLED')
    expect(refused(() => place(BOB, 'buy', 103, 16, { timeInForce: 'FOK' }))).toBe('FOK_NOT_FILLED')
    expect(unwrap(place(BOB, 'buy', 103, 12, { timeInForce: 'FOK' }))).toMatchObject({
      filled: 12,
      open: 0,
      notional: 3 * (500 + 505 + 206),
    })
    expect(open()).toEqual([[103, 3]])
  })

  it('drops the rest of an IOC and refuses one that meets nobody', () => {
    unwrap(place(ALICE, 'sell', 100, 5))
    expect(refused(() => place(BOB, 'buy', 99, 9, { timeInForce: 'IOC' }))).toBe('NO_LIQUIDITY')
    expect(unwrap(place(BOB, 'buy', 100, 9, { timeInForce: 'IOC' }))).toMatchObject({
      filled: 5,
      open: 0,
    })
    expect(world.events.at(-1)).toMatchObject({
      kind: 'OrderCancelled',
      size: 4,
      reason: 'immediate',
    })
    expect(balanceOf(world, BOB, 0)[1]).toBe(0)
  })

  it('rests a post-only order behind the spread and refuses it across', () => {
    unwrap(place(ALICE, 'sell', 100, 5))
    expect(refused(() => place(BOB, 'buy', 100, 5, { timeInForce: 'POST_ONLY' }))).toBe(
      'POST_ONLY_WOULD_CROSS',
    )
    expect(unwrap(place(BOB, 'buy', 99, 5, { timeInForce: 'POST_ONLY' })).open).toBe(5)
  })

  it('takes with a market order up to its limit', () => {
    for (const price of [100, 102, 110]) unwrap(place(ALICE, 'sell', price, 5))
    const args = {
      market: 0,
      side: 'buy',
      size: 20,
      limit: 105,
      clientId: 0n,
      selfTrade: 'cancelMaker',
    } as const
    expect(unwrap(world.call('placeMarketOrder', BOB, args))).toMatchObject({
      filled: 10,
      open: 0,
    })
  })

  it('never trades with an order whose time is over, even before the block ends', () => {
    const expiry = world.time + 1_000
    unwrap(place(ALICE, 'sell', 100, 5, { timeInForce: 'GTT', expiry }))
    unwrap(place(ALICE, 'sell', 101, 5))
    expect(codeOf(place(ALICE, 'sell', 101, 5, { timeInForce: 'GTT', expiry: world.time }))).toBe(
      'EXPIRED',
    )
    world.time = expiry
    expect(codeOf(place(CAROL, 'buy', 100, 5, { timeInForce: 'POST_ONLY' }))).toBe('ok')
    expect(unwrap(place(BOB, 'buy', 101, 9))).toMatchObject({ filled: 5, open: 4 })
    expect(kinds().filter((kind) => kind === 'OrderExpired')).toEqual(['OrderExpired'])
  })

  it('serves price, then time, at the price of the maker', () => {
    const [a, b, c] = [
      place(ALICE, 'sell', 101, 5),
      place(CAROL, 'sell', 100, 5),
      place(ALICE, 'sell', 100, 5),
    ].map((r) => unwrap(r).orderId)
    unwrap(place(BOB, 'buy', 102, 12))
    const fills = world.events.filter((event) => event.kind === 'OrderFilled')
    expect(fills.map((fill) => [fill.makerOrder, fill.price, fill.size])).toEqual([
      [b, 100, 5],
      [c, 100, 5],
      [a, 101, 2],
    ])
    expect(world.events.map((event) => event.sequence)).toEqual([1, 2, 3, 4, 5, 6, 7])
  })
})

describe('self-trade prevention', () => {
  const cross = (
    selfTrade: 'cancelMaker' | 'cancelTaker' | 'cancelBoth' | 'decrement',
    own = 5,
    size = 5,
  ) => {
    unwrap(place(ALICE, 'sell', 100, own))
    unwrap(place(BOB, 'sell', 101, 5))
    return place(ALICE, 'buy', 101, size, { selfTrade })
  }

  it('cancels the maker and goes on', () => {
    expect(unwrap(cross('cancelMaker'))).toMatchObject({ filled: 5, open: 0 })
    expect(open()).toEqual([])
  })

  it('refuses a taker that meets itself first, and stops one that meets itself later', () => {
    expect(codeOf(cross('cancelTaker'))).toBe('SELF_TRADE')
    unwrap(place(BOB, 'sell', 99, 3))
    expect(unwrap(place(ALICE, 'buy', 101, 5, { selfTrade: 'cancelTaker' }))).toMatchObject({
      filled: 3,
      open: 0,
    })
    expect(world.events.at(-1)).toMatchObject({
      kind: 'OrderCancelled',
      size: 2,
      reason: 'selfTrade',
    })
  })

  it('cancels both', () => {
    expect(unwrap(cross('cancelBoth'))).toMatchObject({ filled: 0, open: 0 })
    expect(open()).toEqual([[101, 5]])
  })

  it('decrements two orders of equal size to nothing', () => {
    expect(unwrap(cross('decrement'))).toMatchObject({ filled: 0, open: 0, notional: 0 })
    expect(open()).toEqual([[101, 5]])
    expect(world.events.slice(-2)).toMatchObject([
      { kind: 'OrderCancelled', size: 5 },
      { kind: 'OrderCancelled', size: 5 },
    ])
    expect(balanceOf(world, ALICE, 0)).toEqual([FUNDS, 0])
    expect(balanceOf(world, ALICE, 2)).toEqual([FUNDS, 0])
  })

  it('decrements the larger order by the smaller', () => {
    expect(unwrap(cross('decrement', 8, 5))).toMatchObject({ filled: 0, open: 0 })
    expect(open()).toEqual([
      [100, 3],
      [101, 5],
    ])
    expect(unwrap(place(ALICE, 'buy', 101, 9, { selfTrade: 'decrement' }))).toMatchObject({
      filled: 5,
      open: 1,
    })
  })
})

describe('amend', () => {
  const amend = (account: number, orderId: number, price: number, size: number, clientId = 0n) =>
    world.call('amend', account, { market: 0, orderId, clientId, price, size })
  const makersOf = (size: number): unknown[] => {
    world.events.length = 0
    unwrap(place(CAROL, 'buy', 100, size, { timeInForce: 'IOC' }))
    return world.events
      .filter((event) => event.kind === 'OrderFilled')
      .map((event) => [event.maker, event.size])
  }

  it('keeps the place of a partly filled order that becomes smaller', () => {
    const { orderId } = unwrap(place(ALICE, 'sell', 100, 10))
    unwrap(place(BOB, 'sell', 100, 10))
    expect(makersOf(3)).toEqual([[ALICE, 3]])
    expect(unwrap(amend(ALICE, orderId, 100, 4))).toEqual({
      orderId,
      filled: 0,
      open: 4,
      notional: 0,
      fee: 0,
    })
    expect(balanceOf(world, ALICE, 2)).toEqual([FUNDS - 30 - 40, 40])
    expect(makersOf(6)).toEqual([
      [ALICE, 4],
      [BOB, 2],
    ])
  })

  it('keeps the place of one that stays as it is', () => {
    const { orderId } = unwrap(place(ALICE, 'sell', 100, 10))
    unwrap(place(BOB, 'sell', 100, 10))
    expect(unwrap(amend(ALICE, orderId, 100, 10)).orderId).toBe(orderId)
    expect(makersOf(5)).toEqual([[ALICE, 5]])
  })

  it('loses the place of one that becomes larger or moves', () => {
    const { orderId } = unwrap(place(ALICE, 'sell', 100, 10))
    unwrap(place(BOB, 'sell', 100, 10))
    const larger = unwrap(amend(ALICE, orderId, 100, 11))
    expect(larger.orderId).not.toBe(orderId)
    expect(makersOf(11)).toEqual([
      [BOB, 10],
      [ALICE, 1],
    ])
    expect(codeOf(amend(ALICE, orderId, 100, 5))).toBe('UNKNOWN_ORDER')
    expect(unwrap(amend(ALICE, larger.orderId, 102, 3)).open).toBe(3)
  })

  it('matches where the new price crosses, and keeps client id and terms', () => {
    unwrap(place(BOB, 'buy', 99, 4))
    unwrap(place(ALICE, 'sell', 105, 10, { clientId: 7n }))
    expect(unwrap(amend(ALICE, 0, 99, 10, 7n))).toMatchObject({ filled: 4, open: 6 })
    expect(codeOf(place(ALICE, 'sell', 105, 10, { clientId: 7n }))).toBe('DUPLICATE_CLIENT_ID')
    unwrap(world.call('cancelByClientId', ALICE, { market: 0, clientId: 7n }))
    unwrap(place(BOB, 'buy', 99, 4))
    const { orderId } = unwrap(place(ALICE, 'sell', 105, 10, { timeInForce: 'POST_ONLY' }))
    expect(refused(() => amend(ALICE, orderId, 99, 10))).toBe('POST_ONLY_WOULD_CROSS')
  })

  it('leaves the old order where the new one is refused', () => {
    const { orderId } = unwrap(place(ALICE, 'sell', 100, 10))
    expect(refused(() => amend(ALICE, orderId, 151, 10))).toBe('OUTSIDE_PRICE_BAND')
    expect(refused(() => amend(ALICE, orderId, 100, FUNDS))).toBe('INSUFFICIENT_BALANCE')
    expect(refused(() => amend(ALICE, orderId, 100, 1))).toBe('BELOW_MIN_NOTIONAL')
    expect(refused(() => amend(ALICE, orderId, 100, 0))).toBe('BAD_LOT')
    expect(refused(() => amend(BOB, orderId, 100, 5))).toBe('NOT_OWNER')
    expect(open()).toEqual([[100, 10]])
  })
})

describe('cancels', () => {
  it('knows an order by its id only while it is open', () => {
    const { orderId } = unwrap(place(ALICE, 'sell', 100, 10))
    expect(codeOf(world.call('cancel', BOB, { market: 0, orderId }))).toBe('NOT_OWNER')
    expect(codeOf(world.call('cancel', ALICE, { market: 1, orderId }))).toBe('UNKNOWN_MARKET')
    expect(unwrap(world.call('cancel', ALICE, { market: 0, orderId }))).toEqual({ size: 10 })
    const next = unwrap(place(ALICE, 'sell', 100, 10)).orderId
    // The same row, another order.
    expect(next % 2 ** 20).toBe(orderId % 2 ** 20)
    expect(codeOf(world.call('cancel', ALICE, { market: 0, orderId }))).toBe('UNKNOWN_ORDER')
    for (const wrong of [0, 63, 64, 2 ** 20 - 1, 2 ** 53 - 1]) {
      expect(codeOf(world.call('cancel', ALICE, { market: 0, orderId: wrong }))).toBe(
        'UNKNOWN_ORDER',
      )
    }
  })

  it('stops at the gas limit and leaves every order', () => {
    for (let i = 0; i < 10; i++) unwrap(place(ALICE, 'sell', 100 + i, 10))
    world.gas = 999
    expect(refused(() => world.call('cancelAll', ALICE, { market: 0xffff }))).toBe('OUT_OF_GAS')
    world.gas = 1_000
    expect(unwrap(world.call('cancelAll', ALICE, { market: 0xffff }))).toEqual({ cancelled: 10 })
  })

  it('charges a taker for what it meets', () => {
    for (let i = 0; i < 4; i++) unwrap(place(ALICE, 'sell', 100 + i, 10))
    world.gas = 999
    expect(refused(() => place(BOB, 'buy', 104, 40))).toBe('OUT_OF_GAS')
    world.gas = 1_000
    expect(unwrap(place(BOB, 'buy', 104, 40)).filled).toBe(40)
  })

  it('is not possible in a halted market, nor is taking, until it opens again', () => {
    const { orderId } = unwrap(place(ALICE, 'sell', 100, 10))
    unwrap(place(ALICE, 'sell', 101, 10))
    const status = (to: 'open' | 'halted' | 'cancelOnly' | 'postOnly') =>
      world.call('setMarketStatus', ADMIN, { market: 0, status: to })
    // Cancels run first in a block, the halt and the taker in the order of the payload.
    unwrap(world.call('cancel', ALICE, { market: 0, orderId }))
    unwrap(status('halted'))
    expect(refused(() => place(BOB, 'buy', 101, 10, { timeInForce: 'IOC' }))).toBe(
      'MARKET_NOT_OPEN',
    )
    expect(refused(() => world.call('cancelAll', ALICE, { market: 0 }))).toBe('MARKET_NOT_OPEN')
    expect(unwrap(world.call('cancelAll', ALICE, { market: 0xffff }))).toEqual({ cancelled: 0 })
    unwrap(status('postOnly'))
    expect(refused(() => place(BOB, 'buy', 101, 10))).toBe('MARKET_NOT_OPEN')
    expect(codeOf(place(BOB, 'buy', 99, 10, { timeInForce: 'POST_ONLY' }))).toBe('ok')
    unwrap(status('cancelOnly'))
    expect(refused(() => place(BOB, 'buy', 99, 10, { timeInForce: 'POST_ONLY' }))).toBe(
      'MARKET_NOT_OPEN',
    )
    expect(unwrap(world.call('cancelAll', ALICE, { market: 0 }))).toEqual({ cancelled: 1 })
    unwrap(status('open'))
    expect(unwrap(place(ALICE, 'sell', 99, 10)).filled).toBe(10)
  })
})
