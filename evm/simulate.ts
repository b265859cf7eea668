import { assert } from '../core/primitives/assert.ts'
import { equalBytes, toHex } from '../core/primitives/bytes.ts'
import { LIMITS } from '../core/primitives/limits.ts'
import type { AccessListEntry } from './accessList.ts'
import { GenerationCache } from './cache.ts'
import { contractAddress } from './contractAddress.ts'
import { createEngine, type Engine } from './engine.ts'
import { type Hardfork, transactionGasCap } from './forks.ts'
import {
  type SimulationOutcome,
  type SimulationRequest,
  simulateBlocks,
} from './simulation/blocks.ts'
import { estimate } from './simulation/estimate.ts'
import { suppliedGas } from './simulation/refusal.ts'
import {
  type Replay,
  type ReplayedBlock,
  type ReplayRange,
  replayBlock,
} from './simulation/replay.ts'
import type {
  AccessListResult,
  CallRequest,
  CallResult,
  EstimateResult,
  SimulationContext,
  SimulationLimits,
} from './simulation/request.ts'
import { type Run, type RunResult, runOnce, ZERO_ADDRESS } from './simulation/run.ts'
import { CommittedState } from './state/committedState.ts'
import type { EvmStore } from './store.ts'
import { TraceTooLarge, type TransactionTracer } from './tracers/transactionTracer.ts'

export type Simulator = {
  /** `eth_call`. */
  call(
    context: SimulationContext,
    request: CallRequest,
    limits: SimulationLimits,
  ): Promise<CallResult>
  /** `eth_estimateGas`: a gas limit with which the call succeeds, at most 1.5 % above the least. */
  estimateGas(
    context: SimulationContext,
    request: CallRequest,
    limits: SimulationLimits,
  ): Promise<EstimateResult>
  /** `eth_createAccessList`. */
  createAccessList(
    context: SimulationContext,
    request: CallRequest,
    limits: SimulationLimits,
  ): Promise<AccessListResult>
  /** `debug_traceCall`. */
  traceCall<T>(
    context: SimulationContext,
    request: CallRequest,
    limits: SimulationLimits,
    tracer: TransactionTracer<T>,
  ): Promise<CallTraceResult<T>>
  /** `debug_traceTransaction` and of blocks: transactions of a committed block again, on the state before it. */
  replay<T>(
    store: EvmStore,
    block: ReplayedBlock,
    range: ReplayRange,
    limits: SimulationLimits,
    follow: () => TransactionTracer<T>,
  ): Promise<Replay<T>>
  /** `eth_simulateV1`. */
  simulateBlocks(
    context: SimulationContext,
    request: SimulationRequest,
    limits: SimulationLimits,
  ): Promise<SimulationOutcome>
}

/** `trace` is null where nothing ran, and `failure` says why; or the tracer has more than it may hold. */
export type CallTraceResult<T> =
  | { readonly ok: true; readonly trace: T }
  | { readonly ok: false; readonly failure: CallResult | 'tooLarge' }

export type SimulatorOptions = {
  readonly chainId: number
  readonly hardfork: Hardfork
  /** Absent or null: not a development network. */
  readonly faucet?: Uint8Array | null
}

const CACHES = { accountBytes: 65_536, slotBytes: 262_144, cachedCodes: 1_000 }
/** Access lists settle after two or three runs; code that looks at its own gas may never settle. */
const MAX_ACCESS_LIST_RUNS = 16

/** One interpreter for simulations: requests wait for each other, so a long one is the caller's to stop. */
export async function createSimulator(options: SimulatorOptions): Promise<Simulator> {
  const codes = new GenerationCache<Uint8Array>(CACHES.cachedCodes)
  const stateOf = (store: EvmStore) => new CommittedState(store, CACHES, codes)
  const engine = await createEngine({ ...options, committed: stateOf({ get: () => undefined }) })
  let last: Promise<unknown> = Promise.resolve()
  function alone<T>(limits: SimulationLimits, work: () => Promise<T>): Promise<T> {
    assert(limits.gasCap <= LIMITS.blockGas, 'a simulation has no more gas than a block')
    const next = last.then(async () => {
      engine.guard.shouldStop = limits.shouldStop
      return await work()
    })
    last = next.catch(() => undefined)
    return next
  }
  return {
    call: (context, request, limits) =>
      alone(limits, async () => {
        const gasLimit = Math.min(request.gas ?? limits.gasCap, limits.gasCap)
        const run = { context, committed: stateOf(context.store), request, gasLimit }
        const result = await runOnce(engine, run)
        const { isRefused, error } = result
        return callResultOf(
          isRefused ? { ...result, error: suppliedGas(error ?? '', gasLimit) } : result,
        )
      }),
    estimateGas: (context, request, limits) =>
      alone(limits, () => {
        // More than a transaction may ask for is no answer.
        const gasCap = Math.min(limits.gasCap, transactionGasCap(options.hardfork))
        const call = { context, committed: stateOf(context.store), request }
        return estimate(engine, call, { ...limits, gasCap })
      }),
    createAccessList: (context, request, limits) =>
      alone(limits, () => {
        const gasLimit = Math.min(request.gas ?? limits.gasCap, limits.gasCap)
        return settle(engine, { context, committed: stateOf(context.store), request, gasLimit })
      }),
    traceCall: (context, request, limits, tracer) =>
      alone(limits, () => {
        const gasLimit = Math.min(request.gas ?? limits.gasCap, limits.gasCap)
        return traceOnce(
          engine,
          { context, committed: stateOf(context.store), request, gasLimit },
          tracer,
        )
      }),
    replay: (store, block, range, limits, follow) =>
      alone(limits, () => replayBlock(engine, stateOf(store), block, range, follow)),
    simulateBlocks: (context, request, limits) =>
      alone(limits, () => simulateBlocks(engine, stateOf(context.store), context, request, limits)),
  }
}

async function traceOnce<T>(
  engine: Engine,
  run: Run,
  tracer: TransactionTracer<T>,
): Promise<CallTraceResult<T>> {
  let trace: { readonly of: T } | null = null
  const follow: TransactionTracer<unknown> = {
    tracer: tracer.tracer,
    start: (transaction, state) => tracer.start(transaction, state),
    end: (outcome) => {
      trace = { of: tracer.end(outcome) }
    },
  }
  try {
    const result = await runOnce(engine, { ...run, follow })
    const done = trace as { readonly of: T } | null
    return done === null
      ? { ok: false, failure: callResultOf(result) }
      : { ok: true, trace: done.of }
  } catch (error) {
    if (!(error instanceof TraceTooLarge)) throw error
    return { ok: false, failure: 'tooLarge' }
  }
}

export const callResultOf = ({ status, error, returnData, gasUsed }: RunResult): CallResult => ({
  status,
  error,
  returnData,
  gasUsed,
})

/** Runs with the list of the run before until the list no longer changes (geth internal/ethapi AccessList). */
async function settle(engine: Engine, run: Run): Promise<AccessListResult> {
  engine.core.open(run.context.core ?? null)
  const always = [...engine.core.engines.values(), ...partiesOf(run)]
  const excluded = new Set([...engine.executive.precompiles, ...always].map(toHex))
  let accessList: readonly AccessListEntry[] = run.request.accessList ?? []
  let result: RunResult | null = null
  for (let i = 0; i < MAX_ACCESS_LIST_RUNS; i++) {
    const request = { ...run.request, accessList }
    result = await runOnce(engine, { ...run, request, reportAccess: true })
    const next = result.accessList.filter(
      ({ address, storageKeys }) => storageKeys.length > 0 || !excluded.has(toHex(address)),
    )
    if (sameList(accessList, next)) break
    accessList = next
  }
  return { accessList, gasUsed: result?.gasUsed ?? 0, error: result?.error ?? null }
}

/** Warm anyway: listing them would only cost. */
function partiesOf({ request, committed }: Run): Uint8Array[] {
  const from = request.from ?? ZERO_ADDRESS
  const nonce = committed.account(from).account?.nonce ?? 0
  return [from, request.to ?? contractAddress(from, nonce)]
}

const sameList = (a: readonly AccessListEntry[], b: readonly AccessListEntry[]): boolean =>
  a.length === b.length &&
  a.every((entry, i) => {
    const other = b[i]
    return (
      other !== undefined &&
      equalBytes(entry.address, other.address) &&
      entry.storageKeys.length === other.storageKeys.length &&
      entry.storageKeys.every((key, j) => equalBytes(key, other.storageKeys[j] ?? NO_KEY))
    )
  })

const NO_KEY = new Uint8Array(0)
