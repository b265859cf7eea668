import type { Common } from '@ethereumjs/common'
import type { CorePort } from '../core/host/corePort.ts'
import { createCommon, type EngineHardfork, memoize } from './interpreter/common.ts'
import { CoreGate } from './interpreter/coreGate.ts'
import type { RunGuard } from './interpreter/loop.ts'
import { createNexusEvm, type NexusEvm } from './interpreter/nexusEvm.ts'
import type { CommittedState } from './state/committedState.ts'
import { FlatState } from './state/flatState.ts'
import { NexusStateManager } from './state/stateManager.ts'

/** One interpreter and the state in front of it. Runs one message at a time. */
export type Engine = {
  readonly chainId: number
  readonly evm: NexusEvm
  readonly manager: NexusStateManager
  readonly common: Common
  readonly guard: RunGuard
  readonly core: CoreGate
  /** Answers BLOCKHASH for the block or call under way. */
  readonly ancestors: { hashOf: (number: number) => Uint8Array | null }
}

export type EngineOptions = {
  readonly chainId: number
  readonly hardfork: EngineHardfork
  readonly committed: CommittedState
}

export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { chainId, hardfork, committed } = options
  const common = createCommon(chainId, hardfork)
  const manager = new NexusStateManager(new FlatState(committed))
  const guard: RunGuard = { shouldStop: null }
  const core = new CoreGate()
  const ancestors: Engine['ancestors'] = { hashOf: () => null }
  const evm = await createNexusEvm({
    common,
    stateManager: manager,
    guard,
    core,
    ancestorHash: (number) => ancestors.hashOf(number),
  })
  memoize(common)
  return { chainId, evm, manager, common, guard, core, ancestors }
}

/** Puts another state in front of the interpreter, with these engines beside it, and forgets what a run that threw left behind. */
export function enter(engine: Engine, flat: FlatState, port: CorePort | null = null): void {
  engine.manager.flat = flat
  engine.core.open(port)
  engine.evm.warmJournal.engines = engine.core.engines
  engine.evm.warmJournal.cleanJournal()
  engine.evm.transientStorage.clear()
}
