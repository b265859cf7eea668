import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { createBatch } from '../../../node/mempool/batch.ts'
import { BatchBuilder } from '../../../node/mempool/batchBuilder.ts'
import type { PooledTransaction } from '../../../node/mempool/transaction.ts'
import { nameOf, sketch } from '../../support/poolTransactions.ts'

/** A clock and one timer, moved by hand. */
class Desk {
  now = 0
  timer: { readonly at: number; readonly task: () => void } | null = null
  readonly batches: { readonly at: number; readonly names: readonly string[] }[] = []
  readonly sizes: number[] = []
  readonly builder: BatchBuilder

  constructor(windowMs: number) {
    this.builder = new BatchBuilder(
      { windowMs },
      {
        now: () => this.now,
        schedule: (task, delayMs) => {
          expect(this.timer, 'one timer at a time').toBeNull()
          const timer = { at: this.now + delayMs, task }
          this.timer = timer
          return () => {
            if (this.timer === timer) this.timer = null
          }
        },
        onBatch: (transactions) => {
          this.batches.push({ at: this.now, names: transactions.map(nameOf) })
          this.sizes.push(createBatch(transactions).bytes.length)
        },
      },
    )
  }

  advanceTo(time: number): void {
    while (this.timer !== null && this.timer.at <= time) {
      const { at, task } = this.timer
      this.timer = null
      this.now = at
      task()
    }
    this.now = time
  }
}

let unique = 0
const fresh = (size = 100): PooledTransaction => sketch({ value: ++unique, size })

describe('BatchBuilder', () => {
  it('sends the first transaction after a quiet moment at once, and what follows together', () => {
    const desk = new Desk(2)
    const [a, b, c, d] = [fresh(), fresh(), fresh(), fresh()]
    desk.builder.add([a])
    desk.now = 0.5
    desk.builder.add([b])
    desk.advanceTo(1)
    desk.builder.add([c])
    desk.advanceTo(5)
    desk.builder.add([d])
    expect(desk.batches).toEqual([
      { at: 0, names: [nameOf(a)] },
      { at: 2, names: [nameOf(b), nameOf(c)] },
      { at: 5, names: [nameOf(d)] },
    ])
    expect(desk.timer).toBeNull()
  })

  it('keeps what arrived in one message together', () => {
    const desk = new Desk(2)
    const group = [fresh(), fresh(), fresh()]
    desk.builder.add(group)
    expect(desk.batches).toEqual([{ at: 0, names: group.map(nameOf) }])
  })

  it('does nothing about nothing', () => {
    const desk = new Desk(2)
    desk.builder.add([])
    desk.builder.flush()
    expect(desk.batches).toEqual([])
    expect(desk.timer).toBeNull()
  })

  it('sends what waits when told to, once', () => {
    const desk = new Desk(1_000)
    const [a, b] = [fresh(), fresh()]
    desk.builder.add([a])
    desk.builder.add([b])
    desk.builder.flush()
    desk.advanceTo(5_000)
    expect(desk.batches.map(({ names }) => names)).toEqual([[nameOf(a)], [nameOf(b)]])
  })

  it('never exceeds the bytes or the count of a batch', () => {
    const large = new Desk(1_000)
    large.builder.add([fresh()])
    for (let i = 0; i < 5; i++) large.builder.add([fresh(LIMITS.transactionBytes)])
    large.builder.flush()
    expect(large.batches.map(({ names }) => names.length)).toEqual([1, 1, 1, 1, 1, 1])
    const many = new Desk(1_000)
    many.builder.add(Array.from({ length: 2 * LIMITS.batchTransactions + 1 }, () => fresh(8)))
    many.builder.flush()
    expect(many.batches.map(({ names }) => names.length)).toEqual([
      LIMITS.batchTransactions,
      LIMITS.batchTransactions,
      1,
    ])
    for (const size of [...large.sizes, ...many.sizes])
      expect(size).toBeLessThanOrEqual(LIMITS.batchBytes)
  })

  it('loses nothing, keeps the order, and lets nothing wait longer than the window', () => {
    const arrivals = fc.array(
      fc.record({
        afterMs: fc.constantFrom(0, 0, 0.25, 1, 2, 3),
        count: fc.nat(3),
        size: fc.constantFrom(100, 40_000),
      }),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(arrivals, fc.constantFrom(0, 1, 2, 10), (list, windowMs) => {
        const desk = new Desk(windowMs)
        const arrivedAt = new Map<string, number>()
        for (const { afterMs, count, size } of list) {
          desk.advanceTo(desk.now + afterMs)
          const group = Array.from({ length: count }, () => fresh(size))
          for (const transaction of group) arrivedAt.set(nameOf(transaction), desk.now)
          desk.builder.add(group)
        }
        desk.advanceTo(desk.now + windowMs)
        expect(desk.batches.flatMap(({ names }) => names)).toEqual([...arrivedAt.keys()])
        for (const { at, names } of desk.batches)
          for (const name of names)
            expect(at - (arrivedAt.get(name) as number)).toBeLessThanOrEqual(windowMs)
        for (const size of desk.sizes) expect(size).toBeLessThanOrEqual(LIMITS.batchBytes)
      }),
    )
  })
})
