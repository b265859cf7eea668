import { type BaseFee, type Entry, effectiveTipOf } from './entry.ts'
import { Heap } from './heap.ts'
import type { SenderQueue } from './senderQueue.ts'

type Item = { readonly entry: Entry; readonly rank: number }

/**
 * Which transaction goes first when the pool is full: always the last nonce of some sender. A
 * transaction ranks by the lowest effective tip up to it, since it cannot be included before those,
 * so a sender cannot shelter a crowd behind one that pays nothing; with a gap before it, it ranks
 * below all. Among equals the newest goes: an equal fee never displaces what came earlier.
 *
 * Made when the pool first overflows and dropped when the base fee changes, which changes all ranks.
 */
export class EvictionOrder {
  readonly #baseFee: BaseFee
  readonly #heap: Heap<Item>

  constructor(queues: Iterable<SenderQueue>, baseFee: BaseFee) {
    this.#baseFee = baseFee
    const items: Item[] = []
    for (const queue of queues) {
      this.#rank(queue, 0)
      const { tail } = queue
      if (tail !== undefined) items.push({ entry: tail, rank: tail.rank })
    }
    this.#heap = new Heap(goesBefore, items)
  }

  /** Places in the heap, outdated ones included. */
  get size(): number {
    return this.#heap.size
  }

  /** Must be called after every change of a queue, with the nonce that came or went. */
  changed(queue: SenderQueue, nonce: number): void {
    const { entries, tail } = queue
    if (tail === undefined) return
    // What stands before the nonce keeps its rank; without its old tail a queue only has another last one.
    if (nonce === tail.transaction.nonce) this.#rank(queue, entries.length - 1)
    else if (nonce < tail.transaction.nonce) this.#rank(queue, 0)
    this.#heap.push({ entry: tail, rank: tail.rank })
  }

  worst(): Entry | undefined {
    for (;;) {
      const item = this.#heap.top
      if (item === undefined) return undefined
      const { entry, rank } = item
      if (entry.queue.tail === entry && entry.rank === rank) return entry
      this.#heap.pop()
    }
  }

  #rank(queue: SenderQueue, start: number): void {
    const { entries, executable } = queue
    let rank = entries[start - 1]?.rank ?? Number.POSITIVE_INFINITY
    for (let i = start; i < entries.length; i++) {
      const entry = entries[i] as Entry
      rank =
        i < executable
          ? Math.min(rank, effectiveTipOf(entry, this.#baseFee))
          : Number.NEGATIVE_INFINITY
      entry.rank = rank
    }
  }
}

const goesBefore = (a: Item, b: Item): boolean =>
  a.rank < b.rank || (a.rank === b.rank && a.entry.sequence > b.entry.sequence)
