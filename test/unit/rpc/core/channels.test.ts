// Streams of the exchange and of accounts: what they tell, in which order, and what who comes back gets.
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { ChannelHub, defaultChannelLimits } from '../../../../rpc/channels/channelHub.ts'
import { data } from '../../../../rpc/format/hex.ts'
import { ChannelWorld, exchange, ledger, trade } from '../../../support/channelWorld.ts'
import { alice, bob, order, stranger } from '../../../support/coreAccounts.ts'
import { CORE_TIME, FakeCore } from '../../../support/fakeCore.ts'

type Levels = { bids: { price: string; size: string }[]; asks: { price: string; size: string }[] }

let world: ChannelWorld
beforeEach(() => {
  world = new ChannelWorld()
})

describe('the book', () => {
  it('is a snapshot and then what changed, at most once a height', async () => {
    await world.place('alice', order('buy', 990, 5), order('sell', 1_010, 3))
    world.mine()
    const { join, told } = world.connect()
    const start = await join('book', { market: 0 })
    expect(start).toMatchObject({
      sequence: 1,
      outOfSync: false,
      replay: [],
      snapshot: {
        bids: [{ price: '990', size: '5', orders: 1 }],
        asks: [{ price: '1010', size: '3', orders: 1 }],
      },
    })
    await world.place('bob', order('buy', 990, 4), order('buy', 980, 1))
    world.mine()
    world.mine()
    await world.place('bob', order('buy', 1_010, 3, 'IOC'))
    world.mine()
    expect(told()).toEqual([
      {
        channel: 'book',
        market: 0,
        level: 'L2',
        sequence: 2,
        previous: 1,
        time: CORE_TIME + 200,
        data: {
          bids: [
            { price: '990', size: '9', orders: 2 },
            { price: '980', size: '1', orders: 1 },
          ],
          asks: [],
        },
      },
      {
        channel: 'book',
        market: 0,
        level: 'L2',
        sequence: 4,
        previous: 2,
        time: CORE_TIME + 400,
        data: { bids: [], asks: [{ price: '1010', size: '0' }] },
      },
    ])
  })

  it('follows the view: snapshot and deltas make the book after any commands', async () => {
    const command = fc.record({
      who: fc.constantFrom('alice' as const, 'bob' as const),
      side: fc.constantFrom('buy' as const, 'sell' as const),
      price: fc.integer({ min: 995, max: 1_005 }),
      size: fc.integer({ min: 1, max: 9 }),
      kind: fc.constantFrom('GTC' as const, 'IOC' as const, 'cancelAll' as const),
      mines: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        world = new ChannelWorld()
        const { join, told } = world.connect()
        const { snapshot } = await join('book', { market: 0 })
        for (const { who, side, price, size, kind, mines } of commands) {
          if (kind === 'cancelAll') await world.act(who, exchange.cancelAll({ market: 0 }))
          else await world.place(who, order(side, price, size, kind))
          if (mines) world.mine()
        }
        world.mine()
        const book = snapshot as Levels
        const sides = { bids: levelsOf(book.bids), asks: levelsOf(book.asks) }
        for (const { data: change } of told())
          for (const side of ['bids', 'asks'] as const)
            for (const level of (change as Levels)[side])
              if (level.size === '0') sides[side].delete(level.price)
              else sides[side].set(level.price, level)
        const now = await world.rpc.result<Levels>('nexus_exchange_book', [0, 100])
        expect(sides.bids).toEqual(levelsOf(now.bids))
        expect(sides.asks).toEqual(levelsOf(now.asks))
      }),
      { numRuns: 40 },
    )
  })

  it('comes order by order on request, with every number of the market', async () => {
    await world.place('alice', order('buy', 990, 5))
    world.mine()
    const { join, told } = world.connect()
    const { snapshot } = await join('book', { market: 0, level: 'L3' })
    expect(snapshot).toMatchObject({
      bids: [{ price: '990', size: '5', account: data(alice.address) }],
      asks: [],
    })
    await world.place('bob', order('sell', 990, 2), order('sell', 1_010, 1))
    await world.act('alice', exchange.cancelAll({ market: 0 }))
    world.mine()
    const [message] = told()
    const events = message?.data as { kind: string; sequence: string }[]
    expect(events.map(({ kind }) => kind)).toEqual([
      'OrderAccepted',
      'OrderFilled',
      'OrderAccepted',
      'OrderCancelled',
    ])
    const first = Number((snapshot as { sequence: string }).sequence)
    expect(events.map(({ sequence }) => Number(sequence))).toEqual(
      [1, 2, 3, 4].map((n) => first + n),
    )
  })
})

const levelsOf = (levels: Levels['bids']) => new Map(levels.map((level) => [level.price, level]))

describe('trades, orders, fills, balances and actions', () => {
  it('tell each what concerns it, with addresses', async () => {
    await world.place('alice', order('sell', 1_000, 5))
    world.mine()
    const { join, told } = world.connect()
    const ids = {
      trades: (await join('trades', { market: 0 })).subscription,
      other: (await join('trades', { market: 1 })).subscription,
      orders: (await join('orders', { address: data(alice.address) })).subscription,
      fills: (await join('fills', { address: data(bob.address) })).subscription,
      balances: (await join('balances', { address: data(bob.address) })).subscription,
      actions: (await join('actions', { address: data(bob.address) })).subscription,
    }
    await world.place('bob', order('buy', 1_000, 2, 'IOC'))
    world.mine()
    const fill = {
      kind: 'OrderFilled',
      price: '1000',
      size: '2',
      maker: data(alice.address),
      taker: data(bob.address),
      makerLeft: '3',
    }
    expect(told(ids.trades)).toMatchObject([{ sequence: 2, data: [fill] }])
    expect(told(ids.other)).toEqual([])
    expect(told(ids.orders)).toMatchObject([{ data: [fill] }])
    expect(told(ids.fills)).toMatchObject([{ data: [fill] }])
    expect(told(ids.balances)).toMatchObject([
      {
        data: {
          exchange: expect.arrayContaining([{ asset: 0, available: '999800000', held: '0' }]),
        },
      },
    ])
    expect(told(ids.actions)).toMatchObject([
      { data: [{ signer: data(bob.address), code: null, fee: 7 }] },
    ])
  })

  it('begin with the open orders and the balances', async () => {
    await world.place('alice', ...Array.from({ length: 150 }, (_, i) => order('buy', 500 + i, 1)))
    world.mine()
    const { join } = world.connect()
    const { snapshot } = await join('orders', { address: data(alice.address) })
    expect((snapshot as { price: string }[]).map(({ price }) => Number(price))).toEqual(
      Array.from({ length: 150 }, (_, i) => 500 + i),
    )
    const balances = await join('balances', { address: data(alice.address) })
    expect(balances.snapshot).toEqual(
      (await world.rpc.result<{ balances: object }>('nexus_account', [data(alice.address)]))
        .balances,
    )
  })

  it('find an account that comes into being later', async () => {
    const { join, told } = world.connect()
    const start = await join('balances', { address: data(stranger.address) })
    expect(start.snapshot).toEqual({ ledger: [], exchange: [] })
    const orders = await join('orders', { address: data(stranger.address) })
    expect(orders.snapshot).toEqual([])
    await world.act('alice', ledger.transfer({ to: stranger.address, asset: 0, amount: 5_000 }))
    world.mine()
    expect(told(start.subscription)).toMatchObject([
      { data: { ledger: [{ asset: 0, amount: '5000' }], exchange: [] } },
    ])
  })

  it('send a receipt to the owner and to the agent who signed, once to one who is both', async () => {
    const { join, told } = world.connect()
    const { subscription } = await join('actions', { address: data(alice.address) })
    await world.act('alice', ledger.noop())
    world.mine()
    expect(told(subscription).map(({ data: receipts }) => (receipts as object[]).length)).toEqual([
      1,
    ])
  })
})

describe('coming back', () => {
  it('continues where the messages end, or says that they are gone', async () => {
    const { join, told } = world.connect()
    const { subscription } = await join('trades', { market: 0 })
    for (let i = 0; i < 5; i++) {
      await world.place('alice', order('sell', 1_000, 1))
      await world.place('bob', order('buy', 1_000, 1, 'IOC'))
      world.mine()
      world.mine()
    }
    const all = told(subscription)
    expect(all.map(({ sequence }) => sequence)).toEqual([1, 3, 5, 7, 9])
    expect(all.map(({ previous }) => previous)).toEqual([0, 1, 3, 5, 7])
    for (const since of [0, 1, 4, 9, 10]) {
      const start = await join('trades', { market: 0, since })
      expect(start.replay, `since ${since}`).toEqual(all.filter(({ sequence }) => sequence > since))
      expect(start).toMatchObject({ outOfSync: false, snapshot: null, sequence: 10 })
    }
    const ahead = await join('trades', { market: 0, since: 11 })
    expect(ahead).toMatchObject({ outOfSync: true, replay: [], sequence: 10 })
    const unseen = await join('book', { market: 0, since: 3 })
    expect(unseen).toMatchObject({ outOfSync: true, snapshot: { bids: [], asks: [] } })
  })

  it('gets a snapshot when the ring is too short, in heights or in size', async () => {
    for (const ring of [
      { heights: 4, characters: 1_000_000 },
      { heights: 1_000, characters: 700 },
    ]) {
      const core = new FakeCore([alice.address, bob.address])
      const hub = new ChannelHub(core, 0, { ...defaultChannelLimits, ring })
      const wanted = { channel: 'trades', market: 0 } as const
      hub.join(wanted, null, () => undefined)
      for (let height = 1; height <= 10; height++) {
        await trade(core)
        hub.core(core.mine(height))
      }
      const since = (sequence: number) => {
        const joined = hub.join(wanted, sequence, () => undefined)
        return joined.ok ? [joined.value.outOfSync, joined.value.replay.length] : joined
      }
      expect(since(1)).toEqual([true, 0])
      expect(since(9)).toEqual([false, 1])
      expect(since(10)).toEqual([false, 0])
    }
  })

  it('is told what is otherwise when a development network goes back, and cannot go on from what it had', async () => {
    const { core } = world
    const hub = new ChannelHub(core, 0, defaultChannelLimits)
    const told: string[] = []
    hub.join({ channel: 'book', market: 0, level: 'L2' }, null, (_, text) => told.push(text))
    for (let height = 1; height <= 3; height++) {
      await world.place('alice', order('buy', 990 - height, 5))
      hub.core(core.mine(height))
    }
    expect(told).toHaveLength(3)
    await world.place('bob', order('buy', 995, 2))
    core.mine(4)
    hub.wentBack({ height: 1, time: CORE_TIME })
    expect(JSON.parse(told[3] ?? '{}')).toMatchObject({
      ...{ sequence: 1, previous: 1, time: CORE_TIME },
      data: { bids: [{ price: '995', size: '2', orders: 1 }], asks: [] },
    })
    const again = hub.join({ channel: 'book', market: 0, level: 'L2' }, 0, () => undefined)
    expect(again).toMatchObject({ ok: true, value: { outOfSync: true, sequence: 1 } })
  })

  it('keeps a channel for a while after its last listener, and few of them', async () => {
    const limits = { ...defaultChannelLimits, channels: 3, idleHeights: 5 }
    const hub = new ChannelHub(world.core, 0, limits)
    const join = (market: 0 | 1, level: 'L2' | 'L3') =>
      hub.join({ channel: 'book', market, level }, null, () => undefined)
    const first = join(0, 'L2')
    join(0, 'L3')
    join(1, 'L2')
    expect(join(1, 'L3')).toMatchObject({ ok: false, failure: { code: 'LIMIT_EXCEEDED' } })
    if (first.ok) hub.leave(first.value.id)
    expect(join(1, 'L3').ok, 'the idle one makes room').toBe(true)
    expect(hub.size).toBe(3)
    const again = hub.join({ channel: 'trades', market: 0 }, null, () => undefined)
    expect(again.ok).toBe(false)
  })

  it('forgets what nobody listens to, and lets the longest rings go first', async () => {
    const { core } = world
    const hub = new ChannelHub(core, 0, {
      ...defaultChannelLimits,
      idleHeights: 5,
      characters: 900,
    })
    const trades = hub.join({ channel: 'trades', market: 0 }, null, () => undefined)
    const orders = hub.join({ channel: 'orders', address: alice.address }, null, () => undefined)
    for (let height = 1; height <= 4; height++) {
      await trade(core)
      hub.core(core.mine(height))
    }
    const back = hub.join({ channel: 'orders', address: alice.address }, 0, () => undefined)
    expect(back).toMatchObject({ value: { outOfSync: true } })
    for (const one of [trades, orders, back]) if (one.ok) hub.leave(one.value.id)
    for (let height = 5; height <= 9; height++) hub.core(core.mine(height))
    expect(hub.size).toBe(2)
    for (let height = 10; height <= 11; height++) hub.core(core.mine(height))
    expect(hub.size).toBe(0)
  })
})
