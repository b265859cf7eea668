// Real hosts on loopback, with handlers that write down what they are told.
import { generateKeyPair, generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import type { SignedVote } from '../../../core/chain/vote.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { DOMAIN, hash } from '../../../core/primitives/hash.ts'
import { type BlockId, heightOf, type Millis, roundOf } from '../../../core/primitives/units.ts'
import { systemClock } from '../../../node/consensus/clock.ts'
import type { BanFile } from '../../../node/network/banFile.ts'
import {
  type Announcement,
  batchCodec,
  type ConsensusMessage,
} from '../../../node/network/messages.ts'
import { Network, type NetworkHandlers } from '../../../node/network/network.ts'
import { defaultNetworkOptions, type NetworkOptions } from '../../../node/network/options.ts'
import type { ConnectedPeer } from '../../../node/network/peerInfo.ts'
import { silentLogger } from '../../../node/observability/logger.ts'
import type { NetworkMetrics } from '../../../node/observability/metrics.ts'

export type Told<T> = { readonly peerId: string; readonly value: T; readonly atMs: number }

export type TestNode = {
  readonly id: string
  readonly network: Network
  readonly consensus: Told<ConsensusMessage>[]
  readonly batches: Told<Uint8Array>[]
  readonly announcements: Told<Announcement>[]
  readonly connected: ConnectedPeer[]
  readonly disconnected: string[]
  readonly codes: string[]
  readonly dropped: string[]
  readonly counts: { peers: number; received: Map<string, number>; sent: Map<string, number> }
  readonly warnings: { readonly message: string; readonly code: unknown }[]
  readonly fatal: unknown[]
  readonly address: string
}

export type TestNodeOptions = Partial<NetworkOptions> & {
  readonly handlers?: Partial<NetworkHandlers>
  readonly height?: () => number
  readonly bans?: BanFile
}

const base = {
  chainId: 3940,
  genesisHash: new Uint8Array(32).fill(7),
  softwareVersion: 'nexus/test',
  moniker: 'tester',
  listen: ['/ip4/127.0.0.1/tcp/0'],
  peers: [],
}

const running = new Set<Network>()

export async function stopAll(): Promise<void> {
  const networks = [...running]
  running.clear()
  await Promise.all(networks.map((network) => network.stop()))
}

export const keyOf = (seed: number): Promise<PrivateKey> =>
  generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(seed))

export async function startNode(options: TestNodeOptions = {}): Promise<TestNode> {
  const { handlers = {}, height = () => 0, bans, ...overrides } = options
  const privateKey = overrides.privateKey ?? (await generateKeyPair('Ed25519'))
  const told = recorder()
  const network = new Network(
    { ...defaultNetworkOptions, ...base, ...overrides, privateKey },
    {
      handlers: { ...told.handlers, ...handlers },
      height,
      clock: systemClock,
      log: told.log,
      metrics: told.metrics,
      ...(bans === undefined ? {} : { bans }),
      onFatal: (error) => void told.fatal.push(error),
    },
  )
  running.add(network)
  await network.start()
  const address = network.addresses[0] ?? ''
  const id = address.split('/p2p/')[1] ?? ''
  const { handlers: _, log: __, metrics: ___, ...lists } = told
  return { id, network, address, ...lists }
}

/** Each dials those before it. */
export async function startMesh(count: number, options: TestNodeOptions = {}): Promise<TestNode[]> {
  const nodes: TestNode[] = []
  for (let i = 0; i < count; i++) {
    const peers = nodes.map((node) => node.address)
    nodes.push(await startNode({ ...options, peers, moniker: `node ${i}` }))
  }
  await until('the mesh is whole', () =>
    nodes.every((node) => node.network.peerIds().length === count - 1),
  )
  return nodes
}

export async function stopNode(node: TestNode): Promise<void> {
  running.delete(node.network)
  await node.network.stop()
}

export async function until(what: string, holds: () => boolean, timeoutMs = 5_000): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Streams and subscriptions follow the handshake; announcements of rising heights show when they are there. */
export async function gossipIsUp(from: TestNode, to: readonly TestNode[]): Promise<void> {
  let height = 0
  await until('gossip is up', () => {
    from.network.publishAnnouncement({ height: heightOf(++height), blockId: idOf(4) })
    return to.every((node) => node.announcements.length > 0)
  })
}

function recorder() {
  const lists = {
    consensus: [] as Told<ConsensusMessage>[],
    batches: [] as Told<Uint8Array>[],
    announcements: [] as Told<Announcement>[],
    connected: [] as ConnectedPeer[],
    disconnected: [] as string[],
    codes: [] as string[],
    dropped: [] as string[],
    warnings: [] as { message: string; code: unknown }[],
    fatal: [] as unknown[],
    counts: { peers: 0, received: new Map<string, number>(), sent: new Map<string, number>() },
  }
  const note = <T>(list: Told<T>[], peerId: string, value: T): void => {
    list.push({ peerId, value, atMs: performance.now() })
  }
  const handlers: NetworkHandlers = {
    onConsensus: (peerId, message) => note(lists.consensus, peerId, message),
    onBatch: (peerId, bytes) => {
      note(lists.batches, peerId, bytes)
      return 'accept'
    },
    onAnnouncement: (peerId, announcement) => note(lists.announcements, peerId, announcement),
    onPeerConnected: (peer) => void lists.connected.push(peer),
    onPeerDisconnected: (peerId) => void lists.disconnected.push(peerId),
    serveBatches: () => [],
    serveBlocks: () => [],
    serveBlock: () => null,
  }
  const add = (counts: Map<string, number>, kind: string): void => {
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  const metrics: NetworkMetrics = {
    peers: (count) => {
      lists.counts.peers = count
    },
    banned: () => undefined,
    received: (kind) => add(lists.counts.received, kind),
    sent: (kind) => add(lists.counts.sent, kind),
    rejected: (code) => void lists.codes.push(code),
    queueLength: () => undefined,
    dropped: (kind) => void lists.dropped.push(kind),
  }
  const log = {
    ...silentLogger,
    warn: (message: string, context?: Readonly<Record<string, unknown>>) =>
      void lists.warnings.push({ message, code: context?.code }),
  }
  return { ...lists, handlers, metrics, log }
}

export const idOf = (byte: number): BlockId => toHex(new Uint8Array(32).fill(byte)) as BlockId

export function voteOf(round: number): Extract<ConsensusMessage, { kind: 'vote' }> {
  const vote: SignedVote = {
    type: 'prevote',
    chainId: base.chainId,
    height: heightOf(1),
    round: roundOf(round),
    blockId: idOf(1),
    validatorIndex: 0,
    signature: new Uint8Array(64).fill(round & 0xff),
  }
  return { kind: 'vote', vote }
}

/** `bytes` of it are transactions, in batches carried inline. */
export function proposalOf(round: number, bytes: number): ConsensusMessage {
  const hash32 = new Uint8Array(32).fill(3)
  const inline: Uint8Array[] = []
  for (let left = bytes; left > 0; left -= 100_000) {
    const transaction = new Uint8Array(Math.min(left, 100_000)).fill(left & 0xff)
    inline.push(encode(batchCodec, [transaction]))
  }
  return {
    kind: 'proposal',
    proposal: {
      chainId: base.chainId,
      height: heightOf(1),
      round: roundOf(round),
      polRound: -1,
      blockId: idOf(1),
      validatorIndex: 0,
      signature: new Uint8Array(64).fill(9),
    },
    header: {
      chainId: base.chainId,
      height: heightOf(1),
      time: 1 as Millis,
      previousBlockId: idOf(0),
      proposer: new Uint8Array(20),
      validatorsHash: hash32,
      nextValidatorsHash: hash32,
      consensusParamsHash: hash32,
      payloadHash: hash32,
      stateRoot: hash32,
      receiptsRoot: hash32,
    },
    body: {
      batches: inline.map((batch) => hash(DOMAIN.batch, batch)),
      inline,
      transactions: inline.map((_, batch) => ({ batch, position: 0 })),
      messages: [],
      evidence: [],
      lastCommit: null,
    },
  }
}
