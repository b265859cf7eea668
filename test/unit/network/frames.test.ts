import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytes, struct } from '../../../core/primitives/codec.ts'
import { encodeFrame, FrameReader, frameFormat } from '../../../node/network/frames.ts'

type Message =
  | { readonly kind: 'small'; readonly data: Uint8Array }
  | { readonly kind: 'large'; readonly data: Uint8Array }
  | { readonly kind: 'huge'; readonly data: Uint8Array }

const HUGE = 2 << 20
const fields = struct<{ data: Uint8Array }>({ data: bytes(1 << 30) })
const format = frameFormat<Message>({
  small: { tag: 1, maxBytes: 64, codec: fields },
  large: { tag: 2, maxBytes: 1_024, codec: fields },
  huge: { tag: 3, maxBytes: HUGE, codec: fields },
})

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constant('small' as const), data: fc.uint8Array({ maxLength: 59 }) }),
  fc.record({ kind: fc.constant('large' as const), data: fc.uint8Array({ maxLength: 1_019 }) }),
)

function readAll(reader: FrameReader<Message>): Message[] {
  const messages: Message[] = []
  for (;;) {
    const read = reader.read()
    if (!read.ok) throw new Error(read.code)
    if (read.value === null) return messages
    messages.push(read.value.message)
  }
}

const header = (length: number, tag: number): Uint8Array => {
  const out = new Uint8Array(5)
  new DataView(out.buffer).setUint32(0, length)
  out[4] = tag
  return out
}

describe('frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 30 }),
        (messages, cuts) => {
          const stream = Buffer.concat(messages.map((value) => encodeFrame(format, value)))
          const reader = new FrameReader(format)
          const out: Message[] = []
          for (let at = 0, i = 0; at < stream.length; i++) {
            const end = at + (cuts[i % cuts.length] as number)
            reader.push(Uint8Array.from(stream.subarray(at, end)))
            out.push(...readAll(reader))
            at = end
          }
          expect(out).toEqual(messages)
        },
      ),
    )
  })

  it.each([
    ['longer than its kind may be', header(65, 1), 'FRAME_TOO_LARGE'],
    ['of 4 GiB', header(0xffffffff, 2), 'FRAME_TOO_LARGE'],
    ['of an unknown kind', header(10, 9), 'BAD_TAG'],
    ['of an unknown kind and 4 GiB', header(0xffffffff, 9), 'BAD_TAG'],
    ['without content', header(0, 1), 'EMPTY_FRAME'],
  ])('a frame %s is refused at its header', (_, bytes, code) => {
    const reader = new FrameReader(format)
    reader.push(bytes.subarray(0, 4))
    expect(reader.read()).toEqual({ ok: true, value: null })
    reader.push(bytes.subarray(4))
    const before = process.memoryUsage().arrayBuffers
    expect(reader.read()).toEqual({ ok: false, code })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20)
  })

  it('a legal length takes no more memory than what has arrived of it', () => {
    const readers = Array.from({ length: 16 }, () => new FrameReader(format))
    const before = process.memoryUsage().arrayBuffers
    for (const reader of readers) {
      reader.push(header(HUGE, 3))
      expect(reader.read()).toEqual({ ok: true, value: null })
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20)
    const data = Uint8Array.from({ length: HUGE - 5 }, (_, i) => i)
    const frame = encodeFrame(format, { kind: 'huge', data })
    const [reader] = readers as [FrameReader<Message>]
    for (let at = 5; at < frame.length; at += 50_000) reader.push(frame.subarray(at, at + 50_000))
    const read = reader.read()
    expect(read.ok && read.value?.message).toEqual({ kind: 'huge', data })
  })

  it('a legal length with garbage inside is refused by the codec', () => {
    const reader = new FrameReader(format)
    reader.push(header(6, 1))
    reader.push(Uint8Array.of(0, 0, 0, 9, 1))
    expect(reader.read()).toEqual({ ok: false, code: 'TRUNCATED' })
  })

  it('a frame at exactly its limit passes', () => {
    const reader = new FrameReader(format)
    const value: Message = { kind: 'small', data: new Uint8Array(59) }
    reader.push(encodeFrame(format, value))
    const read = reader.read()
    expect(read.ok && read.value).toEqual({ message: value, kind: 'small', sizeBytes: 68 })
  })
})
