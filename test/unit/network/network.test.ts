import { afterEach, describe, expect, it } from 'vitest'
import { encode } from '../../../core/primitives/codec.ts'
import { DOMAIN, hash } from '../../../core/primitives/hash.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { heightOf, roundOf } from '../../../core/primitives/units.ts'
import { batchCodec } from '../../../node/network/messages.ts'
import { defaultNetworkOptions } from '../../../node/network/options.ts'
import type { CertifiedBytes } from '../../../node/network/requests.ts'
import {
  gossipIsUp,
  idOf,
  keyOf,
  proposalOf,
  startMesh,
  startNode,
  stopAll,
  stopNode,
  type TestNode,
  until,
  voteOf,
} from './support.ts'

afterEach(stopAll)

const pair = (options = {}): Promise<TestNode[]> => startMesh(2, options)
const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'answered',
    (error) => error.detail?.code ?? error,
  )
const batchOf = (...sizes: number[]): Uint8Array =>
  encode(
    batchCodec,
    sizes.map((size, i) => new Uint8Array(size).fill(i + size)),
  )
const digestOf = (bytes: Uint8Array): Uint8Array => hash(DOMAIN.batch, bytes)

describe('the handshake', () => {
  it('introduces two nodes with name, version and height', async () => {
    const a = await startNode({ moniker: 'first', height: () => 12 })
    const b = await startNode({ moniker: 'second', peers: [a.address], height: () => 7 })
    await until('both know each other', () => a.connected.length + b.connected.length === 2)
    expect(a.connected).toEqual([{ id: b.id, moniker: 'second', height: 7 }])
    expect(b.connected).toEqual([{ id: a.id, moniker: 'first', height: 12 }])
    expect(a.network.peers()[0]).toMatchObject({
      id: b.id,
      direction: 'inbound',
      softwareVersion: 'nexus/test',
      score: 0,
    })
    expect(b.network.peers()[0]).toMatchObject({ direction: 'outbound', height: 12 })
    expect([a.counts.peers, b.counts.peers]).toEqual([1, 1])
  })

  it.each([
    ['WRONG_CHAIN', { chainId: 1 }],
    ['WRONG_GENESIS', { genesisHash: new Uint8Array(32) }],
  ])('%s is refused on both sides and logged once', async (code, other) => {
    const a = await startNode()
    const b = await startNode({ ...other, peers: [a.address] })
    await until('several attempts', () => a.codes.length > 2 && b.codes.length > 2)
    for (const node of [a, b]) {
      expect(new Set(node.codes), 'codes').toEqual(new Set([code]))
      expect(node.warnings).toEqual([{ message: 'Peer refused', code }])
      expect(node.connected).toEqual([])
    }
  })

  it('turns away peers beyond the limit, but not configured ones', async () => {
    const known = await keyOf(1)
    const unknown = await startNode()
    const a = await startNode({ maxPeers: 1, peers: [unknown.address] })
    await until('the first', () => a.network.peerIds().length === 1)
    const third = await startNode({ privateKey: known, peers: [a.address] })
    await until('a refusal', () => third.warnings.length > 0)
    expect(third.warnings[0]?.code).toBe('TOO_MANY_PEERS')
    expect(a.network.peerIds()).toEqual([unknown.id])
  })

  it('an address that cannot be listened on is an error with a code', async () => {
    const a = await startNode()
    const taken = a.address.split('/p2p/')[0] as string
    expect(await codeOf(startNode({ listen: [taken] }))).toBe('LISTEN_FAILED')
    expect(await codeOf(startNode({ peers: ['/ip4/127.0.0.1/tcp/1'] }))).toBe('BAD_PEER_ADDRESS')
  })
})

/** Each dials the other the moment it loses it. */
async function startTowardsEachOther(): Promise<readonly [TestNode, TestNode]> {
  const keys = await Promise.all([keyOf(1), keyOf(2)])
  const probes = await Promise.all(keys.map((privateKey) => startNode({ privateKey })))
  const addresses = probes.map(({ address }) => address)
  await Promise.all(probes.map(stopNode))
  const [c, d] = await Promise.all(
    keys.map((privateKey, i) =>
      startNode({
        privateKey,
        listen: [addresses[i]?.split('/p2p/')[0] as string],
        peers: [addresses[1 - i] as string],
        scores: { ...defaultNetworkOptions.scores, disconnectAt: -1, banAt: -1e9 },
        reconnect: { minMs: 2, maxMs: 2 },
        retireMs: 300,
      }),
    ),
  )
  if (c === undefined || d === undefined) throw new Error('two nodes')
  await until('connected', () => c.network.peerIds().length + d.network.peerIds().length === 2)
  // Until a second connection, if there was one, has been given up.
  await new Promise((resolve) => setTimeout(resolve, 500))
  return [c, d]
}

describe('connections', () => {
  it('two nodes that dial each other at once are one peer to each other, and lose no message', async () => {
    const [c, d] = await startTowardsEachOther()
    for (let attempt = 0; attempt < 6; attempt++) {
      const times = c.connected.length
      c.network.penalize(d.id, 'ANY_CODE')
      await until('lost', () => c.disconnected.length === times && d.disconnected.length === times)
      await until('found', () => c.connected.length > times && d.connected.length > times)
      for (const list of [c.consensus, d.consensus, c.batches, d.batches]) list.length = 0
      for (let i = 0; i < 100; i++) {
        c.network.broadcast(voteOf(i))
        d.network.broadcast(voteOf(i))
        await new Promise((resolve) => setTimeout(resolve, 4))
      }
      await until('all votes', () => c.consensus.length + d.consensus.length === 200)
      expect([c.connected.length, d.connected.length], 'told once').toEqual([times + 1, times + 1])
      c.network.publishBatch(batchOf(10, attempt))
      d.network.publishBatch(batchOf(11, attempt))
      await until('gossip both ways', () => c.batches.length === 1 && d.batches.length === 1)
    }
  })

  it('four nodes that start at different moments mesh within a second of the last', async () => {
    const keys = await Promise.all([1, 2, 3, 4].map(keyOf))
    const probes = await Promise.all(keys.map((privateKey) => startNode({ privateKey })))
    const addresses = probes.map((node) => node.address)
    await Promise.all(probes.map(stopNode))
    const nodes: TestNode[] = []
    for (const [i, privateKey] of keys.entries()) {
      const listen = [addresses[i]?.split('/p2p/')[0] as string]
      const peers = addresses.filter((_, other) => other !== i)
      nodes.push(await startNode({ privateKey, listen, peers }))
      await new Promise((resolve) => setTimeout(resolve, 150 * i))
    }
    const whole = (): boolean => nodes.every((node) => node.network.peerIds().length === 3)
    await until('the mesh', whole, 1_000)
  })

  it('a peer that is restarted is back within a second, and is told as new', async () => {
    const key = await keyOf(30)
    const a = await startNode()
    const b = await startNode({ privateKey: key, peers: [a.address] })
    const c = await startNode({ peers: [b.address] })
    await until('all', () => b.network.peerIds().length === 2)
    await stopNode(b)
    await until('the loss is noticed', () => a.disconnected.length + c.disconnected.length === 2)
    const listen = [b.address.split('/p2p/')[0] as string]
    const again = await startNode({ privateKey: key, listen, peers: [a.address] })
    await until('all again', () => again.network.peerIds().length === 2, 2_500)
    expect(a.connected.map(({ id }) => id)).toEqual([b.id, b.id])
    again.network.broadcast(voteOf(1))
    await until('a vote', () => a.consensus.length === 1 && c.consensus.length === 1)
  })
})

describe('messages', () => {
  it('reach every peer as they were sent, except the one left out', async () => {
    const nodes = await startMesh(4)
    const [a, b, c, d] = nodes as [TestNode, TestNode, TestNode, TestNode]
    const vote = voteOf(3)
    a.network.broadcast(vote)
    a.network.broadcast(proposalOf(1, 250_000), c.id)
    a.network.send(d.id, { kind: 'status', height: heightOf(9), round: roundOf(0) })
    await until('delivered', () => b.consensus.length === 2 && d.consensus.length === 3)
    expect(c.consensus).toMatchObject([{ peerId: a.id, value: vote }])
    expect(b.consensus.map(({ value }) => value)).toEqual([vote, proposalOf(1, 250_000)])
    expect(d.network.peers().find(({ id }) => id === a.id)?.height).toBe(9)
    expect(a.counts.sent).toEqual(
      new Map([
        ['vote', 3],
        ['proposal', 2],
        ['status', 1],
      ]),
    )
  })

  it('a height that a peer claims never goes back', async () => {
    const [a, b] = (await pair()) as [TestNode, TestNode]
    for (const height of [5, 3])
      a.network.broadcast({ kind: 'status', height: heightOf(height), round: roundOf(0) })
    await until('both', () => b.consensus.length === 2)
    expect(b.network.peers()[0]?.height).toBe(5)
  })

  it('votes overtake proposals', async () => {
    const [a, b] = (await pair()) as [TestNode, TestNode]
    await until('streams are open', () => {
      a.network.broadcast(voteOf(999))
      return b.consensus.length > 0
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
    b.consensus.length = 0
    for (let i = 0; i < 4; i++) a.network.broadcast(proposalOf(i, 2_000_000))
    for (let i = 0; i < 100; i++) a.network.broadcast(voteOf(i))
    await until('everything', () => b.consensus.length === 104)
    const kinds = b.consensus.map(({ value }) => value.kind)
    expect(kinds.lastIndexOf('vote')).toBeLessThan(kinds.lastIndexOf('proposal'))
    const rounds = b.consensus.flatMap(({ value }) =>
      value.kind === 'vote' ? [value.vote.round] : [],
    )
    expect(rounds).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(a.dropped).toEqual([])
  })

  it('batches are pushed to all with their digest, announcements too', async () => {
    const digests: Uint8Array[] = []
    const a = await startNode({
      handlers: {
        onBatch: (_peer, _bytes, digest) => {
          digests.push(digest)
          return 'accept'
        },
      },
    })
    const b = await startNode({ peers: [a.address] })
    const c = await startNode({ peers: [a.address, b.address] })
    await until('mesh', () => c.network.peerIds().length === 2)
    const batch = batchOf(100, 2_000)
    await gossipIsUp(c, [a, b])
    c.network.publishBatch(batch)
    await until('the batch', () => digests.length === 1 && b.batches.length === 1)
    expect(digests).toEqual([digestOf(batch)])
    expect(b.batches).toMatchObject([{ peerId: c.id, value: batch }])
    expect(b.announcements[0]).toMatchObject({
      peerId: c.id,
      value: { blockId: idOf(4) },
    })
    expect(b.network.peers().find(({ id }) => id === c.id)?.height).toBeGreaterThan(0)
  })

  it.each(['flood', 'mesh'] as const)(
    'a batch of the largest size travels by %s',
    async (gossip) => {
      const nodes = await startMesh(3, { gossip })
      await gossipIsUp(nodes[0] as TestNode, nodes.slice(1))
      const batch = batchOf(
        LIMITS.transactionBytes,
        LIMITS.batchBytes - LIMITS.transactionBytes - 12,
      )
      expect(batch.length).toBe(LIMITS.batchBytes)
      nodes[0]?.network.publishBatch(batch)
      await until('all', () => nodes.slice(1).every((node) => node.batches.length === 1))
      expect(nodes.flatMap((node) => [...node.codes, ...node.fatal])).toEqual([])
    },
  )

  it('a batch that the handler rejects costs the sender its connection', async () => {
    const a = await startNode({ handlers: { onBatch: () => 'reject' } })
    const b = await startNode({ peers: [a.address] })
    await until('connected', () => a.connected.length === 1)
    await until('a batch arrives', () => {
      b.network.publishBatch(batchOf(Math.floor(performance.now()) % 1_000))
      return a.codes.includes('BAD_BATCH')
    })
    await until('gone', () => a.disconnected.length === 1)
  })

  it('a handler that fails is reported, not swallowed', async () => {
    const failure = new Error('a fault of ours')
    const a = await startNode({
      handlers: {
        onBatch: () => Promise.reject(failure),
      },
    })
    const b = await startNode({ peers: [a.address] })
    await until('connected', () => a.connected.length === 1)
    await until('reported', () => {
      b.network.publishBatch(batchOf(Math.floor(performance.now()) % 1_000))
      return a.fatal.length > 0
    })
    expect(a.fatal[0]).toBe(failure)
  })
})

describe('requests', () => {
  const blockOf = (size: number): CertifiedBytes => ({
    block: new Uint8Array(size).fill(1),
    certificate: new Uint8Array(100).fill(2),
  })

  it('batches: those the peer has, checked against their digests', async () => {
    const held = [batchOf(10), batchOf(20), batchOf(30)]
    const asked: number[] = []
    const a = await startNode({
      handlers: {
        serveBatches: (digests) => {
          asked.push(digests.length)
          return held.slice(0, 2)
        },
      },
    })
    const b = await startNode({ peers: [a.address] })
    await until('connected', () => b.connected.length === 1)
    const all = held.map(digestOf)
    expect(await b.network.requestBatches(a.id, all)).toEqual(held.slice(0, 2))
    expect(await b.network.requestBatches(a.id, [])).toEqual([])
    expect(asked).toEqual([3])
    expect(await codeOf(b.network.requestBatches(a.id, all.slice(1)))).toBe('PEER_GONE')
    expect(b.codes).toEqual(['UNREQUESTED_BATCH'])
    await until('gone', () => b.disconnected.length === 1)
  })

  it('blocks: as many as one frame holds, at least one, and an answer may be empty', async () => {
    const requests: unknown[] = []
    const a = await startNode({
      handlers: {
        serveBlocks: (...args) => {
          requests.push(args)
          return args[0] > 100 ? [] : Array(args[1]).fill(blockOf(LIMITS.blockBytes / 2))
        },
        serveBlock: (height) => (height === 4 ? new Uint8Array(LIMITS.blockBytes) : null),
      },
    })
    const b = await startNode({ peers: [a.address] })
    await until('connected', () => b.connected.length === 1)
    const blocks = await b.network.requestBlocks(a.id, 7, 1_000)
    expect(requests).toEqual([[7, LIMITS.syncRequestBlocks, LIMITS.syncFrameBytes]])
    expect(blocks.length).toBe(2)
    expect(blocks[1]?.certificate.length).toBe(100)
    expect(await b.network.requestBlocks(a.id, 101, 5)).toEqual([])
    const block = await b.network.requestBlock(a.id, 4, idOf(1))
    expect(block?.length).toBe(LIMITS.blockBytes)
    expect(await b.network.requestBlock(a.id, 5, idOf(1))).toBeNull()
    expect(a.codes).toEqual([])
  })

  it('a peer that is silent, unknown or gone is a code, or no block', async () => {
    const never = new Promise<never>(() => {})
    const a = await startNode({
      handlers: { serveBlocks: () => never, serveBlock: () => never, serveBatches: () => never },
    })
    const { requests } = defaultNetworkOptions
    const b = await startNode({
      peers: [a.address],
      requests: { ...requests, blocksMs: 100, blockMs: 100, batchesMs: 5_000 },
    })
    await until('connected', () => b.connected.length === 1)
    expect(await codeOf(b.network.requestBlocks(a.id, 1, 1))).toBe('REQUEST_TIMEOUT')
    expect(await b.network.requestBlock(a.id, 1, idOf(1))).toBeNull()
    expect(await codeOf(b.network.requestBlocks('nobody', 1, 1))).toBe('PEER_UNKNOWN')
    expect(await b.network.requestBlock('nobody', 1, idOf(1))).toBeNull()
    const stop = new AbortController()
    const aborted = codeOf(
      b.network.requestBatches(
        a.id,
        [idOf(1)].map(() => new Uint8Array(32)),
        stop.signal,
      ),
    )
    stop.abort()
    expect(await aborted).toBe('REQUEST_ABORTED')
    const cut = codeOf(b.network.requestBatches(a.id, [new Uint8Array(32)]))
    await stopNode(a)
    expect(await cut).toBe('PEER_GONE')
    expect(b.codes.filter((code) => code === 'REQUEST_TIMEOUT').length).toBe(2)
  })
})

describe('stopping', () => {
  it('says goodbye once and sends nothing more', async () => {
    const [a, b] = (await pair()) as [TestNode, TestNode]
    await stopNode(a)
    await a.network.stop()
    expect(a.disconnected).toEqual([b.id])
    a.network.broadcast(voteOf(1))
    a.network.publishBatch(batchOf(1))
    await until('noticed', () => b.disconnected.length === 1)
    expect(b.consensus).toEqual([])
    expect(a.network.peers()).toEqual([])
  })
})
