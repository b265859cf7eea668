import {
  type GossipSub,
  type GossipsubOpts,
  gossipsub,
  TopicValidatorResult,
} from '@libp2p/gossipsub'
import type { Connection, PeerId, Stream, Topology } from '@libp2p/interface'
import { assert } from '../../core/primitives/assert.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { decode, encode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { DOMAIN, hash, sha256 } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { type Announcement, announcementCodec } from './messages.ts'
import { type Rate, TokenBucket } from './tokenBucket.ts'

/**
 * `flood`: the origin sends to every peer and nobody forwards, for validators that are all connected
 * with each other. `mesh`: peers forward too, so that a message also reaches those that the origin
 * does not know, at the price of receiving it several times.
 */
export type GossipDegree = 'flood' | 'mesh'

export type Verdict = 'accept' | 'ignore' | 'reject'

export type GossipOptions = {
  readonly prefix: string
  readonly chainId: number
  readonly degree: GossipDegree
  /** What may wait for one peer before it is given up. */
  readonly queueBytes: number
  readonly rate: Rate
  readonly nowMs: () => number
}

export type GossipHandlers = {
  /** `digest` is hash(DOMAIN.batch, bytes), which was needed here anyway. The bytes are the callee's. */
  readonly onBatch: (
    peerId: string,
    bytes: Uint8Array,
    digest: Uint8Array,
  ) => Verdict | Promise<Verdict>
  readonly onAnnouncement: (peerId: string, announcement: Announcement) => void
  readonly onReceived: (kind: GossipKind, peerId: string, sizeBytes: number) => void
  readonly onPenalty: (peerId: string, code: string) => void
  /** Our stream on a connection is gone, so that peer hears no gossip any more. */
  readonly onStreamLost: (connection: Connection) => void
  /** Only connections whose handshake is done may speak. */
  readonly isIntroduced: (connection: Connection) => boolean
  readonly onStranger: (connection: Connection) => void
  /** Whether the peer is spoken with on this connection, and not on another one. */
  readonly isActive: (connection: Connection) => boolean
  /** A handler threw: a fault of ours, which the router would swallow. */
  readonly onFatal: (error: unknown) => void
}

export type GossipKind = 'batch' | 'announcement'

type Components = Parameters<ReturnType<typeof gossipsub>>[0]
/** Of the router, what its types keep to themselves and this file replaces or calls. */
type Internals = {
  pipePeerReadStream(
    peerId: PeerId,
    source: AsyncIterable<{ subarray(): Uint8Array }>,
  ): Promise<void>
  decodeRpc(bytes: Uint8Array): unknown
  handleReceivedRpc(peerId: PeerId, rpc: unknown): Promise<void>
}

/** Gossipsub among introduced peers only, with bounds on what it reads and keeps. */
export class Gossip {
  readonly #options: GossipOptions
  readonly #handlers: GossipHandlers
  readonly #topics: Readonly<Record<GossipKind, string>>
  readonly #topologies: Topology[] = []
  /** The digest that identifies a message, kept from its first use to its last. */
  readonly #digests = new WeakMap<object, Uint8Array>()
  #router: (GossipSub & Internals) | null = null

  constructor(options: GossipOptions, handlers: GossipHandlers) {
    this.#options = options
    this.#handlers = handlers
    const topic = (name: string): string => `${options.prefix}/${options.chainId}/${name}/1`
    this.#topics = { batch: topic('batches'), announcement: topic('blocks') }
  }

  /** The libp2p service. */
  create(components: Components): GossipSub {
    const { registrar, privateKey, peerId, peerStore, connectionManager, logger } = components
    const router = gossipsub(this.#settings())({
      privateKey,
      peerId,
      peerStore,
      connectionManager,
      logger,
      registrar: this.#gated(registrar),
    }) as GossipSub & Internals
    assert(
      [router.pipePeerReadStream, router.decodeRpc, router.handleReceivedRpc].every(
        (method) => typeof method === 'function',
      ),
      'the router is the version this file was written for',
    )
    router.pipePeerReadStream = (from, source) => this.#read(from, source)
    router.topicValidators.set(this.#topics.batch, async (from, message) =>
      this.#judgeBatch(from.toString(), message.data, this.#digestOf(message)),
    )
    router.topicValidators.set(this.#topics.announcement, (from, message) =>
      this.#judgeAnnouncement(from.toString(), message.data),
    )
    this.#router = router
    return router
  }

  subscribe(): void {
    for (const topic of Object.values(this.#topics)) this.#router?.subscribe(topic)
  }

  /** The peer's handshake is done, or another connection of it took over. */
  connect(connection: Connection): void {
    const watched = this.#watched(connection)
    for (const topology of this.#topologies)
      void topology.onConnect?.(connection.remotePeer, watched)
  }

  disconnect(peerId: PeerId): void {
    for (const topology of this.#topologies) void topology.onDisconnect?.(peerId)
  }

  /** Resolves with the number of peers it was handed to. */
  async publishBatch(bytes: Uint8Array): Promise<number> {
    assert(bytes.length <= LIMITS.batchBytes, 'a batch within its limit')
    return this.#publish(this.#topics.batch, bytes)
  }

  async publishAnnouncement(announcement: Announcement): Promise<number> {
    return this.#publish(this.#topics.announcement, encode(announcementCodec, announcement))
  }

  async #publish(topic: string, bytes: Uint8Array): Promise<number> {
    const result = await this.#router?.publish(topic, bytes)
    return result?.recipients.length ?? 0
  }

  #settings(): Partial<GossipsubOpts> {
    const { degree, queueBytes } = this.#options
    return {
      // The sender of a batch is of no account and its digest says what it is, so nothing is signed.
      globalSignaturePolicy: 'StrictNoSign',
      msgIdFn: (message) => this.#digestOf(message),
      msgIdToStrFn: toHex,
      allowedTopics: Object.values(this.#topics),
      floodPublish: true,
      batchPublish: true,
      emitSelf: false,
      fallbackToFloodsub: false,
      doPX: false,
      tagMeshPeers: false,
      allowPublishToZeroTopicPeers: true,
      ignoreDuplicatePublishError: true,
      maxInboundStreams: 2,
      maxOutboundStreams: 2,
      maxOutboundBufferSize: queueBytes,
      maxInboundDataLength: MAX_RPC_BYTES,
      seenTTL: SEEN_MS,
      decodeRpcLimits: RPC_LIMITS,
      // Its scores would punish many nodes on one address, as every devnet has; ours stand outside.
      scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0, topics: {} },
      ...(degree === 'flood' ? FLOOD : {}),
    }
  }

  /** Stands between the router and libp2p: streams and peers reach it only after the handshake. */
  #gated(registrar: Components['registrar']): Components['registrar'] {
    const gated: Pick<Components['registrar'], 'handle' | 'unhandle' | 'register' | 'unregister'> =
      {
        handle: (protocol, handler, options) =>
          registrar.handle(
            protocol,
            (stream, connection) => {
              if (!this.#handlers.isIntroduced(connection)) {
                this.#handlers.onStranger(connection)
                return
              }
              this.#throttle(connection.remotePeer.toString(), stream)
              // The router answers with a stream of its own on the same connection.
              return handler(stream, this.#watched(connection))
            },
            options,
          ),
        unhandle: (protocol, options) => registrar.unhandle(protocol, options),
        register: async (_protocol, topology) => {
          // One topology for all versions of the protocol.
          if (this.#topologies.length === 0) this.#topologies.push(topology)
          return ''
        },
        unregister: () => {
          this.#topologies.length = 0
        },
      }
    return gated as Components['registrar']
  }

  #watched(connection: Connection): Connection {
    return Object.create(connection, {
      newStream: {
        value: async (...args: Parameters<Connection['newStream']>): Promise<Stream> => {
          const stream = await connection.newStream(...args)
          // The router would keep the first stream it gets, and lose it with its connection.
          if (!this.#handlers.isActive(connection)) {
            const error = new NexusError({ code: 'CONNECTION_REPLACED' })
            stream.abort(error)
            throw error
          }
          stream.addEventListener('close', () => this.#handlers.onStreamLost(connection))
          return stream
        },
      },
    }) as Connection
  }

  #throttle(peerId: string, stream: Stream): void {
    const { rate, nowMs } = this.#options
    const bucket = new TokenBucket(rate, nowMs())
    let timer: NodeJS.Timeout | undefined
    stream.addEventListener('message', ({ data }) => {
      const waitMs = bucket.take(data.byteLength, nowMs())
      if (waitMs === 0 || stream.readStatus !== 'readable') return
      stream.pause()
      this.#handlers.onPenalty(peerId, 'RATE_LIMITED')
      timer = setTimeout(() => {
        if (stream.readStatus === 'paused') stream.resume()
      }, waitMs)
    })
    stream.addEventListener('close', () => clearTimeout(timer))
  }

  async #read(from: PeerId, source: AsyncIterable<{ subarray(): Uint8Array }>): Promise<void> {
    const router = this.#router
    assert(router !== null, 'the router exists before its streams')
    try {
      for await (const data of source) {
        const rpc = decodeOrNull(router, data.subarray())
        if (rpc === null) {
          this.#handlers.onPenalty(from.toString(), 'BAD_GOSSIP')
          return
        }
        void router.handleReceivedRpc(from, rpc).catch(() => {})
      }
    } catch (error) {
      // A length that is no varint or too large; anything else is a stream that ended.
      const garbage = error instanceof Error && error.name.startsWith('Invalid')
      if (garbage) this.#handlers.onPenalty(from.toString(), 'BAD_GOSSIP')
    }
  }

  #digestOf(message: { readonly topic: string; readonly data: Uint8Array }): Uint8Array {
    const known = this.#digests.get(message)
    if (known !== undefined) return known
    const { topic, data } = message
    const digest = topic === this.#topics.batch ? hash(DOMAIN.batch, data) : sha256(data)
    this.#digests.set(message, digest)
    return digest
  }

  async #judgeBatch(peerId: string, data: Uint8Array, digest: Uint8Array): Promise<RouterVerdict> {
    this.#handlers.onReceived('batch', peerId, data.length)
    if (data.length > LIMITS.batchBytes) {
      this.#handlers.onPenalty(peerId, 'FRAME_TOO_LARGE')
      return ROUTER_VERDICT.reject
    }
    try {
      // The router's bytes are a view into what was read from the connection, and a Buffer, whose
      // slice would be one too.
      const verdict = await this.#handlers.onBatch(peerId, new Uint8Array(data), digest)
      if (verdict === 'reject') this.#handlers.onPenalty(peerId, 'BAD_BATCH')
      return ROUTER_VERDICT[verdict]
    } catch (error) {
      this.#handlers.onFatal(error)
      return ROUTER_VERDICT.ignore
    }
  }

  #judgeAnnouncement(peerId: string, data: Uint8Array): RouterVerdict {
    this.#handlers.onReceived('announcement', peerId, data.length)
    const announcement = decode(announcementCodec, data)
    if (!announcement.ok) {
      this.#handlers.onPenalty(peerId, announcement.code)
      return ROUTER_VERDICT.reject
    }
    try {
      this.#handlers.onAnnouncement(peerId, announcement.value)
      return ROUTER_VERDICT.accept
    } catch (error) {
      this.#handlers.onFatal(error)
      return ROUTER_VERDICT.ignore
    }
  }
}

type RouterVerdict = TopicValidatorResult
const ROUTER_VERDICT: Readonly<Record<Verdict, RouterVerdict>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
}

function decodeOrNull(router: Internals, bytes: Uint8Array): unknown {
  try {
    return router.decodeRpc(bytes)
  } catch {
    return null
  }
}

/** An empty mesh: nothing is forwarded and nothing announced; what a peer missed it asks for directly. */
const FLOOD = { D: 0, Dlo: 0, Dhi: 0, Dscore: 0, Dout: 0, Dlazy: 0, gossipFactor: 0 }
/** What answers an IWANT may hold several batches. */
const MAX_RPC_BYTES = 4 * 1024 * 1024
/** Long after a batch is in a block or given up. */
const SEEN_MS = 60_000
const RPC_LIMITS = {
  maxSubscriptions: 16,
  maxMessages: 1_024,
  maxIhaveMessageIDs: 5_000,
  maxIwantMessageIDs: 5_000,
  maxControlMessages: 64,
  maxIdontwantMessageIDs: 512,
  maxPeerInfos: 16,
}
