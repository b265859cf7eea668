import { createHmac } from 'node:crypto'
import type { Socket } from 'node:net'
import { type Codec, decode, encode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { MAC_LENGTH, MAX_FRAME, type Side, sameMac, sendingKeyOf } from './protocol.ts'

/** `length u32 | body`, both ways; a body has 1 to MAX_FRAME bytes. */
export class Frames {
  readonly #socket: Socket
  readonly #bodies: AsyncIterator<Uint8Array>

  constructor(socket: Socket) {
    this.#socket = socket
    this.#bodies = bodiesOf(socket)
  }

  /** Dropped when the socket is closed; nobody waits, since every message is answered or times out. */
  write(body: Uint8Array): void {
    const frame = Buffer.allocUnsafe(4 + body.length)
    frame.writeUInt32BE(body.length)
    frame.set(body, 4)
    if (this.#socket.writable) this.#socket.write(frame)
  }

  /** Null at the end of the stream. Throws SIGNER_PROTOCOL, and what the socket says. */
  async read(): Promise<Uint8Array | null> {
    const next = await this.#bodies.next()
    return next.done === true ? null : next.value
  }
}

/** Never holds more than one frame and one chunk: the socket is not read on while a frame waits. */
async function* bodiesOf(socket: Socket): AsyncGenerator<Uint8Array, void> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of socket) {
    held = Buffer.concat([held, chunk as Buffer])
    for (;;) {
      if (held.length < 4) break
      const length = held.readUInt32BE(0)
      if (length === 0 || length > MAX_FRAME) throw protocolError('a frame has a wrong length')
      if (held.length < 4 + length) break
      const body = Uint8Array.from(held.subarray(4, 4 + length))
      held = held.subarray(4 + length)
      yield body
    }
  }
}

/**
 * Messages of an authenticated connection: `payload | HMAC-SHA256(key, sequence u64 ‖ payload)`, with
 * a key for each direction of each connection. A message that is changed, repeated, left out, moved or
 * sent back fails.
 */
export class SealedChannel<Out, In> {
  readonly #frames: Frames
  readonly #codecs: { readonly out: Codec<Out>; readonly in: Codec<In> }
  readonly #keys: { readonly out: Buffer; readonly in: Buffer }
  #sent = 0
  #received = 0

  constructor(
    frames: Frames,
    codecs: { readonly out: Codec<Out>; readonly in: Codec<In> },
    {
      side,
      secret,
      transcript,
    }: { readonly side: Side; readonly secret: Uint8Array; readonly transcript: Uint8Array },
  ) {
    this.#frames = frames
    this.#codecs = codecs
    const other = side === 'node' ? 'signer' : 'node'
    this.#keys = {
      out: sendingKeyOf(side, secret, transcript),
      in: sendingKeyOf(other, secret, transcript),
    }
  }

  send(message: Out): void {
    const payload = encode(this.#codecs.out, message)
    const mac = macOf(this.#keys.out, this.#sent++, payload)
    this.#frames.write(Buffer.concat([payload, mac]))
  }

  /** Null at the end of the stream. Throws SIGNER_PROTOCOL. */
  async receive(): Promise<In | null> {
    const body = await this.#frames.read()
    if (body === null) return null
    const payload = body.subarray(0, Math.max(0, body.length - MAC_LENGTH))
    const expected = macOf(this.#keys.in, this.#received++, payload)
    if (!sameMac(body.subarray(payload.length), expected))
      throw protocolError('a message has a wrong MAC')
    const decoded = decode(this.#codecs.in, payload)
    if (!decoded.ok) throw protocolError(`a message does not decode: ${decoded.code}`)
    return decoded.value
  }
}

function macOf(key: Buffer, sequence: number, payload: Uint8Array): Buffer {
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64BE(BigInt(sequence))
  return createHmac('sha256', key).update(prefix).update(payload).digest()
}

export const protocolError = (reason: string): NexusError =>
  new NexusError(
    { code: 'SIGNER_PROTOCOL', reason },
    { message: `the other side does not speak the signer protocol: ${reason}` },
  )
