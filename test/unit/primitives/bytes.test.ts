import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AssertionError } from '../../../core/primitives/assert.ts'
import {
  bigintToBytes,
  bytesToBigint,
  compareBytes,
  concatBytes,
  equalBytes,
  fromHex,
  parseHex,
  toHex,
} from '../../../core/primitives/bytes.ts'

/** Few byte values and short strings, so that equal pairs and common prefixes happen often. */
const close = fc
  .array(fc.constantFrom(0, 1, 127, 128, 255), { maxLength: 4 })
  .map((values) => Uint8Array.from(values))

describe('compareBytes', () => {
  it('is the order of Node buffers, which is the order of LevelDB keys', () => {
    fc.assert(
      fc.property(close, close, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b))
      }),
      { numRuns: 1_000 },
    )
  })

  it('is total: antisymmetric, transitive, zero exactly for equal bytes', () => {
    fc.assert(
      fc.property(close, close, close, (a, b, c) => {
        expect(Math.sign(compareBytes(a, b)) + Math.sign(compareBytes(b, a))).toBe(0)
        expect(compareBytes(a, b) === 0).toBe(equalBytes(a, b))
        if (compareBytes(a, b) <= 0 && compareBytes(b, c) <= 0)
          expect(compareBytes(a, c)).toBeLessThanOrEqual(0)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('bigints and bytes', () => {
  it('round-trip at every width', () => {
    const sized = fc
      .integer({ min: 1, max: 40 })
      .chain((length) =>
        fc.tuple(fc.constant(length), fc.bigInt({ min: 0n, max: (1n << BigInt(8 * length)) - 1n })),
      )
    fc.assert(
      fc.property(sized, ([length, value]) => {
        const bytes = bigintToBytes(value, length)
        expect(bytes.length).toBe(length)
        expect(bytesToBigint(bytes)).toBe(value)
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        expect(bigintToBytes(bytesToBigint(bytes), bytes.length)).toEqual(bytes)
      }),
    )
  })

  it('read the empty array as zero and refuse what does not fit', () => {
    expect(bytesToBigint(new Uint8Array(0))).toBe(0n)
    expect(() => bigintToBytes(256n, 1)).toThrow(AssertionError)
    expect(() => bigintToBytes(-1n, 1)).toThrow(AssertionError)
    expect(bigintToBytes(255n, 1)).toEqual(Uint8Array.of(255))
  })
})

describe('hex', () => {
  it('round-trips with and without a prefix, in either case', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = toHex(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('hex'))
        for (const form of [text, `0x${text}`, text.toUpperCase()]) {
          expect(fromHex(form)).toEqual(bytes)
          expect(parseHex(form)).toEqual({ ok: true, value: bytes })
        }
      }),
    )
  })

  it.each(['0', '0x1', '0xzz', 'g0', '0x 0', ' 00', '00\n', '0x0x00', '0X00', '-1'])(
    'refuses %j',
    (text) => {
      expect(parseHex(text)).toEqual({ ok: false, code: 'NOT_HEX' })
      expect(() => fromHex(text)).toThrow(AssertionError)
    },
  )
})

describe('concatBytes', () => {
  it('joins parts in order into memory of its own', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 10 })), (parts) => {
        const joined = concatBytes(...parts)
        expect([...joined]).toEqual(parts.flatMap((part) => [...part]))
        for (const part of parts) expect(joined.buffer).not.toBe(part.buffer)
      }),
    )
  })
})
