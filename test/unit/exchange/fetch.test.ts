import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exchange } from '../../../coprocessors/exchange/index.ts'
import { publicFns } from '../../../coprocessors/exchange/publicFns.ts'
import {
  createExchangeWorld,
  type ExchangeWorld,
  order,
  smallCapacities,
  testMarket,
  unwrap,
} from '../../support/exchangeWorld.ts'

/** As many as `fetch` needs to look at anything. */
const ORDERS = 2 ** 15
const ACCOUNTS = 8

function largeBook(): { readonly world: ExchangeWorld; readonly ids: readonly number[] } {
  const limits = { openOrderLimit: 2 ** 16, marketOrderLimit: 2 ** 17 }
  const capacities = { ...smallCapacities, orders: 2 ** 16 }
  const world = createExchangeWorld([{ ...testMarket, ...limits }], capacities)
  for (let account = 1; account <= ACCOUNTS; account++) {
    for (const asset of [0, 2]) unwrap(world.credit(account, asset, 1e14))
  }
  const ids = Array.from({ length: ORDERS }, (_, i) => {
    if (i % 1_000 === 0) world.endBlock()
    const side = i % 2 === 0 ? 'buy' : 'sell'
    const price = side === 'buy' ? 60 + (i % 30) : 110 + (i % 30)
    const named = { clientId: i % 3 === 0 ? BigInt(i) : 0n }
    return unwrap(world.call('placeOrder', 1 + (i % ACCOUNTS), order(side, price, 10, named)))
      .orderId
  })
  world.endBlock()
  return { world, ids }
}

describe('what a batch reads for its next calls', () => {
  const { world, ids } = largeBook()
  const { state, arena } = world
  const fetchFor = (account: number, fn: keyof typeof publicFns, values: object): number => {
    const { id } = publicFns[fn]
    return exchange.fetch?.(state, [{ account, calls: [{ fn: id, values: { ...values } }] }]) ?? -1
  }

  it('changes nothing, whatever the arguments', () => {
    const root = arena.root()
    const values = fc.record(
      {
        market: fc.nat(0xffff),
        orderId: fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(...ids)),
      },
      { requiredKeys: [] },
    )
    const account = fc.oneof(fc.nat(ACCOUNTS), fc.nat(0xffff_ffff))
    const fn = fc.constantFrom(...(Object.keys(publicFns) as (keyof typeof publicFns)[]))
    const property = fc.property(account, fn, values, (...call) => {
      expect(Number.isSafeInteger(fetchFor(...call))).toBe(true)
      expect(arena.mark()).toBe(0)
    })
    fc.assert(property, { numRuns: 300 })
    expect(arena.root()).toEqual(root)
    expect(world.problems()).toEqual([])
  })

  it('is of the order and of what stands beside it', () => {
    const [first, second] = ids as [number, number]
    const row = first % 2 ** 20
    const some = ids.slice(0, 50)
    expect(some.some((orderId) => fetchFor(1, 'cancel', { market: 0, orderId }) !== 0)).toBe(true)
    expect(some.some((_, account) => fetchFor(account, 'placeOrder', { market: 0 }) !== 0)).toBe(
      true,
    )
    unwrap(world.call('cancel', 2, { market: 0, orderId: second }))
    unwrap(world.call('cancel', 1, { market: 0, orderId: first }))
    expect(state.byPrice.fetch(row)).toBe(0)
    expect(state.byPrice.fetchEnd(0, 59)).toBe(0)
    expect(state.byPrice.fetchEnd(9_999, 60)).toBe(0)
  })

  it('is nothing while the orders are few', () => {
    expect(state.orders.count()).toBeLessThan(ORDERS)
    expect(fetchFor(1, 'cancel', { market: 0, orderId: ids[2] })).toBe(0)
  })
})
