import type { Connection } from '@libp2p/interface'
import { equalBytes } from '../../core/primitives/bytes.ts'
import type { Height } from '../../core/primitives/units.ts'
import type { Hello } from './handshake.ts'
import type { Link } from './link.ts'

export type Peer = {
  readonly id: string
  /** The connection that is spoken on. */
  link: Link
  /** Committed height as the peer says; never goes back while it is connected. */
  height: Height
  readonly sinceMs: number
}

export type PeersOptions = {
  readonly ownId: string
  readonly maxPeers: number
  /** Peers that are welcome beyond `maxPeers`. */
  readonly isConfigured: (peerId: string) => boolean
}

export type PeersEvents = {
  readonly onConnected: (peer: Peer) => void
  readonly onDisconnected: (peer: Peer) => void
  /** A peer is spoken with on another connection from now on. */
  readonly onMoved: (peer: Peer) => void
}

/** One peer per peer id, however many connections lead to it. */
export class Peers {
  readonly #options: PeersOptions
  readonly #events: PeersEvents
  readonly #peers = new Map<string, Peer>()
  /** By connection id, with those that are being given up. */
  readonly #links = new Map<string, Link>()

  constructor(options: PeersOptions, events: PeersEvents) {
    this.#options = options
    this.#events = events
  }

  get size(): number {
    return this.#peers.size
  }

  get(peerId: string): Peer | undefined {
    return this.#peers.get(peerId)
  }

  linkOf(connection: Connection): Link | undefined {
    return this.#links.get(connection.id)
  }

  ids(): readonly string[] {
    return [...this.#peers.keys()]
  }

  values(): Iterable<Peer> {
    return this.#peers.values()
  }

  /** Why a connection that a peer opened is not wanted, or null. */
  judge(connection: Connection, hello: Hello): 'TOO_MANY_PEERS' | 'DUPLICATE_CONNECTION' | null {
    const peerId = connection.remotePeer.toString()
    const peer = this.#peers.get(peerId)
    if (peer !== undefined)
      return this.#supersedes(connection, hello, peer.link) ? null : 'DUPLICATE_CONNECTION'
    const full = this.#peers.size >= this.#options.maxPeers && !this.#options.isConfigured(peerId)
    return full ? 'TOO_MANY_PEERS' : null
  }

  /**
   * A connection whose handshake is done. False: the peer is spoken with on another, and this one is
   * only listened to until it is closed, since the peer may not know of the other yet.
   */
  add(link: Link, nowMs: number): boolean {
    this.#links.set(link.connection.id, link)
    const peer = this.#peers.get(link.peerId)
    if (peer === undefined) {
      this.#connect(link, nowMs)
      return true
    }
    const previous = peer.link
    if (!this.#supersedes(link.connection, link.hello, previous)) {
      void link.retire()
      return false
    }
    if (equalBytes(previous.hello.instance, link.hello.instance)) {
      peer.link = link
      link.inherit(previous)
      this.#events.onMoved(peer)
    } else {
      // The process behind it was started anew: what it knew of us is gone.
      this.#disconnect(peer)
      this.#connect(link, nowMs)
    }
    void previous.retire()
    return true
  }

  /** Whether the peer is spoken with on this connection. */
  isActive(link: Link): boolean {
    return this.#peers.get(link.peerId)?.link === link
  }

  closed(connection: Connection): void {
    const link = this.#links.get(connection.id)
    if (link === undefined) return
    this.#links.delete(connection.id)
    link.release()
    const peer = this.#peers.get(link.peerId)
    if (peer?.link === link) this.#disconnect(peer)
  }

  noteHeight(peerId: string, height: Height): void {
    const peer = this.#peers.get(peerId)
    if (peer !== undefined && height > peer.height) peer.height = height
  }

  clear(): void {
    for (const link of this.#links.values()) link.release()
    this.#links.clear()
    for (const peer of [...this.#peers.values()]) this.#disconnect(peer)
  }

  #connect(link: Link, nowMs: number): void {
    const peer = { id: link.peerId, link, height: link.hello.height, sinceMs: nowMs }
    this.#peers.set(peer.id, peer)
    this.#events.onConnected(peer)
  }

  #disconnect(peer: Peer): void {
    this.#peers.delete(peer.id)
    this.#events.onDisconnected(peer)
  }

  /**
   * Both ends must keep the same one of two connections. A restarted peer, or one that dials again,
   * has lost the older; of two that were dialed towards each other, the one of the smaller id stays.
   */
  #supersedes(connection: Connection, hello: Hello, current: Link): boolean {
    if (!equalBytes(hello.instance, current.hello.instance)) return true
    if (connection.direction === current.connection.direction) return true
    const ownIsSmaller = this.#options.ownId < connection.remotePeer.toString()
    return ownIsSmaller === (connection.direction === 'outbound')
  }
}
