import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../../core/primitives/bytes.ts'
import { ByteCache } from '../../../evm/byteCache.ts'

const keyOf = (i: number): Uint8Array =>
  Uint8Array.from({ length: 1 + (i % 5) }, (_, at) => (i * 37 + at * 11) & 0xff)
const bytesFrom = (i: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (i + at * 7) & 0xff)

const operation = fc.tuple(
  fc.constantFrom('set', 'set', 'find', 'find', 'delete'),
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 0, max: 90 }),
)

function found(cache: ByteCache, key: Uint8Array): string | null {
  const at = cache.find(key)
  return at < 0 ? null : toHex(cache.bytes.subarray(at, at + cache.length))
}

describe('a cache of bytes', () => {
  it('has of a key the value set last or nothing, whatever left it', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 600 }), (operations) => {
        const cache = new ByteCache(0, 40)
        const model = new Map<string, string>()
        for (const [what, i, length] of operations) {
          const key = keyOf(i)
          if (what === 'set') {
            const value = bytesFrom(i + length, length)
            cache.set(key, key.length, value, 0, length)
            model.set(toHex(key), toHex(value))
            expect(found(cache, key)).toBe(toHex(value))
          } else if (what === 'delete') {
            cache.delete(key)
            model.delete(toHex(key))
            expect(cache.find(key)).toBe(-1)
          } else {
            const value = found(cache, key)
            if (value !== null) expect(value).toBe(model.get(toHex(key)))
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('keeps what is used, within its bytes', () => {
    const cache = new ByteCache(64 * 1024, 60)
    expect(cache.bytes.length).toBeLessThanOrEqual(64 * 1024)
    const hot = Uint8Array.of(1)
    cache.set(hot, 1, bytesFrom(1, 40), 0, 40)
    for (let i = 0; i < 10_000; i++) {
      const key = Uint8Array.of(2, i & 0xff, i >> 8)
      cache.set(key, 3, bytesFrom(i, 60), 0, 60)
      expect(found(cache, key)).toBe(toHex(bytesFrom(i, 60)))
      if (i % 50 === 0) expect(found(cache, hot)).toBe(toHex(bytesFrom(1, 40)))
    }
    expect(cache.find(Uint8Array.of(2, 0, 0))).toBe(-1)
  })

  it('does not take what is too long for it', () => {
    const cache = new ByteCache(1024 * 1024, 60)
    const key = Uint8Array.of(1)
    cache.set(key, 1, bytesFrom(1, 10), 0, 10)
    cache.set(key, 1, new Uint8Array(70_000), 0, 70_000)
    expect(cache.find(key)).toBe(-1)
  })
})
