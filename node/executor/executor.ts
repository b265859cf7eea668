import type { MessagePort } from 'node:worker_threads'
import { type Block, blockCodec, blockIdOf } from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { Evidence } from '../../core/chain/evidence.ts'
import type { EthereumHeader, ExecutedBlock } from '../../core/chain/executedBlock.ts'
import type { ConsensusParams } from '../../core/chain/params.ts'
import { updatesToward } from '../../core/chain/validatorUpdates.ts'
import type { CoreCallOutcome } from '../../core/host/corePort.ts'
import type { Registry } from '../../core/host/registry.ts'
import type { CoreBlockResult, CoreMachine } from '../../core/machine/index.ts'
import { assert } from '../../core/primitives/assert.ts'
import { fromHex } from '../../core/primitives/bytes.ts'
import { decode, encode, int } from '../../core/primitives/codec.ts'
import { DOMAIN, hash } from '../../core/primitives/hash.ts'
import { ADDRESS_LENGTH } from '../../core/primitives/signature.ts'
import type { BlockId, Height } from '../../core/primitives/units.ts'
import { type EvmBlockResult, type EvmMachine, nextBaseFee } from '../../evm/index.ts'
import { totalSupplyOf } from '../../evm/systemToken.ts'
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
import type { Checkpoints } from './checkpoints.ts'
import type { CommittedFeed } from './committedFeed.ts'
import { recordingPort } from './recordingPort.ts'
import { summaryOf } from './summaryOf.ts'

export type ExecutorOptions = {
  readonly params: ConsensusParams
  readonly treasury: Uint8Array
  /** Monotonic seconds, for timings only. */
  readonly now: () => number
}

export type ExecutorModules = {
  readonly machine: EvmMachine
  readonly core: CoreMachine
  readonly registry: Registry
  readonly store: ChainStore
  readonly checkpoints: Checkpoints
  readonly feed: CommittedFeed
  /** Ends the engines' threads. */
  readonly closeCore: () => Promise<void>
}

type Speculation = {
  readonly blockId: BlockId
  readonly block: Block
  readonly evm: EvmBlockResult
  readonly core: CoreBlockResult
  readonly answers: readonly CoreCallOutcome[]
  readonly summary: StateSummary
  readonly result: ExecutionResult
}

/**
 * Runs one block at a time on both machines and is the only writer of the database. A block is
 * executed speculatively on the committed state; executing another one of the same height undoes it.
 */
export class Executor {
  readonly #options: ExecutorOptions
  readonly #modules: ExecutorModules
  #head: ChainHead
  #speculation: Speculation | null = null

  constructor(options: ExecutorOptions, modules: ExecutorModules) {
    this.#options = options
    this.#modules = modules
    const { summary, header } = modules.store.readHead()
    this.#head = this.#headOf(summary, header)
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
    const executed = await this.#run(block, request)
    this.#speculation = this.#speculate(block, request.blockId as BlockId, executed)
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
    const { block, evm, core, answers, summary } = speculation
    const { machine, store, checkpoints, feed } = this.#modules
    const executed: ExecutedBlock = { blockId, ...evm.executed }
    const deltas = this.#modules.core.commit()
    await store.commitHeight({
      block,
      blockId,
      certificate,
      executed,
      evmChanges: evm.changes,
      core: {
        outcome: { receipts: core.receipts, events: core.events },
        replay: core.record,
        checkpoint: checkpoints.take(summary.height),
        answers,
      },
      summary,
    })
    machine.commit()
    this.#speculation = null
    this.#head = this.#headOf(summary, executed.header)
    feed.publish({ height: summary.height, time: summary.time }, deltas)
    return this.#head
  }

  /** Lets a reader follow the committed state of the engines from here on. */
  attach(port: MessagePort): void {
    // A reader starts from what is committed, and the memories hold what is being tried out.
    this.#discard()
    const { height, time } = this.#head.summary
    this.#modules.feed.attach(port, { height, time })
  }

  async savePendingEvidence(evidence: Evidence): Promise<void> {
    await this.#modules.store.savePendingEvidence(evidence)
  }

  /** Keeps what going back to this height needs; null: nothing but the usual. */
  hold(height: Height | null): void {
    this.#modules.store.hold(height)
  }

  /** Makes the database that of an earlier height; false, and nothing is changed, when that is not kept. Close it then. */
  rollBack(to: Height): Promise<boolean> {
    this.#discard()
    return this.#modules.store.rollBack(to)
  }

  async close(): Promise<void> {
    this.#discard()
    this.#modules.feed.close()
    await this.#modules.closeCore()
    await this.#modules.store.close()
  }

  #discard(): void {
    if (this.#speculation !== null) {
      this.#modules.machine.discard()
      this.#modules.core.discard()
    }
    this.#speculation = null
  }

  /** Both machines, in the order of phases: what Core queued, signed actions, EVM transactions, settlement. */
  async #run(block: Block, { senders, signers }: ExecuteRequest): Promise<Executed> {
    const { machine, core } = this.#modules
    const { header, payload } = block
    const systemTransactions = core.begin({
      height: header.height,
      time: header.time,
      messages: payload.messages,
      actions: payload.core.map((bytes, index) => ({ bytes, signer: senderAt(signers, index) })),
    })
    const { port, answers } = recordingPort(core.port)
    const evm = await machine.execute({
      ...this.#evmInput(block, senders),
      core: {
        port,
        systemTransactions,
        afterSystem: (outcomes) => core.actions(outcomes),
      },
    })
    const { burnedWei, nativeDelta } = evm
    const tokenSupply = (token: Uint8Array): bigint => totalSupplyOf(evm.slot, token)
    return { evm, core: core.finish({ burnedWei, nativeDelta, tokenSupply }), answers }
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
      ancestorHash: (number) => this.#modules.store.ethereumHashOf(number),
    }
  }

  #speculate(block: Block, blockId: BlockId, { evm, core, answers }: Executed): Speculation {
    const parent = this.#head.summary
    const { height, time } = block.header
    const { header } = evm.executed
    const validators = storedValidatorSet(parent.nextValidators)
    const { validatorTarget } = core
    const validatorUpdates =
      validatorTarget === null ? [] : updatesToward(validators, validatorTarget)
    const summary = summaryOf({
      ...{ height, blockId, time, header, core, validators, validatorUpdates },
    })
    const result: ExecutionResult = {
      blockId,
      stateRoot: summary.stateRoot,
      receiptsRoot: summary.receiptsRoot,
      gasUsed: header.gasUsed,
      included: evm.included,
      skipped: evm.executed.skipped,
      actions: core.receipts.map(({ hash, code }) => ({ hash, code })),
      validatorUpdates,
      coreCalls: callsOf(core),
      coreGas: Object.fromEntries(
        core.gasByEngine.map((gas, i) => [this.#modules.registry.engines[i]?.name ?? '', gas]),
      ),
      timings: { ...evm.timings, ...coreSeconds(core.timings) },
    }
    return { blockId, block, evm, core, answers, summary, result }
  }

  #headOf(summary: StateSummary, header: EthereumHeader): ChainHead {
    const pendingMessages = this.#modules.core.pendingMessages()
    return { summary, header, nextBaseFee: nextBaseFee(header), pendingMessages }
  }
}

type Executed = {
  readonly evm: EvmBlockResult
  readonly core: CoreBlockResult
  readonly answers: readonly CoreCallOutcome[]
}

function callsOf({ receipts }: CoreBlockResult): ExecutionResult['coreCalls'] {
  let accepted = 0
  let rejected = 0
  for (const { calls } of receipts)
    for (const { code } of calls) {
      if (code === null) accepted++
      else rejected++
    }
  return { accepted, rejected }
}

/** Seconds by phase, named apart from the EVM's. */
const coreSeconds = (timings: CoreBlockResult['timings']): { readonly [phase: string]: number } =>
  Object.fromEntries(Object.entries(timings).map(([phase, ms]) => [`core_${phase}`, ms / 1_000]))

/** Known before the block is proposed, so a proposer can choose among few values only by skipping its turn. */
const randomnessOf = ({ header }: Block): Uint8Array =>
  hash(DOMAIN.randomness, fromHex(header.previousBlockId), encode(int, header.height))

function senderAt(senders: Uint8Array, index: number): Uint8Array | null {
  const sender = senders.slice(index * ADDRESS_LENGTH, (index + 1) * ADDRESS_LENGTH)
  return sender.length === ADDRESS_LENGTH && sender.some((byte) => byte !== 0) ? sender : null
}
