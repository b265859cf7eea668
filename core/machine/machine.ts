import { createArena } from '../arena/index.ts'
import { assertRegistry } from '../host/assertRegistry.ts'
import { type Coprocessor, ENGINE } from '../host/coprocessor.ts'
import { createInlineRunner } from '../host/inlineRunner.ts'
import { Runtime } from '../host/runtime.ts'
import { assert } from '../primitives/assert.ts'
import { BlockStep } from './blockStep.ts'
import { checkConservation } from './conservation.ts'
import { brokenConstraints } from './constraints.ts'
import { EvmCalls } from './evmCalls.ts'
import { pendingMessages } from './messages.ts'
import { createPort } from './port.ts'
import type { CoreMachine, CoreMachineOptions, GenesisParams } from './types.ts'

/** NexusCore with the given engines, its arenas empty or opened from `memories`. */
export function createCoreMachine(options: CoreMachineOptions): CoreMachine {
  const { registry, params, memories } = options
  assertRegistry(registry)
  assert(
    memories === undefined || memories.length === registry.engines.length,
    'every engine has its memory',
  )
  const arenas = registry.engines.map((engine, i) =>
    createArena(engine.schema, memories?.[i], options.arena),
  )
  const runtime = new Runtime(registry, arenas, params.blockGas)
  const calls = new EvmCalls(runtime)
  const runner = options.runner ?? createInlineRunner(runtime.hosts)
  const step = new BlockStep({ registry, params, runtime, calls, runner, now: options.now })
  const paramsOf = ({ id, name }: Coprocessor, given: GenesisParams): unknown => {
    // The messenger sells EVM gas for Core gas, at the chain's own ratio.
    if (id === ENGINE.messenger) return { gasRatio: params.gasRatio }
    const own = given[name]
    return typeof own === 'function' ? own(runtime.names.idOf) : own
  }
  return {
    arenas,
    port: createPort(runtime, calls, {
      gasRatio: params.gasRatio,
      assertOpen: () => step.assertOpen(),
    }),
    genesis(given) {
      step.assertIdle()
      for (const { engine, state, arena } of runtime.hosts) {
        engine.genesis(state, paramsOf(engine, given) as never)
        arena.seal()
      }
      checkConservation(registry.ledger.supplies(runtime.ledgerHost.state), null)
    },
    begin: (input) => step.begin(input),
    actions: (outcomes) => step.actions(outcomes),
    finish: (evm) => step.finish(evm),
    replay: (record) => step.replay(record),
    commit() {
      step.commit()
      return arenas.map((arena) => arena.seal())
    },
    discard: () => step.discard(),
    pendingMessages: () => pendingMessages(runtime, registry),
    checkFull: () => brokenConstraints(runtime, ['block', 'full']),
  }
}
