import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../node/storage/crc32c.ts'

/** The definition, bit by bit. */
function reference(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

describe('crc32c', () => {
  it('has the check value of the CRC catalogue and those of RFC 3720 §B.4', () => {
    const ascending = Uint8Array.from({ length: 32 }, (_, i) => i)
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
    expect(crc32c(ascending)).toBe(0x46dd794e)
    expect(crc32c(ascending.toReversed())).toBe(0x113fdb5c)
  })

  it('agrees with its definition at every length, in parts and on a part of an array', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
        const at = Math.min(cut, bytes.length)
        expect(crc32c(bytes)).toBe(reference(bytes))
        expect(crc32c(bytes.subarray(at), crc32c(bytes.subarray(0, at)))).toBe(reference(bytes))
        expect(crc32c(bytes, 0, at)).toBe(reference(bytes.subarray(0, at)))
      }),
    )
  })
})
