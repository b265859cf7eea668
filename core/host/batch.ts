import { EMPTY_BYTES } from '../primitives/bytes.ts'
import { Writer } from '../primitives/codec.ts'
import { type EngineHost, engineFault, type HostedFn } from './engineHost.ts'
import { EventLog } from './eventLog.ts'
import type { Fields, Values } from './fields.ts'
import type { HostContext } from './hostContext.ts'
import type { CallOutcome, EngineOutcome, EngineTask, EngineUnit, UnitCall } from './runner.ts'

/** A batch under way. */
type Batch = {
  readonly host: EngineHost
  readonly context: HostContext
  readonly task: EngineTask
  readonly budgets: number[]
  readonly outcomes: CallOutcome[]
  readonly events: EventLog
  /** For one result after the other. */
  readonly writer: Writer
  gasUsed: number
  /** Of no use but that somebody reads it. */
  fetched: number
  /** Function that runs, for a fault's report. */
  fn: string
}

const refused = (code: string, gasUsed: number): CallOutcome => ({
  code,
  gasUsed,
  result: EMPTY_BYTES,
})
const FULL = refused('BLOCK_FULL', 0)
const UNPAID = refused('OUT_OF_GAS', 0)
const REVERTED = refused('ATOMIC_REVERTED', 0)

/**
 * Runs one engine's batch on this thread. The context is the caller's own and comes back without
 * events or posts. O(units), each at least one mark in the journal.
 */
export function runBatch(host: EngineHost, context: HostContext, task: EngineTask): EngineOutcome {
  const batch: Batch = {
    host,
    context,
    task,
    budgets: [...task.budgets],
    outcomes: [],
    events: new EventLog(() => host),
    writer: new Writer(),
    gasUsed: 0,
    fetched: 0,
    fn: '',
  }
  context.height = task.height
  context.time = task.time
  context.engine = task.engine
  context.posts = []
  context.dropEvents(0)
  try {
    const { units } = task
    for (let from = 0; from < units.length; from += FETCH_AHEAD) {
      const next = units.slice(from, from + FETCH_AHEAD)
      batch.fn = 'fetch'
      batch.fetched ^= host.engine.fetch?.(host.state, next) ?? 0
      for (const unit of next) runUnit(batch, unit)
    }
  } catch (cause) {
    throw engineFault(host.engine, { fn: batch.fn, height: task.height }, cause)
  }
  const posts = context.posts
  context.posts = []
  const { outcomes, gasUsed } = batch
  return {
    engine: task.engine,
    calls: outcomes,
    posts,
    events: batch.events.finish(),
    gasUsed,
  }
}

/** Units whose rows are read together: their reads must still be in the processor's cache when they run. */
export const FETCH_AHEAD = 8

/** All calls of the unit stand or none does. */
function runUnit(batch: Batch, unit: EngineUnit): void {
  const { host, context, outcomes } = batch
  if (batch.gasUsed >= batch.task.blockGas) {
    for (let i = 0; i < unit.calls.length; i++) outcomes.push(FULL)
    return
  }
  const mark = host.arena.mark()
  const posts = context.posts.length
  const first = outcomes.length
  context.actFor(unit.account, unit.address, 'core')
  for (const call of unit.calls) {
    const outcome = runCall(batch, unit.budget, call)
    outcomes.push(outcome)
    if (outcome.code === null) continue
    host.arena.revertTo(mark)
    context.posts.length = posts
    context.dropEvents(0)
    revertRest(outcomes, first, unit.calls.length)
    return
  }
  batch.events.take(context)
}

/** The others of an atomic envelope fail with the one that failed; what they used stays paid. */
function revertRest(outcomes: CallOutcome[], first: number, count: number): void {
  const failed = outcomes.length - 1
  for (let i = first; i < failed; i++) {
    outcomes[i] = refused('ATOMIC_REVERTED', (outcomes[i] as CallOutcome).gasUsed)
  }
  while (outcomes.length < first + count) outcomes.push(REVERTED)
}

function runCall(batch: Batch, budget: number, call: UnitCall): CallOutcome {
  const { host, context, budgets } = batch
  const hosted = host.fns[call.fn] as HostedFn
  batch.fn = hosted.name
  const paid = budgets[budget] as number
  // No call takes more than what is left of the block, whatever it can pay: gas bounds the journal.
  const limit = Math.min(paid, batch.task.blockGas - batch.gasUsed)
  if (!context.meter(hosted.fn.gas, limit)) return limit < paid ? FULL : UNPAID
  const result = hosted.fn.apply(host.state, call.values as never, context)
  if (context.overrun) return spent(batch, budget, limit)
  const { gasUsed } = context
  budgets[budget] = paid - gasUsed
  batch.gasUsed += gasUsed
  if (!result.ok) return refused(result.code, gasUsed)
  return { code: null, gasUsed, result: resultOf(batch, hosted, result.value) }
}

function resultOf({ writer }: Batch, { result }: HostedFn, value: Values<Fields>): Uint8Array {
  writer.clear()
  result.write(writer, value)
  return writer.finish()
}

function spent(batch: Batch, budget: number, limit: number): CallOutcome {
  const rest = (batch.budgets[budget] as number) - limit
  batch.budgets[budget] = rest
  batch.gasUsed += limit
  return refused(rest > 0 ? 'BLOCK_FULL' : 'OUT_OF_GAS', limit)
}
