import { randomBytes } from 'node:crypto'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { assert } from '../../core/primitives/assert.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { DOMAIN, hash } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { type BlockId, heightOf } from '../../core/primitives/units.ts'
import type { Clock } from '../consensus/clock.ts'
import type { Logger } from '../observability/logger.ts'
import type { NetworkMetrics } from '../observability/metrics.ts'
import type { BanFile } from './banFile.ts'
import { Dialer, targetsOf } from './dialer.ts'
import { Gossip, type Verdict } from './gossip.ts'
import { type Hello, INSTANCE_LENGTH, nameOf, PROTOCOL_VERSION } from './handshake.ts'
import { abortNow, closeGently, createHost, startHost } from './host.ts'
import { Introductions } from './introductions.ts'
import { CHANNEL_NAMES, type ChannelName, encodeMessage, Link, type LinkEvents } from './link.ts'
import type { Announcement, ConsensusMessage } from './messages.ts'
import type { NetworkOptions } from './options.ts'
import { type BannedPeer, type ConnectedPeer, type PeerInfo, peerInfoOf } from './peerInfo.ts'
import { PeerScores } from './peerScores.ts'
import { type Peer, Peers } from './peers.ts'
import { type AnswerOf, requestError } from './requestClient.ts'
import type { Server } from './requestServer.ts'
import type { CertifiedBytes, OfferedSnapshot, RequestBody } from './requests.ts'

/** What the node does with what peers say; called in the order of arrival per stream, and must return soon. */
export type NetworkHandlers = Server & {
  onConsensus(peerId: string, message: ConsensusMessage): void
  /** `digest` is hash(DOMAIN.batch, bytes). `reject` costs the sender its connection. */
  onBatch(peerId: string, bytes: Uint8Array, digest: Uint8Array): Verdict | Promise<Verdict>
  onAnnouncement(peerId: string, announcement: Announcement): void
  onPeerConnected(peer: ConnectedPeer): void
  onPeerDisconnected(peerId: string): void
}

export type NetworkModules = {
  readonly handlers: NetworkHandlers
  /** Committed height, for the handshake. */
  readonly height: () => number
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: NetworkMetrics | null
  /** Absent: bans end with the process. */
  readonly bans?: Pick<BanFile, 'load' | 'save' | 'close'>
  /** A handler failed: a fault of this program. */
  readonly onFatal: (error: unknown) => void
}

/** The node's peers: who they are, what they say, and what is said to them. Nothing that a peer sends makes it throw. */
export class Network {
  readonly #options: NetworkOptions
  readonly #modules: NetworkModules
  readonly #ownId: string
  readonly #instance = Uint8Array.from(randomBytes(INSTANCE_LENGTH))
  readonly #scores: PeerScores
  readonly #gossip: Gossip
  readonly #introductions: Introductions
  readonly #dialer: Dialer
  readonly #peers: Peers
  readonly #queued = new Map<string, number>()
  /** Refusals that were logged: a peer that is refused comes again. */
  readonly #loggedRefusals = new Set<string>()
  #host: Libp2p | null = null
  #stopping = false

  constructor(options: NetworkOptions, modules: NetworkModules) {
    this.#options = options
    this.#modules = modules
    this.#ownId = peerIdFromPrivateKey(options.privateKey).toString()
    this.#scores = new PeerScores(options.scores)
    this.#gossip = this.#createGossip()
    this.#introductions = this.#createIntroductions()
    this.#peers = this.#createPeers()
    this.#dialer = new Dialer(targetsOf(options.peers, this.#ownId), options.reconnect, {
      dial: (address, signal) => this.#dial(address, signal),
      isConnected: (peerId) => this.#peers.get(peerId) !== undefined,
      random: Math.random,
    })
  }

  /** Listens, then dials. NexusError LISTEN_FAILED. */
  async start(): Promise<void> {
    assert(this.#host === null, 'a network is started once')
    await this.#recallBans()
    const host = await createHost(this.#options, {
      gossip: this.#gossip,
      isBanned: (peerId) => this.#scores.isBanned(peerId.toString(), this.#now()),
      onOversizeFrame: (peerId) => {
        if (peerId !== null) this.penalize(peerId, 'MUXER_FRAME_TOO_LARGE')
      },
    })
    this.#host = host
    host.addEventListener('connection:open', ({ detail }) => {
      if (!this.#stopping) this.#introductions.begin(detail)
    })
    host.addEventListener('connection:close', ({ detail }) => {
      this.#introductions.closed(detail)
      this.#peers.closed(detail)
    })
    await this.#introductions.listen(host)
    for (const channel of CHANNEL_NAMES) {
      await host.handle(
        this.#protocolOf(channel),
        (stream, connection) => this.#acceptStream(channel, stream, connection),
        { maxInboundStreams: 1, maxOutboundStreams: 1 },
      )
    }
    await startHost(host)
    this.#gossip.subscribe()
    this.#dialer.start()
  }

  async stop(): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    this.#dialer.stop()
    this.#introductions.stop()
    this.#peers.clear()
    await this.#host?.stop()
    await this.#modules.bans?.close()
  }

  /** As peers can dial them, with the ports that are really listened on; empty before `start`. */
  get addresses(): readonly string[] {
    return this.#host?.getMultiaddrs().map((address) => address.toString()) ?? []
  }

  /** To every peer, except one. Encoded once, and handed to the connections before this returns. */
  broadcast(message: ConsensusMessage, except: string | null = null): void {
    if (this.#peers.size === 0) return
    const encoded = encodeMessage(message)
    for (const { id, link } of this.#peers.values()) if (id !== except) link.send(encoded)
  }

  /** To one peer; nothing happens when it is not connected. */
  send(peerId: string, message: ConsensusMessage): void {
    this.#peers.get(peerId)?.link.send(encodeMessage(message))
  }

  /** Pushes a batch to all peers. */
  publishBatch(bytes: Uint8Array): void {
    this.#published('batch', bytes.length, this.#gossip.publishBatch(bytes))
  }

  publishAnnouncement(announcement: Announcement): void {
    const sent = this.#gossip.publishAnnouncement(announcement)
    this.#published('announcement', ANNOUNCEMENT_BYTES, sent)
  }

  /** Those of the batches that the peer has; each is one whose digest was asked for. Rejects with a NexusError of a RequestCode. */
  async requestBatches(
    peerId: string,
    digests: readonly Uint8Array[],
    signal: AbortSignal | null = null,
  ): Promise<readonly Uint8Array[]> {
    if (digests.length === 0) return []
    assert(digests.length <= LIMITS.blockBatches, 'a request names at most the batches of a block')
    const { batchesMs } = this.#options.requests
    const body = { kind: 'getBatches', digests } as const
    const { batches } = await this.#ask(peerId, body, batchesMs, signal)
    const wanted = new Set(digests.map(toHex))
    // Deleted: the same batch twice is as wrong as one that nobody asked for.
    if (batches.every((bytes) => wanted.delete(toHex(hash(DOMAIN.batch, bytes))))) return batches
    this.penalize(peerId, 'UNREQUESTED_BATCH')
    throw requestError('PEER_GONE', peerId)
  }

  /** Consecutive decided blocks; fewer than asked, or none, is an answer. Rejects with a NexusError of a RequestCode. */
  async requestBlocks(
    peerId: string,
    from: number,
    count: number,
    signal: AbortSignal | null = null,
  ): Promise<readonly CertifiedBytes[]> {
    const asked = Math.min(count, LIMITS.syncRequestBlocks)
    const body = { kind: 'getBlocks', from: heightOf(from), count: asked } as const
    const { blocks } = await this.#ask(peerId, body, this.#options.requests.blocksMs, signal)
    return blocks.slice(0, asked)
  }

  /** A block that need not be decided, by its id; null when it is not to be had from this peer. Never rejects for what a peer does. */
  async requestBlock(
    peerId: string,
    height: number,
    blockId: string,
    signal: AbortSignal | null = null,
  ): Promise<Uint8Array | null> {
    const id = blockId as BlockId
    const body = { kind: 'getBlock', height: heightOf(height), blockId: id } as const
    try {
      return (await this.#ask(peerId, body, this.#options.requests.blockMs, signal)).block
    } catch (error) {
      if (error instanceof NexusError) return null
      throw error
    }
  }

  /** A light block in its encoding, of the latest height for 0; null when the peer has none. Rejects with a NexusError of a RequestCode. */
  async requestLightBlock(peerId: string, height: number): Promise<Uint8Array | null> {
    const body = { kind: 'getLightBlock', height: heightOf(height) } as const
    return (await this.#ask(peerId, body, this.#options.requests.blockMs, null)).block
  }

  async requestSnapshots(peerId: string): Promise<readonly OfferedSnapshot[]> {
    const body = { kind: 'listSnapshots' } as const
    return (await this.#ask(peerId, body, this.#options.requests.blockMs, null)).snapshots
  }

  /** The manifest (part 0) or a part of a snapshot; null when the peer has no such snapshot. */
  async requestSnapshotPart(
    peerId: string,
    snapshot: Uint8Array,
    part: number,
  ): Promise<Uint8Array | null> {
    const body = { kind: 'getSnapshotPart', snapshot, part } as const
    return (await this.#ask(peerId, body, this.#options.requests.blocksMs, null)).bytes
  }

  peerIds(): readonly string[] {
    return this.#peers.ids()
  }

  peers(): readonly PeerInfo[] {
    const now = this.#now()
    return [...this.#peers.values()].map((peer) =>
      peerInfoOf(peer, this.#scores.scoreOf(peer.id, now)),
    )
  }

  /** A peer did what an honest one does not; the table in peerScores.ts says what a code costs. */
  penalize(peerId: string, code: string): void {
    const { metrics, log } = this.#modules
    metrics?.rejected(code)
    if (peerId === this.#ownId) return
    const verdict = this.#scores.penalize(peerId, code, this.#now())
    if (verdict === 'keep') return
    log.warn(verdict === 'ban' ? 'Peer banned' : 'Peer disconnected', { peerId, code })
    if (verdict === 'ban') this.#banned(code)
    this.#drop(peerId, code)
  }

  /** Refuses a peer for a time, on an operator's word. */
  ban(peerId: string, ms: number): void {
    this.#scores.ban(peerId, this.#now() + ms, this.#now())
    this.#modules.log.warn('Peer banned', { peerId, code: 'OPERATOR', ms })
    this.#banned('OPERATOR')
    this.#drop(peerId, 'OPERATOR')
  }

  /** False: it was not banned. */
  unban(peerId: string): boolean {
    const wasBanned = this.#scores.unban(peerId, this.#now())
    if (wasBanned) this.#modules.bans?.save(this.bans())
    return wasBanned
  }

  bans(): readonly BannedPeer[] {
    const now = this.#now()
    return this.#scores
      .bans(now)
      .map(({ id, code, untilMs }) => ({ id, code, remainingMs: untilMs - now }))
  }

  #banned(code: string): void {
    this.#modules.metrics?.banned(code)
    this.#modules.bans?.save(this.bans())
  }

  async #recallBans(): Promise<void> {
    const bans = (await this.#modules.bans?.load()) ?? []
    const now = this.#now()
    for (const { id, code, remainingMs } of bans) this.#scores.ban(id, now + remainingMs, now, code)
    if (bans.length > 0) this.#modules.log.info('Bans of peers recalled', { bans: bans.length })
  }

  #drop(peerId: string, code: string): void {
    for (const connection of this.#host?.getConnections() ?? [])
      if (connection.remotePeer.toString() === peerId) this.#abort(connection, code)
  }

  #now(): number {
    return this.#modules.clock.monoMs()
  }

  #protocolOf(channel: ChannelName): string {
    const { protocolPrefix, chainId } = this.#options
    return `${protocolPrefix}/${chainId}/${channel}/${PROTOCOL_VERSION}`
  }

  #hello(): Hello {
    const { chainId, genesisHash, softwareVersion, moniker } = this.#options
    return {
      chainId,
      genesisHash,
      protocolVersion: PROTOCOL_VERSION,
      softwareVersion: nameOf(softwareVersion),
      moniker: nameOf(moniker),
      height: heightOf(this.#modules.height()),
      instance: this.#instance,
    }
  }

  async #dial(address: string, signal: AbortSignal): Promise<void> {
    assert(this.#host !== null, 'the dialer starts after the host')
    const limit = AbortSignal.timeout(this.#options.dialMs)
    await this.#host.dial(multiaddr(address), { signal: AbortSignal.any([signal, limit]) })
  }

  async #ask<R extends RequestBody>(
    peerId: string,
    body: R,
    timeoutMs: number,
    signal: AbortSignal | null,
  ): Promise<AnswerOf<R>> {
    const peer = this.#peers.get(peerId)
    if (peer === undefined) throw requestError('PEER_UNKNOWN', peerId)
    try {
      return await peer.link.client.ask(body, { timeoutMs, signal })
    } catch (error) {
      const late = error instanceof NexusError && error.detail.code === 'REQUEST_TIMEOUT'
      if (late) this.penalize(peerId, 'REQUEST_TIMEOUT')
      throw error
    }
  }

  #published(kind: string, sizeBytes: number, sent: Promise<number>): void {
    const { metrics } = this.#modules
    sent.then(
      (recipients) => {
        for (let i = 0; i < recipients; i++) metrics?.sent(kind, sizeBytes)
      },
      // Before the start, or after the stop.
      () => metrics?.dropped(kind),
    )
  }

  #acceptStream(channel: ChannelName, stream: Stream, connection: Connection): void {
    const link = this.#peers.linkOf(connection)
    if (link === undefined) this.#penalizeStranger(connection)
    else link.accept(channel, stream)
  }

  /** It spoke before its handshake was done. */
  #penalizeStranger(connection: Connection): void {
    this.penalize(connection.remotePeer.toString(), 'NO_HANDSHAKE')
  }

  #abort(connection: Connection, code: string): void {
    const link = this.#peers.linkOf(connection)
    if (link === undefined) abortNow(connection, code)
    else link.abort(code)
  }

  #refused(connection: Connection, code: string): void {
    const peerId = connection.remotePeer.toString()
    this.#modules.metrics?.rejected(code)
    const key = `${peerId}/${code}`
    // The second connection of two that were dialed at once is no news.
    if (code !== 'DUPLICATE_CONNECTION' && !this.#loggedRefusals.has(key)) {
      if (this.#loggedRefusals.size >= MAX_LOGGED_REFUSALS) this.#loggedRefusals.clear()
      this.#loggedRefusals.add(key)
      const address = connection.remoteAddr.toString()
      this.#modules.log.warn('Peer refused', { peerId, address, code })
    }
    void closeGently(connection)
  }

  #introduced(connection: Connection, hello: Hello): void {
    const { handlers } = this.#modules
    const modules = { server: handlers, events: this.#linkEvents(), nowMs: () => this.#now() }
    const link = new Link(connection, hello, this.#options, modules)
    const active = this.#peers.add(link, this.#now())
    if (active) void link.open((channel) => this.#protocolOf(channel))
  }

  #linkEvents(): LinkEvents {
    const { handlers, metrics, onFatal, log } = this.#modules
    return {
      onConsensus: ({ peerId }, message) => {
        if (message.kind === 'status') this.#peers.noteHeight(peerId, message.height)
        handlers.onConsensus(peerId, message)
      },
      onPenalty: ({ peerId }, code) => this.penalize(peerId, code),
      onFailed: (link, code) => {
        // A connection that is closing, or was given up for another, ends its streams too.
        const gone = link.released || link.connection.status !== 'open'
        if (gone || !this.#peers.isActive(link)) return
        metrics?.rejected(code)
        log.debug('Connection given up', { peerId: link.peerId, code })
        link.abort(code)
      },
      onReceived: (kind, sizeBytes) => metrics?.received(kind, sizeBytes),
      onSent: (kind, sizeBytes) => metrics?.sent(kind, sizeBytes),
      onDropped: (kind) => metrics?.dropped(kind),
      onQueued: (channel, change) => {
        const length = (this.#queued.get(channel) ?? 0) + change
        this.#queued.set(channel, length)
        metrics?.queueLength(channel, length)
      },
      onFatal,
    }
  }

  #createPeers(): Peers {
    const { handlers, metrics, log } = this.#modules
    const isConfigured = (peerId: string): boolean => this.#dialer.isTarget(peerId)
    const { maxPeers } = this.#options
    return new Peers(
      { ownId: this.#ownId, maxPeers, isConfigured },
      {
        onConnected: (peer) => {
          const { id, link, height } = peer
          this.#dialer.connected(id)
          this.#gossip.connect(link.connection)
          metrics?.peers(this.#peers.size)
          const { moniker } = link.hello
          log.info('Peer connected', { peerId: id, moniker, height })
          handlers.onPeerConnected({ id, moniker, height })
        },
        onMoved: ({ link }) => {
          this.#gossip.disconnect(link.connection.remotePeer)
          this.#gossip.connect(link.connection)
        },
        onDisconnected: (peer) => this.#disconnected(peer),
      },
    )
  }

  #disconnected({ id, link }: Peer): void {
    const { handlers, metrics, log } = this.#modules
    this.#gossip.disconnect(link.connection.remotePeer)
    metrics?.peers(this.#peers.size)
    log.info('Peer disconnected', { peerId: id, moniker: link.hello.moniker })
    handlers.onPeerDisconnected(id)
    if (!this.#stopping) this.#dialer.disconnected(id)
  }

  #createIntroductions(): Introductions {
    return new Introductions(this.#options, {
      own: () => this.#hello(),
      judge: (connection, hello) => this.#peers.judge(connection, hello),
      onIntroduced: (connection, hello) => this.#introduced(connection, hello),
      onRefused: (connection, code) => this.#refused(connection, code),
      onPenalty: (connection, code) => this.penalize(connection.remotePeer.toString(), code),
    })
  }

  #createGossip(): Gossip {
    const { protocolPrefix: prefix, chainId, gossip: degree, queues, rates } = this.#options
    const { handlers, metrics, onFatal } = this.#modules
    const nowMs = (): number => this.#now()
    const { gossipBytes: queueBytes } = queues
    return new Gossip(
      { prefix, chainId, degree, queueBytes, rate: rates.gossip, nowMs },
      {
        onBatch: (peerId, bytes, digest) => handlers.onBatch(peerId, bytes, digest),
        onAnnouncement: (peerId, announcement) => {
          this.#peers.noteHeight(peerId, announcement.height)
          handlers.onAnnouncement(peerId, announcement)
        },
        onReceived: (kind, peerId, sizeBytes) => {
          const link = this.#peers.get(peerId)?.link
          if (link !== undefined) link.bytesReceived += sizeBytes
          metrics?.received(kind, sizeBytes)
        },
        onPenalty: (peerId, code) => this.penalize(peerId, code),
        onStreamLost: (connection) => {
          const link = this.#peers.linkOf(connection)
          if (link !== undefined) this.#linkEvents().onFailed(link, 'GOSSIP_STREAM_LOST')
        },
        isIntroduced: (connection) => this.#peers.linkOf(connection) !== undefined,
        isActive: (connection) => {
          const link = this.#peers.linkOf(connection)
          return link !== undefined && this.#peers.isActive(link)
        },
        onStranger: (connection) => this.#penalizeStranger(connection),
        onFatal,
      },
    )
  }
}

const ANNOUNCEMENT_BYTES = 40
const MAX_LOGGED_REFUSALS = 1_024
