import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { AssertionError } from '../../../core/primitives/assert.ts'
import { concatBytes, toHex } from '../../../core/primitives/bytes.ts'
import {
  assertHashesAgree,
  DOMAIN,
  hash,
  keccak256,
  merkleRoot,
  sha256,
} from '../../../core/primitives/hash.ts'

const reference = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hasher = createHash('sha256')
  for (const part of parts) hasher.update(part)
  return Uint8Array.from(hasher.digest())
}
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('the hashes', () => {
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

describe('assertHashesAgree', () => {
  afterEach(() => {
    vi.doUnmock('hash-wasm')
    vi.resetModules()
  })

  /** The module as it is when the wasm package is replaced. */
  async function loadWith(
    wasm: object,
  ): Promise<typeof import('../../../core/primitives/hash.ts')> {
    vi.resetModules()
    vi.doMock('hash-wasm', () => wasm)
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
    const wrong = await loadWith({
      createKeccak: nodeHasher('sha3-256'),
      createSHA256: nodeHasher('sha256'),
    })
    expect(() => wrong.assertHashesAgree()).toThrow('keccak256 agrees')
  })

  it('catches a wrong SHA-256', async () => {
    const { createKeccak } = await vi.importActual<typeof import('hash-wasm')>('hash-wasm')
    const wrong = await loadWith({ createKeccak, createSHA256: nodeHasher('sha512-256') })
    expect(() => wrong.assertHashesAgree()).toThrow('sha256 agrees')
  })

  it('lets the reference stand in where wasm cannot start', async () => {
    const refuse = async (): Promise<never> => Promise.reject(new Error('no wasm'))
    const fallback = await loadWith({ createKeccak: refuse, createSHA256: refuse })
    expect(() => fallback.assertHashesAgree()).not.toThrow()
    expect(fallback.keccak256(text('x'))).toEqual(keccak256(text('x')))
    expect(fallback.sha256(text('x'))).toEqual(sha256(text('x')))
  })
})
