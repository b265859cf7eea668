import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { Connection } from '@libp2p/interface'
import { afterEach, describe, expect, it } from 'vitest'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { encodeFrame } from '../../../node/network/frames.ts'
import { handshakeFrames } from '../../../node/network/handshake.ts'
import { voteFrames } from '../../../node/network/messages.ts'
import { defaultNetworkOptions } from '../../../node/network/options.ts'
import { responseFrames } from '../../../node/network/requests.ts'
import {
  CHANNELS,
  dial,
  GOSSIP,
  HANDSHAKE,
  honestHello,
  introduce,
  openChannel,
  startRogue,
  stopRogues,
} from './rogue.ts'
import {
  gossipIsUp,
  proposalOf,
  startNode,
  stopAll,
  type TestNode,
  until,
  voteOf,
} from './support.ts'

afterEach(async () => {
  await stopRogues()
  await stopAll()
})

const [VOTES, PROPOSALS, REQUESTS] = CHANNELS as [string, string, string]
const closed = (connection: Connection): boolean => connection.status !== 'open'
const headerOf = (length: number, tag: number): Uint8Array => {
  const header = new Uint8Array(5)
  new DataView(header.buffer).setUint32(0, length)
  header[4] = tag
  return header
}

/** Two honest nodes that must not notice anything. */
async function startVictims(): Promise<readonly [TestNode, TestNode]> {
  const victim = await startNode()
  const friend = await startNode({ peers: [victim.address] })
  await until('friends', () => victim.connected.length === 1)
  return [victim, friend]
}

async function expectUnharmed(victim: TestNode, friend: TestNode): Promise<void> {
  const before = friend.consensus.length
  victim.network.broadcast(voteOf(1))
  await until('the friend still hears', () => friend.consensus.length > before)
  await gossipIsUp(victim, [friend])
  expect(friend.disconnected).toEqual([])
  expect(victim.disconnected).not.toContain(friend.id)
  expect(victim.network.peers().find(({ id }) => id === friend.id)?.score).toBe(0)
  expect(victim.fatal).toEqual([])
}

describe('a peer that does not introduce itself', () => {
  it('is hung up on after the time for it', async () => {
    const victim = await startNode({ handshakeMs: 200 })
    const connection = await dial(await startRogue(), victim)
    await until('hung up', () => closed(connection))
    expect(victim.codes).toEqual(['HANDSHAKE_TIMEOUT'])
  })

  it.each([...CHANNELS, GOSSIP])('is not heard on %s', async (protocol) => {
    const victim = await startNode()
    const rogue = await startRogue()
    const connection = await dial(rogue, victim)
    const stream = await connection.newStream(protocol).catch(() => null)
    if (stream?.writeStatus === 'writable') stream.send(encodeFrame(voteFrames, voteOf(1) as never))
    await until('hung up', () => closed(connection))
    expect(victim.codes).toContain('NO_HANDSHAKE')
    expect(victim.consensus).toEqual([])
    expect(victim.connected).toEqual([])
  })

  it.each([
    ['random bytes', randomBytes(64)],
    ['a frame of 4 GiB', headerOf(0xffffffff, 1)],
    ['a hello larger than its limit', headerOf(LIMITS.handshakeFrameBytes + 1, 1)],
    ['an unknown message', headerOf(10, 77)],
  ])('%s as a hello is garbage', async (_, bytes) => {
    const victim = await startNode()
    const rogue = await startRogue()
    const connection = await dial(rogue, victim)
    const stream = await connection.newStream(HANDSHAKE)
    stream.send(bytes)
    await until('hung up', () => closed(connection))
    expect(victim.codes.length).toBe(1)
    expect(victim.connected).toEqual([])
  })

  it('a repeated handshake is refused', async () => {
    const victim = await startNode()
    const rogue = await startRogue()
    const { connection } = await introduce(rogue, victim)
    const again = await connection.newStream(HANDSHAKE).catch(() => null)
    if (again?.writeStatus === 'writable')
      again.send(encodeFrame(handshakeFrames, { kind: 'hello', ...honestHello }))
    await until('hung up', () => closed(connection))
    expect(victim.codes).toContain('HANDSHAKE_REPEATED')
  })

  it.each([
    ['WRONG_CHAIN', { chainId: 1 }],
    ['WRONG_GENESIS', { genesisHash: new Uint8Array(32) }],
    ['INCOMPATIBLE_VERSION', { protocolVersion: 99 }],
  ])('%s is told its code and let go', async (code, hello) => {
    const victim = await startNode()
    const { connection, answer } = await introduce(await startRogue(), victim, hello)
    expect(answer).toEqual({ kind: 'refusal', code })
    await until('hung up', () => closed(connection))
    expect(victim.codes).toEqual([code])
    expect(victim.connected).toEqual([])
  })
})

describe('a peer that sends garbage', () => {
  it.each(
    [VOTES, PROPOSALS, REQUESTS].flatMap(
      (protocol) =>
        [
          [protocol, 'random bytes', Uint8Array.of(0, 0, 1, 0, 200, ...randomBytes(300))],
          [protocol, 'a frame of 4 GiB', headerOf(0xffffffff, protocol === PROPOSALS ? 6 : 1)],
          [protocol, 'an empty frame', headerOf(0, 1)],
          [
            protocol,
            'a legal frame with nonsense inside',
            Uint8Array.of(...headerOf(40, protocol === PROPOSALS ? 6 : 1), ...new Uint8Array(39)),
          ],
        ] as const,
    ),
  )('on %s: %s costs it the connection, and nobody else', async (protocol, _, bytes) => {
    const [victim, friend] = await startVictims()
    const rogue = await startRogue()
    const { connection, stream } = await openChannel(rogue, victim, protocol)
    await until('introduced', () => victim.connected.some(({ id }) => id === rogue.id))
    stream.send(bytes)
    await until('hung up', () => closed(connection))
    await until('forgotten', () => victim.disconnected.includes(rogue.id))
    expect(victim.consensus).toEqual([])
    expect(victim.warnings.map(({ message }) => message)).toEqual(['Peer disconnected'])
    await expectUnharmed(victim, friend)
  })

  it.each([
    ['random bytes', Uint8Array.of(60, ...randomBytes(60))],
    ['a length of 4 GiB', Buffer.from('ffffffff0f', 'hex')],
    ['a length that never ends', new Uint8Array(64).fill(0xff)],
    ['a message larger than a batch', null],
  ])('on gossip: %s', async (_, bytes) => {
    const [victim, friend] = await startVictims()
    const rogue = await startRogue()
    const { connection, stream } = await openChannel(rogue, victim, GOSSIP)
    const data = new Uint8Array(LIMITS.batchBytes + 1)
    stream.send(bytes ?? rpcOf('/nexus/3940/batches/1', data))
    await until('hung up', () => closed(connection))
    expect(victim.codes[0]).toBe(bytes === null ? 'FRAME_TOO_LARGE' : 'BAD_GOSSIP')
    expect(victim.batches).toEqual([])
    await expectUnharmed(victim, friend)
  })

  it('an announcement that does not decode', async () => {
    const victim = await startNode()
    const rogue = await startRogue()
    const { connection, stream } = await openChannel(rogue, victim, GOSSIP)
    stream.send(rpcOf('/nexus/3940/blocks/1', new Uint8Array(41)))
    await until('hung up', () => closed(connection))
    expect(victim.codes[0]).toBe('TRAILING_BYTES')
  })

  it('a response that nobody asked for', async () => {
    const victim = await startNode()
    const rogue = await startRogue()
    const { connection } = await introduce(rogue, victim)
    await until('its streams', () => rogue.opened.length >= 3)
    const requests = rogue.opened.find(({ protocol }) => protocol === REQUESTS)
    requests?.stream.send(encodeFrame(responseFrames, { kind: 'blocks', id: 5, blocks: [] }))
    await until('hung up', () => closed(connection))
    expect(victim.codes[0]).toBe('UNEXPECTED_RESPONSE')
  })

  it('bytes below libp2p: a muxer frame of 4 GiB is not collected', async () => {
    const [victim, friend] = await startVictims()
    const rogue = await startRogue()
    const { connection, stream } = await openChannel(rogue, victim, VOTES)
    const muxer = (connection as unknown as { muxer: { send(data: Uint8Array): boolean } }).muxer
    const id = Number(stream.id)
    muxer.send(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, id, 0xff, 0xff, 0xff, 0xff))
    const megabyte = new Uint8Array(1024 * 1024)
    let sent = 0
    while (!closed(connection) && sent < 64) {
      try {
        muxer.send(megabyte)
      } catch {
        break
      }
      sent++
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await until('hung up', () => closed(connection))
    expect(sent).toBeLessThan(64)
    expect(victim.codes).toEqual(['MUXER_FRAME_TOO_LARGE'])
    expect(victim.disconnected).toEqual([rogue.id])
    await expectUnharmed(victim, friend)
  })

  it.each([
    ['of another version', Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)],
    ['that answers no ping', Uint8Array.of(0, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 77)],
    ['beyond the window', null],
  ])('bytes below libp2p: a muxer frame %s', async (_, bytes) => {
    const [victim, friend] = await startVictims()
    const { connection, stream } = await openChannel(await startRogue(), victim, VOTES)
    const muxer = (connection as unknown as { muxer: { send(data: Uint8Array): boolean } }).muxer
    const tooMuch = new Uint8Array(600_000)
    tooMuch.set([0, 0, 0, 0, 0, 0, 0, Number(stream.id)])
    new DataView(tooMuch.buffer).setUint32(8, tooMuch.length - 12)
    muxer.send(bytes ?? tooMuch)
    await until('hung up', () => closed(connection))
    await expectUnharmed(victim, friend)
  })

  it('bytes that are not libp2p at all', async () => {
    const [victim, friend] = await startVictims()
    const port = Number(/tcp\/(\d+)/.exec(victim.address)?.[1])
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => undefined)
        socket.on('data', () => undefined)
        return new Promise<void>((resolve) => {
          socket.on('close', () => resolve())
          socket.write(randomBytes(1_000 * (i + 1)))
          setTimeout(() => socket.destroy(), 100)
        })
      }),
    )
    await expectUnharmed(victim, friend)
  })
})

describe('a peer that leaves at any moment', () => {
  it('leaves nothing behind', async () => {
    const [victim, friend] = await startVictims()
    const rogue = await startRogue()
    for (let i = 0; i < 40; i++) {
      const { connection } = await introduce(rogue, victim)
      if (i % 2 === 0) await new Promise((resolve) => setTimeout(resolve, i / 4))
      connection.abort(new Error('gone'))
    }
    await until('forgotten', () => victim.network.peerIds().length === 1)
    expect(victim.connected.length).toBe(victim.disconnected.length + 1)
    await expectUnharmed(victim, friend)
  })
})

describe('a peer that sends too much', () => {
  it('is slowed down first, and disconnected when it does not stop', async () => {
    const rates = {
      ...defaultNetworkOptions.rates,
      votes: {
        messages: { perSecond: 100, burst: 50 },
        bytes: { perSecond: 1e9, burst: 1e9 },
      },
    }
    const victim = await startNode({
      rates,
      scores: { ...defaultNetworkOptions.scores, disconnectAt: -1 },
    })
    const { connection, stream } = await openChannel(await startRogue(), victim, VOTES)
    const start = performance.now()
    const votes = Buffer.concat(
      Array.from({ length: 5_000 }, (_, i) => encodeFrame(voteFrames, voteOf(i) as never)),
    )
    stream.send(votes)
    await until('hung up', () => closed(connection))
    const elapsedMs = performance.now() - start
    expect(victim.consensus.length).toBeGreaterThanOrEqual(50)
    expect(victim.consensus.length).toBeLessThanOrEqual(50 + 10 + (elapsedMs * 100) / 1_000)
    expect(new Set(victim.codes)).toEqual(new Set(['RATE_LIMITED']))
  })

  it('nothing of a burst within the rate is lost', async () => {
    const victim = await startNode()
    const { stream } = await openChannel(await startRogue(), victim, VOTES)
    const votes = Buffer.concat(
      Array.from({ length: 6_000 }, (_, i) => encodeFrame(voteFrames, voteOf(i) as never)),
    )
    stream.send(votes)
    await until('all votes', () => victim.consensus.length === 6_000)
    const score = victim.network.peers()[0]?.score ?? 0
    expect(score).toBeLessThan(0)
    expect(score).toBeGreaterThan(-20)
  })
})

describe('a peer that does not read', () => {
  it('costs a bounded queue: old proposals are dropped, and too many votes end it', async () => {
    const { queues } = defaultNetworkOptions
    const victim = await startNode({
      queues: {
        ...queues,
        votes: { maxBytes: 1e6, maxFrames: 500, overflow: 'fail' },
        proposals: { maxBytes: 3_000_000, maxFrames: 64, overflow: 'dropOldest' },
      },
    })
    const rogue = await startRogue()
    const { connection } = await introduce(rogue, victim)
    await until('its streams', () => rogue.opened.length >= 3)
    for (const { stream } of rogue.opened) stream.pause()
    for (let i = 0; i < 12; i++) victim.network.broadcast(proposalOf(i, 1_000_000))
    await until('proposals are dropped', () => victim.dropped.includes('proposal'))
    expect(closed(connection)).toBe(false)
    for (let i = 0; i < 20_000 && victim.disconnected.length === 0; i++) {
      victim.network.broadcast(voteOf(i))
      if (i % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await until('given up', () => victim.disconnected.includes(rogue.id))
    expect(victim.codes).toContain('SEND_QUEUE_FULL')
  })
})

describe('a banned peer', () => {
  it('cannot come back until the ban is over', async () => {
    const victim = await startNode({
      scores: { ...defaultNetworkOptions.scores, banMs: 400 },
    })
    const rogue = await startRogue()
    const { connection } = await introduce(rogue, victim)
    await until('introduced', () => victim.connected.length === 1)
    victim.network.penalize(rogue.id, 'BAD_SIGNATURE')
    await until('hung up', () => closed(connection))
    expect(victim.warnings).toEqual([{ message: 'Peer banned', code: 'BAD_SIGNATURE' }])
    const refused = await introduce(rogue, victim).catch(() => null)
    expect(refused?.answer ?? null).toBeNull()
    await new Promise((resolve) => setTimeout(resolve, 450))
    expect((await introduce(rogue, victim)).answer?.kind).toBe('hello')
  })
})

/** A gossip RPC in protobuf that publishes one message, with its length before it. */
function rpcOf(topic: string, data: Uint8Array): Uint8Array {
  const field = (number: number, bytes: Uint8Array): Buffer =>
    Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])
  const message = Buffer.concat([field(2, data), field(4, Buffer.from(topic))])
  const rpc = field(2, message)
  return Buffer.concat([varint(rpc.length), rpc])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  while (left > 127) {
    bytes.push((left & 127) | 128)
    left = Math.floor(left / 128)
  }
  return Buffer.from([...bytes, left])
}
