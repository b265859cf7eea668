import { identify } from '@libp2p/identify'
import type {
  Connection,
  Libp2p,
  MultiaddrConnection,
  PeerId,
  PrivateKey,
  StreamMuxerFactory,
} from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { NexusError } from '../../core/primitives/errors.ts'
import { ConnectionShares } from '../../rpc/connectionShares.ts'
import { updatingWindowsLate, writingTogether } from './fewerWrites.ts'
import type { Gossip } from './gossip.ts'
import { noiseCrypto } from './noiseCrypto.ts'
import type { InboundLimits } from './options.ts'

export type HostOptions = {
  readonly privateKey: PrivateKey
  readonly listen: readonly string[]
  readonly maxPeers: number
  readonly inbound: InboundLimits
  readonly protocolPrefix: string
  readonly softwareVersion: string
  readonly dialMs: number
  readonly handshakeMs: number
  readonly ping: { readonly intervalMs: number; readonly timeoutMs: number }
}

export type HostModules = {
  readonly gossip: Gossip
  readonly isBanned: (peerId: PeerId) => boolean
  /** The peer of a connection announced a frame that no window allows; null when it is not yet known who. */
  readonly onOversizeFrame: (peerId: string | null) => void
}

/** libp2p over TCP, noise and yamux, with every bound of it set. Not started. */
export async function createHost(options: HostOptions, modules: HostModules): Promise<Libp2p> {
  const { privateKey, listen, maxPeers, softwareVersion, dialMs, handshakeMs, ping } = options
  const { isBanned, gossip } = modules
  const shares = new ConnectionShares(options.inbound.perAddress, options.inbound.exempt)
  const onOversizeFrame = (muxer: object): void => {
    const guilty = host.getConnections().find((connection) => muxerOf(connection) === muxer)
    modules.onOversizeFrame(guilty?.remotePeer.toString() ?? null)
  }
  const host = await createLibp2p({
    start: false,
    privateKey,
    nodeInfo: { name: 'nexus', version: softwareVersion, userAgent: `nexus/${softwareVersion}` },
    addresses: { listen: [...listen] },
    transports: [tcp({ dialOpts: { noDelay: true }, backlog: 128 })],
    connectionEncrypters: [writingTogether(noise({ crypto: noiseCrypto }))],
    streamMuxers: [() => boundedYamux(onOversizeFrame)],
    connectionManager: {
      // Two nodes that dial each other hold two connections for a moment.
      maxConnections: 2 * maxPeers + 8,
      maxIncomingPendingConnections: 64,
      // Per second and address: a devnet that restarts has one address.
      inboundConnectionThreshold: 64,
      dialTimeout: dialMs,
      addressDialTimeout: dialMs,
      inboundUpgradeTimeout: handshakeMs,
      inboundStreamProtocolNegotiationTimeout: handshakeMs,
      outboundStreamProtocolNegotiationTimeout: handshakeMs,
      connectionCloseTimeout: CLOSE_MS,
    },
    connectionMonitor: {
      protocolPrefix: options.protocolPrefix.slice(1),
      pingInterval: ping.intervalMs,
      pingTimeout: { minTimeout: ping.timeoutMs, maxTimeout: ping.timeoutMs },
    },
    connectionGater: {
      denyDialPeer: isBanned,
      denyInboundConnection: (connection) => !isWithinShare(connection, shares),
      denyInboundEncryptedConnection: isBanned,
    },
    services: {
      // The router asks for it; peers know each other by the handshake.
      identify: identify({ runOnConnectionOpen: false, maxMessageSize: 4_096 }),
      pubsub: (components) => gossip.create(components),
    },
  })
  return host
}

/** Counts a connection from its first byte to its end: handshakes that are begun and not ended, too. */
function isWithinShare(connection: MultiaddrConnection, shares: ConnectionShares): boolean {
  const address = /^\/ip[46]\/([^/]+)/.exec(connection.remoteAddr.toString())?.[1]
  const release = shares.take(address)
  if (release === null) return false
  connection.addEventListener('close', release)
  return true
}

/** NexusError LISTEN_FAILED when an address cannot be listened on. */
export async function startHost(host: Libp2p): Promise<void> {
  try {
    await host.start()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new NexusError(
      { code: 'LISTEN_FAILED', reason },
      { message: `The peer-to-peer network could not start: ${reason}`, cause },
    )
  }
}

/** Lets queued bytes out, but not for longer than a moment. */
export async function closeGently(connection: Connection): Promise<void> {
  try {
    await connection.close({ signal: AbortSignal.timeout(CLOSE_MS) })
  } catch {
    abortNow(connection, 'CLOSE_TIMEOUT')
  }
}

export function abortNow(connection: Connection, code: string): void {
  connection.abort(new NexusError({ code }))
}

const CLOSE_MS = 500
const MIB = 1024 * 1024
const STREAM_WINDOW_BYTES = 4 * MIB
/** A frame fits a window; what noise decrypted behind it may be there too. */
const MUXER_BUFFER_BYTES = STREAM_WINDOW_BYTES + MIB

/**
 * Yamux with two faults mended. It collects a whole frame before it looks at the stream's window, and
 * a frame may claim 4 GiB: here a connection that buffers more than a window is dropped. And where it
 * says goodbye on a connection that is closed already, it throws out of event listeners and
 * microtasks, where nobody can catch it: here such bytes are forgotten.
 */
function boundedYamux(onOversizeFrame: (muxer: object) => void): StreamMuxerFactory {
  const factory = yamux({
    maxInboundStreams: 64,
    maxOutboundStreams: 64,
    streamOptions: {
      maxStreamWindowSize: STREAM_WINDOW_BYTES,
      // A stream that is not read holds at most its window.
      maxReadBufferLength: 2 * STREAM_WINDOW_BYTES,
    },
  })()
  const create = factory.createStreamMuxer.bind(factory)
  factory.createStreamMuxer = (connection) => {
    const muxer = create(connection)
    updatingWindowsLate(muxer)
    const send = muxer.send.bind(muxer)
    muxer.send = (data) => {
      try {
        return send(data)
      } catch {
        return false
      }
    }
    connection.addEventListener('message', () => {
      if (bufferedBytes(muxer) <= MUXER_BUFFER_BYTES) return
      onOversizeFrame(muxer)
      connection.abort(new NexusError({ code: 'MUXER_FRAME_TOO_LARGE' }))
    })
    return muxer
  }
  return factory
}

const muxerOf = (connection: Connection): unknown => (connection as { muxer?: unknown }).muxer

/** Of frames that have begun; its type keeps the decoder to itself. */
const bufferedBytes = (muxer: object): number =>
  (muxer as { readonly decoder: { readonly buffer: { readonly byteLength: number } } }).decoder
    .buffer.byteLength
