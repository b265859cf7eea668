import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Pooled } from '../../../node/mempool/action.ts'
import { type Batch, batchOf, createBatch, digestOf } from '../../../node/mempool/batch.ts'
import { BatchStore } from '../../../node/mempool/batchStore.ts'
import type { PooledTransaction } from '../../../node/mempool/transaction.ts'
import { nameOf, sketch } from '../../support/poolTransactions.ts'

const tx = (value: number, size = 100): PooledTransaction => sketch({ value, size })

function storeOf(change: Partial<ConstructorParameters<typeof BatchStore>[0]> = {}): {
  readonly store: BatchStore
  readonly pending: Set<string>
} {
  const pending = new Set<string>()
  const options = { maxBytes: 1e9, maxCount: 1e9, retentionMs: 100, ...change }
  const isPending = (hash: Uint8Array): boolean => pending.has(nameOf({ hash }))
  return { store: new BatchStore(options, { isPending }), pending }
}

describe('BatchStore', () => {
  it('finds batches by digest and transactions by hash', () => {
    const { store } = storeOf()
    const [a, b] = [tx(1), tx(2)]
    const batch = createBatch([a, b])
    expect(store.add(batch, 'local', 7)).toBe(true)
    expect(store.add(batch, 'peer', 9)).toBe(false)
    expect(store.get(batch.digest)).toMatchObject({ ...batch, origin: 'local', storedAt: 7 })
    expect(store.locate(b.hash)).toMatchObject({ position: 1, batch: { key: batch.key } })
    expect(store.locate(tx(3).hash)).toBeUndefined()
    expect([store.size, store.bytes]).toEqual([1, batch.bytes.length])
  })

  it('has no place for what is not acceptable', () => {
    const { store } = storeOf()
    const good = tx(1)
    const { bytes } = createBatch([tx(9), good])
    store.add(batchOf({ digest: digestOf(bytes), bytes }, [null, good]), 'peer', 0)
    expect(store.locate(tx(9).hash)).toBeUndefined()
    expect(store.locate(good.hash)?.position).toBe(1)
  })

  it('lets the oldest go first, but passes over one that is waited for', () => {
    const { store, pending } = storeOf({ maxCount: 3 })
    const batches = [1, 2, 3, 4, 5].map((value) => createBatch([tx(value), tx(value + 100)]))
    pending.add(nameOf(tx(101)))
    for (const batch of batches) store.add(batch, 'peer', 0)
    expect(batches.map(({ digest }) => store.has(digest))).toEqual([true, false, false, true, true])
    expect(store.locate(tx(2).hash)).toBeUndefined()
  })

  it('holds its bounds even when all is waited for', () => {
    const { store, pending } = storeOf({ maxCount: 2 })
    const batches = [1, 2, 3].map((value) => createBatch([tx(value)]))
    for (const value of [1, 2, 3]) pending.add(nameOf(tx(value)))
    for (const batch of batches) store.add(batch, 'peer', 0)
    expect(store.size).toBe(2)
  })

  it('prunes what nothing waits for once it is old, and keeps the rest', () => {
    const { store, pending } = storeOf({ retentionMs: 100 })
    const [used, waiting, young] = [
      createBatch([tx(1)]),
      createBatch([tx(2)]),
      createBatch([tx(3)]),
    ]
    store.add(used, 'local', 0)
    store.add(waiting, 'local', 0)
    store.add(young, 'local', 50)
    pending.add(nameOf(tx(2)))
    store.prune(100)
    expect(store.size).toBe(3)
    store.prune(101)
    expect([used, waiting, young].map(({ digest }) => store.has(digest))).toEqual([
      false,
      true,
      true,
    ])
    pending.clear()
    store.prune(300)
    expect([store.size, store.bytes]).toEqual([0, 0])
  })

  it('still finds what an older batch holds when a younger one with it goes', () => {
    const { store, pending } = storeOf({ maxCount: 2 })
    const [older, younger] = [createBatch([tx(1), tx(2)]), createBatch([tx(2), tx(3)])]
    pending.add(nameOf(tx(1)))
    for (const batch of [older, younger, createBatch([tx(4)])]) store.add(batch, 'peer', 0)
    expect([older, younger].map(({ digest }) => store.has(digest))).toEqual([true, false])
    expect(store.locate(tx(2).hash)).toMatchObject({ position: 1, batch: { key: older.key } })
    expect(store.locate(tx(3).hash)).toBeUndefined()
  })

  it('ends pruning without a retention', () => {
    const { store, pending } = storeOf({ retentionMs: 0 })
    store.add(createBatch([tx(1)]), 'local', 5)
    pending.add(nameOf(tx(1)))
    store.prune(6)
    expect(store.size).toBe(1)
  })

  it('keeps its bounds and its places whatever comes and goes', () => {
    const step = fc.record({
      values: fc.uniqueArray(fc.nat(15), { minLength: 1, maxLength: 4 }),
      size: fc.constantFrom(50, 300),
      waits: fc.boolean(),
      prune: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const limits = { maxBytes: 2_500, maxCount: 5, retentionMs: 3 }
        const { store, pending } = storeOf(limits)
        const all: Batch[] = []
        steps.forEach(({ values, size, waits, prune }, now) => {
          const batch = createBatch(values.map((value) => tx(value, size)))
          if (waits) pending.add(nameOf(batch.transactions[0] as PooledTransaction))
          else pending.clear()
          const isNew = store.add(batch, 'peer', now)
          all.push(batch)
          if (isNew) for (const t of batch.transactions) expect(locates(store, t)).toBe(true)
          if (prune) store.prune(now)
          const held = new Map(all.filter(({ digest }) => store.has(digest)).map((b) => [b.key, b]))
          expect(store.size).toBe(held.size)
          expect(store.bytes).toBe([...held.values()].reduce((sum, b) => sum + b.bytes.length, 0))
          expect(store.size <= limits.maxCount && store.bytes <= limits.maxBytes).toBe(true)
          for (const known of all.flatMap(({ transactions }) => transactions)) {
            const hash = (known as PooledTransaction).hash
            const place = store.locate(hash)
            if (place === undefined) continue
            expect(held.has(place.batch.key)).toBe(true)
            expect(place.batch.transactions[place.position]?.hash).toEqual(hash)
          }
        })
      }),
    )
  })
})

const locates = (store: BatchStore, transaction: Pooled | null): boolean =>
  transaction !== null && store.locate(transaction.hash) !== undefined
