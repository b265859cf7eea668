import type { Height } from '../../core/primitives/units.ts'
import type { Peer } from './peers.ts'

export type ConnectedPeer = {
  readonly id: string
  readonly moniker: string
  /** Committed height, as the peer says. */
  readonly height: Height
}

export type PeerInfo = ConnectedPeer & {
  readonly address: string
  readonly direction: 'inbound' | 'outbound'
  readonly softwareVersion: string
  readonly protocolVersion: number
  /** Round trip of the last ping; null before the first. */
  readonly latencyMs: number | null
  /** 0 at best. */
  readonly score: number
  readonly bytesReceived: number
  readonly bytesSent: number
  /** On the node's monotonic clock. */
  readonly sinceMs: number
}

export type BannedPeer = {
  readonly id: string
  /** What it did last, or OPERATOR. */
  readonly code: string
  readonly remainingMs: number
}

export const peerInfoOf = ({ id, link, height, sinceMs }: Peer, score: number): PeerInfo => ({
  id,
  moniker: link.hello.moniker,
  height,
  address: link.connection.remoteAddr.toString(),
  direction: link.connection.direction,
  softwareVersion: link.hello.softwareVersion,
  protocolVersion: link.hello.protocolVersion,
  latencyMs: link.connection.rtt ?? null,
  score,
  bytesReceived: link.bytesReceived,
  bytesSent: link.bytesSent,
  sinceMs,
})
