import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DistinctWords } from '../../../node/storage/distinctWords.ts'

const anyWords = fc.oneof(
  fc.array(fc.nat({ max: 0xffffffff }), { maxLength: 5_000 }),
  // Few that are different: it makes room without growing.
  fc.array(fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff), {
    maxLength: 5_000,
    size: 'max',
  }),
  fc.nat({ max: 4_000 }).map((length) => Array.from({ length }, (_, i) => length - i)),
)

it('gives every value once, in order, and never counts more than there are', () => {
  fc.assert(
    fc.property(anyWords, (values) => {
      const words = new DistinctWords()
      const distinct = new Set<number>()
      for (const value of values) {
        words.add(value)
        distinct.add(value)
        expect(words.atLeast).toBeLessThanOrEqual(distinct.size)
      }
      expect([...words.sorted()]).toEqual([...distinct].sort((a, b) => a - b))
      expect(words.atLeast).toBe(distinct.size)
    }),
  )
})
