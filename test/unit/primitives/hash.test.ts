import { createHash } from 'node:crypto'
import { keccak_256 } from '@noble/hashes/sha3.js'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { AssertionError } from '../../../core/primitives/assert.ts'
import { concatBytes, toHex } from '../../../core/primitives/bytes.ts'
import {
  assertHashesAgree,
  DOMAIN,
  hash,
  keccak256,
  keccakView,
  merkleRoot,
  sha256,
} from '../../../core/primitives/hash.ts'

const reference = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hasher = createHash('sha256')
  for (const part of parts) hasher.update(part)
  return Uint8Array.from(hasher.digest())
}
const digestIn = (view: DataView): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice()
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('the hashes', () => {
  it('with a domain are over its byte and all parts, whatever was hashed before', () => {
    const lengths = [
      0,
      1,
      510,
      511,
      512,
      513,
      5_417,
      65_535,
      65_536,
      2 ** 19 - 1,
      2 ** 19,
      2 ** 19 + 1,
    ]
    // Long ones first too: what they leave behind must not get into a short one.
    for (const length of [...lengths, ...lengths.toReversed()]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 0xff)
      const [first, rest] = [bytes.subarray(0, length >> 1), bytes.subarray(length >> 1)]
      const expected = reference(Uint8Array.of(DOMAIN.batch), bytes)
      expect(hash(DOMAIN.batch, bytes)).toEqual(expected)
      expect(hash(DOMAIN.batch, first, rest)).toEqual(expected)
    }
  })

  it('are SHA-256 (FIPS 180-4) and the Keccak-256 of Ethereum', () => {
    expect(toHex(sha256(text('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    )
    expect(toHex(keccak256(text('')))).toBe(
      'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470',
    )
    expect(toHex(keccak256(text('Transfer(address,address,uint256)')))).toBe(
      'ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef',
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(sha256(bytes)).toEqual(reference(bytes))
      }),
    )
  })

  it('return memory that the next call does not overwrite', () => {
    const [first, second] = [keccak256(text('a')), keccak256(text('b'))]
    expect(toHex(first)).not.toBe(toHex(second))
    expect(first).toEqual(keccak256(text('a')))
    expect(sha256(text('a'))).toEqual(reference(text('a')))
  })

  it('start with a domain byte that no other kind of value uses', () => {
    const domains = Object.values(DOMAIN)
    expect(new Set(domains).size).toBe(domains.length)
    expect(
      domains.every((domain) => Number.isInteger(domain) && domain >= 0x30 && domain <= 0xff),
    ).toBe(true)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const hashes = domains.map((domain) => toHex(hash(domain, bytes)))
        expect(new Set(hashes).size).toBe(domains.length)
        expect(hash(DOMAIN.header, bytes)).toEqual(reference(Uint8Array.of(0x30), bytes))
      }),
    )
  })
})

/** RFC 6962 §2.1 as written: split at the largest power of two below the length. */
function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return reference(Uint8Array.of(DOMAIN.treeEmpty))
  if (leaves.length === 1) return leaves[0] as Uint8Array
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  const [left, right] = [naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split))]
  return reference(concatBytes(Uint8Array.of(DOMAIN.treeNode), left, right))
}

const leafOf = (item: number): Uint8Array => hash(DOMAIN.payloadItem, Uint8Array.of(item))

describe('merkleRoot', () => {
  it('is the root of RFC 6962 at every length', () => {
    for (let length = 0; length <= 70; length++) {
      const leaves = Array.from({ length }, (_, i) => leafOf(i))
      expect(toHex(merkleRoot(leaves)), `${length} leaves`).toBe(toHex(naiveRoot(leaves)))
    }
  })

  it('differs for every two lists of up to 9 leaves over two values', () => {
    const roots = new Set<string>()
    let lists = 0
    for (let length = 0; length <= 9; length++) {
      for (let bits = 0; bits < 1 << length; bits++) {
        roots.add(toHex(merkleRoot(Array.from({ length }, (_, i) => leafOf((bits >> i) & 1)))))
        lists++
      }
    }
    expect(roots.size).toBe(lists)
  })

  it('takes hashes only: raw items could be cut at another place', () => {
    const [a, b] = [Uint8Array.of(1, 2), Uint8Array.of(3)]
    expect(() => merkleRoot([a, b])).toThrow(AssertionError)
    expect(() => merkleRoot([new Uint8Array(33)])).toThrow(AssertionError)
  })

  it('leaves its input as it was', () => {
    const leaves = Array.from({ length: 5 }, (_, i) => leafOf(i))
    const copy = leaves.map((leaf) => leaf.slice())
    merkleRoot(leaves)
    expect(leaves).toEqual(copy)
  })
})

describe('keccak256', () => {
  it('agrees with the reference around every boundary, also of what is taken in at a time', () => {
    for (const length of [
      0, 1, 64, 65, 135, 136, 137, 272, 64_871, 65_007, 65_008, 65_143, 130_200,
    ]) {
      const input = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 0xff)
      expect(toHex(keccak256(input)), `length ${length}`).toBe(toHex(keccak_256(input)))
    }
  })

  it('agrees with the reference on any range of any bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 1_500 })
    fc.assert(
      fc.property(bytes, fc.nat(1_500), fc.nat(1_500), (input, a, b) => {
        const start = Math.min(a, b, input.length)
        const stop = Math.min(Math.max(a, b), input.length)
        const expected = keccak_256(input.subarray(start, stop))
        expect(digestIn(keccakView(input, start, stop))).toEqual(expected)
      }),
    )
  })
})

describe('assertHashesAgree', () => {
  afterEach(() => {
    vi.doUnmock('hash-wasm')
    vi.doUnmock('../../../core/primitives/keccak.ts')
    vi.unstubAllGlobals()
    vi.resetModules()
  })

  /** The module as it is when what hashes in wasm is replaced. */
  async function loadWith(
    wasm: object,
    keccak?: object,
  ): Promise<typeof import('../../../core/primitives/hash.ts')> {
    vi.resetModules()
    vi.doMock('hash-wasm', () => wasm)
    if (keccak !== undefined) vi.doMock('../../../core/primitives/keccak.ts', () => keccak)
    return import('../../../core/primitives/hash.ts')
  }
  const nodeHasher =
    (name: string): (() => Promise<object>) =>
    async () => {
      let hasher = createHash(name)
      const self = {
        init: () => {
          hasher = createHash(name)
          return self
        },
        update: (bytes: Uint8Array) => {
          hasher.update(bytes)
          return self
        },
        digest: () => Uint8Array.from(hasher.digest()),
      }
      return self
    }

  it('accepts the implementations in use', () => {
    expect(() => assertHashesAgree()).not.toThrow()
  })

  it('catches a Keccak that is really SHA-3', async () => {
    const sha3 = (bytes: Uint8Array): Uint8Array =>
      Uint8Array.from(createHash('sha3-256').update(bytes).digest())
    const wrong = await loadWith(
      { createSHA256: nodeHasher('sha256') },
      { createKeccak: () => ({ hashOf: sha3 }) },
    )
    expect(() => wrong.assertHashesAgree()).toThrow('keccak256 agrees')
  })

  it('catches a wrong SHA-256', async () => {
    const wrong = await loadWith({ createSHA256: nodeHasher('sha512-256') })
    expect(() => wrong.assertHashesAgree()).toThrow('sha256 agrees')
  })

  it('lets the reference stand in where wasm cannot start', async () => {
    const refuse = async (): Promise<never> => Promise.reject(new Error('no wasm'))
    vi.stubGlobal('WebAssembly', undefined)
    const fallback = await loadWith({ createSHA256: refuse })
    expect(() => fallback.assertHashesAgree()).not.toThrow()
    expect(fallback.keccak256(text('x'))).toEqual(keccak256(text('x')))
    expect(digestIn(fallback.keccakView(text('axb'), 1, 2))).toEqual(keccak256(text('x')))
    expect(fallback.sha256(text('x'))).toEqual(sha256(text('x')))
  })
})
