// Subscriptions of the client: lost connections, nodes that start again, gaps, slow readers.
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { WebSocket as Socket, WebSocketServer } from 'ws'
import { type ChannelMessage, createNexusClient } from '../../../../rpc/client/index.ts'
import { data } from '../../../../rpc/format/hex.ts'
import { alice, engineTables, order } from '../../../support/coreAccounts.ts'
import { cleanups, serve, start } from '../../../support/coreServer.ts'
import { until } from '../../../support/wait.ts'

describe('subscriptions of a client', () => {
  async function follow(
    client: Awaited<ReturnType<typeof start>>['alice'],
    channel: string,
    params: object,
  ) {
    const messages: ChannelMessage[] = []
    const snapshots: unknown[] = []
    const lost: unknown[] = []
    const subscription = await client.subscribe(
      channel,
      { ...params },
      {
        onMessage: (message) => messages.push(message),
        onSnapshot: (snapshot) => snapshots.push(snapshot),
        onLost: (error) => lost.push(error),
      },
    )
    return { messages, snapshots, lost, subscription }
  }

  it('tell of fills as they happen', async () => {
    const { alice: maker, bob: taker, mineEach } = await start()
    mineEach()
    const { messages, snapshots, subscription } = await follow(maker, 'fills', {
      address: maker.address,
    })
    await maker.run(maker.actions.exchange.placeOrder(order('sell', 1_000, 5)))
    await taker.run(taker.actions.exchange.placeOrder(order('buy', 1_000, 2, 'IOC')))
    await until({ what: 'the fill', everyMs: 2 }, () => messages.length === 1)
    expect(messages).toMatchObject([{ sequence: 2, data: [{ maker: maker.address, size: '2' }] }])
    expect(snapshots).toEqual([null])
    expect(subscription.sequence).toBe(2)
    await subscription.close()
    await taker.run(taker.actions.exchange.placeOrder(order('buy', 1_000, 2, 'IOC')))
    expect(messages).toHaveLength(1)
  })

  const trade = async ({
    alice: maker,
    bob: taker,
    backend,
  }: Awaited<ReturnType<typeof start>>) => {
    await maker.send([maker.actions.exchange.placeOrder(order('sell', 1_000, 1))])
    await taker.send([taker.actions.exchange.placeOrder(order('buy', 1_000, 1, 'IOC'))])
    backend.mine()
  }

  it('come back after a lost connection and miss nothing', async () => {
    const world = await start()
    const reader = world.readerOf(alice)
    const { messages, snapshots } = await follow(reader, 'trades', { market: 0 })
    await trade(world)
    await until({ what: 'the first', everyMs: 2 }, () => messages.length === 1)
    const other = await follow(reader, 'book', { market: 0 })
    await world.cut()
    await trade(world)
    await trade(world)
    world.mend()
    await until({ what: 'the reader to be back', everyMs: 5 }, () => messages.length === 3)
    await trade(world)
    await until({ what: 'the last', everyMs: 2 }, () => messages.length === 4)
    expect(messages.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4])
    expect(snapshots).toHaveLength(1)
    expect(other.snapshots).toHaveLength(1)
  })

  it('begin anew with a snapshot when they were away for too long', async () => {
    const world = await start({ channels: { ring: { heights: 2, characters: 1_000_000 } } })
    const reader = world.readerOf(alice)
    const { messages, snapshots } = await follow(reader, 'orders', { address: reader.address })
    await trade(world)
    await until({ what: 'the first', everyMs: 2 }, () => messages.length === 1)
    await world.cut()
    for (let i = 0; i < 4; i++) await trade(world)
    world.mend()
    await until({ what: 'a snapshot', everyMs: 5 }, () => snapshots.length === 2)
    await trade(world)
    await until({ what: 'the next', everyMs: 2 }, () => messages.length === 2)
    expect(messages.map(({ sequence }) => sequence)).toEqual([1, 6])
  })

  it('follow a node that starts again', async () => {
    const world = await start()
    const reader = world.clientOf(alice)
    const { messages, snapshots } = await follow(reader, 'trades', { market: 0 })
    await trade(world)
    await until({ what: 'the first', everyMs: 2 }, () => messages.length === 1)
    const { port } = world.server
    await world.server.close()
    await serve(world.backend, { port })
    await until({ what: 'to be back', everyMs: 5 }, () => reader.call('eth_chainId'))
    await until({ what: 'a subscription', everyMs: 20 }, async () => {
      await trade(world)
      return messages.length >= 2
    })
    const sequences = messages.map(({ sequence }) => sequence)
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b))
    expect(snapshots.length).toBeLessThanOrEqual(2)
  })

  it('drop a client that does not read, and nobody else', async () => {
    const world = await start({ limits: { outgoingBytes: 200_000 } })
    const { server } = world
    const reader = await follow(world.clientOf(alice), 'orders', { address: data(alice.address) })
    const slow = new Socket(server.url.replace('http', 'ws'))
    cleanups.push(() => slow.terminate())
    await new Promise((resolve) => slow.once('open', resolve))
    slow.send(
      JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'nexus_subscribe',
        params: ['orders', { address: data(alice.address) }],
      }),
    )
    await until({ what: 'both', everyMs: 2 }, () => server.load().subscriptions === 2)
    slow.pause()
    const { exchange } = world.alice.actions
    const many = Array.from({ length: 100 }, (_, i) =>
      exchange.placeOrder(order('buy', 100 + i, 1)),
    )
    let blocks = 0
    await until({ what: 'the slow one to go', everyMs: 1 }, async () => {
      await world.alice.send([...many, exchange.cancelAll({ market: 0 })])
      world.backend.mine()
      blocks++
      return server.load().subscriptions === 1
    })
    await until(
      { what: 'the reader to have all', everyMs: 2 },
      () => reader.messages.length === blocks,
    )
    expect(reader.lost).toEqual([])
  })

  it('are told when the node will not have them back', async () => {
    const world = await start()
    const reader = world.readerOf(alice)
    const once = await reader.cancelOnDisconnect(
      [reader.actions.exchange.cancelAll({ market: 0 })],
      { graceMs: 0 },
    )
    const { lost } = await follow(reader, 'orders', { address: reader.address, ...once })
    world.core.onSubmit = async () => {
      setImmediate(() => world.backend.mine())
      return { ok: true, value: null }
    }
    await world.cut()
    await until({ what: 'the guard to fire', everyMs: 5 }, () => world.core.byHeight.size > 0)
    world.mend()
    await until({ what: 'the refusal', everyMs: 5 }, () => lost.length === 1)
    expect(lost).toMatchObject([{ detail: { code: 'NONCE_USED' } }])
  })
})

describe('a gap in a channel', () => {
  it('is asked for, and nothing is told twice or out of order', async () => {
    const asked: { method: string; params: unknown[] }[] = []
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    cleanups.push(() => server.close())
    const message = (sequence: number, previous: number) => ({
      channel: 'trades',
      sequence,
      previous,
      time: 0,
      data: [],
    })
    server.on('connection', (socket) => {
      const tell = (subscription: string, result: object) =>
        socket.send(
          JSON.stringify({
            jsonrpc: '2.0',
            method: 'nexus_subscription',
            params: { subscription, result },
          }),
        )
      socket.on('message', (text: Buffer) => {
        const { id, method, params } = JSON.parse(text.toString()) as {
          id: number
          method: string
          params: unknown[]
        }
        asked.push({ method, params })
        const isSecond = asked.filter((one) => one.method === 'nexus_subscribe').length === 2
        const start = isSecond
          ? {
              subscription: 'second',
              sequence: 14,
              outOfSync: false,
              snapshot: null,
              replay: [message(12, 11), message(14, 12)],
            }
          : { subscription: 'first', sequence: 10, outOfSync: false, snapshot: 's', replay: [] }
        socket.send(
          JSON.stringify({
            jsonrpc: '2.0',
            id,
            result: method === 'nexus_subscribe' ? start : true,
          }),
        )
        if (method !== 'nexus_subscribe') return
        if (isSecond) tell('second', message(15, 14))
        else
          for (const one of [message(11, 9), message(11, 9), message(14, 12), message(15, 14)])
            tell('first', one)
      })
    })
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const client = createNexusClient({ url: `ws://127.0.0.1:${port}`, engines: engineTables })
    cleanups.push(() => client.close())
    const told: number[] = []
    await client.subscribe(
      'trades',
      { market: 0 },
      { onMessage: ({ sequence }) => told.push(sequence) },
    )
    await until({ what: 'the last', everyMs: 2 }, () => told.at(-1) === 15)
    expect(told).toEqual([11, 12, 14, 15])
    expect(asked).toEqual([
      { method: 'nexus_subscribe', params: ['trades', { market: 0 }] },
      { method: 'nexus_unsubscribe', params: ['first'] },
      { method: 'nexus_subscribe', params: ['trades', { market: 0, since: 11 }] },
    ])
  })
})
