import { Piscina } from 'piscina'
import { concatBytes } from '../../core/primitives/bytes.ts'
import { ADDRESS_LENGTH } from '../../core/primitives/signature.ts'
import {
  type DecodedTransaction,
  decodeTransaction,
  type TransactionRules,
} from '../../evm/transaction.ts'

export type RecoverRequest = {
  readonly transactions: readonly Uint8Array[]
  readonly rules: TransactionRules
}

/** 20 bytes for each transaction; zeros where it does not decode or carries no valid signature. */
export function recoverSenders({ transactions, rules }: RecoverRequest): Uint8Array {
  return concatBytes(
    ...transactions.map((bytes) => {
      const decoded = decodeTransaction(bytes, rules)
      return decoded.ok ? decoded.value.sender : new Uint8Array(ADDRESS_LENGTH)
    }),
  )
}

/**
 * Decodes transactions from peers. The signatures, nearly all of the cost (about 50 µs each), are
 * recovered on a pool of threads, so that a large batch never delays a vote; with no threads it
 * happens here. The main thread then decodes with the sender known, about 5 µs each.
 */
export class SenderRecovery {
  readonly #rules: TransactionRules
  readonly #pool: Piscina<RecoverRequest, Uint8Array> | null

  constructor(options: { readonly rules: TransactionRules; readonly threads: number }) {
    this.#rules = options.rules
    this.#pool =
      options.threads === 0
        ? null
        : new Piscina({
            filename: new URL('./recoverWorker.ts', import.meta.url).href,
            minThreads: options.threads,
            maxThreads: options.threads,
            maxQueue: MAX_QUEUE,
          })
  }

  /** In order; null where a transaction is not acceptable. */
  async decode(
    transactions: readonly Uint8Array[],
  ): Promise<readonly (DecodedTransaction | null)[]> {
    const request = { transactions, rules: this.#rules }
    const isSmall = transactions.length <= MAX_INLINE
    const senders =
      this.#pool === null || isSmall ? recoverSenders(request) : await this.#pool.run(request)
    return transactions.map((bytes, index) => {
      const sender = senders.subarray(index * ADDRESS_LENGTH, (index + 1) * ADDRESS_LENGTH)
      if (sender.every((byte) => byte === 0)) return null
      const decoded = decodeTransaction(bytes, this.#rules, { sender, hash: null })
      return decoded.ok ? decoded.value : null
    })
  }

  async close(): Promise<void> {
    await this.#pool?.close({ force: true })
  }
}

/** Waking a thread costs as much as a few signatures, and an idle chain's batches hold one transaction. */
const MAX_INLINE = 4
/** Batches waiting for a thread; far more than a node accepts from its peers in a block's time. */
const MAX_QUEUE = 4_096
