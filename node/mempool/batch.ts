import { encode } from '../../core/primitives/codec.ts'
import { DOMAIN, hash } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { batchCodec } from '../network/messages.ts'
import type { Pooled } from './action.ts'
import { LENGTH_PREFIX_BYTES } from './selection.ts'
import { keyOf } from './transaction.ts'

/** A group of transactions and Core envelopes that is pushed to all validators once and then named by its digest. */
export type Batch = {
  readonly digest: Uint8Array
  /** The digest as a map key. */
  readonly key: string
  readonly bytes: Uint8Array
  /** In order; null where the batch holds one that is not acceptable. */
  readonly transactions: readonly (Pooled | null)[]
}

/** A batch as it travels, under the name that gossip and proposals give it. */
export type EncodedBatch = Pick<Batch, 'digest' | 'bytes'>

export const digestOf = (bytes: Uint8Array): Uint8Array => hash(DOMAIN.batch, bytes)

/** A batch from its bytes and what `batchCodec` found in them, decoded by the caller. */
export const batchOf = (
  { digest, bytes }: EncodedBatch,
  transactions: Batch['transactions'],
): Batch => ({ digest, key: keyOf(digest), bytes, transactions })

export function createBatch(transactions: readonly Pooled[]): Batch {
  const signed = transactions.map((transaction) => transaction.bytes)
  const bytes = encode(batchCodec, signed)
  return batchOf({ digest: digestOf(bytes), bytes }, transactions)
}

/** What the next transaction may still add to a batch. */
export class BatchRoom {
  #bytes = LENGTH_PREFIX_BYTES
  #count = 0

  get isEmpty(): boolean {
    return this.#count === 0
  }
  fits({ bytes }: Pick<Pooled, 'bytes'>): boolean {
    const size = this.#bytes + LENGTH_PREFIX_BYTES + bytes.length
    return size <= LIMITS.batchBytes && this.#count < LIMITS.batchTransactions
  }
  take({ bytes }: Pick<Pooled, 'bytes'>): void {
    this.#bytes += LENGTH_PREFIX_BYTES + bytes.length
    this.#count++
  }
}
