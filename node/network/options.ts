import type { PrivateKey } from '@libp2p/interface'
import type { GossipDegree } from './gossip.ts'
import type { ChannelRates } from './inboundChannel.ts'
import type { OutboundChannelOptions } from './outboundChannel.ts'
import { defaultPeerScoreOptions, type PeerScoreOptions } from './peerScores.ts'
import type { Rate } from './tokenBucket.ts'

export type NetworkOptions = {
  /** Who this node is for its peers: an Ed25519 key of libp2p. */
  readonly privateKey: PrivateKey
  /** Multiaddrs such as /ip4/0.0.0.0/tcp/26656. */
  readonly listen: readonly string[]
  /** Multiaddrs with /p2p/ of the peers to stay connected to. */
  readonly peers: readonly string[]
  readonly maxPeers: number
  readonly inbound: InboundLimits
  readonly chainId: number
  readonly genesisHash: Uint8Array
  readonly softwareVersion: string
  readonly moniker: string
  /** First part of every protocol and topic name. */
  readonly protocolPrefix: string
  readonly handshakeMs: number
  readonly dialMs: number
  readonly reconnect: ReconnectOptions
  /** How long a connection is still listened to after another of the same peer took over. */
  readonly retireMs: number
  /** What one peer may send. */
  readonly rates: {
    readonly votes: ChannelRates
    readonly proposals: ChannelRates
    readonly requests: ChannelRates
    readonly responses: ChannelRates
    readonly gossip: Rate
  }
  /** What may wait for one peer. */
  readonly queues: {
    readonly votes: OutboundChannelOptions
    readonly proposals: OutboundChannelOptions
    readonly requests: OutboundChannelOptions
    readonly responses: OutboundChannelOptions
    readonly gossipBytes: number
  }
  readonly requests: {
    readonly maxOutstanding: number
    readonly maxWaiting: number
    readonly batchesMs: number
    readonly blocksMs: number
    readonly blockMs: number
  }
  readonly scores: PeerScoreOptions
  readonly gossip: GossipDegree
  readonly ping: {
    readonly intervalMs: number
    /** A connection that leaves a ping unanswered for this long is given up. */
    readonly timeoutMs: number
  }
}

export type InboundLimits = {
  /** Connections that one address may hold at a time; of IPv6 one /64. */
  readonly perAddress: number
  /** Addresses that are not counted. */
  readonly exempt: readonly string[]
}

export type ReconnectOptions = {
  readonly minMs: number
  readonly maxMs: number
}

const MIB = 1024 * 1024

/** What an operator need not say. A rate is several times what an honest peer needs at 100 blocks a second. */
export const defaultNetworkOptions: Omit<
  NetworkOptions,
  'privateKey' | 'listen' | 'peers' | 'chainId' | 'genesisHash' | 'softwareVersion' | 'moniker'
> = {
  maxPeers: 50,
  // A network of several machines behind one address; on one machine all have the same.
  inbound: { perAddress: 16, exempt: ['127.0.0.1', '::1'] },
  protocolPrefix: '/nexus',
  handshakeMs: 5_000,
  dialMs: 3_000,
  reconnect: { minMs: 50, maxMs: 2_000 },
  retireMs: 1_000,
  rates: {
    votes: {
      messages: { perSecond: 4_000, burst: 4_000 },
      bytes: { perSecond: 4 * MIB, burst: 8 * MIB },
    },
    proposals: {
      messages: { perSecond: 500, burst: 500 },
      bytes: { perSecond: 64 * MIB, burst: 64 * MIB },
    },
    requests: {
      messages: { perSecond: 200, burst: 400 },
      bytes: { perSecond: 4 * MIB, burst: 8 * MIB },
    },
    // We asked for them, so their number is ours to limit.
    responses: {
      messages: { perSecond: 1_000, burst: 1_000 },
      bytes: { perSecond: 128 * MIB, burst: 128 * MIB },
    },
    gossip: { perSecond: 64 * MIB, burst: 64 * MIB },
  },
  queues: {
    votes: { maxBytes: MIB, maxFrames: 4_096, overflow: 'fail' },
    // A proposal is at most 5 MiB; when three wait, the oldest round has passed.
    proposals: { maxBytes: 16 * MIB, maxFrames: 64, overflow: 'dropOldest' },
    requests: { maxBytes: MIB, maxFrames: 64, overflow: 'fail' },
    responses: { maxBytes: 8 * MIB, maxFrames: 256, overflow: 'fail' },
    gossipBytes: 16 * MIB,
  },
  requests: {
    maxOutstanding: 32,
    maxWaiting: 32,
    batchesMs: 1_000,
    blocksMs: 10_000,
    blockMs: 2_000,
  },
  scores: defaultPeerScoreOptions,
  gossip: 'flood',
  // A machine that stood still for some seconds keeps its peers. A process that died is noticed at
  // once, by its socket, and one that was started again by its handshake.
  ping: { intervalMs: 5_000, timeoutMs: 15_000 },
}
