import fc from 'fast-check'
import { expect } from 'vitest'
import { SELF_TRADES, SIDES, TIMES_IN_FORCE } from '../../coprocessors/exchange/events.ts'
import type { ExchangeState } from '../../coprocessors/exchange/index.ts'
import { orderIdOf } from '../../coprocessors/exchange/orders.ts'
import { type CoreWorld, START_TIME, type TestCall, USERS } from '../support/coreWorld.ts'
import { coreRegistry } from '../support/engines/registry.ts'
import { coprocessorContract } from './coprocessor.ts'

const EXCHANGE = 2
const market = fc.constantFrom(0, 0, 0, 1)
const price = fc.integer({ min: 95, max: 105 })
const size = fc.oneof(fc.nat(5), fc.nat(2_000))
/** The orders that `prepare` leaves: each is one event and one row. */
const RESTING = 16
const orderId = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: RESTING }).map((k) => orderIdOf(k, k)) },
  fc.nat(40),
)
const clientId = fc.constantFrom(0n, 1n, 2n)
const side = fc.constantFrom(...SIDES)
const selfTrade = fc.constantFrom(...SELF_TRADES)
const call = (fn: string, args: fc.Arbitrary<TestCall['args']>): fc.Arbitrary<TestCall> =>
  args.map((given) => ({ engine: EXCHANGE, fn, args: given }))

const order = fc.record({
  market,
  side,
  price,
  size,
  timeInForce: fc.constantFrom(...TIMES_IN_FORCE),
  expiry: fc.constantFrom(0, START_TIME + 4_000, START_TIME + 60_000),
  clientId,
  selfTrade,
})

const spec = {
  base: 1,
  quote: 0,
  tickSize: 10,
  lotSize: 1_000,
  minNotional: 1,
  maxOrder: 1_000_000,
  maxPrice: 1_000_000,
  bandPercent: 50,
  referencePrice: 100,
  openOrderLimit: 20,
  marketOrderLimit: 200,
}

/** One market, money of every user in the exchange, and a few orders far from each other. */
async function prepare(world: CoreWorld): Promise<void> {
  const deposit = (asset: number): TestCall => ({
    engine: 1,
    fn: 'depositTo',
    args: { engine: EXCHANGE, asset, amount: 50_000_000 },
  })
  await world.block([
    world.action(0, [{ engine: EXCHANGE, fn: 'createMarket', args: spec }]),
    ...USERS.map((_, user) => world.action(user, [deposit(0), deposit(1)])),
  ])
  const place = (k: number): TestCall => ({
    engine: EXCHANGE,
    fn: 'placeOrder',
    args: {
      market: 0,
      side: k % 4 < 2 ? 'buy' : 'sell',
      price: k % 4 < 2 ? 90 : 110,
      size: 10,
      timeInForce: 'GTC',
      expiry: 0,
      clientId: BigInt(k + 100),
      selfTrade: 'cancelMaker',
    },
  })
  const orders = Array.from({ length: RESTING }, (_, k) => world.action(k % 2, [place(k)]))
  const { receipts } = await world.block(orders)
  expect(receipts.map(({ calls }) => calls[0]?.code)).toEqual(orders.map(() => null))
}

coprocessorContract({
  engine: EXCHANGE,
  registry: coreRegistry,
  registryModule: new URL('../support/engines/registry.ts', import.meta.url),
  call: fc.oneof(
    { weight: 6, arbitrary: call('placeOrder', order) },
    {
      weight: 2,
      arbitrary: call(
        'placeMarketOrder',
        fc.record({ market, side, size, limit: price, clientId, selfTrade }),
      ),
    },
    { weight: 2, arbitrary: call('cancel', fc.record({ market, orderId })) },
    { weight: 1, arbitrary: call('cancelByClientId', fc.record({ market, clientId })) },
    {
      weight: 1,
      arbitrary: call('cancelAll', fc.record({ market: fc.constantFrom(0, 0xffff) })),
    },
    {
      weight: 1,
      arbitrary: call(
        'scheduleCancel',
        fc.record({ time: fc.constantFrom(0, START_TIME + 12_000, START_TIME + 60_000) }),
      ),
    },
    {
      weight: 4,
      arbitrary: call('amend', fc.record({ market, orderId, clientId, price, size })),
    },
    {
      weight: 1,
      arbitrary: call('withdraw', fc.record({ asset: fc.nat(2), amount: fc.nat(9_000) })),
    },
  ),
  prepare,
  breaches: {
    totals: ({ assets }: ExchangeState) => assets.columns.fees.add(assets.next(0), 1),
    uncrossed: (state: ExchangeState) => {
      const { orders, byPrice } = state
      const row = orders.next(0)
      byPrice.remove(row)
      orders.columns.price.set(row, orders.columns.book.get(row) % 2 === 0 ? 1_000 : 1)
      byPrice.insert(row)
    },
    sums: ({ balances }: ExchangeState) => balances.columns.available.add(balances.next(0), 1),
    holds: ({ orders }: ExchangeState) => orders.columns.size.add(orders.next(0), 1),
    orders: ({ markets }: ExchangeState) => markets.columns.openOrders.add(1, 1),
  },
})
