import type { CorePort } from '../core/host/corePort.ts'
import { EngineGate } from './engineGate.ts'
import type { Executive, ExecutiveName } from './executive.ts'
import type { EngineHardfork } from './forks.ts'
import { createCommon } from './interpreter/common.ts'
import type { StepWatch } from './interpreter/loop.ts'
import { createReferenceExecutive } from './interpreter/referenceExecutive.ts'
import type { CommittedState } from './state/committedState.ts'
import { FlatState } from './state/flatState.ts'
import type { Tracer } from './tracer.ts'
import { HOT_AFTER } from './vm/hotPath.ts'
import { createNexusExecutive } from './vm/nexusExecutive.ts'
import type { RunGuard } from './vm/vm.ts'

/** One executive and the state in front of it. Runs one message at a time. */
export type Engine = {
  readonly chainId: number
  /** Null: not a development network. */
  readonly faucet: Uint8Array | null
  readonly executive: Executive
  readonly guard: RunGuard
  readonly core: EngineGate
  /** Changed by `enter` only. */
  flat: FlatState
  /** Told of every message until it is set back to null. */
  tracer: Tracer | null
  /** Answers BLOCKHASH for the block or call under way. */
  readonly ancestors: { hashOf: (number: number) => Uint8Array | null }
}

export type EngineOptions = {
  readonly chainId: number
  readonly hardfork: EngineHardfork
  readonly committed: CommittedState
  /** Absent or null: not a development network. */
  readonly faucet?: Uint8Array | null
  /** Absent: nexus. */
  readonly executive?: ExecutiveName
  /** How often nexus runs a block before it compiles it; absent: what pays. */
  readonly hotAfter?: number
  /** Told of every step of the reference; nexus tells a tracer. */
  readonly watch?: StepWatch
}

export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { chainId, hardfork, committed, faucet = null, hotAfter = HOT_AFTER } = options
  const common = createCommon(chainId, hardfork)
  const flat = new FlatState(committed)
  const guard: RunGuard = { shouldStop: null }
  const core = new EngineGate()
  const ancestors: Engine['ancestors'] = { hashOf: () => null }
  const ancestorHash = (number: number): Uint8Array | null => ancestors.hashOf(number)
  const parts = { common, gate: core, guard, ancestorHash }
  const executive =
    options.executive === 'reference'
      ? await createReferenceExecutive({ ...parts, flat, watch: options.watch ?? null })
      : createNexusExecutive({ ...parts, chainId, hardfork, hotAfter })
  const parties = { chainId, faucet, executive, guard, core, ancestors }
  const engine: Engine = { ...parties, flat, tracer: null }
  enter(engine, flat)
  return engine
}

/** Puts another state in front of the executive, with these engines beside it, and forgets what a run that threw left behind. */
export function enter(engine: Engine, flat: FlatState, port: CorePort | null = null): void {
  engine.flat = flat
  engine.executive.enter(flat, port)
}
