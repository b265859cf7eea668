import { type Block, blockCodec, blockIdOf, type Header } from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { ConsensusParams } from '../../core/chain/params.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { assert } from '../../core/primitives/assert.ts'
import { decode } from '../../core/primitives/codec.ts'
import type { BlockId, Height } from '../../core/primitives/units.ts'
import type { ChainHead } from '../executor/chainHead.ts'
import type { ExecutorClient } from '../executor/executorClient.ts'
import type { ProposalBody } from '../network/messages.ts'
import type { Logger } from '../observability/logger.ts'
import type { ConsensusMetrics } from '../observability/metrics.ts'
import { buildBlock } from './blockBuilder.ts'
import { checkBlock, type ValidityContext } from './blockValidity.ts'
import type { Clock } from './clock.ts'
import type { EvidencePool } from './evidencePool.ts'
import { type BlockEntry, HeightBlocks } from './heightBlocks.ts'
import type { ConsensusNetwork, ResolvedBody, TransactionSource } from './ports.ts'

export type CandidatesOptions = {
  readonly chainId: number
  readonly params: ConsensusParams
  readonly head: ChainHead
  /** The set that judges this height, and the next one. */
  readonly validators: ValidatorSet
  readonly nextValidators: ValidatorSet
  /** The certificate of the height before; null at height 1. */
  readonly lastCommit: Certificate | null
  readonly height: Height
}

export type CandidatesModules = {
  readonly network: ConsensusNetwork
  readonly executor: Pick<ExecutorClient, 'speculate'>
  readonly transactions: TransactionSource
  readonly evidence: EvidencePool
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: ConsensusMetrics
  /** Makes a whole block durable with the next flush. */
  readonly logBlock: (bytes: Uint8Array) => void
  /** Runs what had to wait for the network in turn with everything else, while the height lasts. */
  readonly later: (judge: () => Verdict | null) => void
}

export type Verdict = { readonly blockId: BlockId; readonly valid: boolean }

/** The blocks that may be decided at one height: builds ours, assembles and judges those of others. */
export class Candidates {
  readonly #options: CandidatesOptions
  readonly #modules: CandidatesModules
  readonly #blocks = new HeightBlocks()
  readonly #fetching = new Set<BlockId>()
  #ended = false

  constructor(options: CandidatesOptions, modules: CandidatesModules) {
    this.#options = options
    this.#modules = modules
  }

  get(blockId: BlockId): BlockEntry | undefined {
    return this.#blocks.get(blockId)
  }

  /** False: too many candidates are held already. */
  propose(header: Header, body: ProposalBody, from: string): boolean {
    return this.#blocks.propose(header, body, from) !== null
  }

  end(): void {
    this.#ended = true
  }

  /** Our own block of this moment. The wall clock must be past the previous block's time. */
  build(proposer: Uint8Array): BlockEntry {
    const { transactions, evidence, clock } = this.#modules
    const { head, params, lastCommit } = this.#options
    const selected = transactions.select(head, params)
    const block = buildBlock({
      ...this.#options,
      head: head.summary,
      proposer,
      timeMs: clock.wallMs(),
      transactions: selected.transactions,
      evidence: evidence.select(head.summary, params),
    })
    const { core, messages, evidence: included } = block.payload
    const { batches, inline, evm } = selected
    const body = { batches, inline, evm, core, messages, evidence: included, lastCommit }
    return this.#addWhole(block, selected.senders, body)
  }

  /** Judges a proposed block: at once when its batches are here, else through `later`. */
  check(blockId: BlockId): Verdict | null {
    const entry = this.#blocks.get(blockId)
    // After a restart the WAL may hold a proposal whose block had not been assembled.
    if (entry === undefined || (entry.assembled === null && entry.body === null)) {
      this.fetch(blockId)
      return null
    }
    if (entry.assembled !== null || entry.body === null) return this.#judge(entry, true)
    const resolved = this.#modules.transactions.resolve(entry.body, entry.from)
    if (!(resolved instanceof Promise)) return this.#resolved(entry, resolved)
    void resolved.then((outcome) => this.#modules.later(() => this.#resolved(entry, outcome)))
    return null
  }

  /** Asks everyone who may hold a block until one has it: it is certified, or proposed and lost. */
  fetch(blockId: BlockId): void {
    if (this.#fetching.has(blockId)) return
    this.#fetching.add(blockId)
    void this.#fetchOnce(blockId)
  }

  /** A block from the WAL, which judged it before it was written. */
  async restore(bytes: Uint8Array): Promise<void> {
    const block = decode(blockCodec, bytes)
    assert(block.ok, 'a checksummed WAL block is canonical')
    const senders = await this.#modules.transactions.sendersOf(block.value.payload.evm)
    this.#blocks.addWhole(block.value, senders ?? new Uint8Array(0), null)
  }

  #addWhole(block: Block, senders: Uint8Array, body: ProposalBody | null): BlockEntry {
    const entry = this.#blocks.addWhole(block, senders, body)
    assert(entry.assembled !== null, 'a whole block is here whole')
    this.#modules.logBlock(entry.assembled.bytes)
    return entry
  }

  #resolved(entry: BlockEntry, outcome: ResolvedBody | 'INVALID' | 'MISSING'): Verdict | null {
    if (outcome === 'MISSING') {
      this.#modules.metrics.rejected('BATCH_MISSING')
      // Too late for this round's prevote, perhaps, but a later step may need the block.
      this.fetch(entry.blockId)
      return null
    }
    if (outcome === 'INVALID') return this.#judge(entry, false)
    if (entry.assembled === null) {
      const { transactions, senders } = outcome
      const assembled = this.#blocks.complete(entry, transactions, senders)
      if (assembled !== null) this.#modules.logBlock(assembled.bytes)
    }
    return this.#judge(entry, true)
  }

  #judge(entry: BlockEntry, transactionsDecode: boolean): Verdict {
    const { log, metrics } = this.#modules
    const { blockId } = entry
    const verdict =
      entry.assembled === null
        ? ({
            ok: false,
            code: transactionsDecode ? 'WRONG_PAYLOAD_HASH' : 'BAD_TRANSACTION',
          } as const)
        : checkBlock(
            entry.assembled.block,
            entry.assembled.bytes.length,
            this.#validityContext(transactionsDecode),
          )
    if (!verdict.ok) {
      metrics.rejected(verdict.code)
      const { height } = this.#options
      log.warn('Proposed block is invalid', { height, blockId, code: verdict.code })
      return { blockId, valid: false }
    }
    assert(entry.assembled !== null, 'a valid block is here whole')
    const { bytes, senders } = entry.assembled
    const { height } = this.#options
    this.#modules.executor.speculate({ height, blockId, block: bytes, senders })
    return { blockId, valid: true }
  }

  #validityContext(transactionsDecode: boolean): ValidityContext {
    const { chainId, params, head, validators, nextValidators } = this.#options
    const { evidence } = this.#modules
    return {
      chainId,
      params,
      head: head.summary,
      validators,
      nextValidators,
      validatorsAt: evidence.validatorsAt,
      timeAt: evidence.timeAt,
      hasEvidence: evidence.isCommitted,
      transactionsDecode,
    }
  }

  async #fetchOnce(blockId: BlockId): Promise<void> {
    const { network, log } = this.#modules
    const { height } = this.#options
    const wanted = (): boolean =>
      !this.#ended && (this.#blocks.get(blockId)?.assembled ?? null) === null
    for (const peerId of network.peerIds()) {
      if (!wanted()) break
      const bytes = await network.requestBlock(peerId, height, blockId)
      if (bytes !== null && wanted()) await this.#takeFetched(peerId, blockId, bytes)
    }
    if (!wanted()) return
    log.debug('Block not found yet', { height, blockId })
    setTimeout(() => void this.#fetchOnce(blockId), FETCH_RETRY_MS).unref()
  }

  async #takeFetched(peerId: string, blockId: BlockId, bytes: Uint8Array): Promise<void> {
    const { network, transactions } = this.#modules
    const block = decode(blockCodec, bytes)
    if (!block.ok || blockIdOf(block.value.header) !== blockId) {
      network.penalize(peerId, 'WRONG_BLOCK')
      return
    }
    const senders = await transactions.sendersOf(block.value.payload.evm)
    this.#modules.later(() => {
      const entry = this.#addWhole(block.value, senders ?? new Uint8Array(0), null)
      return this.#judge(entry, senders !== null)
    })
  }
}

const FETCH_RETRY_MS = 100
