import type { Arena } from '../arena/index.ts'
import type { Schema } from '../arena/schema.ts'
import type { CorePort } from '../host/corePort.ts'
import type { Registry } from '../host/registry.ts'
import { Runtime } from '../host/runtime.ts'
import { assert } from '../primitives/assert.ts'
import { EvmCalls } from './evmCalls.ts'
import { createPort } from './port.ts'
import type { CoreParams } from './types.ts'

export type CoreSimulation = {
  /** Whatever `run` does through the port is undone when it ends. One at a time. */
  simulate<T>(
    block: { readonly height: number; readonly time: number },
    run: (port: CorePort) => Promise<T>,
  ): Promise<T>
}

/** Engines as `eth_call` and gas estimates reach them, on arenas without a block under way: a replica's. */
export function createCoreSimulation(options: {
  readonly registry: Registry
  readonly params: CoreParams
  readonly arenas: readonly Arena<Schema>[]
}): CoreSimulation {
  const { registry, params, arenas } = options
  const runtime = new Runtime(registry, arenas, params.blockGas)
  const calls = new EvmCalls(runtime)
  let isOpen = false
  const port = createPort(runtime, calls, {
    gasRatio: params.gasRatio,
    assertOpen: () => assert(isOpen, 'engines are asked while a simulation runs'),
  })
  return {
    async simulate({ height, time }, run) {
      assert(!isOpen, 'one simulation at a time')
      isOpen = true
      runtime.context.height = height
      runtime.context.time = time
      runtime.gas.fill(0)
      const mark = runtime.mark()
      try {
        return await run(port)
      } finally {
        runtime.revertTo(mark)
        runtime.forget(0)
        isOpen = false
      }
    },
  }
}
