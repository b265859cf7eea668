import type { EthereumHeader } from '../../core/chain/executedBlock.ts'
import type { CoreSimulation } from '../../core/machine/index.ts'
import {
  BLOB_BASE_FEE,
  type BlockEnvironment,
  type CallResult,
  type CallRequest as EvmCallRequest,
  type StateOverride as EvmStateOverride,
  type EvmStore,
  type SimulationContext,
  type SimulationLimits,
  type Simulator,
} from '../../evm/index.ts'
import {
  type AccessListResult,
  type AccountOverride,
  type BlockOverrides,
  type CallMessage,
  type CallRequest,
  type Deadline,
  fail,
  isPast,
  type Outcome,
} from '../../rpc/index.ts'

/** The three calls of RPC on a given state, in the block of `header`. */
export type Simulation = {
  call(store: EvmStore, header: EthereumHeader, request: CallRequest): Promise<Outcome<Uint8Array>>
  estimateGas(
    store: EvmStore,
    header: EthereumHeader,
    request: CallRequest,
  ): Promise<Outcome<bigint>>
  createAccessList(
    store: EvmStore,
    header: EthereumHeader,
    request: CallRequest,
  ): Promise<Outcome<AccessListResult>>
}

export type SimulationModules = {
  readonly simulator: Simulator
  /** No call gets more. */
  readonly gasCap: number
  readonly ancestorHash: (height: number) => Uint8Array | null
  readonly core: CoreSimulation
  /** Where the engines stand, which have no past: calls at other heights find none. */
  readonly coreAt: () => { readonly height: number; readonly time: number }
}

export function simulationOf(modules: SimulationModules): Simulation {
  const { simulator, gasCap } = modules
  const limitsOf = ({ deadline }: CallRequest): SimulationLimits => ({
    gasCap,
    shouldStop: () => isPast(deadline),
  })
  return {
    async call(store, header, request) {
      const message = messageOf(request.message, gasCap)
      const result = await inContext(modules, { store, header, request }, (context) =>
        simulator.call(context, message, limitsOf(request)),
      )
      return result.status === 'success'
        ? { ok: true, value: result.returnData }
        : failed(result, request.deadline)
    },
    async estimateGas(store, header, request) {
      const message = messageOf(request.message, gasCap)
      const result = await inContext(modules, { store, header, request }, (context) =>
        simulator.estimateGas(context, message, limitsOf(request)),
      )
      return result.ok
        ? { ok: true, value: BigInt(result.gas) }
        : failed(result.failure, request.deadline)
    },
    async createAccessList(store, header, request) {
      const message = messageOf(request.message, gasCap)
      const result = await inContext(modules, { store, header, request }, (context) =>
        simulator.createAccessList(context, message, limitsOf(request)),
      )
      return { ok: true, value: { ...result, gasUsed: BigInt(result.gasUsed) } }
    },
  }
}

type Position = {
  readonly store: EvmStore
  readonly header: EthereumHeader
  readonly request: CallRequest
}

function inContext<T>(
  { ancestorHash, core, coreAt }: SimulationModules,
  { store, header, request }: Position,
  run: (context: SimulationContext) => Promise<T>,
): Promise<T> {
  const context: SimulationContext = {
    store,
    block: environmentOf(header),
    ancestorHash,
    stateOverrides: request.stateOverrides.map(stateOverrideOf),
    blockOverrides: blockChangesOf(request.blockOverrides),
  }
  const at = coreAt()
  if (at.height !== header.number) return run(context)
  return core.simulate(at, (port) => run({ ...context, core: port }))
}

export function failed(
  { status, error, returnData }: CallResult,
  deadline: Deadline,
): ReturnType<typeof fail> {
  if (status === 'revert') return fail({ code: 'EXECUTION_REVERTED', output: returnData })
  // Nothing else ends a run after its time.
  if (isPast(deadline)) return fail({ code: 'EXECUTION_TIMED_OUT', timeoutMs: deadline.timeoutMs })
  return fail({ code: 'EXECUTION_FAILED', reason: error ?? 'execution failed' })
}

export const environmentOf = (header: EthereumHeader): BlockEnvironment => ({
  number: header.number,
  timestamp: header.timestamp,
  coinbase: header.coinbase,
  prevRandao: header.prevRandao,
  gasLimit: header.gasLimit,
  baseFeePerGas: header.baseFeePerGas,
  blobBaseFee: BLOB_BASE_FEE,
})

/** An open field is absent there and null here. */
export function messageOf(message: CallMessage, gasCap: number): EvmCallRequest {
  const { from, to, gas, gasPrice, maxFeePerGas, maxPriorityFeePerGas } = message
  return {
    ...(from === null ? {} : { from }),
    ...(gas === null ? {} : { gas: gas < BigInt(gasCap) ? Number(gas) : gasCap }),
    ...(gasPrice === null ? {} : { gasPrice }),
    ...(maxFeePerGas === null ? {} : { maxFeePerGas }),
    ...(maxPriorityFeePerGas === null ? {} : { maxPriorityFeePerGas }),
    to,
    value: message.value,
    data: message.data,
    accessList: message.accessList,
    authorizations: message.authorizations.map(({ yParity, ...tuple }) => ({
      ...tuple,
      parity: yParity,
    })),
  }
}

export const stateOverrideOf = (override: AccountOverride): EvmStateOverride => ({
  address: override.address,
  ...(override.balance === null ? {} : { balance: override.balance }),
  ...(override.nonce === null ? {} : { nonce: override.nonce }),
  ...(override.code === null ? {} : { code: override.code }),
  ...(override.state === null ? {} : { state: override.state }),
  stateDiff: override.stateDiff,
})

export function blockChangesOf(overrides: BlockOverrides): Partial<BlockEnvironment> {
  const { number, time, gasLimit, feeRecipient, prevRandao, baseFeePerGas, blobBaseFee } = overrides
  return {
    ...(number === null ? {} : { number }),
    ...(time === null ? {} : { timestamp: time }),
    ...(gasLimit === null ? {} : { gasLimit }),
    ...(feeRecipient === null ? {} : { coinbase: feeRecipient }),
    ...(prevRandao === null ? {} : { prevRandao }),
    ...(baseFeePerGas === null ? {} : { baseFeePerGas }),
    ...(blobBaseFee === null ? {} : { blobBaseFee }),
  }
}
