import type { Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Coprocessor } from '../../core/host/coprocessor.ts'
import { assert } from '../../core/primitives/assert.ts'
import { decode } from '../../core/primitives/codec.ts'
import {
  type DecodedTransaction,
  decodeTransaction,
  type TransactionRules,
} from '../../evm/transaction.ts'
import type { PooledAction } from '../mempool/action.ts'
import { HEAP_LIMITS } from '../threads/heapLimits.ts'
import { ActionDecoder } from './actionDecoder.ts'
import { type Decoders, type Recovered, recover, recoveredCodec } from './recovered.ts'

export type RecoverRequest = {
  readonly transactions: readonly Uint8Array[]
  readonly rules: TransactionRules
}

export type SenderRecoveryOptions = {
  readonly rules: TransactionRules
  /** Of the chain; the threads take them from the registry themselves. */
  readonly engines: readonly Coprocessor[]
  /** At most. */
  readonly threads: number
  /** Whether one thread waits for work from the start; otherwise it comes with the first of it. */
  readonly eager: boolean
}

/** Null: not acceptable, whatever the state. */
export type Judged = DecodedTransaction | PooledAction | null

/**
 * Decodes transactions and Core envelopes from outside. The signatures, nearly all of the cost (about
 * 57 µs each), are recovered on a pool of threads, so that many of them never delay a vote or an
 * answer; with no threads it happens here. This thread then decodes transactions with the sender known, about
 * 5 µs each, and takes an envelope's description as it comes, however many calls it has.
 */
export class SenderRecovery {
  readonly #decoders: Decoders
  readonly #threads: number
  #pool: Pool | null = null

  constructor({ rules, engines, threads, eager }: SenderRecoveryOptions) {
    const { chainId } = rules
    this.#decoders = { rules, actions: new ActionDecoder({ chainId, engines }) }
    this.#threads = threads
    if (eager && threads > 0) this.#pool = poolOf(threads)
  }

  /** The threads that run now. */
  get workers(): readonly Worker[] {
    return this.#pool?.threads ?? []
  }

  /** In order; null where one is not acceptable. */
  async decode(transactions: readonly Uint8Array[]): Promise<readonly Judged[]> {
    const recovered = await this.#recover(transactions)
    return transactions.map((bytes, index) => this.#decoded(bytes, recovered[index] ?? null))
  }

  async close(): Promise<void> {
    await this.#pool?.close({ force: true })
  }

  async #recover(transactions: readonly Uint8Array[]): Promise<readonly (Recovered | null)[]> {
    if (this.#threads === 0 || transactions.length <= MAX_INLINE)
      return transactions.map((bytes) => recover(bytes, this.#decoders))
    this.#pool ??= poolOf(this.#threads)
    const shares: Promise<readonly (Recovered | null)[]>[] = []
    for (let start = 0; start < transactions.length; start += SHARE)
      shares.push(this.#recoverApart(this.#pool, transactions.slice(start, start + SHARE)))
    return (await Promise.all(shares)).flat()
  }

  async #recoverApart(
    pool: Pool,
    transactions: readonly Uint8Array[],
  ): Promise<readonly (Recovered | null)[]> {
    const { rules } = this.#decoders
    const answer = decode(recoveredCodec, await pool.run({ transactions, rules }))
    assert(answer.ok && answer.value.length === transactions.length, 'a thread answers for each')
    return answer.value
  }

  #decoded(bytes: Uint8Array, known: Recovered | null): Judged {
    if (known === null) return null
    if (known.kind === 'transaction') {
      const decoded = decodeTransaction(bytes, this.#decoders.rules, known)
      return decoded.ok ? decoded.value : null
    }
    const { kind: _, ...action } = known
    return { ...action, bytes }
  }
}

type Pool = Piscina<RecoverRequest, Uint8Array>

const poolOf = (threads: number): Pool =>
  new Piscina({
    filename: new URL('./recoverWorker.ts', import.meta.url).href,
    minThreads: 1,
    maxThreads: threads,
    idleTimeout: IDLE_MS,
    maxQueue: MAX_QUEUE,
    resourceLimits: HEAP_LIMITS.signatures,
  })

/** Waking a thread costs as much as a few signatures, and an idle chain's batches hold one transaction. */
const MAX_INLINE = 4
/** What one thread gets at a time of a batch or a block, about 3 ms of work, so that all have something to do. */
const SHARE = 50
/** A thread beyond the first that had nothing to do for so long ends. */
const IDLE_MS = 60_000
/** Shares waiting for a thread: two million signatures, far more than a node accepts from its peers in a block's time. */
const MAX_QUEUE = Math.ceil(2 ** 21 / SHARE)
