import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Heap } from '../../../node/mempool/heap.ts'
import { RecentHashes } from '../../../node/mempool/recentHashes.ts'

describe('Heap', () => {
  it('gives what sorting gives, however it was filled', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), fc.array(fc.nat(20)), (initial, pushed) => {
        const heap = new Heap<number>((a, b) => a < b, [...initial])
        for (const value of pushed) heap.push(value)
        const sorted = [...initial, ...pushed].sort((a, b) => a - b)
        for (const value of sorted) {
          expect(heap.top).toBe(value)
          expect(heap.pop()).toBe(value)
        }
        expect([heap.pop(), heap.top, heap.size]).toEqual([undefined, undefined, 0])
      }),
    )
  })

  it('settles a top that was changed in place', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(20), { minLength: 1 }),
        fc.array(fc.nat(20)),
        (initial, values) => {
          const items = initial.map((value) => ({ value }))
          const heap = new Heap<{ value: number }>((a, b) => a.value < b.value, [...items])
          for (const value of values) {
            const { top } = heap
            if (top === undefined) return
            top.value = value
            heap.settleTop()
            expect(heap.top?.value).toBe(Math.min(...items.map((item) => item.value)))
          }
        },
      ),
    )
  })
})

describe('RecentHashes', () => {
  it('remembers the newest and forgets the oldest', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(9).map(String)),
        fc.integer({ min: 1, max: 4 }),
        (keys, capacity) => {
          const recent = new RecentHashes(capacity)
          const order: string[] = []
          for (const key of keys) {
            recent.add(key)
            if (!order.includes(key)) order.push(key)
            if (order.length > capacity) order.shift()
            expect(recent.size).toBe(order.length)
            expect(order.every((kept) => recent.has(kept))).toBe(true)
          }
        },
      ),
    )
  })
})
