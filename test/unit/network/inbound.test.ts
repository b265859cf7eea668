// Connections that take a place and give nothing.
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { defaultNetworkOptions } from '../../../node/network/options.ts'
import { introduce, startRogue, stopRogues } from './rogue.ts'
import { gossipIsUp, startNode, stopAll, type TestNode, until } from './support.ts'

const sockets = new Set<Socket>()
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  await stopRogues()
  await stopAll()
})

function open(node: TestNode): Socket {
  const socket = connect(Number(/tcp\/(\d+)/.exec(node.address)?.[1]), '127.0.0.1')
  sockets.add(socket)
  socket.on('error', () => undefined)
  socket.on('data', () => undefined)
  return socket
}
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const NOISE = Uint8Array.of(19, ...Buffer.from('/multistream/1.0.0\n'))

describe('a connection that does not become a peer', () => {
  it.each([
    ['says nothing', null],
    ['drips a byte at a time', NOISE],
  ])('and %s loses its place after the time for it', async (_, bytes) => {
    const victim = await startNode({ handshakeMs: 300 })
    const startedAt = performance.now()
    const held = Array.from({ length: 10 }, () => open(victim))
    for (let i = 0; performance.now() - startedAt < 5_000; i++) {
      if (held.every((socket) => socket.destroyed)) break
      const next = bytes?.[i % bytes.length]
      if (next !== undefined) for (const socket of held) socket.write(Uint8Array.of(next))
      await sleep(20)
    }
    expect(held.every((socket) => socket.destroyed)).toBe(true)
    expect(performance.now() - startedAt).toBeGreaterThan(250)
    const friend = await startNode({ peers: [victim.address] })
    await until('a friend', () => victim.connected.some(({ id }) => id === friend.id))
  })
})

describe('one address', () => {
  const inbound = { perAddress: 3, exempt: [] }

  it('holds so many connections and no more, whoever it says to be, and gets them back', async () => {
    const victim = await startNode({ inbound })
    const rogues = await Promise.all(Array.from({ length: 5 }, () => startRogue()))
    const connections = []
    for (const rogue of rogues) {
      const dialed = await introduce(rogue, victim).catch(() => null)
      if (dialed?.answer?.kind === 'hello') connections.push(dialed.connection)
    }
    expect(connections).toHaveLength(3)
    expect(victim.network.peerIds()).toHaveLength(3)
    connections[0]?.abort(new Error('gone'))
    await until('its place is free', () => victim.network.peerIds().length === 2)
    const last = rogues.at(-1)
    expect(last === undefined ? null : (await introduce(last, victim)).answer?.kind).toBe('hello')
  })

  it('is charged for handshakes that it only begins, and others are let in', async () => {
    const victim = await startNode({ inbound, handshakeMs: 2_000 })
    const held = Array.from({ length: 40 }, () => open(victim))
    await until('those beyond its share are hung up on', () => {
      return held.filter((socket) => socket.destroyed).length >= 37
    })
    expect(held.filter((socket) => !socket.destroyed)).toHaveLength(3)
    // Whom the node dials itself is no matter of its address.
    const friend = await startNode()
    const other = await startNode({ peers: [friend.address] })
    await until('friends', () => friend.connected.some(({ id }) => id === other.id))
  })

  it('of this machine is not counted', async () => {
    expect(defaultNetworkOptions.inbound.perAddress).toBeLessThan(24)
    const victim = await startNode({ handshakeMs: 60_000 })
    const held = Array.from({ length: 24 }, () => open(victim))
    await sleep(300)
    expect(held.some((socket) => socket.destroyed)).toBe(false)
  })
})

describe('a peer that is introduced and then silent', () => {
  it('keeps its place only as long as it answers pings', async () => {
    const victim = await startNode({ ping: { intervalMs: 50, timeoutMs: 300 } })
    const friend = await startNode({ peers: [victim.address] })
    await until('friends', () => victim.connected.length === 1)
    const rogue = await startRogue()
    let pings = 0
    await rogue.host.handle('/nexus/ping/1.0.0', () => {
      pings++
    })
    const { connection } = await introduce(rogue, victim)
    await until('introduced', () => victim.network.peerIds().includes(rogue.id))
    await until('hung up', () => connection.status !== 'open')
    expect(pings).toBeGreaterThan(0)
    await until('forgotten', () => victim.disconnected.includes(rogue.id))
    await gossipIsUp(victim, [friend])
    expect(victim.disconnected).toEqual([rogue.id])
  })
})
