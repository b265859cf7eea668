import { decode, encode } from '../../../core/primitives/codec.ts'
import { NexusError } from '../../../core/primitives/errors.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { type BlockId, heightOf } from '../../../core/primitives/units.ts'
import type { Clock } from '../../../node/consensus/clock.ts'
import { digestOf } from '../../../node/mempool/batch.ts'
import { encodeFrame, type FrameFormat, FrameReader } from '../../../node/network/frames.ts'
import { encodeMessage } from '../../../node/network/link.ts'
import {
  type Announcement,
  announcementCodec,
  type ConsensusMessage,
  proposalFrames,
  voteFrames,
} from '../../../node/network/messages.ts'
import type { NetworkHandlers } from '../../../node/network/network.ts'
import { defaultNetworkOptions } from '../../../node/network/options.ts'
import { PeerScores } from '../../../node/network/peerScores.ts'
import { type AnswerOf, RequestClient, requestError } from '../../../node/network/requestClient.ts'
import { RequestServer } from '../../../node/network/requestServer.ts'
import {
  type CertifiedBytes,
  type Request,
  type RequestBody,
  type Response,
  requestFrames,
  responseFrames,
} from '../../../node/network/requests.ts'
import type { Frame, Liar } from './liar.ts'
import type { Traffic, VirtualNetwork } from './network.ts'
import { type Label, mixed, textLabel } from './trace.ts'

export type PortModules = {
  readonly network: VirtualNetwork
  /** Of the process that owns this port. */
  readonly clock: Clock
  /** False once that process is dead: nothing it says leaves it. */
  readonly isAlive: () => boolean
  readonly portOf: (node: number) => NodePort | null
  /** Says something else in its place; null: this node is honest. */
  readonly liar: Liar | null
  readonly height: () => number
  readonly onFatal: (error: unknown) => void
  /** A peer was found out; honest peers never are. */
  readonly onPenalty: (peer: number, code: string) => void
  /** What leaves the process, before it does. */
  readonly onSaid: (message: ConsensusMessage) => void
}

type Peer = { readonly client: RequestClient; readonly server: RequestServer }

/** `Network` as the parts of a node see it, above virtual wires: the same frames, requests and scores. */
export class NodePort {
  readonly #index: number
  readonly #modules: PortModules
  readonly #scores = new PeerScores(defaultNetworkOptions.scores)
  readonly #peers = new Map<number, Peer>()
  /** Digests of gossip seen. */
  readonly #seen = new Set<string>()
  handlers: NetworkHandlers | null = null
  /** For planted bugs: what becomes of blocks that a peer answered with. */
  onSynced = (blocks: readonly CertifiedBytes[]): readonly CertifiedBytes[] => blocks

  constructor(index: number, modules: PortModules) {
    this.#index = index
    this.#modules = modules
  }

  /** Committed, as the handshake tells it. */
  get height(): number {
    const height = this.#modules.height()
    return this.#modules.liar?.heightSaid(height) ?? height
  }

  connected(peer: number): void {
    const { clock, onFatal, portOf } = this.#modules
    if (this.#scores.isBanned(String(peer), clock.monoMs())) {
      this.#modules.network.disconnect(this.#index, peer, false)
      return
    }
    const { requests } = defaultNetworkOptions
    const send = (request: Request): void => {
      const frame = encodeFrame(requestFrames, request)
      this.#transmit(peer, streamed(request.kind), (port) => port.#request(this.#index, frame))
    }
    this.#peers.set(peer, {
      client: new RequestClient(requests, String(peer), send, clock),
      server: new RequestServer(requests, {
        server: this.#handlers,
        respond: async (response) => {
          const frame = this.#answer(response)
          if (frame === null) return
          this.#transmit(peer, streamed(response.kind), (port) =>
            port.#response(this.#index, frame),
          )
        },
        onFatal,
      }),
    })
    const height = heightOf(portOf(peer)?.height ?? 0)
    this.#handlers.onPeerConnected({ id: String(peer), moniker: `n${peer}`, height })
  }

  disconnected(peer: number): void {
    const known = this.#peers.get(peer)
    this.#peers.delete(peer)
    known?.client.close()
    known?.server.close()
    if (known !== undefined) this.#handlers.onPeerDisconnected(String(peer))
  }

  readonly peerIds = (): readonly string[] => [...this.#peers.keys()].map(String)

  readonly broadcast = (message: ConsensusMessage): void => {
    const { frame, kind } = encodeMessage(message)
    if (this.#modules.isAlive()) this.#modules.onSaid(message)
    this.#tell(this.#peers.keys(), message, kind, frame)
  }

  readonly send = (peerId: string, message: ConsensusMessage): void => {
    const { frame, kind } = encodeMessage(message)
    this.#tell([Number(peerId)], message, kind, frame)
  }

  readonly publishBatch = (bytes: Uint8Array): void => {
    for (const peer of this.#peers.keys())
      this.#transmit(peer, BATCH, (port) => port.#gossip(this.#index, bytes))
  }

  readonly publishAnnouncement = (announcement: Announcement): void => {
    const bytes = encode(announcementCodec, announcement)
    for (const peer of this.#peers.keys())
      this.#transmit(peer, ANNOUNCEMENT, (port) => {
        const decoded = decode(announcementCodec, bytes)
        if (decoded.ok) port.#handlers.onAnnouncement(String(this.#index), decoded.value)
      })
  }

  readonly requestBlock = async (
    peerId: string,
    height: number,
    blockId: string,
  ): Promise<Uint8Array | null> => {
    const id = blockId as BlockId
    const body = { kind: 'getBlock', height: heightOf(height), blockId: id } as const
    try {
      return (await this.#ask(peerId, body, defaultNetworkOptions.requests.blockMs)).block
    } catch (error) {
      if (error instanceof NexusError) return null
      throw error
    }
  }

  readonly requestBlocks = async (
    peerId: string,
    from: number,
    count: number,
  ): Promise<readonly CertifiedBytes[]> => {
    const asked = Math.min(count, LIMITS.syncRequestBlocks)
    const body = { kind: 'getBlocks', from: heightOf(from), count: asked } as const
    const { blocks } = await this.#ask(peerId, body, defaultNetworkOptions.requests.blocksMs)
    return this.onSynced(blocks)
  }

  readonly requestBatches = async (
    peerId: string,
    digests: readonly Uint8Array[],
  ): Promise<readonly Uint8Array[]> => {
    if (digests.length === 0) return []
    const body = { kind: 'getBatches', digests } as const
    return (await this.#ask(peerId, body, defaultNetworkOptions.requests.batchesMs)).batches
  }

  readonly penalize = (peerId: string, code: string): void => {
    const { network, clock, onPenalty } = this.#modules
    const peer = Number(peerId)
    onPenalty(peer, code)
    const verdict = this.#scores.penalize(peerId, code, clock.monoMs())
    if (verdict !== 'keep') network.disconnect(this.#index, peer, verdict === 'disconnect')
  }

  /** To one peer, or to all. */
  lie(frames: readonly Frame[], to: number | null): void {
    for (const peer of to === null ? this.#peers.keys() : [to])
      for (const { label, kind, frame } of frames)
        this.#transmit(peer, { label: textLabel(label), reliable: false }, (port) =>
          port.#consensus(this.#index, kind, frame),
        )
  }

  #answer(response: Response): Uint8Array | null {
    const answer = this.#modules.liar?.answer(response) ?? response
    if (answer === 'none') return null
    return answer instanceof Uint8Array ? answer : encodeFrame(responseFrames, answer)
  }

  get #handlers(): NetworkHandlers {
    if (this.handlers === null) throw new Error('a port has handlers before it is connected')
    return this.handlers
  }

  async #ask<R extends RequestBody>(
    peerId: string,
    body: R,
    timeoutMs: number,
  ): Promise<AnswerOf<R>> {
    const peer = this.#peers.get(Number(peerId))
    if (peer === undefined) throw requestError('PEER_UNKNOWN', peerId)
    try {
      return await peer.client.ask(body, { timeoutMs, signal: null })
    } catch (error) {
      const late = error instanceof NexusError && error.detail.code === 'REQUEST_TIMEOUT'
      if (late) this.penalize(peerId, 'REQUEST_TIMEOUT')
      throw error
    }
  }

  #tell(peers: Iterable<number>, message: ConsensusMessage, kind: string, frame: Uint8Array): void {
    const { liar } = this.#modules
    if (liar !== null) {
      for (const peer of peers) this.lie(liar.frames(message), peer)
      return
    }
    const traffic = told(message)
    const deliver = (port: NodePort): void => port.#consensus(this.#index, kind, frame)
    for (const peer of peers) this.#transmit(peer, traffic, deliver)
  }

  #transmit(peer: number, traffic: Traffic, deliver: (port: NodePort) => void): void {
    const { network, isAlive, portOf } = this.#modules
    if (!isAlive() || !this.#peers.has(peer)) return
    network.transmit(this.#index, peer, traffic, () => {
      const port = portOf(peer)
      if (port !== null) deliver(port)
    })
  }

  #consensus(from: number, kind: string, frame: Uint8Array): void {
    const message =
      kind === 'proposal'
        ? this.#read(from, proposalFrames, frame)
        : this.#read(from, voteFrames, frame)
    if (message !== null) this.#handlers.onConsensus(String(from), message)
  }

  #request(from: number, frame: Uint8Array): void {
    const request = this.#read<Request>(from, requestFrames, frame)
    if (request !== null) this.#peers.get(from)?.server.receive(request)
  }

  #response(from: number, frame: Uint8Array): void {
    const response = this.#read<Response>(from, responseFrames, frame)
    if (response !== null) this.#peers.get(from)?.client.receive(response)
  }

  /** Null: garbage, which costs its sender what it costs on a real stream. */
  #read<T>(from: number, format: FrameFormat<T>, frame: Uint8Array): T | null {
    const known = decoded.get(frame)
    if (known !== undefined) return known as T
    const reader = new FrameReader(format)
    reader.push(frame)
    const result = reader.read()
    if (!result.ok) this.penalize(String(from), result.code)
    const message = result.ok ? (result.value?.message ?? null) : null
    if (message !== null) decoded.set(frame, message as object)
    return message
  }

  #gossip(from: number, bytes: Uint8Array): void {
    const digest = digestOf(bytes)
    const key = Buffer.from(digest).toString('latin1')
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    const judged = async (): Promise<void> => {
      const verdict = await this.#handlers.onBatch(String(from), bytes, digest)
      if (verdict === 'reject') this.penalize(String(from), 'BAD_BATCH')
    }
    judged().catch(this.#modules.onFatal)
  }
}

/** What was broadcast is read once for all who receive it; what was read is never changed. */
const decoded = new WeakMap<Uint8Array, object>()

const streamed = (kind: string): Traffic => ({ label: textLabel(kind), reliable: true })
const BATCH: Traffic = { label: textLabel('batch'), reliable: false }
const ANNOUNCEMENT: Traffic = { label: textLabel('announcement'), reliable: false }
const told = (message: ConsensusMessage): Traffic => ({ label: labelOf(message), reliable: false })

/** What a message is, for the log. */
function labelOf(message: ConsensusMessage): Label {
  switch (message.kind) {
    case 'vote': {
      const { type, height, round, blockId, validatorIndex } = message.vote
      return {
        hash: mixed(type.length, height, round, prefixOf(blockId), validatorIndex),
        text: () =>
          `${type} ${height}/${round} ${blockId?.slice(0, 6) ?? 'nil'} of ${validatorIndex}`,
      }
    }
    case 'proposal': {
      const { height, round, blockId, polRound } = message.proposal
      return {
        hash: mixed(height, round, prefixOf(blockId), polRound),
        text: () => `proposal ${height}/${round} ${blockId.slice(0, 6)} pol ${polRound}`,
      }
    }
    case 'status':
      return { hash: mixed(message.height), text: () => `status ${message.height}` }
    default: {
      const { kind, certificate } = message
      const { height, round } = certificate
      return {
        hash: mixed(kind.length, height, round),
        text: () => `${kind} ${height}/${round}`,
      }
    }
  }
}

const prefixOf = (blockId: string | null): number =>
  blockId === null ? -1 : Number.parseInt(blockId.slice(0, 8), 16)
