import { encode } from '../../core/primitives/codec.ts'
import { DOMAIN, hash } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { batchCodec } from '../network/messages.ts'
import { LENGTH_PREFIX_BYTES } from './selection.ts'
import { keyOf, type PooledTransaction } from './transaction.ts'

/** A group of transactions that is pushed to all validators once and then named by its digest. */
export type Batch = {
  readonly digest: Uint8Array
  /** The digest as a map key. */
  readonly key: string
  readonly bytes: Uint8Array
  /** In order; null where the batch holds one that is not acceptable. */
  readonly transactions: readonly (PooledTransaction | null)[]
}

export const digestOf = (bytes: Uint8Array): Uint8Array => hash(DOMAIN.batch, bytes)

/** A batch from its bytes and what `batchCodec` found in them, decoded by the caller. */
export function batchOf(
  bytes: Uint8Array,
  transactions: readonly (PooledTransaction | null)[],
): Batch {
  const digest = digestOf(bytes)
  return { digest, key: keyOf(digest), bytes, transactions }
}

export function createBatch(transactions: readonly PooledTransaction[]): Batch {
  const signed = transactions.map((transaction) => transaction.bytes)
  return batchOf(encode(batchCodec, signed), transactions)
}

/** What the next transaction may still add to a batch. */
export class BatchRoom {
  #bytes = LENGTH_PREFIX_BYTES
  #count = 0

  get isEmpty(): boolean {
    return this.#count === 0
  }
  fits({ bytes }: Pick<PooledTransaction, 'bytes'>): boolean {
    const size = this.#bytes + LENGTH_PREFIX_BYTES + bytes.length
    return size <= LIMITS.batchBytes && this.#count < LIMITS.batchTransactions
  }
  take({ bytes }: Pick<PooledTransaction, 'bytes'>): void {
    this.#bytes += LENGTH_PREFIX_BYTES + bytes.length
    this.#count++
  }
}
