import { describe, expect, it } from 'vitest'
import { END_BLOCK_ORDERS, END_BLOCK_PAYOUTS } from '../../../coprocessors/exchange/limits.ts'
import {
  ADMIN,
  balanceOf,
  codeOf,
  createExchangeWorld,
  order,
  smallCapacities,
  TREASURY,
  testMarket,
  unwrap,
} from '../../support/exchangeWorld.ts'

const [ALICE, BOB] = [11, 12]
const FUNDS = 1_000_000_000
const wide = { ...testMarket, openOrderLimit: 10_000, marketOrderLimit: 10_000 }

function worldOf(...args: Parameters<typeof createExchangeWorld>) {
  const world = createExchangeWorld(...args)
  for (const account of [ALICE, BOB])
    for (const asset of [0, 2]) world.credit(account, asset, FUNDS)
  world.events.length = 0
  return world
}

describe('limits', () => {
  it('refuses an order where the table is at capacity, and takes one again after a cancel', () => {
    const world = worldOf([wide])
    for (let i = 0; i < smallCapacities.orders - 1; i++)
      unwrap(world.call('placeOrder', ALICE, order('sell', 100, 10)))
    const root = world.arena.root()
    expect(codeOf(world.call('placeOrder', BOB, order('sell', 101, 10)))).toBe('TABLE_FULL')
    expect(world.arena.root()).toEqual(root)
    expect(
      codeOf(world.call('placeOrder', BOB, order('buy', 100, 10, { timeInForce: 'IOC' }))),
    ).toBe('ok')
    expect(codeOf(world.call('placeOrder', BOB, order('sell', 101, 10)))).toBe('ok')
    expect(world.problems()).toEqual([])
  })

  it('refuses an account that the balances have no room for', () => {
    const world = worldOf([testMarket], { ...smallCapacities, balances: 6 })
    expect(codeOf(world.credit(13, 0, 5))).toBe('ok')
    expect(codeOf(world.credit(14, 0, 5))).toBe('TABLE_FULL')
    // A buyer needs a row for the base it would receive.
    world.credit(13, 0, FUNDS)
    expect(codeOf(world.call('placeOrder', 13, order('buy', 100, 10)))).toBe('TABLE_FULL')
    expect(world.problems()).toEqual([])
  })

  it('refuses more open orders than an account or a market may have', () => {
    const world = worldOf([{ ...testMarket, openOrderLimit: 3, marketOrderLimit: 5 }])
    const place = (account: number) =>
      codeOf(world.call('placeOrder', account, order('sell', 100, 10)))
    expect([place(ALICE), place(ALICE), place(ALICE), place(ALICE)]).toEqual([
      'ok',
      'ok',
      'ok',
      'TOO_MANY_ORDERS',
    ])
    expect([place(BOB), place(BOB), place(BOB)]).toEqual(['ok', 'ok', 'TOO_MANY_ORDERS'])
  })

  it('never holds more of an asset than an exact number can say', () => {
    const world = createExchangeWorld()
    expect(codeOf(world.credit(ALICE, 0, 2 ** 53 - 1))).toBe('ok')
    expect(codeOf(world.credit(BOB, 0, 1))).toBe('BALANCE_LIMIT')
    expect(world.problems()).toEqual([])
  })

  it('expires orders within a budget for each block', () => {
    const world = worldOf([wide], { ...smallCapacities, orders: 4_096, timers: 4_096 })
    const count = END_BLOCK_ORDERS + 500
    const expiry = world.time + 1_000
    for (let i = 0; i < count; i++)
      unwrap(
        world.call('placeOrder', ALICE, order('sell', 100, 10, { timeInForce: 'GTT', expiry })),
      )
    world.time = expiry
    world.endBlock()
    expect(world.state.orders.count()).toBe(500)
    world.endBlock()
    expect(world.state.orders.count()).toBe(0)
    expect(world.problems()).toEqual([])
  })
})

describe('dead-man switch', () => {
  it('cancels everything when its time comes, unless it was moved or taken away', () => {
    const world = worldOf([testMarket, { ...testMarket, base: 3 }])
    const set = (inMs: number) =>
      codeOf(world.call('scheduleCancel', ALICE, { time: inMs === 0 ? 0 : world.time + inMs }))
    unwrap(world.call('placeOrder', ALICE, order('sell', 100, 10)))
    unwrap(world.call('placeOrder', ALICE, order('buy', 99, 10, { market: 1 })))
    unwrap(world.call('placeOrder', BOB, order('buy', 90, 10)))
    expect(set(4_999)).toBe('TOO_SOON')
    expect(set(5_000)).toBe('ok')
    expect(set(10_000)).toBe('ok')
    world.time += 5_000
    world.endBlock()
    expect(world.state.orders.count()).toBe(3)
    expect(set(0)).toBe('ok')
    world.time += 20_000
    world.endBlock()
    expect(world.state.orders.count()).toBe(3)
    expect(set(5_000)).toBe('ok')
    world.time += 5_000
    world.endBlock()
    expect(world.state.orders.count()).toBe(1)
    expect(world.events.filter((event) => event.reason === 'scheduled').length).toBe(2)
    expect(world.state.timers.count()).toBe(0)
    expect(world.problems()).toEqual([])
  })

  it('goes on over blocks where an account has more orders than the budget', () => {
    const world = worldOf([wide], { ...smallCapacities, orders: 4_096 })
    for (let i = 0; i < END_BLOCK_ORDERS + 10; i++)
      unwrap(world.call('placeOrder', ALICE, order('sell', 100, 10)))
    unwrap(world.call('scheduleCancel', ALICE, { time: world.time + 5_000 }))
    world.time += 5_000
    world.endBlock()
    expect([world.state.orders.count(), world.state.timers.count()]).toEqual([10, 1])
    world.endBlock()
    expect([world.state.orders.count(), world.state.timers.count()]).toEqual([0, 0])
  })
})

describe('money', () => {
  it('pays out the fees of a block, part to the treasury and part to be burned', () => {
    const world = worldOf([testMarket], smallCapacities, 300_000)
    unwrap(world.call('placeOrder', ALICE, order('sell', 100, 100_000)))
    unwrap(world.call('placeOrder', BOB, order('buy', 100, 100_000)))
    const [maker, taker] = [(3e7 * 400) / 1e6, (1e6 * 700) / 1e6]
    world.posts.length = 0
    world.endBlock()
    expect(world.posts).toEqual([
      { target: 1, fn: 'release', args: { account: TREASURY, asset: 2, amount: (taker * 7) / 10 } },
      { target: 1, fn: 'burn', args: { asset: 2, amount: (taker * 3) / 10 } },
      { target: 1, fn: 'release', args: { account: TREASURY, asset: 0, amount: (maker * 7) / 10 } },
      { target: 1, fn: 'burn', args: { asset: 0, amount: (maker * 3) / 10 } },
    ])
    expect(balanceOf(world, ALICE, 0)).toEqual([FUNDS + 3e7 - maker, 0])
    expect(balanceOf(world, BOB, 2)).toEqual([FUNDS + 1e6 - taker, 0])
    expect(world.problems()).toEqual([])
  })

  it('pays out a few assets a block, each in its turn', () => {
    const count = END_BLOCK_PAYOUTS + 4
    const markets = Array.from({ length: count }, (_, i) => ({ ...testMarket, base: i + 2 }))
    const world = worldOf(markets, { ...smallCapacities, balances: 256, assets: 64 })
    const paid: unknown[] = []
    for (let base = 2; base < count + 2; base++) {
      world.credit(ALICE, base, FUNDS)
      unwrap(world.call('placeOrder', ALICE, order('sell', 100, 1_000, { market: base - 2 })))
      unwrap(world.call('placeOrder', BOB, order('buy', 100, 1_000, { market: base - 2 })))
    }
    for (let block = 0; block < 2; block++) {
      world.events.length = 0
      world.endBlock()
      paid.push(...world.events.map((event) => event.asset))
    }
    expect(new Set(paid).size).toBe(count + 1)
    expect(paid.length).toBe(count + 1)
    expect(world.problems()).toEqual([])
  })

  it('credits only what the ledger sends', () => {
    const world = worldOf()
    const args = { account: ALICE, asset: 0, amount: 5 }
    expect(codeOf(world.internal('credit', args, 0))).toBe('NOT_AUTHORIZED')
    expect(codeOf(world.internal('credit', args, 1))).toBe('ok')
  })

  it('withdraws what is available and posts it to the ledger', () => {
    const world = worldOf()
    unwrap(world.call('placeOrder', ALICE, order('sell', 100, 10)))
    const withdraw = (asset: number, amount: number) =>
      codeOf(world.call('withdraw', ALICE, { asset, amount }))
    expect(withdraw(2, FUNDS - 99)).toBe('INSUFFICIENT_BALANCE')
    expect(withdraw(2, 0)).toBe('BAD_AMOUNT')
    expect(withdraw(7, 1)).toBe('INSUFFICIENT_BALANCE')
    expect(withdraw(2, FUNDS - 100)).toBe('ok')
    expect(world.posts.at(-1)).toEqual({
      target: 1,
      fn: 'release',
      args: { account: ALICE, asset: 2, amount: FUNDS - 100 },
    })
    expect(balanceOf(world, ALICE, 2)).toEqual([0, 100])
    unwrap(world.call('cancelAll', ALICE, { market: 0 }))
    const rows = world.state.balances.count()
    expect(withdraw(2, 100)).toBe('ok')
    expect(world.state.balances.count()).toBe(rows - 1)
    expect(world.problems()).toEqual([])
  })
})

describe('market administration', () => {
  const { ...spec } = { ...testMarket, base: 5 }

  it('lets the admin and the issuer of the base asset open a market, nobody else', () => {
    const world = worldOf()
    expect(codeOf(world.call('createMarket', ALICE, spec))).toBe('NOT_AUTHORIZED')
    expect(codeOf(world.internal('setIssuer', { asset: 5, issuer: ALICE }, 2))).toBe(
      'NOT_AUTHORIZED',
    )
    expect(codeOf(world.internal('setIssuer', { asset: 5, issuer: ALICE }, 1))).toBe('ok')
    const greedy = { ...spec, openOrderLimit: 1_001 }
    expect(codeOf(world.call('createMarket', ALICE, greedy))).toBe('BAD_MARKET')
    expect(unwrap(world.call('createMarket', ALICE, spec))).toEqual({ market: 1 })
    expect(codeOf(world.call('createMarket', BOB, spec))).toBe('NOT_AUTHORIZED')
    expect(unwrap(world.call('createMarket', ADMIN, { ...spec, base: 6 }))).toEqual({ market: 2 })
    expect(codeOf(world.call('setMarketStatus', ALICE, { market: 1, status: 'halted' }))).toBe(
      'NOT_AUTHORIZED',
    )
    expect(codeOf(world.call('setMarketStatus', ADMIN, { market: 9, status: 'halted' }))).toBe(
      'UNKNOWN_MARKET',
    )
  })

  it('refuses a market whose largest order is not an exact number', () => {
    const world = worldOf()
    const create = (changed: object) =>
      codeOf(world.call('createMarket', ADMIN, { ...spec, ...changed }))
    const largest = { maxPrice: 2 ** 20, maxOrder: 2 ** 20, tickSize: 2 ** 12, lotSize: 1 }
    expect(create(largest)).toBe('ok')
    expect(create({ ...largest, tickSize: 2 ** 13 })).toBe('BAD_MARKET')
    expect(create({ lotSize: 2 ** 53 - 1 })).toBe('BAD_MARKET')
    for (const name of [
      'tickSize',
      'lotSize',
      'maxOrder',
      'maxPrice',
      'referencePrice',
      'bandPercent',
      'openOrderLimit',
      'marketOrderLimit',
    ]) {
      expect(create({ [name]: 0 }), name).toBe('BAD_MARKET')
    }
    expect(create({ quote: 5 })).toBe('BAD_MARKET')
  })
})
