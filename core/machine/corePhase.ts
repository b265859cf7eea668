import type { ActionReceipt } from '../chain/action.ts'
import type { EngineHost } from '../host/engineHost.ts'
import type { EventLog } from '../host/eventLog.ts'
import { feeOf } from '../host/gas.ts'
import type { CallOutcome, EngineOutcome, EngineRunner } from '../host/runner.ts'
import type { Runtime } from '../host/runtime.ts'
import { assert } from '../primitives/assert.ts'
import { Admissions, type Entry, type Running, waitingGas } from './admission.ts'
import { type Plan, planBatch, takeOutcome } from './batches.ts'
import type { ActionInput, CoreParams } from './types.ts'

/** What the phase works with. */
export type CorePhase = {
  readonly runtime: Runtime
  readonly runner: EngineRunner
  readonly params: CoreParams
  readonly events: EventLog
}

/**
 * Phase 3: admits the block's actions, runs the ledger's batch, then those of the other engines side
 * by side, delivers posts after each, and settles fees. Receipts are in payload order.
 */
export async function runActions(
  phase: CorePhase,
  actions: readonly ActionInput[],
): Promise<readonly ActionReceipt[]> {
  const { runtime } = phase
  const { ledger, ledgerHost } = runtime
  const gasPrice = ledger.gasPrice(ledgerHost.state)
  const gasLeft = phase.params.blockGas - runtime.gasUsed
  const { chainId } = phase.params
  const admissions = new Admissions(runtime, { chainId, gasLeft, gasPrice })
  const entries = actions.map((action) => admissions.enter(action))
  const running = entries.map((entry) => entry.state).filter((state) => state.kind === 'running')
  const isLedger = (engine: number): boolean => engine === ledger.engine
  await runBatches(phase, running, [ledgerHost], (entry) => {
    const others = waitingGas(entry, (engine) => !isLedger(engine))
    return entry.gasLimit - gasOf(entry) - others
  })
  const others = runtime.hosts.filter((host) => host !== ledgerHost)
  await runBatches(phase, running, others, shareOf)
  for (const entry of running) {
    const { maxFee } = entry.envelope
    const fee = feeOf(gasOf(entry), gasPrice)
    assert(fee <= maxFee, 'gas is bounded by what the fee pays for')
    ledger.settleFee(ledgerHost.state, entry.admitted.account, maxFee, fee)
  }
  for (const entry of running) {
    entry.calls.forEach((call, i) => {
      const outcome = entry.outcomes[i] as CallOutcome
      if (call.kind === 'refused') runtime.addGas(ledgerHost, outcome.gasUsed)
    })
  }
  return entries.map((entry) => receiptOf(entry, gasPrice))
}

/**
 * Engines run side by side, so none can know what the others use: each gets the base gas of its own
 * calls and an equal part of the rest.
 */
function shareOf(entry: Running, host: EngineHost): number {
  const engines = new Set<number>()
  entry.envelope.actions.forEach((action, i) => {
    if (entry.outcomes[i] === undefined) engines.add(action.engine)
  })
  const rest = entry.gasLimit - gasOf(entry) - waitingGas(entry, () => true)
  const own = waitingGas(entry, (engine) => engine === host.engine.id)
  return own + Math.floor(rest / Math.max(1, engines.size))
}

async function runBatches(
  phase: CorePhase,
  running: readonly Running[],
  hosts: readonly EngineHost[],
  budgetOf: (entry: Running, host: EngineHost) => number,
): Promise<void> {
  const { runtime } = phase
  const { height, time } = runtime.context
  const blockGas = phase.params.blockGas - runtime.gasUsed
  const plans: Plan[] = []
  for (const host of hosts) {
    const plan = planBatch({
      host,
      entries: running,
      height,
      time,
      blockGas,
      budgetOf: (entry) => budgetOf(entry, host),
    })
    if (plan !== null) plans.push(plan)
  }
  if (plans.length === 0) return
  const outcomes = await phase.runner.run(plans.map((plan) => plan.task))
  for (const [i, plan] of plans.entries()) {
    const outcome = outcomes[i] as EngineOutcome
    takeOutcome(runtime, plan, outcome)
    phase.events.append(outcome.events)
    runtime.context.posts.push(...outcome.posts)
  }
  runtime.deliverPosts()
  phase.events.take(runtime.context)
}

function gasOf(entry: Running): number {
  let gas = 0
  for (const outcome of entry.outcomes) gas += outcome?.gasUsed ?? 0
  return gas
}

const NOBODY = new Uint8Array(20)

function receiptOf({ hash, envelope, state }: Entry, gasPrice: number): ActionReceipt {
  const signer = envelope?.signer ?? NOBODY
  const nonce = envelope?.nonce ?? 0
  if (state.kind === 'refused') {
    return { hash, signer, owner: NOBODY, nonce, code: state.code, fee: 0, calls: [] }
  }
  const calls = state.outcomes as readonly CallOutcome[]
  const fee = feeOf(gasOf(state), gasPrice)
  return { hash, signer, owner: state.admitted.owner, nonce, code: null, fee, calls }
}
