import type { Socket } from 'node:net'
import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface'
import { assert } from '../../core/primitives/assert.ts'

// What libp2p 3 costs a node whose messages are small: noise hands the socket a frame's two-byte
// length and its body as two writes, and yamux answers every message with a window update. A vote
// of 110 bytes was four system calls and two wake-ups of the peer; here it is one of each. And at the
// end of whatever arrived, noise throws an error made for it, with its stack.

type EncrypterFactory<C> = (components: C) => ConnectionEncrypter

/**
 * The same encryption, over connections that write what is small in one turn of the event loop
 * together, and that say with one and the same error that a length is not there yet.
 */
export function writingTogether<C>(create: EncrypterFactory<C>): EncrypterFactory<C> {
  return (components) => {
    const encrypter = create(components)
    const inbound = encrypter.secureInbound.bind(encrypter)
    const outbound = encrypter.secureOutbound.bind(encrypter)
    encrypter.secureInbound = async (connection, options) => {
      const secured = await inbound(corked(connection), options)
      readLengthsCheaply(secured.connection)
      return secured
    }
    encrypter.secureOutbound = async (connection, options) => {
      const secured = await outbound(corked(connection), options)
      readLengthsCheaply(secured.connection)
      return secured
    }
    return encrypter
  }
}

type LengthDecoder = (buffer: { readonly length: number; getUint16(at: number): number }) => number

/** As the decoder of a connection's frames takes it: wait for more. */
const TOO_SHORT = new RangeError('The length of a frame is not there yet')

/** Throws when noise is not the version that this was written for. */
function readLengthsCheaply(secured: object): void {
  const { decoder } = secured as { readonly decoder?: { lengthDecoder?: LengthDecoder } }
  assert(typeof decoder?.lengthDecoder === 'function', 'noise decodes frames by their lengths')
  decoder.lengthDecoder = (buffer) => {
    if (buffer.length < 2) throw TOO_SHORT
    return buffer.getUint16(0)
  }
}

/**
 * Larger writes are handed on at once: held back, each chunk of a proposal would cost another turn,
 * and a vote behind it waits for them (9 ms instead of 4 behind 1 MB to three peers of one process).
 */
const SMALL_BYTES = 8_192

type TcpConnection = {
  readonly socket?: Socket
  sendData(data: { readonly byteLength: number }): unknown
}

/** A connection that is not a socket's stays as it is. */
function corked<S extends MessageStream>(connection: S): S {
  const tcp = connection as unknown as TcpConnection
  const { socket } = tcp
  if (socket === undefined) return connection
  const send = tcp.sendData.bind(connection)
  let isCorked = false
  tcp.sendData = (data) => {
    const isSmall = data.byteLength <= SMALL_BYTES
    if (!isSmall && isCorked) {
      isCorked = false
      socket.uncork()
    }
    if (isSmall && !isCorked) {
      isCorked = true
      socket.cork()
      process.nextTick(() => {
        isCorked = false
        socket.uncork()
      })
    }
    return send(data)
  }
  return connection
}

type YamuxStream = {
  readonly state: number
  readonly recvWindow: number
  readonly recvWindowCapacity: number
  sendWindowUpdate(): void
}
type YamuxMuxer = { _newStream(...args: readonly unknown[]): YamuxStream }

/** States of a yamux stream in which an update carries the flags that open it. */
const OPENING: readonly number[] = [0, 2]

/**
 * Window updates only when half of the window is used, as yamux's own implementation does
 * (hashicorp/yamux stream.go `sendWindowUpdate`).
 */
export function updatingWindowsLate(muxer: object): void {
  const yamux = muxer as YamuxMuxer
  const create = yamux._newStream.bind(muxer)
  yamux._newStream = (...args) => {
    const stream = create(...args)
    const update = stream.sendWindowUpdate.bind(stream)
    stream.sendWindowUpdate = () => {
      const isHalfUsed = stream.recvWindowCapacity * 2 <= stream.recvWindow
      if (OPENING.includes(stream.state) || isHalfUsed) update()
    }
    return stream
  }
}
