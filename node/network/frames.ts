import { assert } from '../../core/primitives/assert.ts'
import { type Codec, type DecodeCode, decode, union, written } from '../../core/primitives/codec.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'

export type FrameCode = DecodeCode | 'EMPTY_FRAME' | 'FRAME_TOO_LARGE'

export type FrameLimit = { readonly kind: string; readonly maxBytes: number }

/** The messages of one protocol: a union whose tag, the first byte of a frame, also says how long the frame may be. */
export type FrameFormat<T> = {
  readonly codec: Codec<T>
  readonly limitOf: (tag: number) => FrameLimit | undefined
  readonly limitOfKind: (kind: string) => FrameLimit | undefined
}

export function frameFormat<T extends { readonly kind: string }>(
  variants: {
    readonly [K in T['kind']]: {
      readonly tag: number
      readonly maxBytes: number
      readonly codec: Codec<Omit<Extract<T, { kind: K }>, 'kind'>>
    }
  },
): FrameFormat<T> {
  const entries = Object.entries(variants) as [string, { tag: number; maxBytes: number }][]
  const byTag = new Map(entries.map(([kind, { tag, maxBytes }]) => [tag, { kind, maxBytes }]))
  const byKind = new Map([...byTag.values()].map((limit) => [limit.kind, limit]))
  return {
    codec: union<T>(variants),
    limitOf: (tag) => byTag.get(tag),
    limitOfKind: (kind) => byKind.get(kind),
  }
}

const LENGTH_BYTES = 4
/** The length and the tag: what must be seen before memory is taken. */
const HEADER_BYTES = LENGTH_BYTES + 1

/** u32 length | tag u8 | fields; the length counts the tag. */
export function encodeFrame<T extends { readonly kind: string }>(
  format: FrameFormat<T>,
  message: T,
): Uint8Array {
  const frame = written((writer) => {
    writer.u32(0)
    format.codec.write(writer, message)
  })
  const length = frame.length - LENGTH_BYTES
  const limit = format.limitOfKind(message.kind)
  assert(limit !== undefined && length <= limit.maxBytes, 'an own message fits its frame')
  new DataView(frame.buffer).setUint32(0, length)
  return frame
}

type Body = {
  /** Grows up to `length`. */
  bytes: Uint8Array
  readonly length: number
  readonly kind: string
  filled: number
}

export type Frame<T> = { readonly message: T; readonly kind: string; readonly sizeBytes: number }

/** Memory taken on the word of a header; the rest of a frame is believed as its bytes arrive. */
const FIRST_BYTES = 16 * 1024

/** Cuts a byte stream into messages. Memory: what was pushed and not read, and twice what arrived of one frame of a legal length. */
export class FrameReader<T> {
  readonly #format: FrameFormat<T>
  readonly #chunks: Uint8Array[] = []
  /** Bytes of the first chunk already taken. */
  #offset = 0
  readonly #header = new Uint8Array(HEADER_BYTES)
  #headerFilled = 0
  #body: Body | null = null

  constructor(format: FrameFormat<T>) {
    this.#format = format
  }

  push(chunk: Uint8Array): void {
    if (chunk.length > 0) this.#chunks.push(chunk)
  }

  /** The next message, null until more bytes come, or why the stream is garbage; after a code, the reader is not used again. */
  read(): Result<Frame<T> | null, FrameCode> {
    if (this.#body === null) {
      this.#headerFilled += this.#fill(this.#header, this.#headerFilled)
      if (this.#headerFilled < HEADER_BYTES) return ok(null)
      const code = this.#openBody()
      if (code !== null) return reject(code)
    }
    const body = this.#body
    assert(body !== null, 'a frame is open after its header')
    for (;;) {
      body.filled += this.#fill(body.bytes, body.filled)
      if (body.filled < body.bytes.length) return ok(null)
      if (body.bytes.length === body.length) break
      const larger = new Uint8Array(Math.min(body.length, 2 * body.bytes.length))
      larger.set(body.bytes)
      body.bytes = larger
    }
    this.#body = null
    this.#headerFilled = 0
    const decoded = decode(this.#format.codec, body.bytes)
    if (!decoded.ok) return decoded
    const sizeBytes = LENGTH_BYTES + body.bytes.length
    return ok({ message: decoded.value, kind: body.kind, sizeBytes })
  }

  #openBody(): FrameCode | null {
    const length = new DataView(this.#header.buffer).getUint32(0)
    const tag = this.#header[LENGTH_BYTES] as number
    if (length === 0) return 'EMPTY_FRAME'
    const limit = this.#format.limitOf(tag)
    if (limit === undefined) return 'BAD_TAG'
    if (length > limit.maxBytes) return 'FRAME_TOO_LARGE'
    const bytes = new Uint8Array(Math.min(length, FIRST_BYTES))
    bytes[0] = tag
    this.#body = { bytes, length, kind: limit.kind, filled: 1 }
    return null
  }

  /** Copies pending bytes into `target` from `at` on, as many as there are or fit. */
  #fill(target: Uint8Array, at: number): number {
    let filled = 0
    while (at + filled < target.length) {
      const chunk = this.#chunks[0]
      if (chunk === undefined) break
      const size = Math.min(chunk.length - this.#offset, target.length - at - filled)
      target.set(chunk.subarray(this.#offset, this.#offset + size), at + filled)
      filled += size
      this.#offset += size
      if (this.#offset === chunk.length) {
        this.#chunks.shift()
        this.#offset = 0
      }
    }
    return filled
  }
}
