import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { move } from '../../../coprocessors/exchange/balances.ts'
import {
  SELF_TRADES,
  SIDES,
  STATUSES,
  TIMES_IN_FORCE,
} from '../../../coprocessors/exchange/events.ts'
import { type Command, createTwins, runOnBoth, twinAccounts } from '../../support/exchangeTwins.ts'

const account = fc.constantFrom(...twinAccounts)
const market = fc.oneof(
  { weight: 5, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.constant(1) },
  { weight: 1, arbitrary: fc.constantFrom(2, 300) },
)
const price = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 94, max: 106 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 49, 150, 151, 100_001) },
)
const size = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 1, max: 60 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 900, 1_300, 1_000_001) },
)
const clientId = fc.oneof(
  fc.constant(0n),
  fc.bigInt({ min: 0n, max: 4n }),
  fc.constant(2n ** 128n - 1n),
)
const common = {
  market,
  side: fc.constantFrom(...SIDES),
  size,
  clientId,
  selfTrade: fc.constantFrom(...SELF_TRADES),
}

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('place' as const),
      account,
      order: fc.record({
        ...common,
        price,
        timeInForce: fc.oneof(fc.constant('GTC' as const), fc.constantFrom(...TIMES_IN_FORCE)),
        expiresIn: fc.integer({ min: 0, max: 30_000 }),
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('market' as const),
      account,
      order: fc.record({ ...common, limit: price }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('cancel' as const),
      account,
      market,
      pick: fc.nat(30),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('cancelByClientId' as const),
      account,
      market,
      clientId,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('cancelAll' as const),
      account,
      market: fc.oneof(market, fc.constant(0xffff)),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('amend' as const),
      account,
      market,
      pick: fc.nat(30),
      price,
      size,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('schedule' as const),
      account,
      inMs: fc.constantFrom(0, 4_999, 5_000, 20_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('withdraw' as const),
      account,
      asset: fc.constantFrom(0, 2, 3, 4),
      amount: fc.nat(50_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('status' as const),
      market,
      status: fc.oneof(fc.constant('open' as const), fc.constantFrom(...STATUSES)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('endBlock' as const),
      passMs: fc.oneof(
        fc.nat(10_000),
        fc.constantFrom(1, 6, 13, 14, 15, 29).map((days) => days * 86_400_000),
      ),
    }),
  },
)

describe('exchange and its naive twin', () => {
  it('agree on answers, events, balances, fees and books after every command', () => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 1, maxLength: 120, size: 'max' }), (commands) => {
        const twins = createTwins()
        for (const [i, step] of commands.entries()) {
          expect(runOnBoth(twins, step), `command ${i}: ${step.kind}`).toEqual([])
        }
        expect(twins.world.problems()).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  it('reach every code that a twin can reach', () => {
    const codes = new Set<string>()
    fc.assert(
      fc.property(
        fc.array(command, { minLength: 100, maxLength: 120, size: 'max' }),
        (commands) => {
          const { world } = createTwins()
          for (const step of commands) {
            if (step.kind !== 'place') continue
            const { expiresIn, ...order } = step.order
            const result = world.call('placeOrder', step.account, {
              ...order,
              expiry: world.time + expiresIn,
            })
            codes.add(result.ok ? 'ok' : result.code)
          }
        },
      ),
      { numRuns: 100, seed: 7 },
    )
    expect([...codes].sort()).toEqual(
      [
        'ABOVE_MAX_ORDER',
        'BAD_LOT',
        'BAD_TICK',
        'BELOW_MIN_NOTIONAL',
        'DUPLICATE_CLIENT_ID',
        'EXPIRED',
        'FOK_NOT_FILLED',
        'INSUFFICIENT_BALANCE',
        'NO_LIQUIDITY',
        'OUTSIDE_PRICE_BAND',
        'POST_ONLY_WOULD_CROSS',
        'SELF_TRADE',
        'TOO_MANY_ORDERS',
        'UNKNOWN_MARKET',
        'ok',
      ].sort(),
    )
  })

  it('are told apart by one unit', () => {
    const twins = createTwins()
    const { world } = twins
    const home = world.state.byAccount.find(11, 0)
    move(world.state.balances.columns.available, home, 1)
    const step: Command = { kind: 'cancelAll', account: 12, market: 0 }
    expect(runOnBoth(twins, step)).not.toEqual([])
    expect(world.problems()).not.toEqual([])
  })
})
