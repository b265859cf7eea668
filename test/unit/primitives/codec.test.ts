import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../../core/primitives/assert.ts'
import {
  bool,
  bytes,
  type Codec,
  decode,
  encode,
  fixedBytes,
  int,
  list,
  mapped,
  optional,
  Reader,
  signedInt,
  struct,
  u8,
  u16,
  u32,
  union,
  Writer,
} from '../../../core/primitives/codec.ts'
import {
  expectCanonical,
  expectEveryTruncationFails,
  expectMutationsCanonical,
  expectRoundTrip,
  expectTrailingBytesFail,
} from '../../support/codecLaws.ts'

const MAX_SAFE = Number.MAX_SAFE_INTEGER

describe('integer codecs', () => {
  it.each([
    ['u8', u8, 0xff, 1],
    ['u16', u16, 0xffff, 2],
    ['u32', u32, 0xffffffff, 4],
    ['int', int, MAX_SAFE, 8],
  ] as const)('%s is big-endian and takes 0 to its maximum', (_, codec, max, width) => {
    const values = fc.oneof(fc.integer({ min: 0, max }), fc.constantFrom(0, 1, max - 1, max))
    fc.assert(
      fc.property(values, (value) => {
        const encoded = expectRoundTrip(codec, value)
        expect(encoded.length).toBe(width)
        expect(encoded.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)).toBe(BigInt(value))
      }),
    )
    for (const bad of [-1, max + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => encode(codec, bad), `${bad}`).toThrow(AssertionError)
  })

  it('int refuses what a number cannot hold exactly', () => {
    const beyond = fc.bigInt({ min: 1n << 53n, max: (1n << 64n) - 1n })
    fc.assert(
      fc.property(beyond, (value) => {
        const writer = new Writer()
        writer.u64(value)
        expect(decode(int, writer.finish())).toEqual({ ok: false, code: 'OUT_OF_RANGE' })
      }),
    )
  })

  it('signedInt is symmetric around zero', () => {
    fc.assert(fc.property(fc.maxSafeInteger(), (value) => void expectRoundTrip(signedInt, value)))
    for (const value of [-MAX_SAFE, -1, 0, 1, MAX_SAFE]) expectRoundTrip(signedInt, value)
    for (const value of [1n << 53n, -(1n << 53n), -(1n << 63n), (1n << 63n) - 1n]) {
      const writer = new Writer()
      writer.i64(value)
      expect(decode(signedInt, writer.finish())).toEqual({ ok: false, code: 'OUT_OF_RANGE' })
    }
    expect(() => encode(signedInt, MAX_SAFE + 1)).toThrow(AssertionError)
  })
})

type Shape =
  | { readonly kind: 'point'; readonly x: number; readonly tags: readonly Uint8Array[] }
  | { readonly kind: 'flag'; readonly on: boolean; readonly note: Uint8Array | null }

const shapeCodec: Codec<Shape> = union<Shape>({
  point: { tag: 7, codec: struct({ x: signedInt, tags: list(bytes(6), 5) }) },
  flag: { tag: 2, codec: struct({ on: bool, note: optional(fixedBytes(3)) }) },
})
const shape: fc.Arbitrary<Shape> = fc.oneof(
  fc.record({
    kind: fc.constant('point' as const),
    x: fc.maxSafeInteger(),
    tags: fc.array(fc.uint8Array({ maxLength: 6 }), { maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant('flag' as const),
    on: fc.boolean(),
    note: fc.option(fc.uint8Array({ minLength: 3, maxLength: 3 })),
  }),
)

describe('composed codecs', () => {
  it('round-trip and refuse every other byte string', () => {
    fc.assert(
      fc.property(shape, (value) => {
        const encoded = expectRoundTrip(shapeCodec, value)
        expectEveryTruncationFails(shapeCodec, encoded)
        expectTrailingBytesFail(shapeCodec, encoded)
        expectMutationsCanonical(shapeCodec, encoded)
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => expectCanonical(shapeCodec, noise)),
      { numRuns: 2_000 },
    )
  })

  it.each([
    ['an unknown union tag', Uint8Array.of(3, 0), 'BAD_TAG'],
    ['a bool of 2', Uint8Array.of(2, 2, 0), 'BAD_TAG'],
    ['an option of 2', Uint8Array.of(2, 1, 2, 1, 1, 1), 'BAD_TAG'],
    ['nothing', new Uint8Array(0), 'TRUNCATED'],
    [
      'a list above its maximum',
      Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 1, 1, 1, 1, 1, 1),
      'TOO_LONG',
    ],
    [
      'bytes above their maximum',
      Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7),
      'TOO_LONG',
    ],
    ['a byte too many', Uint8Array.of(2, 0, 0, 0), 'TRAILING_BYTES'],
  ])('name the fault: %s', (_, encoded, code) => {
    expect(decode(shapeCodec, encoded)).toEqual({ ok: false, code })
  })

  it('assert what a program may not encode', () => {
    expect(() => encode(bytes(2), new Uint8Array(3))).toThrow(AssertionError)
    expect(() => encode(fixedBytes(2), new Uint8Array(3))).toThrow(AssertionError)
    expect(() => encode(list(u8, 2), [1, 2, 3])).toThrow(AssertionError)
    expect(() => encode(shapeCodec, { kind: 'other' } as unknown as Shape)).toThrow(AssertionError)
    const twice = { tag: 1, codec: struct({ x: u8 }) }
    expect(() =>
      union<{ kind: 'a'; x: number } | { kind: 'b'; x: number }>({ a: twice, b: twice }),
    ).toThrow(AssertionError)
  })
})

describe('Reader', () => {
  it('gives copies, also of a Buffer, whose memory may be used again', () => {
    const source = Buffer.from([1, 2, 3])
    const copy = new Reader(source).raw(3)
    source.fill(9)
    expect([...copy]).toEqual([1, 2, 3])
    expect(copy).not.toBeInstanceOf(Buffer)
  })

  it('keeps the first fault and returns zeros after it', () => {
    const reader = new Reader(Uint8Array.of(1, 2, 3))
    expect(reader.u32()).toBe(0)
    expect(reader.fault).toBe('TRUNCATED')
    reader.fail('BAD_TAG')
    expect([reader.fault, reader.u8(), reader.u64(), reader.raw(1).length]).toEqual([
      'TRUNCATED',
      0,
      0n,
      0,
    ])
  })

  it('copies: a decoded value does not share memory with its source', () => {
    const source = Uint8Array.of(9, 9)
    const decoded = decode(fixedBytes(2), source)
    source.fill(0)
    expect(decoded).toEqual({ ok: true, value: Uint8Array.of(9, 9) })
  })

  it('reads a view at an offset of its buffer', () => {
    const buffer = Uint8Array.of(255, 255, 0, 0, 1, 0, 255)
    expect(decode(u32, buffer.subarray(2, 6))).toEqual({ ok: true, value: 256 })
  })
})

describe('a hostile count', () => {
  it('costs no element read when the input cannot hold it', () => {
    let reads = 0
    const counting: Codec<number> = mapped(
      u8,
      (value) => {
        reads++
        return value
      },
      (value) => value,
    )
    const input = Uint8Array.of(0xff, 0xff, 0xff, 0xff, ...new Uint8Array(100))
    expect(decode(list(counting, 0xffffffff), input)).toEqual({ ok: false, code: 'TRUNCATED' })
    expect(reads).toBe(0)
  })

  it('stops at the first element that fails', () => {
    const elements = list(bytes(0xffffffff), 0xffffffff)
    const input = Uint8Array.of(0, 0, 0, 50, 0xff, 0xff, 0xff, 0xf0, ...new Uint8Array(100))
    const before = process.memoryUsage().arrayBuffers
    expect(decode(elements, input)).toEqual({ ok: false, code: 'TRUNCATED' })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20)
  })
})

describe('Writer', () => {
  it('grows past its capacity without losing what was written', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.nat(8), (parts, capacity) => {
        const writer = new Writer(capacity)
        for (const part of parts) writer.raw(part)
        expect([...writer.finish()]).toEqual(parts.flatMap((part) => [...part]))
      }),
    )
  })
})
