import type { CorePort } from '../core/host/corePort.ts'
import { EngineGate } from './engineGate.ts'
import type { Executive, ExecutiveName } from './executive.ts'
import type { EngineHardfork } from './forks.ts'
import { createCommon } from './interpreter/common.ts'
import { createReferenceExecutive } from './interpreter/referenceExecutive.ts'
import type { CommittedState } from './state/committedState.ts'
import { FlatState } from './state/flatState.ts'
import type { Tracer } from './tracer.ts'
import { createNexusExecutive } from './vm/nexusExecutive.ts'
import type { RunGuard } from './vm/vm.ts'

/** One executive and the state in front of it. Runs one message at a time. */
export type Engine = {
  readonly chainId: number
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
  /** Absent: nexus. */
  readonly executive?: ExecutiveName
}

export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { chainId, hardfork, committed } = options
  const common = createCommon(chainId, hardfork)
  const flat = new FlatState(committed)
  const guard: RunGuard = { shouldStop: null }
  const core = new EngineGate()
  const ancestors: Engine['ancestors'] = { hashOf: () => null }
  const ancestorHash = (number: number): Uint8Array | null => ancestors.hashOf(number)
  const parts = { common, gate: core, guard, ancestorHash }
  const executive =
    options.executive === 'reference'
      ? await createReferenceExecutive({ ...parts, flat })
      : createNexusExecutive({ ...parts, chainId, hardfork })
  const engine: Engine = { chainId, executive, flat, guard, core, ancestors, tracer: null }
  enter(engine, flat)
  return engine
}

/** Puts another state in front of the executive, with these engines beside it, and forgets what a run that threw left behind. */
export function enter(engine: Engine, flat: FlatState, port: CorePort | null = null): void {
  engine.flat = flat
  engine.executive.enter(flat, port)
}
