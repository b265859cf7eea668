import { expect, it } from 'vitest'
import { publicFns } from '../../../coprocessors/exchange/publicFns.ts'
import { createExchangeWorld, smallCapacities, testMarket } from '../../support/exchangeWorld.ts'

/** What `genesis/limits.ts` relies on when it bounds a block's gas: so many words of the journal, and a little for any call. */
const WORDS_PER_GAS = 0.25
const WORDS_PER_CALL = 64
const ORDERS = 400
const [MAKER, TAKER] = [11, 12]

it('gas pays for every word that a call may write', () => {
  const market = { ...testMarket, openOrderLimit: 1_000, marketOrderLimit: 2_000 }
  const world = createExchangeWorld([market], {
    ...smallCapacities,
    orders: 2_048,
    balances: 64,
    timers: 2_048,
  })
  for (const account of [MAKER, TAKER])
    for (const asset of [market.base, market.quote]) world.credit(account, asset, 1_000_000_000)
  const worst = { ratio: 0, fn: '' }
  const spend = (fn: keyof typeof publicFns, account: number, args: object): void => {
    world.arena.seal()
    const room = world.arena.journalRoom()
    world.gas = 1_000_000_000
    const result = world.call(fn, account, args as never)
    expect(result.ok ? null : result.code, fn).toBeNull()
    const gas = publicFns[fn].gas + 1_000_000_000 - world.gas
    const words = room - world.arena.journalRoom()
    const ratio = (words - WORDS_PER_CALL) / gas
    if (ratio > worst.ratio) Object.assign(worst, { ratio, fn })
    expect(words, `${fn}: ${words} words for ${gas} gas`).toBeLessThanOrEqual(
      WORDS_PER_CALL + gas * WORDS_PER_GAS,
    )
  }
  const order = (side: 'buy' | 'sell', price: number, size: number, timeInForce = 'GTC') => ({
    market: 0,
    side,
    price,
    size,
    timeInForce,
    expiry: timeInForce === 'GTT' ? world.time + 1_000_000 : 0,
    clientId: 0n,
    selfTrade: 'cancelMaker',
  })
  const fill = (timeInForce: string): void => {
    // A level for each order is the dearest book: levels come and go with them.
    for (let i = 0; i < ORDERS; i++)
      spend('placeOrder', MAKER, {
        ...order('sell', 101 + (i % 45), 10, timeInForce),
        clientId: BigInt(i + 1),
      })
  }
  fill('GTC')
  spend('cancelAll', MAKER, { market: 0 })
  fill('GTT')
  spend('placeOrder', TAKER, order('buy', 149, 10 * ORDERS, 'IOC'))
  fill('GTT')
  spend('placeOrder', MAKER, order('buy', 149, 10 * ORDERS, 'IOC'))
  expect(worst.ratio).toBeLessThan(WORDS_PER_GAS)
})
