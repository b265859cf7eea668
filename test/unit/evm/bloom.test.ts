import { Bloom } from '@ethereumjs/vm'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bloomOf, mergeBlooms } from '../../../evm/receipts.ts'

/** Few last bytes, so that many items have the same place among those that are remembered. */
const item = (length: number) =>
  fc
    .record({ first: fc.nat({ max: 3 }), middle: fc.nat({ max: 1 }), last: fc.nat({ max: 2 }) })
    .map(({ first, middle, last }) => {
      const bytes = new Uint8Array(length)
      bytes[0] = first
      bytes[9] = middle
      bytes[length - 1] = last
      return bytes
    })
const anyLogs = fc.array(
  fc.record({
    address: item(20),
    topics: fc.array(item(32), { maxLength: 4 }),
    data: fc.constant(new Uint8Array(0)),
  }),
  { maxLength: 4 },
)

it('blooms of logs are what ethereumjs computes, one by one and merged', () => {
  fc.assert(
    fc.property(fc.array(anyLogs, { maxLength: 5 }), (receipts) => {
      const all = new Bloom()
      const blooms = receipts.map((logs) => {
        const expected = new Bloom()
        for (const { address, topics } of logs)
          for (const part of [address, ...topics]) {
            expected.add(part)
            all.add(part)
          }
        const bloom = bloomOf(logs)
        expect(bloom).toEqual(expected.bitvector)
        return bloom
      })
      expect(mergeBlooms(blooms)).toEqual(all.bitvector)
    }),
  )
})

it('a bloom inside another array is merged as well', () => {
  const around = new Uint8Array(300)
  const bloom = around.subarray(3, 259)
  bloom[0] = 1
  bloom[255] = 0x80
  expect(mergeBlooms([bloom])).toEqual(bloom.slice())
})
