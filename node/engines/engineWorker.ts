import '../nativeHash.ts'
import { workerData } from 'piscina'
import { createArena } from '../../core/arena/index.ts'
import { runBatch } from '../../core/host/batch.ts'
import { type EngineHost, engineTableOf } from '../../core/host/engineHost.ts'
import { HostContext } from '../../core/host/hostContext.ts'
import type { Registry } from '../../core/host/registry.ts'
import { decodeTask, encodeOutcome } from '../../core/host/taskCodec.ts'
import { assert } from '../../core/primitives/assert.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { EngineThreadData, TaskAnswer } from './protocol.ts'

const { registryModule, memories } = workerData as EngineThreadData
const { coreRegistry } = (await import(registryModule)) as { readonly coreRegistry: Registry }

const hosts = new Map<number, EngineHost>()
for (const { engine: id, memory } of memories) {
  const index = coreRegistry.engines.findIndex((engine) => engine.id === id)
  const engine = coreRegistry.engines[index]
  assert(engine !== undefined, 'an engine thread runs registered engines')
  const arena = createArena(engine.schema, memory)
  hosts.set(id, { ...engineTableOf(engine), index, arena, state: arena.state })
}
const context = new HostContext()

function hostOf(engine: number): EngineHost {
  const host = hosts.get(engine)
  assert(host !== undefined, 'an engine thread has the memory of its own engines only')
  return host
}

/** Runs one batch on the engine's own memory. */
export default function runTask(bytes: Uint8Array): TaskAnswer {
  try {
    const task = decodeTask(hostOf, bytes)
    const { posts, ...outcome } = runBatch(hostOf(task.engine), context, task)
    return { kind: 'done', outcome: encodeOutcome({ ...outcome, posts: [] }), posts }
  } catch (error) {
    return failureOf(error)
  }
}

function failureOf(error: unknown): TaskAnswer {
  const { message, stack } =
    error instanceof Error ? error : new NexusError({ code: 'THREAD_FAILED' })
  const detail = error instanceof NexusError ? error.detail : { code: 'THREAD_FAILED' }
  return { kind: 'failed', detail, message, stack: stack ?? message }
}
