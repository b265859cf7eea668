import { type CrossMessage, crossMessageCodec } from '../../core/chain/block.ts'
import type { ConsensusParams } from '../../core/chain/params.ts'
import { encode } from '../../core/primitives/codec.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import type { Result } from '../../core/primitives/result.ts'
import type { Clock } from '../consensus/clock.ts'
import type { ChainHead, ExecutionResult } from '../executor/chainHead.ts'
import { isAction, type Pooled, type PooledAction } from '../mempool/action.ts'
import { shareBlock } from '../mempool/blockShare.ts'
import {
  type ActionPoolCode,
  CorePool,
  type CorePoolOptions,
  defaultCorePoolOptions,
} from '../mempool/corePool.ts'
import {
  defaultPoolOptions,
  type PoolCode,
  type PoolModules,
  type PoolOptions,
  TransactionPool,
} from '../mempool/pool.ts'
import type { PooledTransaction } from '../mempool/transaction.ts'
import type { MempoolMetrics } from '../observability/metrics.ts'

export type LanesOptions = {
  readonly maxBlockGas: number
  /** Of the next block, in wei. */
  readonly baseFee: bigint
  readonly pool: Pick<
    PoolOptions,
    'maxCount' | 'maxBytes' | 'maxPerSender' | 'maxNonceGap' | 'lifetimeMs' | 'replacementPercent'
  >
  readonly core: Pick<CorePoolOptions, 'blockGas'> & Partial<CorePoolOptions>
}

export type LanesModules = {
  readonly accountOf: PoolModules['accountOf']
  readonly clock: Clock
  readonly metrics: MempoolMetrics
}

/** The pools of both machines, which share nothing but the block. */
export class Lanes {
  readonly #coreGas: number
  readonly #modules: LanesModules
  readonly evm: TransactionPool
  readonly core: CorePool

  constructor(options: LanesOptions, modules: LanesModules) {
    const { accountOf, metrics } = modules
    const onDropped = (_: Pooled, reason: string): void => metrics.evicted(reason)
    this.#coreGas = Math.floor(options.core.blockGas / GAS_HEADROOM)
    this.#modules = modules
    this.evm = new TransactionPool(
      {
        ...defaultPoolOptions,
        ...options.pool,
        blockGasLimit: options.maxBlockGas,
        baseFee: options.baseFee,
      },
      { accountOf, onDropped },
    )
    // What would never be chosen is refused at the door.
    const core = { ...defaultCorePoolOptions, ...options.core, blockGas: this.#coreGas }
    this.core = new CorePool(core, { onDropped })
  }

  /** Whether a block made now would hold anything. */
  get hasPending(): boolean {
    return this.core.size > 0 || this.evm.hasPending
  }
  /** How many a block made now could hold, counted up to `limit`. */
  selectable(limit: number): number {
    return this.core.size + this.evm.selectable(limit)
  }
  has(hash: Uint8Array): boolean {
    return this.evm.has(hash) || this.core.has(hash)
  }

  admitTransaction(transaction: PooledTransaction): Result<unknown, PoolCode> {
    return this.#counted(this.evm.add(transaction, this.#modules.clock.monoMs()))
  }

  admitAction(action: PooledAction): Result<null, ActionPoolCode> {
    const { monoMs, wallMs } = this.#modules.clock
    return this.#counted(this.core.add(action, { monoMs: monoMs(), blockMs: wallMs() }))
  }

  admit(item: Pooled): Result<unknown, PoolCode | ActionPoolCode> {
    return isAction(item) ? this.admitAction(item) : this.admitTransaction(item)
  }

  /** What the block after `head` should hold: `targetBytes` of it, and whatever comes last in full. */
  select(head: ChainHead, params: ConsensusParams, targetBytes: number): Pooled[] {
    const blockMs = Math.max(this.#modules.clock.wallMs(), head.summary.time + 1)
    const maxBytes = bytesLeft(head, params)
    const room = {
      maxBytes,
      maxCount: LIMITS.blockTransactions,
      targetBytes: Math.min(maxBytes, targetBytes),
    }
    return shareBlock(room, {
      core: (part) => this.core.select({ ...part, blockMs, gas: this.#coreGas }),
      evm: (part) =>
        this.evm.select({ ...part, baseFee: head.nextBaseFee, gasLimit: params.maxBlockGas }),
    })
  }

  committed({ included, skipped, actions }: ExecutionResult, head: ChainHead): void {
    this.evm.onCommitted({ included, skipped, baseFee: head.nextBaseFee })
    this.core.onCommitted({ actions, blockMs: head.summary.time })
    this.measure()
  }

  /** Lets go what has waited too long. */
  expire(): void {
    const now = this.#modules.clock.monoMs()
    this.evm.expire(now)
    this.core.expire(now)
    this.measure()
  }

  measure(): void {
    const { evm, core } = this
    this.#modules.metrics.lane('evm', { transactions: evm.size, bytes: evm.bytes })
    this.#modules.metrics.lane('core', { transactions: core.size, bytes: core.bytes })
  }

  #counted<R extends Result<unknown, string>>(added: R): R {
    if (added.ok) this.#modules.metrics.admitted()
    else this.#modules.metrics.rejected(added.code)
    return added
  }
}

/** For what users signed: the rest of a block holds what its proposer does not choose. */
function bytesLeft({ pendingMessages }: ChainHead, { maxBlockBytes }: ConsensusParams): number {
  const bytesOf = (message: CrossMessage): number => encode(crossMessageCodec, message).length
  const messages = pendingMessages.reduce((sum, message) => sum + bytesOf(message), 0)
  return Math.max(0, maxBlockBytes - LIMITS.certificateFrameBytes - EVIDENCE_BYTES - messages)
}

const EVIDENCE_BYTES = LIMITS.blockEvidence * LIMITS.evidenceBytes

/** A block is filled by what calls cost at least; what they meet costs as much again, or twice. */
const GAS_HEADROOM = 3
