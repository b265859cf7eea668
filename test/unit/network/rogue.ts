// A peer that speaks libp2p correctly and nothing else: it sends whatever bytes a test gives it.
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Libp2p, PrivateKey, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { heightOf } from '../../../core/primitives/units.ts'
import { encodeFrame } from '../../../node/network/frames.ts'
import {
  type HandshakeMessage,
  type Hello,
  handshakeFrames,
  PROTOCOL_VERSION,
  readHandshake,
} from '../../../node/network/handshake.ts'
import type { TestNode } from './support.ts'

export type Rogue = {
  readonly id: string
  readonly host: Libp2p
  /** Every protocol that a node opens towards the rogue, with its stream. */
  readonly opened: { readonly protocol: string; readonly stream: Stream }[]
}

export const HANDSHAKE = `/nexus/handshake/${PROTOCOL_VERSION}`
export const CHANNELS = ['votes', 'proposals', 'requests'].map(
  (name) => `/nexus/3940/${name}/${PROTOCOL_VERSION}`,
)
export const GOSSIP = '/meshsub/1.2.0'

const running = new Set<Libp2p>()

export async function stopRogues(): Promise<void> {
  const hosts = [...running]
  running.clear()
  await Promise.all(hosts.map((host) => host.stop()))
}

export async function startRogue(key?: PrivateKey): Promise<Rogue> {
  const host = await createLibp2p({
    privateKey: key ?? (await generateKeyPair('Ed25519')),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  })
  running.add(host)
  const opened: Rogue['opened'] = []
  for (const protocol of [...CHANNELS, GOSSIP])
    await host.handle(protocol, (stream) => {
      opened.push({ protocol, stream })
    })
  return { id: host.peerId.toString(), host, opened }
}

export const dial = (rogue: Rogue, node: TestNode): Promise<Connection> =>
  rogue.host.dial(multiaddr(node.address))

export const honestHello: Hello = {
  chainId: 3940,
  genesisHash: new Uint8Array(32).fill(7),
  protocolVersion: PROTOCOL_VERSION,
  softwareVersion: 'rogue/1',
  moniker: 'rogue',
  height: heightOf(5),
  instance: new Uint8Array(8).fill(1),
}

/** Dials, says hello, and gives what the node answered; null when it hung up instead. */
export async function introduce(
  rogue: Rogue,
  node: TestNode,
  hello: Partial<Hello> = {},
): Promise<{ readonly connection: Connection; readonly answer: HandshakeMessage | null }> {
  const connection = await dial(rogue, node)
  const stream = await connection.newStream(HANDSHAKE)
  const answer = new Promise<HandshakeMessage | null>((resolve) => {
    readHandshake(stream, { onMessage: resolve, onGarbage: () => resolve(null) })
    stream.addEventListener('close', () => resolve(null))
  })
  stream.send(encodeFrame(handshakeFrames, { kind: 'hello', ...honestHello, ...hello }))
  return { connection, answer: await answer }
}

/** A stream of an introduced rogue, ready for garbage. */
export async function openChannel(
  rogue: Rogue,
  node: TestNode,
  protocol: string,
): Promise<{ readonly connection: Connection; readonly stream: Stream }> {
  const { connection } = await introduce(rogue, node)
  return { connection, stream: await connection.newStream(protocol) }
}
