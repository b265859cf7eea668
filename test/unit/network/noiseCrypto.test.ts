import { pureJsCrypto } from '@libp2p/noise'
import { defaultCrypto } from '@libp2p/noise/crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { noiseCrypto } from '../../../node/network/noiseCrypto.ts'

const NONE = new Uint8Array(0)
/** A list as yamux hands it over; its class is noise's dependency, not ours. */
const emptyList = defaultCrypto.chaCha20Poly1305Encrypt(
  { byteLength: 1_200, *[Symbol.iterator]() {} } as never,
  new Uint8Array(12),
  NONE,
  new Uint8Array(32),
) as Exclude<ReturnType<typeof defaultCrypto.chaCha20Poly1305Encrypt>, Uint8Array>

function listOf(parts: readonly Uint8Array[]) {
  const list = emptyList.sublist(0, 0)
  for (const part of parts) list.append(part)
  return list
}

const bytesOf = (from: { subarray(): Uint8Array }): Uint8Array => Uint8Array.from(from.subarray())

/** Lengths around every choice of a cipher, in parts. */
const parts = fc
  .array(
    fc
      .tuple(fc.constantFrom(0, 1, 12, 400, 511, 1_187, 1_200, 8_000, 8_192, 65_519), fc.nat(20))
      .map(([length, more]) => length + more),
    { minLength: 1, maxLength: 4 },
  )
  .map((lengths) =>
    lengths.map((length, at) =>
      Uint8Array.from({ length }, (_, i) => (i * 7 + at + length) & 0xff),
    ),
  )
const sealing = fc.record({
  parts,
  key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  nonce: fc.uint8Array({ minLength: 12, maxLength: 12 }),
  ad: fc.uint8Array({ maxLength: 40 }),
})

it('seals to the bytes of the reference, and opens what the reference sealed', () => {
  fc.assert(
    fc.property(sealing, ({ parts, key, nonce, ad }) => {
      const plain = bytesOf(listOf(parts))
      const expected = bytesOf(pureJsCrypto.chaCha20Poly1305Encrypt(plain, nonce, ad, key))
      for (const given of [plain, listOf(parts)]) {
        const sealed = noiseCrypto.chaCha20Poly1305Encrypt(given, nonce, ad, key)
        expect(bytesOf(sealed)).toEqual(expected)
        expect(sealed.byteLength).toBe(plain.length + 16)
      }
      const cut = Math.floor(expected.length / 3)
      const pieces = [expected.slice(0, cut), expected.slice(cut)]
      for (const given of [expected.slice(), listOf(pieces)])
        expect(bytesOf(noiseCrypto.chaCha20Poly1305Decrypt(given, nonce, ad, key))).toEqual(plain)
    }),
    { numRuns: 60 },
  )
})

it('opens nothing that was changed, whichever byte, nor under another key, nonce or additional data', () => {
  const flip = (bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> =>
    Uint8Array.from(bytes, (byte, i) => (i === at % bytes.length ? byte ^ 1 : byte))
  fc.assert(
    fc.property(sealing, fc.nat(), ({ parts, key, nonce, ad }, at) => {
      const sealed = bytesOf(noiseCrypto.chaCha20Poly1305Encrypt(listOf(parts), nonce, ad, key))
      const open = (bytes: Uint8Array, n = nonce, k = key, a = ad) =>
        noiseCrypto.chaCha20Poly1305Decrypt(listOf([bytes]), n, a, k)
      expect(() => open(flip(sealed, at))).toThrow()
      expect(() => open(flip(sealed, sealed.length - 1 - (at % 16)))).toThrow()
      expect(() => open(sealed, flip(nonce, at))).toThrow()
      expect(() => open(sealed, nonce, flip(key, at))).toThrow()
      expect(() => open(sealed, nonce, key, Uint8Array.of(...ad, 1))).toThrow()
      expect(bytesOf(open(sealed))).toEqual(bytesOf(listOf(parts)))
    }),
    { numRuns: 60 },
  )
})
