import {
  type Block,
  blockCodec,
  blockIdOf,
  type Header,
  payloadHashOf,
} from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { ConsensusParams } from '../../core/chain/params.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { assert } from '../../core/primitives/assert.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { decode } from '../../core/primitives/codec.ts'
import type { BlockId, Height, Round } from '../../core/primitives/units.ts'
import type { ChainHead } from '../executor/chainHead.ts'
import type { ExecutorClient } from '../executor/executorClient.ts'
import type { ProposalBody } from '../network/messages.ts'
import type { Logger } from '../observability/logger.ts'
import type { ConsensusMetrics } from '../observability/metrics.ts'
import { buildBlock } from './blockBuilder.ts'
import {
  type BlockCode,
  checkBlock,
  type ValidityContext,
  validityContextOf,
} from './blockValidity.ts'
import type { Clock } from './clock.ts'
import type { EvidencePool } from './evidencePool.ts'
import { type BlockEntry, HeightBlocks } from './heightBlocks.ts'
import type { ConsensusNetwork, ResolvedBody, Signatories, TransactionSource } from './ports.ts'
import type { ProposalPace } from './proposalPace.ts'

export type CandidatesOptions = {
  readonly chainId: number
  readonly params: ConsensusParams
  readonly head: ChainHead
  /** The set that judges this height, and the next one. */
  readonly validators: ValidatorSet
  readonly nextValidators: ValidatorSet
  /** The certificate of the height before; null at height 1. */
  readonly lastCommit: Certificate | null
  readonly knownPrecommits: NonNullable<ValidityContext['knownPrecommits']>
  readonly height: Height
}

export type CandidatesModules = {
  readonly network: ConsensusNetwork
  readonly executor: Pick<ExecutorClient, 'speculate'>
  readonly transactions: TransactionSource
  readonly evidence: EvidencePool
  readonly pace: Pick<ProposalPace, 'targetBytes'>
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
  /** What cancels the next attempt for a block that nobody had. */
  readonly #retries = new Map<BlockId, () => void>()
  /** Whole here, with evidence that this node cannot judge. */
  readonly unjudged = new Set<BlockId>()
  #ended = false

  constructor(options: CandidatesOptions, modules: CandidatesModules) {
    this.#options = options
    this.#modules = modules
  }

  get(blockId: BlockId): BlockEntry | undefined {
    return this.#blocks.get(blockId)
  }

  /** Null: too many candidates are held already. */
  propose(header: Header, body: ProposalBody, from: string): BlockEntry | null {
    return this.#blocks.propose(header, body, from)
  }

  end(): void {
    this.#ended = true
    for (const cancel of this.#retries.values()) cancel()
  }

  /** Our own block of this moment. The wall clock must be past the previous block's time. */
  build(proposer: Uint8Array, round: Round): BlockEntry {
    const { transactions, evidence, clock, pace } = this.#modules
    const { head, params, lastCommit } = this.#options
    const selected = transactions.select(head, params, pace.targetBytes(round))
    const block = buildBlock({
      ...this.#options,
      head: head.summary,
      proposer,
      timeMs: clock.wallMs(),
      transactions: selected.evm,
      actions: selected.core,
      messages: head.pendingMessages,
      evidence: evidence.select(head.summary, params),
    })
    const { messages, evidence: included } = block.payload
    const { batches, inline, transactions: references } = selected
    const named = { batches, inline, transactions: references }
    const body = { ...named, messages, evidence: included, lastCommit }
    const { senders, signers } = selected
    return this.#addWhole(block, { senders, signers }, body)
  }

  /** Judges a proposed block: at once when its batches are here, else through `later`. */
  check(blockId: BlockId): Verdict | null {
    const entry = this.#blocks.get(blockId)
    // After a restart the WAL may hold a proposal whose block had not been assembled.
    if (entry === undefined || (entry.assembled === null && entry.body === null)) {
      this.fetch(blockId)
      return null
    }
    if (entry.assembled !== null || entry.body === null) return this.#judge(entry)
    const resolved = this.#modules.transactions.resolve(entry.body, entry.from)
    if (!(resolved instanceof Promise)) return this.#resolved(entry, resolved)
    void resolved.then((outcome) => this.#modules.later(() => this.#resolved(entry, outcome)))
    return null
  }

  /** Asks everyone who may hold a block until one has it: it is certified, or proposed and lost. */
  fetch(blockId: BlockId): void {
    if (this.unjudged.has(blockId)) {
      this.#modules.later(() => this.vouched(blockId))
      return
    }
    if (this.#fetching.has(blockId)) return
    this.#fetching.add(blockId)
    void this.#fetchOnce(blockId)
  }

  /** Two thirds of the validators vouch for a block that was left unjudged. */
  vouched(blockId: BlockId): Verdict | null {
    const entry = this.#blocks.get(blockId)
    const wasUnjudged = this.unjudged.delete(blockId)
    return entry === undefined || !wasUnjudged ? null : this.#judge(entry, true)
  }

  /** A block from the WAL, which judged it before it was written. */
  async restore(bytes: Uint8Array): Promise<void> {
    const block = decode(blockCodec, bytes)
    assert(block.ok, 'a checksummed WAL block is canonical')
    const signatories = await this.#modules.transactions.signatoriesOf(block.value.payload)
    this.#blocks.addWhole(block.value, signatories, null)
  }

  #addWhole(block: Block, signatories: Signatories | null, body: ProposalBody | null): BlockEntry {
    const entry = this.#blocks.addWhole(block, signatories, body)
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
    if (entry.assembled !== null) return this.#judge(entry)
    if (outcome === 'INVALID') return this.#refuse(entry, 'BAD_TRANSACTION')
    const assembled = this.#blocks.complete(entry, outcome)
    if (assembled === null) return this.#refuse(entry, 'WRONG_PAYLOAD_HASH')
    this.#modules.logBlock(assembled.bytes)
    return this.#judge(entry)
  }

  /** Null: it is left to others. */
  #judge(entry: BlockEntry, vouched = false): Verdict | null {
    const { blockId, assembled } = entry
    assert(assembled !== null, 'a judged block is here whole')
    const { block, bytes, signatories } = assembled
    const verdict = checkBlock(
      block,
      bytes.length,
      validityContextOf(this.#options, this.#modules.evidence, {
        transactionsDecode: signatories !== null,
        vouched,
      }),
    )
    if (!verdict.ok && verdict.code === 'UNKNOWABLE_EVIDENCE') {
      this.#modules.metrics.rejected(verdict.code)
      this.unjudged.add(blockId)
      return null
    }
    if (!verdict.ok) return this.#refuse(entry, verdict.code)
    assert(signatories !== null, 'a valid block holds nothing unacceptable')
    const { height } = this.#options
    this.#modules.executor.speculate({ height, blockId, block: bytes, ...signatories })
    return { blockId, valid: true }
  }

  #refuse({ blockId }: BlockEntry, code: BlockCode): Verdict {
    const { log, metrics } = this.#modules
    metrics.rejected(code)
    log.warn('Proposed block is invalid', { height: this.#options.height, blockId, code })
    return { blockId, valid: false }
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
    const again = (): void => {
      this.#retries.delete(blockId)
      void this.#fetchOnce(blockId)
    }
    this.#retries.set(blockId, this.#modules.clock.setTimer(again, FETCH_RETRY_MS))
  }

  async #takeFetched(peerId: string, blockId: BlockId, bytes: Uint8Array): Promise<void> {
    const { network, transactions } = this.#modules
    const block = decode(blockCodec, bytes)
    // Another payload under the right header would make a decided block look invalid here.
    if (!block.ok || blockIdOf(block.value.header) !== blockId || !isWhole(block.value)) {
      network.penalize(peerId, 'WRONG_BLOCK')
      return
    }
    const signatories = await transactions.signatoriesOf(block.value.payload)
    this.#modules.later(() => {
      const entry = this.#addWhole(block.value, signatories, null)
      return this.#judge(entry)
    })
  }
}

const isWhole = ({ header, payload }: Block): boolean =>
  equalBytes(payloadHashOf(payload), header.payloadHash)

const FETCH_RETRY_MS = 100
