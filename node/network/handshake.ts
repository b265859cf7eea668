import type { Stream } from '@libp2p/interface'
import { heightCodec } from '../../core/chain/vote.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import {
  bytes,
  type Codec,
  fixedBytes,
  int,
  mapped,
  struct,
  u32,
} from '../../core/primitives/codec.ts'
import { HASH_LENGTH } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import type { Height } from '../../core/primitives/units.ts'
import { encodeFrame, type FrameCode, FrameReader, frameFormat } from './frames.ts'

/** The version of every protocol of this folder together; nodes with different ones do not talk. */
export const PROTOCOL_VERSION = 2

/** What a node says of itself before anything else is said. */
export type Hello = {
  readonly chainId: number
  readonly genesisHash: Uint8Array
  readonly protocolVersion: number
  /** For logs and metrics; nothing is decided by it. Printable ASCII. */
  readonly softwareVersion: string
  readonly moniker: string
  /** Committed height. */
  readonly height: Height
  /** Random for every start of a process: tells a second connection from a restart. 8 bytes. */
  readonly instance: Uint8Array
}

export type RefusalCode =
  | 'WRONG_CHAIN'
  | 'WRONG_GENESIS'
  | 'INCOMPATIBLE_VERSION'
  | 'TOO_MANY_PEERS'
  | 'DUPLICATE_CONNECTION'

export type HandshakeMessage =
  | ({ readonly kind: 'hello' } & Hello)
  | { readonly kind: 'refusal'; readonly code: string }

export const NAME_LENGTH = 64
export const INSTANCE_LENGTH = 8

const nameCodec: Codec<string> = mapped(
  bytes(NAME_LENGTH),
  (raw, reader) => {
    if (raw.some((byte) => byte < 0x20 || byte > 0x7e)) reader.fail('OUT_OF_RANGE')
    return String.fromCharCode(...raw)
  },
  (text) => Uint8Array.from(text, (character) => character.charCodeAt(0)),
)

export const handshakeFrames = frameFormat<HandshakeMessage>({
  hello: {
    tag: 1,
    maxBytes: LIMITS.handshakeFrameBytes,
    codec: struct<Hello>({
      chainId: int,
      genesisHash: fixedBytes(HASH_LENGTH),
      protocolVersion: u32,
      softwareVersion: nameCodec,
      moniker: nameCodec,
      height: heightCodec,
      instance: fixedBytes(INSTANCE_LENGTH),
    }),
  },
  refusal: {
    tag: 2,
    maxBytes: LIMITS.handshakeFrameBytes,
    codec: struct<{ code: string }>({ code: nameCodec }),
  },
})

/** Why two nodes cannot talk, the same on both sides, or null. */
export function mismatchOf(own: Hello, theirs: Hello): RefusalCode | null {
  if (own.chainId !== theirs.chainId) return 'WRONG_CHAIN'
  if (!equalBytes(own.genesisHash, theirs.genesisHash)) return 'WRONG_GENESIS'
  return own.protocolVersion === theirs.protocolVersion ? null : 'INCOMPATIBLE_VERSION'
}

/** Any text as a name of the handshake: at most 64 printable ASCII characters. */
export const nameOf = (text: string): string =>
  text.replace(/[^\x20-\x7e]/g, '?').slice(0, NAME_LENGTH)

/** Reads the one handshake message of the other side; `onMessage` runs before the next byte of the connection is looked at. */
export function readHandshake(
  stream: Stream,
  handlers: {
    readonly onMessage: (message: HandshakeMessage) => void
    readonly onGarbage: (code: FrameCode) => void
  },
): void {
  const reader = new FrameReader(handshakeFrames)
  let done = false
  stream.addEventListener('message', ({ data }) => {
    if (done) return
    for (const chunk of data instanceof Uint8Array ? [data] : data) reader.push(chunk)
    const read = reader.read()
    if (read.ok && read.value === null) return
    done = true
    if (!read.ok) handlers.onGarbage(read.code)
    else if (read.value !== null) handlers.onMessage(read.value.message)
  })
}

/** Sends the one message of this side; a stream that is gone is noticed by its connection. */
export function sendHandshake(stream: Stream, message: HandshakeMessage): void {
  if (stream.writeStatus === 'writable') stream.send(encodeFrame(handshakeFrames, message))
}
