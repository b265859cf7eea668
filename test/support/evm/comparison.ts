import { isDeepStrictEqual } from 'node:util'
import type { Engine } from '../../../evm/engine.ts'
import type { ExecutiveName } from '../../../evm/executive.ts'
import type { WatchedStep } from '../../../evm/interpreter/loop.ts'
import type { TraceStep } from '../../../evm/tracer.ts'
import { createExecutive, observe } from './executives.ts'
import type { Scenario } from './scenarios.ts'

/** Steps beyond these are not compared; what they did still is. */
const MAX_STEPS = 20_000
const STOP = 0
/** Cold, getting hot, compiled, and compiled where the path before was left. */
const HOT_AFTER = 1
const HOT_RUNS = 4

type Fork = Scenario['fork']
type Engines = Readonly<Record<Fork, Engine>>
type Step = Pick<WatchedStep, 'depth' | 'pc' | 'op' | 'gas' | 'stack'>

export type Comparison = {
  /** Null: both did the same. */
  readonly difference: string | null
  readonly steps: number
  /** How the message ended: `success`, or the EVM's words. */
  readonly ending: string
}

/** Runs scenarios on both executives and compares every step, gas, error, output, logs, burned coins and state. */
export class Comparer {
  readonly #nexus: Engines
  readonly #reference: Engines
  /** Nexus as a node runs it, without a tracer, but for that it compiles what it has run twice. */
  readonly #hot: Engines
  readonly #steps: Step[]

  private constructor(
    { nexus, reference, hot }: Readonly<Record<'nexus' | 'reference' | 'hot', Engines>>,
    steps: Step[],
  ) {
    this.#nexus = nexus
    this.#reference = reference
    this.#hot = hot
    this.#steps = steps
  }

  /** With rules for each, the comparer finds what is different between those. */
  static async create(always?: Record<'nexus' | 'reference', Fork>): Promise<Comparer> {
    const steps: Step[] = []
    const watch = ({ depth, pc, op, gas, stack, size }: WatchedStep): void => {
      if (op !== STOP && steps.length < MAX_STEPS) {
        steps.push({ depth, pc, op, gas, stack: stack.slice(0, size) })
      }
    }
    const enginesOf = async (name: ExecutiveName, hotAfter?: number): Promise<Engines> => {
      const options = hotAfter === undefined ? { watch } : { watch, hotAfter }
      return {
        prague: await createExecutive(name, always?.[name] ?? 'prague', options),
        osaka: await createExecutive(name, always?.[name] ?? 'osaka', options),
      }
    }
    const engines = {
      nexus: await enginesOf('nexus'),
      reference: await enginesOf('reference'),
      hot: await enginesOf('nexus', HOT_AFTER),
    }
    return new Comparer(engines, steps)
  }

  async compare({ fork, start, message }: Scenario): Promise<Comparison> {
    const expected = this.#steps
    expected.length = 0
    const theirs = (await observe(this.#reference[fork], start, message)) as Seen
    let at = 0
    let difference: string | null = null
    const step = (own: TraceStep): void => {
      // The reference just ends behind the last byte.
      if (own.op === STOP || at >= MAX_STEPS) return
      const other = expected[at++]
      if (difference === null && !isSameStep(own, other)) {
        difference = `step ${at - 1}: nexus ${shown(own)}, reference ${shown(other)}`
      }
    }
    const ours = (await observe(this.#nexus[fork], start, message, { step })) as Seen
    if (difference === null && at < expected.length) {
      difference = `nexus ended ${expected.length - at} steps early, before ${shown(expected[at])}`
    }
    if (difference === null && !isDeepStrictEqual(ours, theirs)) difference = partsOf(ours, theirs)
    for (let run = 1; run <= HOT_RUNS && difference === null; run++) {
      const hot = (await observe(this.#hot[fork], start, message)) as Seen
      if (!isDeepStrictEqual(hot, theirs))
        difference = `run ${run} without a tracer: ${partsOf(hot, theirs)}`
    }
    return { difference, steps: expected.length, ending: theirs.error ?? 'success' }
  }
}

type Seen = Readonly<Record<string, unknown>> & { readonly error: string | null }

function isSameStep(own: Step, other: Step | undefined): boolean {
  if (other === undefined) return false
  if (own.pc !== other.pc || own.op !== other.op || own.gas !== other.gas) return false
  if (own.depth !== other.depth || own.stack.length !== other.stack.length) return false
  return own.stack.every((item, i) => item === other.stack[i])
}

const shown = (step: Step | undefined): string =>
  step === undefined
    ? 'nothing'
    : `depth ${step.depth} pc ${step.pc} op ${step.op.toString(16)} gas ${step.gas} [${step.stack
        .map((item) => item.toString(16))
        .join(' ')}]`

const partsOf = (ours: Seen, theirs: Seen): string =>
  Object.keys(theirs)
    .filter((key) => !isDeepStrictEqual(ours[key], theirs[key]))
    .map((key) => `${key}: nexus ${text(ours[key])}, reference ${text(theirs[key])}`)
    .join('; ')

const text = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? part.toString() : part))
