import type { Socket } from 'node:net'
import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface'

// What libp2p 3 costs a node whose messages are small: noise hands the socket a frame's two-byte
// length and its body as two writes, and yamux answers every message with a window update. A vote
// of 110 bytes was four system calls and two wake-ups of the peer; here it is one of each.

type EncrypterFactory<C> = (components: C) => ConnectionEncrypter

/** The same encryption, over connections that write what is small in one turn of the event loop together. */
export function writingTogether<C>(create: EncrypterFactory<C>): EncrypterFactory<C> {
  return (components) => {
    const encrypter = create(components)
    const inbound = encrypter.secureInbound.bind(encrypter)
    const outbound = encrypter.secureOutbound.bind(encrypter)
    encrypter.secureInbound = (connection, options) => inbound(corked(connection), options)
    encrypter.secureOutbound = (connection, options) => outbound(corked(connection), options)
    return encrypter
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
