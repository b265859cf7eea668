import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { equalBytes, fromHex, toHex } from '../../core/primitives/bytes.ts'
import { nobleScheme, type SignatureScheme, signatures } from '../../core/primitives/signature.ts'

type Vector = {
  readonly tcId: number
  readonly comment: string
  readonly msg: string
  readonly sig: string
  readonly result: 'valid' | 'invalid'
}
type Group = {
  readonly publicKey: { readonly uncompressed: string }
  readonly sha: string
  readonly tests: readonly Vector[]
}
type VectorFile = { readonly numberOfTests: number; readonly testGroups: readonly Group[] }

const ORDER = secp256k1.Point.Fn.ORDER
const schemes: readonly SignatureScheme[] = [signatures, nobleScheme]

const readVectors = (name: string): VectorFile =>
  JSON.parse(readFileSync(new URL(`./wycheproof/${name}`, import.meta.url), 'utf8'))

const sha256 = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.from(createHash('sha256').update(bytes).digest())

const compress = (uncompressed: string): Uint8Array =>
  secp256k1.Point.fromHex(uncompressed).toBytes(true)

const isLowS = (compact: Uint8Array): boolean =>
  BigInt(`0x${toHex(compact.subarray(32))}`) <= ORDER / 2n

/** A DER INTEGER as 32 big-endian bytes; null when negative, not minimal, too large or cut short. */
function derInteger(bytes: Uint8Array, at: number): { value: Uint8Array; next: number } | null {
  const length = bytes[at + 1]
  if (bytes[at] !== 0x02 || length === undefined || length === 0 || length > 33) return null
  const raw = bytes.subarray(at + 2, at + 2 + length)
  const [first = 0, second = 0] = raw
  if (raw.length !== length || first >= 0x80) return null
  if (length > 1 && first === 0 && second < 0x80) return null
  const digits = first === 0 ? raw.subarray(1) : raw
  if (digits.length > 32) return null
  const value = new Uint8Array(32)
  value.set(digits, 32 - digits.length)
  return { value, next: at + 2 + length }
}

/** Strict DER (X.690 §10) to r ‖ s: short lengths only, since two 33-byte integers never need more. */
function compactOfDer(der: Uint8Array): Uint8Array | null {
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der.length > 72) return null
  const r = derInteger(der, 2)
  const s = r === null ? null : derInteger(der, r.next)
  if (r === null || s === null || s.next !== der.length) return null
  return Uint8Array.of(...r.value, ...s.value)
}

type Expectation = (vector: Vector, compact: Uint8Array) => boolean
/** Bitcoin's set already calls a high s invalid. */
const asStated: Expectation = (vector) => vector.result === 'valid'
/** Plain ECDSA: Nexus refuses the valid twin (r, n − s) of a signature. */
const validAndLowS: Expectation = (vector, compact) => vector.result === 'valid' && isLowS(compact)

const files = [
  {
    name: 'ecdsa_secp256k1_sha256_bitcoin_test.json',
    compactOf: compactOfDer,
    expectation: asStated,
  },
  {
    name: 'ecdsa_secp256k1_sha256_p1363_test.json',
    compactOf: (raw: Uint8Array): Uint8Array | null => raw,
    expectation: validAndLowS,
  },
  { name: 'ecdsa_secp256k1_sha256_test.json', compactOf: compactOfDer, expectation: validAndLowS },
]

describe.each(files)('Wycheproof $name', ({ name, compactOf, expectation }) => {
  const file = readVectors(name)
  const vectors = file.testGroups.flatMap((group) =>
    group.tests.map((vector) => ({ vector, key: group.publicKey.uncompressed, sha: group.sha })),
  )

  it('is complete', () => {
    expect(vectors.length).toBe(file.numberOfTests)
    expect(vectors.every(({ sha }) => sha === 'SHA-256')).toBe(true)
    expect(schemes.map((scheme) => scheme.name)).toEqual(['native', 'noble'])
  })

  it.each(schemes)('$name verifies what is valid with a low s, and nothing else', (scheme) => {
    for (const { vector, key } of vectors) {
      const compact = compactOf(fromHex(vector.sig))
      const expected = compact !== null && expectation(vector, compact)
      const verified =
        compact !== null && scheme.verify(compact, sha256(fromHex(vector.msg)), compress(key))
      expect(verified, `vector ${vector.tcId}: ${vector.comment}`).toBe(expected)
      // A form that cannot be parsed is never one that the file calls valid.
      if (compact === null) expect(vector.result, `vector ${vector.tcId}`).toBe('invalid')
    }
  })

  it('recovers the same key in both schemes, and the signer of what is valid', () => {
    const unrecovered: string[] = []
    let valid = 0
    for (const { vector, key } of vectors) {
      const compact = compactOf(fromHex(vector.sig))
      if (compact === null) continue
      const digest = sha256(fromHex(vector.msg))
      const signer = fromHex(key).subarray(1)
      const keys = [0, 1].map((recovery) => {
        const [ours, theirs] = schemes.map((scheme) => scheme.recover(compact, recovery, digest))
        expect(ours, `vector ${vector.tcId} recovery ${recovery}`).toEqual(theirs)
        return ours
      })
      if (!expectation(vector, compact)) continue
      valid++
      if (!keys.some((found) => found && equalBytes(found, signer)))
        unrecovered.push(vector.comment)
    }
    expect(valid).toBeGreaterThan(90)
    // R with x ≥ n needs the recovery ids 2 and 3, which Ethereum does not have.
    expect(unrecovered.filter((comment) => comment !== 'k*G has a large x-coordinate')).toEqual([])
  })
})
