import type { Batch } from './batch.ts'
import { keyOf } from './transaction.ts'

export type BatchStoreOptions = {
  readonly maxBytes: number
  readonly maxCount: number
  /** A batch of which nothing waits any more is kept this long for peers that are behind. */
  readonly retentionMs: number
}

export const defaultBatchStoreOptions: BatchStoreOptions = {
  maxBytes: 64 << 20,
  maxCount: 65_536,
  retentionMs: 10_000,
}

export type BatchOrigin = 'local' | 'peer'

export type StoredBatch = Batch & {
  readonly origin: BatchOrigin
  /** Milliseconds on the caller's clock. */
  readonly storedAt: number
}

/** Where a transaction stands. */
export type Location = { readonly batch: StoredBatch; readonly position: number }

type Slot = { readonly batch: StoredBatch; keptSince: number }

/**
 * Recent batches by digest, bounded in bytes and count. The oldest goes first, but one that holds a
 * waiting transaction is passed over while others can go: a proposal may still name it.
 */
export class BatchStore {
  readonly #options: BatchStoreOptions
  readonly #isPending: (hash: Uint8Array) => boolean
  /** Oldest first. */
  readonly #slots = new Map<string, Slot>()
  readonly #locations = new Map<string, Location>()
  #bytes = 0

  constructor(
    options: BatchStoreOptions,
    modules: { readonly isPending: (hash: Uint8Array) => boolean },
  ) {
    this.#options = options
    this.#isPending = modules.isPending
  }

  get size(): number {
    return this.#slots.size
  }
  get bytes(): number {
    return this.#bytes
  }
  get(digest: Uint8Array): StoredBatch | undefined {
    return this.#slots.get(keyOf(digest))?.batch
  }
  has(digest: Uint8Array): boolean {
    return this.#slots.has(keyOf(digest))
  }
  /** The first batch that brought a transaction and is still here. */
  locate(hash: Uint8Array): Location | undefined {
    return this.#locations.get(keyOf(hash))
  }

  /** Call once the batch's transactions are in the pool. False: it was here already. */
  add(batch: Batch, origin: BatchOrigin, now: number): boolean {
    if (this.#slots.has(batch.key)) return false
    this.#makeRoom(batch.bytes.length, now)
    const stored: StoredBatch = { ...batch, origin, storedAt: now }
    this.#slots.set(batch.key, { batch: stored, keptSince: now })
    this.#bytes += batch.bytes.length
    batch.transactions.forEach((transaction, position) => {
      if (transaction === null) return
      const key = keyOf(transaction.hash)
      if (!this.#locations.has(key)) this.#locations.set(key, { batch: stored, position })
    })
    return true
  }

  /** Lets go what nobody needs any more; call after every block. */
  prune(now: number): void {
    const before = now - this.#options.retentionMs
    for (const slot of this.#slots.values()) {
      if (slot.keptSince >= before) return
      if (this.#isWanted(slot.batch)) this.#keepLonger(slot, now)
      else this.#remove(slot.batch)
    }
  }

  #makeRoom(bytes: number, now: number): void {
    const { maxBytes, maxCount } = this.#options
    let passes = MAX_PASSES
    while (this.#slots.size + 1 > maxCount || this.#bytes + bytes > maxBytes) {
      const [slot] = this.#slots.values()
      if (slot === undefined) return
      if (passes > 0 && this.#isWanted(slot.batch)) {
        passes--
        this.#keepLonger(slot, now)
      } else this.#remove(slot.batch)
    }
  }

  #isWanted(batch: StoredBatch): boolean {
    return batch.transactions.some(
      (transaction) => transaction !== null && this.#isPending(transaction.hash),
    )
  }

  #keepLonger(slot: Slot, now: number): void {
    this.#slots.delete(slot.batch.key)
    slot.keptSince = now
    this.#slots.set(slot.batch.key, slot)
  }

  #remove(batch: StoredBatch): void {
    this.#slots.delete(batch.key)
    this.#bytes -= batch.bytes.length
    for (const transaction of batch.transactions) {
      if (transaction === null) continue
      const key = keyOf(transaction.hash)
      if (this.#locations.get(key)?.batch === batch) this.#locations.delete(key)
    }
  }
}

/** Wanted batches passed over for one that arrives: bounds the work an arrival can cause. */
const MAX_PASSES = 64
