import { type Block, blockCodec, blockIdOf } from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { Evidence } from '../../core/chain/evidence.ts'
import type { EthereumHeader, ExecutedBlock } from '../../core/chain/executedBlock.ts'
import type { ConsensusParams } from '../../core/chain/params.ts'
import { assert } from '../../core/primitives/assert.ts'
import { fromHex } from '../../core/primitives/bytes.ts'
import { decode, encode, int } from '../../core/primitives/codec.ts'
import { DOMAIN, hash } from '../../core/primitives/hash.ts'
import { ADDRESS_LENGTH } from '../../core/primitives/signature.ts'
import type { BlockId } from '../../core/primitives/units.ts'
import { type EvmBlockResult, type EvmMachine, nextBaseFee } from '../../evm/index.ts'
import type { ChainStore } from '../storage/chainStore.ts'
import type { StateSummary } from '../storage/stateSummary.ts'
import {
  type ChainHead,
  type Decided,
  type DecideRequest,
  type ExecuteRequest,
  type ExecutionResult,
  storedValidatorSet,
} from './chainHead.ts'
import { summaryOf } from './summaryOf.ts'

export type ExecutorOptions = {
  readonly params: ConsensusParams
  readonly treasury: Uint8Array
  /** Monotonic seconds, for timings only. */
  readonly now: () => number
}

type Speculation = {
  readonly blockId: BlockId
  readonly block: Block
  readonly evm: EvmBlockResult
  readonly summary: StateSummary
  readonly result: ExecutionResult
}

/**
 * Runs one block at a time on both machines and is the only writer of the database. A block is
 * executed speculatively on the committed state; executing another one of the same height undoes it.
 */
export class Executor {
  readonly #options: ExecutorOptions
  readonly #machine: EvmMachine
  readonly #store: ChainStore
  #head: ChainHead
  #speculation: Speculation | null = null

  constructor(
    options: ExecutorOptions,
    modules: { readonly machine: EvmMachine; readonly store: ChainStore },
  ) {
    this.#options = options
    this.#machine = modules.machine
    this.#store = modules.store
    this.#head = this.#readHead()
  }

  get head(): ChainHead {
    return this.#head
  }

  /** Executes on top of the committed head; the same block again costs nothing. */
  async execute(request: ExecuteRequest): Promise<ExecutionResult> {
    if (this.#speculation?.blockId === request.blockId) return this.#speculation.result
    this.#discard()
    const decoded = decode(blockCodec, request.block)
    assert(decoded.ok, 'the executor receives canonical blocks')
    const block = decoded.value
    const { height } = block.header
    assert(blockIdOf(block.header) === request.blockId, 'a block is executed under its own id')
    assert(height === this.#head.summary.height + 1, 'a block is executed on its parent')
    const evm = await this.#machine.execute(this.#evmInput(block, request.senders))
    this.#speculation = this.#speculate(block, request.blockId as BlockId, evm)
    return this.#speculation.result
  }

  /** Starts on a block that may be decided. One that no longer builds on the head is of no interest. */
  async speculate(request: ExecuteRequest): Promise<void> {
    if (request.height === this.#head.summary.height + 1) await this.execute(request)
  }

  /** Executes the decided block, unless it is the one executed last, and commits it. */
  async decide({ certificate, ...request }: DecideRequest): Promise<Decided> {
    const result = await this.execute(request)
    const started = this.#options.now()
    const head = await this.commit(certificate.blockId, certificate)
    return { head, result, commitSeconds: this.#options.now() - started }
  }

  /** Makes the executed block durable, in one synced batch, and the base of the next. */
  async commit(blockId: BlockId, certificate: Certificate): Promise<ChainHead> {
    const speculation = this.#speculation
    assert(speculation?.blockId === blockId, 'the committed block was executed')
    const { block, evm, summary } = speculation
    const executed: ExecutedBlock = { blockId, ...evm.executed }
    await this.#store.commitHeight({
      block,
      blockId,
      certificate,
      executed,
      evmChanges: evm.changes,
      summary,
    })
    this.#machine.commit()
    this.#speculation = null
    this.#head = headOf(summary, executed.header)
    return this.#head
  }

  async savePendingEvidence(evidence: Evidence): Promise<void> {
    await this.#store.savePendingEvidence(evidence)
  }

  async close(): Promise<void> {
    this.#discard()
    await this.#store.close()
  }

  #discard(): void {
    if (this.#speculation !== null) this.#machine.discard()
    this.#speculation = null
  }

  #evmInput(block: Block, senders: Uint8Array): Parameters<EvmMachine['execute']>[0] {
    const { params, treasury } = this.#options
    const { header, payload } = block
    return {
      number: header.height,
      timestampMs: header.time,
      coinbase: header.proposer,
      parent: this.#head.header,
      parentBlockId: fromHex(header.previousBlockId),
      prevRandao: randomnessOf(block),
      gasLimit: params.maxBlockGas,
      baseFeePerGas: this.#head.nextBaseFee,
      baseFeeRecipient: params.baseFeeRecipient,
      tipRecipient: params.tipRecipient,
      treasury,
      transactions: payload.evm.map((bytes, index) => ({
        bytes,
        sender: senderAt(senders, index),
      })),
      ancestorHash: (number) => this.#store.ethereumHashOf(number),
    }
  }

  #speculate(block: Block, blockId: BlockId, evm: EvmBlockResult): Speculation {
    const parent = this.#head.summary
    const { height, time } = block.header
    const { header } = evm.executed
    const validators = storedValidatorSet(parent.nextValidators)
    const summary = summaryOf({ height, blockId, time, header, validators })
    const result: ExecutionResult = {
      blockId,
      stateRoot: summary.stateRoot,
      receiptsRoot: summary.receiptsRoot,
      gasUsed: header.gasUsed,
      included: evm.included,
      skipped: evm.executed.skipped,
      timings: evm.timings,
    }
    return { blockId, block, evm, summary, result }
  }

  #readHead(): ChainHead {
    const { summary, header } = this.#store.readHead()
    return headOf(summary, header)
  }
}

const headOf = (summary: StateSummary, header: EthereumHeader): ChainHead => ({
  summary,
  header,
  nextBaseFee: nextBaseFee(header),
})

/** Known before the block is proposed, so a proposer can choose among few values only by skipping its turn. */
const randomnessOf = ({ header }: Block): Uint8Array =>
  hash(DOMAIN.randomness, fromHex(header.previousBlockId), encode(int, header.height))

function senderAt(senders: Uint8Array, index: number): Uint8Array | null {
  const sender = senders.slice(index * ADDRESS_LENGTH, (index + 1) * ADDRESS_LENGTH)
  return sender.length === ADDRESS_LENGTH && sender.some((byte) => byte !== 0) ? sender : null
}
