import type { ActionCall } from '../chain/action.ts'
import type { ActionClass } from '../host/coprocessor.ts'
import type { EngineHost } from '../host/engineHost.ts'
import { encodeResult, fieldsCodec } from '../host/fieldCodec.ts'
import type {
  CallOutcome,
  EngineOutcome,
  EngineTask,
  EngineUnit,
  UnitCall,
} from '../host/runner.ts'
import type { Runtime } from '../host/runtime.ts'
import { assert } from '../primitives/assert.ts'
import { decode } from '../primitives/codec.ts'
import type { Running } from './admission.ts'

/** A task, and where each outcome of its units belongs. */
export type Plan = {
  readonly host: EngineHost
  readonly task: EngineTask
  readonly places: readonly Place[]
}
type Place = { readonly entry: Running; readonly calls: readonly number[] }

/** Of two classes the lower runs first (spec/core §3); within one it is payload order. */
const RANK: { readonly [K in ActionClass]: number } = { cancel: 0, postOnly: 1, other: 2 }

export type PlanOptions = {
  readonly host: EngineHost
  readonly entries: readonly Running[]
  readonly height: number
  readonly time: number
  readonly blockGas: number
  /** Core gas that the envelope's calls of this engine may use together. */
  readonly budgetOf: (entry: Running) => number
}

/** One engine's part of the block, in the order in which it runs; null when it has none. O(calls). */
export function planBatch(options: PlanOptions): Plan | null {
  const { host, height, time, blockGas } = options
  const engine = host.engine.id
  const units: EngineUnit[][] = [[], [], []]
  const places: Place[][] = [[], [], []]
  const budgets: number[] = []
  const add = (entry: Running, rank: number, unit: EngineUnit, calls: readonly number[]): void => {
    units[rank]?.push(unit)
    places[rank]?.push({ entry, calls })
  }
  for (const entry of options.entries) {
    const waiting = waitingCalls(entry, engine)
    if (waiting.length === 0) continue
    const { account, owner: address } = entry.admitted
    const budget = budgets.push(options.budgetOf(entry)) - 1
    if (entry.envelope.atomic) {
      const calls = waiting.map((at) => unitCall(entry, at))
      add(entry, RANK.other, { class: 'other', account, address, budget, calls }, waiting)
      continue
    }
    for (const at of waiting) {
      const kind = classOf(entry, at)
      const calls = [unitCall(entry, at)]
      add(entry, RANK[kind], { class: kind, account, address, budget, calls }, [at])
    }
  }
  if (budgets.length === 0) return null
  const task = { engine, height, time, blockGas, budgets, units: units.flat() }
  return { host, task, places: places.flat() }
}

/** Positions of the envelope's calls to this engine that no outcome is known for yet. */
function waitingCalls({ envelope, outcomes }: Running, engine: number): number[] {
  const waiting: number[] = []
  for (let i = 0; i < outcomes.length; i++) {
    const action = envelope.actions[i] as ActionCall
    if (outcomes[i] === undefined && action.engine === engine) waiting.push(i)
  }
  return waiting
}

function preparedAt(entry: Running, at: number) {
  const call = entry.calls[at]
  assert(call?.kind === 'call', 'only calls that can run wait')
  return call
}

const classOf = (entry: Running, at: number): ActionClass => preparedAt(entry, at).class

function unitCall(entry: Running, at: number): UnitCall {
  const { fn, args } = entry.envelope.actions[at] as ActionCall
  return { fn, args, values: preparedAt(entry, at).values }
}

/** Puts the outcomes into their envelopes, accounts of results named. */
export function takeOutcome(runtime: Runtime, plan: Plan, outcome: EngineOutcome): void {
  assert(outcome.engine === plan.host.engine.id, 'outcomes come in the order of tasks')
  let next = 0
  for (const { entry, calls } of plan.places) {
    for (const at of calls) {
      const call = outcome.calls[next++]
      assert(call !== undefined, 'every call has an outcome')
      entry.outcomes[at] = named(runtime, entry, at, call)
    }
  }
  assert(next === outcome.calls.length, 'every outcome has a call')
  runtime.addGas(plan.host, outcome.gasUsed)
}

function named(runtime: Runtime, entry: Running, at: number, outcome: CallOutcome): CallOutcome {
  const { hosted } = preparedAt(entry, at)
  if (!hosted.namesInResult || outcome.code !== null) return outcome
  const values = decode(fieldsCodec(hosted.fn.result), outcome.result)
  assert(values.ok, 'a result is canonical')
  return { ...outcome, result: encodeResult(hosted.fn.result, values.value, runtime.names) }
}
