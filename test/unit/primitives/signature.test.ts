import { secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bigintToBytes,
  bytesToBigint,
  concatBytes,
  fromHex,
  toHex,
} from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import {
  addressOfPrivateKey,
  addressOfPublicKey,
  assertSignaturesAgree,
  nobleScheme,
  recoverAddress,
  type SignatureScheme,
  signatures,
} from '../../../core/primitives/signature.ts'

const ORDER = secp256k1.Point.Fn.ORDER
const FIELD = secp256k1.Point.Fp.ORDER
const schemes: readonly SignatureScheme[] = [signatures, nobleScheme]

const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })
const privateKey = fc
  .oneof(fc.bigInt({ min: 1n, max: ORDER - 1n }), fc.constantFrom(1n, 2n, ORDER - 2n, ORDER - 1n))
  .map((value) => bigintToBytes(value, 32))
const digest = fc.oneof(bytesOf(32), fc.constant(new Uint8Array(32)))
const highSOf = (signature: Uint8Array): Uint8Array =>
  concatBytes(
    signature.subarray(0, 32),
    bigintToBytes(ORDER - bytesToBigint(signature.subarray(32)), 32),
  )

/** Both schemes' answers; a scheme that throws answers with the error. */
const answers = <T>(ask: (scheme: SignatureScheme) => T): unknown[] =>
  schemes.map((scheme) => {
    try {
      return ask(scheme)
    } catch (error) {
      return error
    }
  })
function expectAgreement<T>(ask: (scheme: SignatureScheme) => T): T {
  const [ours, theirs] = answers(ask)
  expect(ours).not.toBeInstanceOf(Error)
  expect(ours).toEqual(theirs)
  return ours as T
}

describe('the two schemes', () => {
  it('are the native one and the reference', () => {
    expect(schemes.map((scheme) => scheme.name)).toEqual(['native', 'noble'])
  })

  it('sign alike (RFC 6979, low s), verify and recover what they signed', () => {
    const property = fc.property(privateKey, digest, (key, message) => {
      const { signature, recovery } = expectAgreement((scheme) => scheme.sign(message, key))
      const publicKey = expectAgreement((scheme) => scheme.publicKeyOf(key))
      const expanded = expectAgreement((scheme) => scheme.expand(publicKey))
      expect(bytesToBigint(signature.subarray(32)) <= ORDER / 2n).toBe(true)
      expect(expectAgreement((scheme) => scheme.verify(signature, message, publicKey))).toBe(true)
      expect(expectAgreement((scheme) => scheme.recover(signature, recovery, message))).toEqual(
        expanded,
      )
      const high = highSOf(signature)
      expect(expectAgreement((scheme) => scheme.verify(high, message, publicKey))).toBe(false)
      expect(expectAgreement((scheme) => scheme.recover(high, 1 - recovery, message))).toBeNull()
    })
    fc.assert(property, { numRuns: 40 })
  })

  it('answer alike about any bytes and never throw', () => {
    const edges = fc.constantFrom(
      0n,
      1n,
      ORDER / 2n,
      ORDER / 2n + 1n,
      ORDER - 1n,
      ORDER,
      ORDER + 1n,
      FIELD - 1n,
      FIELD,
      (1n << 256n) - 1n,
    )
    const scalar = fc
      .oneof(edges, fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }))
      .map((value) => bigintToBytes(value, 32))
    const signature = fc.oneof(
      fc.tuple(scalar, scalar).map(([r, s]) => concatBytes(r, s)),
      fc.uint8Array({ maxLength: 70 }),
    )
    const point = fc
      .tuple(fc.constantFrom(0, 2, 3, 4, 6), scalar)
      .map(([tag, x]) => Uint8Array.of(tag, ...x))
    const key = fc.oneof(point, fc.uint8Array({ maxLength: 70 }))
    const message = fc.oneof(digest, fc.uint8Array({ maxLength: 40 }))
    const property = fc.property(
      signature,
      message,
      key,
      scalar,
      fc.integer({ min: -1, max: 4 }),
      (raw, hashed, publicKey, secret, recovery) => {
        expectAgreement((scheme) => scheme.verify(raw, hashed, publicKey))
        expectAgreement((scheme) => scheme.recover(raw, recovery, hashed))
        expectAgreement((scheme) => scheme.isPrivateKey(secret))
        expectAgreement((scheme) => scheme.isPrivateKey(publicKey))
        if (expectAgreement((scheme) => scheme.isPublicKey(publicKey)))
          expectAgreement((scheme) => scheme.expand(publicKey))
      },
    )
    fc.assert(property, { numRuns: 300 })
  })
})

describe('keys', () => {
  it.each([
    ['zero', 0n, false],
    ['one', 1n, true],
    ['the order less one', ORDER - 1n, true],
    ['the order', ORDER, false],
    ['all ones', (1n << 256n) - 1n, false],
  ])('judge a private key of %s', (_, value, expected) => {
    for (const scheme of schemes)
      expect(scheme.isPrivateKey(bigintToBytes(value, 32))).toBe(expected)
  })

  it('take compressed keys only, on the curve only', () => {
    const compressed = signatures.publicKeyOf(keccak256(Uint8Array.of(1)))
    const uncompressed = concatBytes(Uint8Array.of(4), signatures.expand(compressed))
    const offCurve = Uint8Array.of(2, ...bigintToBytes(5n, 32))
    for (const scheme of schemes) {
      expect(scheme.isPublicKey(compressed)).toBe(true)
      expect(scheme.isPublicKey(uncompressed)).toBe(false)
      expect(scheme.isPublicKey(offCurve)).toBe(false)
      expect(scheme.isPublicKey(Uint8Array.of(2, ...bigintToBytes(FIELD, 32)))).toBe(false)
    }
  })
})

describe('addresses', () => {
  // The first account of the well-known test mnemonic.
  const key = fromHex('ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
  const address = 'f39fd6e51aad88f6f4ce6ab8827279cfffb92266'

  it('are those of Ethereum', () => {
    expect(toHex(addressOfPrivateKey(key))).toBe(address)
    expect(toHex(addressOfPublicKey(signatures.expand(signatures.publicKeyOf(key))))).toBe(address)
  })

  it('are recovered from a signature; another digest gives another signer', () => {
    const message = keccak256(Uint8Array.of(1))
    const { signature, recovery } = signatures.sign(message, key)
    expect(toHex(recoverAddress(signature, recovery, message) ?? new Uint8Array(0))).toBe(address)
    const other = recoverAddress(signature, recovery, keccak256(Uint8Array.of(2)))
    expect(other === null || toHex(other) !== address).toBe(true)
    expect(recoverAddress(highSOf(signature), 1 - recovery, message)).toBeNull()
    expect(recoverAddress(signature, 2, message)).toBeNull()
  })
})

describe('assertSignaturesAgree', () => {
  const planted = (change: Partial<SignatureScheme>): SignatureScheme => ({
    ...signatures,
    ...change,
  })

  it('accepts the scheme in use and the reference', () => {
    expect(() => assertSignaturesAgree()).not.toThrow()
    expect(() => assertSignaturesAgree(nobleScheme)).not.toThrow()
  })

  it.each<[string, Partial<SignatureScheme>, string]>([
    ['verifies everything', { verify: () => true }, 'another digest does not verify'],
    ['verifies nothing', { verify: () => false }, 'a signature verifies'],
    ['recovers nothing', { recover: () => null }, 'the signer is recovered'],
    [
      'recovers somebody else',
      { recover: (s, recovery, d) => signatures.recover(s, 1 - recovery, d) },
      'the recovered signer is the signer',
    ],
    [
      'signs with high s',
      {
        sign: (d, k) => {
          const { signature, recovery } = signatures.sign(d, k)
          return { signature: highSOf(signature), recovery: 1 - recovery }
        },
      },
      'signatures agree',
    ],
    [
      'gives the wrong recovery id',
      {
        sign: (d, k) => ({
          ...signatures.sign(d, k),
          recovery: 1 - signatures.sign(d, k).recovery,
        }),
      },
      'recovery ids agree',
    ],
    [
      'signs another digest',
      { sign: (d, k) => signatures.sign(keccak256(d), k) },
      'signatures agree',
    ],
    [
      'derives another key',
      { publicKeyOf: (k) => signatures.publicKeyOf(keccak256(k)) },
      'public keys agree',
    ],
    [
      'expands another key',
      { expand: () => new Uint8Array(64) },
      'the recovered signer is the signer',
    ],
  ])('catches one that %s', (_, change, message) => {
    expect(() => assertSignaturesAgree(planted(change))).toThrow(message)
  })
})
