import type { EthereumHeader } from '../../core/chain/executedBlock.ts'
import type { FeeRecipient } from '../../core/chain/params.ts'
import type { CoreSimulation } from '../../core/machine/index.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { BlockId } from '../../core/primitives/units.ts'
import {
  encodeBlock,
  encodeHeader,
  encodeReceipt,
  type ReplayRange,
  type SimulationFailure,
  type SimulationLimits,
  type Simulator,
} from '../../evm/index.ts'
import {
  type CallRequest,
  type Deadline,
  fail,
  type InspectionBackend,
  isPast,
  type Outcome,
  type PoolContent,
  type PoolCounts,
  type PoolRequest,
  type RawBlock,
  type RpcFailure,
  type SimulatedBlock,
  type SimulationRequest,
  type Trace,
  type TraceRequest,
  type Tracing,
} from '../../rpc/index.ts'
import type { ChainReader, EvmStateView } from '../storage/chainReader.ts'
import type { Channel } from '../threads/channel.ts'
import type { CoreReplica } from './coreReplica.ts'
import type { GatewayApi, RpcThreadEvents } from './gateway.ts'
import { EngineAnswersGone, recordedPort } from './recordedPort.ts'
import { blockChangesOf, environmentOf, failed, messageOf, stateOverrideOf } from './simulation.ts'
import { tracingOf } from './tracing.ts'

/** Who gets fees, as the executor knows it: what a replay must do the same. */
export type ReplayFees = {
  readonly baseFeeRecipient: FeeRecipient
  readonly tipRecipient: FeeRecipient
  readonly treasury: Uint8Array
}

export type InspectionModules = {
  readonly reader: ChainReader
  readonly simulator: Simulator
  readonly node: Pick<Channel<GatewayApi, RpcThreadEvents>, 'call'>
  readonly replica: CoreReplica
  readonly core: CoreSimulation
  readonly fees: ReplayFees
  readonly gasCap: number
  readonly ancestorHash: (height: number) => Uint8Array | null
  /** Runs when its turn comes, on the state after a height, which is released afterwards. */
  readonly onState: <T>(
    place: { readonly height: number; readonly deadline: Deadline },
    run: (view: EvmStateView, header: EthereumHeader) => Promise<Outcome<T>>,
  ) => Promise<Outcome<T>>
}

/** `debug_*`, `txpool_*` and `eth_simulateV1` behind the RPC server. */
export class ChainInspection implements InspectionBackend {
  readonly #modules: InspectionModules

  constructor(modules: InspectionModules) {
    this.#modules = modules
  }

  async traceTransactions(request: TraceRequest): Promise<Outcome<readonly Trace[]>> {
    const { onState } = this.#modules
    const { height, deadline } = request
    return onState({ height: height - 1, deadline }, (view) => this.#replay(view, request))
  }

  async traceCall(request: CallRequest, tracing: Tracing): Promise<Outcome<Trace>> {
    const { simulator, gasCap, onState } = this.#modules
    return onState(request, async (view, header) => {
      const context = {
        ...this.#contextOf(view, header),
        stateOverrides: request.stateOverrides.map(stateOverrideOf),
        blockOverrides: blockChangesOf(request.blockOverrides),
      }
      const message = messageOf(request.message, gasCap)
      const limits = this.#limitsOf(request.deadline)
      const traced = await this.#withEngines(header, (port) =>
        simulator.traceCall(
          port === null ? context : { ...context, core: port },
          message,
          limits,
          tracingOf(tracing)(),
        ),
      )
      if (traced.ok) return { ok: true, value: traced.trace }
      return traced.failure === 'tooLarge'
        ? fail({ code: 'TRACE_TOO_LARGE', limit: tracing.maxBytes })
        : failed(traced.failure, request.deadline)
    })
  }

  async simulateBlocks(request: SimulationRequest): Promise<Outcome<readonly SimulatedBlock[]>> {
    const { simulator, gasCap, onState, reader } = this.#modules
    return onState(request, async (view, header) => {
      const wanted = {
        base: header,
        validates: request.validates,
        tracesTransfers: request.tracesTransfers,
        hasTrie: view.height === reader.height,
        blocks: request.blocks.map(({ blockOverrides, stateOverrides, calls }) => ({
          overrides: blockChangesOf(blockOverrides),
          stateOverrides: stateOverrides.map(stateOverrideOf),
          calls: calls.map(({ message, nonce }) => ({
            ...messageOf(message, gasCap),
            ...(nonce === null ? {} : { nonce }),
          })),
        })),
      }
      const context = this.#contextOf(view, header)
      const limits = this.#limitsOf(request.deadline)
      const simulated = await this.#withEngines(header, (port) =>
        simulator.simulateBlocks(
          port === null ? context : { ...context, core: port },
          wanted,
          limits,
        ),
      )
      if (!simulated.ok) return fail(simulationFailureOf(simulated.failure, request.deadline))
      const value = simulated.blocks.map(({ executed, calls }) => ({
        block: { blockId: NO_BLOCK_ID, ...executed },
        calls,
      }))
      return { ok: true, value }
    })
  }

  rawBlock(height: number): RawBlock | null {
    const block = this.#modules.reader.executedBlock(height)
    if (block === null) return null
    const { header, transactions } = block
    return {
      header: encodeHeader(header),
      block: encodeBlock(
        header,
        transactions.map(({ bytes }) => bytes),
      ),
      receipts: transactions.map(({ receipt }) => encodeReceipt(receipt)),
    }
  }

  oldest(): { readonly block: number; readonly state: number } {
    const { start, historyStart } = this.#modules.reader
    return { block: start === 0 ? 0 : start + 1, state: historyStart }
  }

  poolCounts(): Promise<PoolCounts> {
    return this.#modules.node.call('poolCounts', undefined)
  }
  poolContent(request: PoolRequest): Promise<PoolContent> {
    return this.#modules.node.call('poolContent', request)
  }

  async #replay(view: EvmStateView, request: TraceRequest): Promise<Outcome<readonly Trace[]>> {
    const { reader, simulator, fees, ancestorHash, replica } = this.#modules
    const { height, index, deadline, maxBytes } = request
    const block = reader.executedBlock(height)
    if (block === null) return fail({ code: 'HISTORY_PRUNED' })
    const range: ReplayRange =
      index === null ? { first: 0, last: block.transactions.length } : { first: index, last: index }
    const replayed = {
      environment: environmentOf(block.header),
      fees: { ...fees, proposer: block.header.coinbase },
      ancestry: block.header,
      transactions: block.transactions.map(({ hash, sender, bytes, receipt }) => ({
        ...{ hash, sender, bytes, gasUsed: receipt.gasUsed },
      })),
      ancestorHash,
      core: recordedPort(replica.registry, reader.engineAnswers(height)),
    }
    try {
      const limits = this.#limitsOf(deadline)
      const done = await simulator.replay(view, replayed, range, limits, tracingOf(request))
      if (done.ok) return { ok: true, value: done.traces }
      if (done.failure === 'tooLarge') return fail({ code: 'TRACE_TOO_LARGE', limit: maxBytes })
      if (done.failure === 'timedOut')
        return fail({ code: 'EXECUTION_TIMED_OUT', timeoutMs: deadline.timeoutMs })
    } catch (error) {
      if (error instanceof EngineAnswersGone)
        return fail({ code: 'ENGINE_ANSWERS_NOT_AVAILABLE', height })
      throw error
    }
    throw new NexusError(
      { code: 'REPLAY_DIFFERS', height },
      { message: `block ${height} executed again is not what it was: this is a bug` },
    )
  }

  #contextOf(view: EvmStateView, header: EthereumHeader) {
    const { ancestorHash } = this.#modules
    return { store: view, block: environmentOf(header), ancestorHash }
  }

  #limitsOf(deadline: Deadline): SimulationLimits {
    return { gasCap: this.#modules.gasCap, shouldStop: () => isPast(deadline) }
  }

  /** Engines have no past: at other heights than theirs there are none. */
  async #withEngines<T>(
    header: EthereumHeader,
    run: (port: Parameters<Parameters<CoreSimulation['simulate']>[1]>[0] | null) => Promise<T>,
  ): Promise<T> {
    const { core, replica } = this.#modules
    return replica.height === header.number ? core.simulate(replica, run) : run(null)
  }
}

const NO_BLOCK_ID = '0'.repeat(64) as BlockId

function simulationFailureOf(failure: SimulationFailure, deadline: Deadline): RpcFailure {
  const { code, message } = failure
  return code === 'TIMED_OUT'
    ? { code: 'EXECUTION_TIMED_OUT', timeoutMs: deadline.timeoutMs }
    : { code: 'SIMULATION_REFUSED', reason: code, problem: message }
}
