import type { ConsensusParams } from '../../core/chain/params.ts'
import { decode } from '../../core/primitives/codec.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { decodeAccount } from '../../evm/account.ts'
import type { Clock } from '../consensus/clock.ts'
import type { ResolvedBody, SelectedTransactions, TransactionSource } from '../consensus/ports.ts'
import type { ChainHead, ExecutionResult } from '../executor/chainHead.ts'
import { type Batch, batchOf, createBatch, digestOf } from '../mempool/batch.ts'
import { BatchBuilder, defaultBatchBuilderOptions } from '../mempool/batchBuilder.ts'
import { BatchStore, defaultBatchStoreOptions } from '../mempool/batchStore.ts'
import {
  type DropReason,
  defaultPoolOptions,
  type PoolCode,
  type PoolOptions,
  TransactionPool,
} from '../mempool/pool.ts'
import {
  defaultReferenceOptions,
  inlineBatchesOf,
  referencesOf,
  resolveReferences,
  sendersOf,
} from '../mempool/references.ts'
import { keyOf, type PooledTransaction } from '../mempool/transaction.ts'
import { batchCodec, type ProposalBody } from '../network/messages.ts'
import type { Logger } from '../observability/logger.ts'
import type { MempoolMetrics } from '../observability/metrics.ts'
import type { ChainReader } from '../storage/chainReader.ts'
import type { SenderRecovery } from './senderRecovery.ts'

export type FlowNetwork = {
  publishBatch(bytes: Uint8Array): void
  /** Batches by digest from one peer; rejects on a timeout. A missing one is left out. */
  requestBatches(peerId: string, digests: readonly Uint8Array[]): Promise<readonly Uint8Array[]>
  penalize(peerId: string, code: string): void
}

export type FlowOptions = {
  readonly maxBlockGas: number
  readonly pool: Pick<
    PoolOptions,
    'maxCount' | 'maxBytes' | 'maxPerSender' | 'maxNonceGap' | 'lifetimeMs' | 'replacementPercent'
  >
  readonly baseFee: bigint
}

export type FlowModules = {
  readonly network: FlowNetwork
  readonly recovery: Pick<SenderRecovery, 'decode'>
  readonly reader: Pick<ChainReader, 'evmStore'>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: MempoolMetrics
  /** A block made now would hold a transaction. */
  readonly onPending: () => void
  /** Transactions taken in, for subscribers. */
  readonly onAdmitted: (transactions: readonly PooledTransaction[]) => void
}

/** The way of a transaction: door, pool, batch, proposal, and out when its block is committed. */
export class TransactionFlow implements TransactionSource {
  readonly #modules: FlowModules
  readonly #pool: TransactionPool
  readonly #store: BatchStore
  readonly #builder: BatchBuilder
  /** Batches being decoded, by digest. */
  readonly #receiving = new Map<string, Promise<Batch | null>>()

  constructor(options: FlowOptions, modules: FlowModules) {
    this.#modules = modules
    this.#pool = new TransactionPool(
      {
        ...defaultPoolOptions,
        ...options.pool,
        blockGasLimit: options.maxBlockGas,
        baseFee: options.baseFee,
      },
      {
        accountOf: (address) => this.#accountOf(address),
        onDropped: (_, reason: DropReason) => modules.metrics.evicted(reason),
      },
    )
    this.#store = new BatchStore(defaultBatchStoreOptions, {
      isPending: (hash) => this.#pool.has(hash),
    })
    this.#builder = new BatchBuilder(defaultBatchBuilderOptions, {
      now: modules.clock.monoMs,
      schedule: (task, delayMs) => {
        const timer = setTimeout(task, delayMs)
        return () => clearTimeout(timer)
      },
      onBatch: (transactions) => this.#sendBatch(transactions),
    })
  }

  get pool(): Pick<TransactionPool, 'size' | 'bytes' | 'get' | 'pendingNonce'> {
    return this.#pool
  }

  /** From our own RPC: decoded, its signature recovered. What is taken in is pushed to all validators. */
  submit(transactions: readonly PooledTransaction[]): Result<null, PoolCode>[] {
    const results = transactions.map((transaction) => this.#admit(transaction))
    const admitted = transactions.filter((_, index) => results[index]?.ok)
    if (admitted.length > 0) {
      this.#builder.add(admitted)
      this.#announce(admitted)
    }
    return results
  }

  /** A batch from a peer. The verdict is gossip's: `reject` costs the peer its reputation. */
  async receiveBatch(bytes: Uint8Array): Promise<'accept' | 'ignore' | 'reject'> {
    if (this.#store.has(digestOf(bytes))) return 'ignore'
    const batch = await this.#receive(bytes)
    if (batch === null) return 'reject'
    return batch.transactions.includes(null) ? 'reject' : 'accept'
  }

  /** For peers that miss what a proposal names. */
  batchesOf(digests: readonly Uint8Array[]): Uint8Array[] {
    return digests.flatMap((digest) => this.#store.get(digest)?.bytes ?? [])
  }

  hasPending(): boolean {
    return this.#pool.hasPending
  }

  select(head: ChainHead, params: ConsensusParams): SelectedTransactions {
    // What waits in the window must be named by a batch that peers can ask for.
    this.#builder.flush()
    const transactions = this.#pool.select({
      baseFee: head.nextBaseFee,
      gasLimit: params.maxBlockGas,
      maxBytes: params.maxBlockBytes - LIMITS.certificateFrameBytes - EVIDENCE_BYTES,
      maxCount: LIMITS.blockTransactions,
    })
    const now = this.#modules.clock.monoMs()
    const references = referencesOf(transactions, this.#store, { ...defaultReferenceOptions, now })
    return {
      ...references,
      transactions: transactions.map((transaction) => transaction.bytes),
      senders: sendersOf(transactions),
    }
  }

  resolve(
    body: ProposalBody,
    from: string | null,
  ): ResolvedBody | 'INVALID' | Promise<ResolvedBody | 'INVALID' | 'MISSING'> {
    const here = this.#resolveHere(body)
    return here ?? this.#resolveLater(body, from)
  }

  async sendersOf(transactions: readonly Uint8Array[]): Promise<Uint8Array | null> {
    const decoded = await this.#modules.recovery.decode(transactions)
    const known = decoded.filter((transaction) => transaction !== null)
    return known.length === decoded.length ? sendersOf(known) : null
  }

  committed({ included, skipped }: ExecutionResult, head: ChainHead): void {
    this.#pool.onCommitted({ included, skipped, baseFee: head.nextBaseFee })
    this.#store.prune(this.#modules.clock.monoMs())
    this.#measure()
  }

  /** Once in a while: lets go what has waited too long. */
  expire(): void {
    this.#pool.expire(this.#modules.clock.monoMs())
    this.#measure()
  }

  stop(): void {
    this.#builder.flush()
  }

  #admit(transaction: PooledTransaction): Result<null, PoolCode> {
    const added = this.#pool.add(transaction, this.#modules.clock.monoMs())
    if (!added.ok) {
      this.#modules.metrics.rejected(added.code)
      return reject(added.code)
    }
    this.#modules.metrics.admitted()
    return ok(null)
  }

  #announce(admitted: readonly PooledTransaction[]): void {
    this.#measure()
    this.#modules.onAdmitted(admitted)
    if (this.#pool.hasPending) this.#modules.onPending()
  }

  #sendBatch(transactions: readonly PooledTransaction[]): void {
    const batch = createBatch(transactions)
    this.#store.add(batch, 'local', this.#modules.clock.monoMs())
    this.#modules.network.publishBatch(batch.bytes)
    this.#modules.metrics.batchSent({
      transactions: transactions.length,
      bytes: batch.bytes.length,
    })
  }

  /**
   * Decodes a batch and takes it in, once: gossip and a proposal bring the same one at the same time,
   * and signatures are most of its cost. Null: not the encoding of a batch.
   */
  #receive(bytes: Uint8Array): Promise<Batch | null> {
    const key = keyOf(digestOf(bytes))
    const known = this.#receiving.get(key)
    if (known !== undefined) return known
    const receiving = this.#decodeAndTake(bytes).finally(() => this.#receiving.delete(key))
    this.#receiving.set(key, receiving)
    return receiving
  }

  async #decodeAndTake(bytes: Uint8Array): Promise<Batch | null> {
    const decoded = decode(batchCodec, bytes)
    if (!decoded.ok) return null
    const batch = batchOf(bytes, await this.#modules.recovery.decode(decoded.value))
    this.#take(batch)
    return batch
  }

  #take(batch: Batch): void {
    const admitted = batch.transactions.filter(
      (transaction): transaction is PooledTransaction =>
        transaction !== null && this.#admit(transaction).ok,
    )
    this.#store.add(batch, 'peer', this.#modules.clock.monoMs())
    this.#modules.metrics.batchReceived({
      transactions: batch.transactions.length,
      bytes: batch.bytes.length,
    })
    if (admitted.length > 0) this.#announce(admitted)
  }

  /** Null: something must be decoded or fetched first. */
  #resolveHere(body: ProposalBody): ResolvedBody | 'INVALID' | null {
    const resolution = resolveReferences(body, (digest) => this.#store.get(digest))
    switch (resolution.kind) {
      case 'resolved':
        return {
          transactions: resolution.transactions.map((transaction) => transaction.bytes),
          senders: sendersOf(resolution.transactions),
        }
      case 'invalid':
        return 'INVALID'
      case 'missing':
        return null
    }
  }

  async #resolveLater(
    body: ProposalBody,
    from: string | null,
  ): Promise<ResolvedBody | 'INVALID' | 'MISSING'> {
    const inline = inlineBatchesOf(body)
    if (!inline.ok) return 'INVALID'
    for (const { digest, bytes } of inline.value)
      if (!this.#store.has(digest)) await this.#receive(bytes)
    await this.#arriving(body)
    const resolution = resolveReferences(body, (digest) => this.#store.get(digest))
    if (resolution.kind === 'missing') {
      if (from === null || !(await this.#fetch(from, resolution.digests))) return 'MISSING'
    }
    return this.#resolveHere(body) ?? 'MISSING'
  }

  /** Gossip may have brought a batch a moment ago; its signatures are being recovered. */
  async #arriving({ batches }: ProposalBody): Promise<void> {
    for (const digest of batches) await this.#receiving.get(keyOf(digest))
  }

  async #fetch(from: string, digests: readonly Uint8Array[]): Promise<boolean> {
    const { network, metrics } = this.#modules
    try {
      const batches = await network.requestBatches(from, digests)
      for (const bytes of batches) await this.#receive(bytes)
      metrics.batchFetched(batches.length === digests.length ? 'complete' : 'incomplete')
      return true
    } catch {
      metrics.batchFetched('failed')
      return false
    }
  }

  #accountOf(address: Uint8Array): { readonly nonce: number; readonly balance: bigint } {
    const view = this.#modules.reader.evmStore()
    try {
      const stored = view.get('account', address)
      return stored === undefined ? { nonce: 0, balance: 0n } : decodeAccount(stored)
    } finally {
      view.release()
    }
  }

  #measure(): void {
    const { size: transactions, bytes } = this.#pool
    this.#modules.metrics.lane('evm', { transactions, bytes })
  }
}

/** What a block may hold besides transactions, its certificate and its header. */
const EVIDENCE_BYTES = LIMITS.blockEvidence * LIMITS.evidenceBytes
