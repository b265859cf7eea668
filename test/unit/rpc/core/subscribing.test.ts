// How a channel is asked for, what is refused, and what is done for a client that is gone.
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { data } from '../../../../rpc/format/hex.ts'
import { ChannelWorld, exchange, ledger, traders } from '../../../support/channelWorld.ts'
import { alice, order } from '../../../support/coreAccounts.ts'

let world: ChannelWorld
beforeEach(() => {
  world = new ChannelWorld()
})

describe('nexus_subscribe', () => {
  it.each([
    ['an unknown channel', 'coins', {}, -32_602],
    ['no market', 'book', {}, -32_602],
    ['a market that is none', 'book', { market: -1 }, -32_602],
    ['a market that does not exist', 'book', { market: 9 }, -32_000],
    ['trades of no market', 'trades', { market: 9 }, -32_000],
    ['an unknown level', 'book', { market: 0, level: 'L1' }, -32_602],
    ['no address', 'orders', {}, -32_602],
    ['half an address', 'fills', { address: '0x12' }, -32_602],
    ['a sequence that is none', 'trades', { market: 0, since: 'x' }, -32_602],
    ['a guard that is none', 'trades', { market: 0, cancelOnDisconnect: 5 }, -32_602],
    ['a guard without envelope', 'trades', { market: 0, cancelOnDisconnect: {} }, -32_602],
    ['a guard of junk', 'trades', { market: 0, cancelOnDisconnect: { envelope: '0xa0' } }, -32_000],
    ['no parameters', 'book', null, -32_602],
    ['a list', 'book', [], -32_602],
    ['a channel that is no name', 5, {}, -32_602],
  ])('refuses %s', async (_, channel, params, code) => {
    const { ask, subscriber } = world.connect()
    expect(await ask(channel, params)).toMatchObject({ error: { code } })
    expect(subscriber.size).toBe(0)
  })

  it('counts with the other subscriptions of a connection, and ends', async () => {
    const { ask, join, subscriber, told } = world.connect(2)
    await world.rpc.ask('eth_subscribe', ['newHeads'], subscriber)
    const { subscription } = await join('actions', { address: data(alice.address) })
    expect(await ask('trades', { market: 0 })).toMatchObject({ error: { code: -32_005 } })
    const leave = () => world.rpc.ask('nexus_unsubscribe', [subscription], subscriber)
    expect(await leave()).toMatchObject({ result: true })
    expect(await leave()).toMatchObject({ error: { message: 'subscription not found' } })
    await world.act('alice', ledger.noop())
    world.mine()
    expect(told()).toEqual([])
    expect(world.rpc.core?.channels.subscriptions).toBe(0)
  })

  it('is for connections only', async () => {
    expect(await world.rpc.error('nexus_subscribe', ['trades', { market: 0 }])).toMatchObject({
      code: -32_601,
    })
  })

  it('answers junk with codes', async () => {
    const { ask } = world.connect(1_000)
    const params = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          market: fc.oneof(fc.nat({ max: 3 }), fc.jsonValue()),
          address: fc.oneof(fc.constant(data(alice.address)), fc.jsonValue()),
          level: fc.constantFrom('L2', 'L3', 7),
          since: fc.oneof(fc.nat({ max: 5 }), fc.jsonValue()),
          cancelOnDisconnect: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
    )
    const channel = fc.constantFrom('book', 'trades', 'orders', 'fills', 'balances', 'actions', '')
    await fc.assert(
      fc.asyncProperty(channel, params, async (name, json) => {
        const { error } = await ask(name, json)
        expect(error?.code).not.toBe(-32_603)
      }),
      { numRuns: 300 },
    )
    world.mine()
    expect(world.rpc.faults).toEqual([])
  })
})

describe('cancel on disconnect', () => {
  const guardOf = async (graceMs: number, actions = [exchange.cancelAll({ market: 0 })]) =>
    traders.alice.cancelOnDisconnect(actions, { graceMs, validMs: 1_000 })
  const settle = (ms: number) => vi.advanceTimersByTimeAsync(ms)
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('submits what was signed when the connection is lost for too long', async () => {
    const { join, subscriber } = world.connect()
    await join('orders', { address: data(alice.address), ...(await guardOf(20)) })
    subscriber.close()
    expect(world.core.pool).toHaveLength(0)
    await settle(60)
    expect(world.core.pool).toHaveLength(1)
    expect(world.rpc.calls.at(-1)).toMatchObject({ method: 'nexus_cancelOnDisconnect', code: 'ok' })
  })

  it('does not when the signer is back in time, has another connection, or went on purpose', async () => {
    const lost = world.connect()
    await lost.join('orders', { address: data(alice.address), ...(await guardOf(20)) })
    lost.subscriber.close()
    const back = world.connect()
    await back.join('orders', { address: data(alice.address), ...(await guardOf(20)) })
    const second = world.connect()
    const { subscription } = await second.join('trades', { market: 0, ...(await guardOf(0)) })
    await settle(60)
    expect(world.core.pool).toHaveLength(0)
    second.subscriber.close()
    await settle(20)
    expect(world.core.pool, 'the other one is there').toHaveLength(0)
    const third = world.connect()
    const last = await third.join('trades', { market: 0, ...(await guardOf(0)) })
    await world.rpc.ask('nexus_unsubscribe', [last.subscription], third.subscriber)
    third.subscriber.close()
    await settle(20)
    expect(world.core.pool, 'it was taken back').toHaveLength(0)
    expect(subscription).not.toBe(last.subscription)
    back.subscriber.close()
    await settle(60)
    expect(world.core.pool).toHaveLength(1)
  })

  it('takes cancels only, and nothing that would not be admitted now', async () => {
    const { ask } = world.connect()
    const trading = await guardOf(0, [exchange.placeOrder(order('buy', 1, 1))] as never)
    expect(await ask('trades', { market: 0, ...trading })).toMatchObject({
      error: { data: { code: 'BAD_ACTION', problem: 'NOT_A_CANCEL' } },
    })
    const used = await guardOf(0)
    await world.rpc.result('nexus_sendAction', [used.cancelOnDisconnect.envelope])
    world.mine()
    expect(await ask('trades', { market: 0, ...used })).toMatchObject({
      error: { data: { code: 'NONCE_USED' } },
    })
  })

  it('does nothing when the server closes', async () => {
    const { join, subscriber } = world.connect()
    await join('orders', { address: data(alice.address), ...(await guardOf(0)) })
    world.rpc.core?.guards.close()
    subscriber.close()
    await settle(20)
    expect(world.core.pool).toHaveLength(0)
  })
})
