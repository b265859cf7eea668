import type { ConsensusParams } from '../../core/chain/params.ts'
import { decode } from '../../core/primitives/codec.ts'
import { ok, type Result } from '../../core/primitives/result.ts'
import { decodeAccount } from '../../evm/account.ts'
import type { Clock } from '../consensus/clock.ts'
import type {
  ResolvedBody,
  SelectedTransactions,
  Signatories,
  SignedPayload,
  TransactionSource,
} from '../consensus/ports.ts'
import type { ChainHead, ExecutionResult } from '../executor/chainHead.ts'
import { isTransaction, type Pooled, type PooledAction } from '../mempool/action.ts'
import { type Batch, batchOf, createBatch, digestOf } from '../mempool/batch.ts'
import { BatchBuilder, defaultBatchBuilderOptions } from '../mempool/batchBuilder.ts'
import { BatchStore, defaultBatchStoreOptions } from '../mempool/batchStore.ts'
import type { ActionPoolCode, CorePool } from '../mempool/corePool.ts'
import type { PoolCode, TransactionPool } from '../mempool/pool.ts'
import {
  contentOf,
  defaultReferenceOptions,
  type InlineBatch,
  inlineBatchesOf,
  referencesOf,
  resolveReferences,
} from '../mempool/references.ts'
import { keyOf, type PooledTransaction } from '../mempool/transaction.ts'
import { batchCodec, type ProposalBody } from '../network/messages.ts'
import type { Logger } from '../observability/logger.ts'
import type { MempoolMetrics } from '../observability/metrics.ts'
import type { ChainReader } from '../storage/chainReader.ts'
import { Backlog } from './backlog.ts'
import { Lanes, type LanesOptions } from './lanes.ts'
import type { SenderRecovery } from './senderRecovery.ts'

export type FlowNetwork = {
  publishBatch(bytes: Uint8Array): void
  /** Batches by digest from one peer; rejects on a timeout. A missing one is left out. */
  requestBatches(peerId: string, digests: readonly Uint8Array[]): Promise<readonly Uint8Array[]>
  penalize(peerId: string, code: string): void
}

export type FlowModules = {
  readonly network: FlowNetwork
  readonly recovery: Pick<SenderRecovery, 'decode'>
  readonly reader: Pick<ChainReader, 'evmStore'>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: MempoolMetrics
  /** A block made now would hold something. */
  readonly onPending: () => void
  /** EVM transactions taken in, for subscribers. */
  readonly onAdmitted: (transactions: readonly PooledTransaction[]) => void
}

/** The way of a transaction or a Core envelope: door, pool, batch, proposal, and out when its block is committed. */
export class TransactionFlow implements TransactionSource {
  readonly #modules: FlowModules
  readonly #lanes: Lanes
  readonly #backlog: Backlog
  readonly #store: BatchStore
  readonly #builder: BatchBuilder
  /** Batches being decoded, by digest. */
  readonly #receiving = new Map<string, Promise<Batch>>()

  constructor(options: LanesOptions, modules: FlowModules) {
    const { clock, metrics } = modules
    const accountOf = (address: Uint8Array) => this.#accountOf(address)
    this.#modules = modules
    this.#lanes = new Lanes(options, { accountOf, clock, metrics })
    this.#backlog = new Backlog(clock, metrics)
    this.#store = new BatchStore(defaultBatchStoreOptions, {
      isPending: (hash) => this.#lanes.has(hash),
    })
    this.#builder = new BatchBuilder(defaultBatchBuilderOptions, {
      now: clock.monoMs,
      schedule: clock.setTimer,
      onBatch: (transactions) => this.#sendBatch(transactions),
    })
  }

  get pool(): Pick<
    TransactionPool,
    'size' | 'bytes' | 'get' | 'pendingNonce' | 'counts' | 'contents'
  > {
    return this.#lanes.evm
  }
  get actions(): Pick<CorePool, 'size' | 'bytes' | 'get'> {
    return this.#lanes.core
  }

  /** Whether our own RPC may bring so many more; false: the chain is busy for long. See `Backlog`. */
  room(count: number): true | Promise<boolean> {
    return this.#backlog.room(count)
  }

  /** From our own RPC: decoded, its signature recovered. What is taken in is pushed to all validators. */
  submit(transactions: readonly PooledTransaction[]): Result<null, PoolCode>[] {
    const results = transactions.map((one): Result<null, PoolCode> => {
      const added = this.#lanes.admitTransaction(one)
      return added.ok ? ok(null) : added
    })
    this.#push(transactions.filter((_, index) => results[index]?.ok))
    return results
  }

  /** The same for envelopes, which `ActionDecoder` would accept. */
  submitActions(actions: readonly PooledAction[]): Result<null, ActionPoolCode>[] {
    const results = actions.map((action) => this.#lanes.admitAction(action))
    this.#push(actions.filter((_, index) => results[index]?.ok))
    return results
  }

  /** A batch from a peer. The verdict is gossip's: `reject` costs the peer its reputation. */
  async receiveBatch(
    bytes: Uint8Array,
    digest: Uint8Array,
  ): Promise<'accept' | 'ignore' | 'reject'> {
    if (this.#store.has(digest)) return 'ignore'
    const decoded = decode(batchCodec, bytes)
    if (!decoded.ok) return 'reject'
    const batch = await this.#receive({ digest, bytes, transactions: decoded.value })
    return batch.transactions.includes(null) ? 'reject' : 'accept'
  }

  /** For peers that miss what a proposal names. */
  batchesOf(digests: readonly Uint8Array[]): Uint8Array[] {
    return digests.flatMap((digest) => this.#store.get(digest)?.bytes ?? [])
  }

  hasPending(): boolean {
    return this.#lanes.hasPending
  }

  select(head: ChainHead, params: ConsensusParams, targetBytes: number): SelectedTransactions {
    // What waits in the window must be named by a batch that peers can ask for.
    this.#builder.flush()
    const selected = this.#lanes.select(head, params, targetBytes)
    const now = this.#modules.clock.monoMs()
    const references = referencesOf(selected, this.#store, { ...defaultReferenceOptions, now })
    return { ...references, ...contentOf(selected) }
  }

  resolve(
    body: ProposalBody,
    from: string | null,
  ): ResolvedBody | 'INVALID' | Promise<ResolvedBody | 'INVALID' | 'MISSING'> {
    const here = this.#resolveHere(body)
    return here ?? this.#resolveLater(body, from)
  }

  async signatoriesOf({ evm, core }: SignedPayload): Promise<Signatories | null> {
    const decoded = await this.#modules.recovery.decode([...evm, ...core])
    const known = decoded.filter((one) => one !== null)
    if (known.length !== decoded.length) return null
    const { senders, signers, evm: transactions } = contentOf(known)
    // Each list holds its own kind, or the signatures would stand beside what they did not sign.
    const isSorted = known.slice(0, evm.length).every(isTransaction)
    return isSorted && transactions.length === evm.length ? { senders, signers } : null
  }

  committed(result: ExecutionResult, head: ChainHead): void {
    this.#lanes.committed(result, head)
    this.#backlog.committed({
      included: result.included.length + result.actions.length,
      waiting: this.#lanes.selectable(this.#backlog.limit),
    })
    this.#store.prune(this.#modules.clock.monoMs())
  }

  /** Once in a while: lets go what has waited too long. */
  expire(): void {
    this.#lanes.expire()
  }

  stop(): void {
    this.#backlog.stop()
    this.#builder.flush()
  }

  #push(admitted: readonly Pooled[]): void {
    if (admitted.length === 0) return
    this.#builder.add(admitted)
    this.#announce(admitted)
  }

  #announce(admitted: readonly Pooled[]): void {
    this.#lanes.measure()
    this.#backlog.added(admitted.length)
    const transactions = admitted.filter(isTransaction)
    if (transactions.length > 0) this.#modules.onAdmitted(transactions)
    if (this.#lanes.hasPending) this.#modules.onPending()
  }

  #sendBatch(transactions: readonly Pooled[]): void {
    const batch = createBatch(transactions)
    this.#store.add(batch, 'local', this.#modules.clock.monoMs())
    this.#modules.network.publishBatch(batch.bytes)
    this.#modules.metrics.batchSent({
      transactions: transactions.length,
      bytes: batch.bytes.length,
    })
  }

  /**
   * Recovers a batch's signatures and takes it in, once: gossip and a proposal bring the same one at
   * the same time, and signatures are most of its cost.
   */
  #receive(batch: InlineBatch): Promise<Batch> {
    const key = keyOf(batch.digest)
    const known = this.#receiving.get(key)
    if (known !== undefined) return known
    const receiving = this.#decodeAndTake(batch).finally(() => this.#receiving.delete(key))
    this.#receiving.set(key, receiving)
    return receiving
  }

  async #decodeAndTake({ transactions, ...encoded }: InlineBatch): Promise<Batch> {
    const batch = batchOf(encoded, await this.#modules.recovery.decode(transactions))
    const admitted = batch.transactions.filter((one) => one !== null && this.#lanes.admit(one).ok)
    this.#store.add(batch, 'peer', this.#modules.clock.monoMs())
    this.#modules.metrics.batchReceived({
      transactions: batch.transactions.length,
      bytes: batch.bytes.length,
    })
    if (admitted.length > 0) this.#announce(admitted as readonly Pooled[])
    return batch
  }

  /** Null: something must be decoded or fetched first. */
  #resolveHere(body: ProposalBody): ResolvedBody | 'INVALID' | null {
    const resolution = resolveReferences(body, (digest) => this.#store.get(digest))
    switch (resolution.kind) {
      case 'resolved':
        return contentOf(resolution.transactions)
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
    for (const batch of inline.value) if (!this.#store.has(batch.digest)) await this.#receive(batch)
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
      for (const bytes of batches) {
        const decoded = decode(batchCodec, bytes)
        const digest = digestOf(bytes)
        if (decoded.ok) await this.#receive({ digest, bytes, transactions: decoded.value })
      }
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
}
