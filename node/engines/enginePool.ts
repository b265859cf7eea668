import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import type { ArenaMemory } from '../../core/arena/index.ts'
import { type EngineTable, engineTableOf } from '../../core/host/engineHost.ts'
import type { Registry } from '../../core/host/registry.ts'
import type { EngineOutcome, EngineRunner, EngineTask } from '../../core/host/runner.ts'
import { decodeOutcome, encodeTask } from '../../core/host/taskCodec.ts'
import { assert } from '../../core/primitives/assert.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { EngineThreadData, TaskAnswer } from './protocol.ts'

export type EnginePoolOptions = {
  readonly registry: Registry
  /** Of a module that exports the same registry as `coreRegistry`. */
  readonly registryModule: URL
  /** By engine in registry order. */
  readonly memories: readonly ArenaMemory[]
  /** At least 1; more than engines are not started. */
  readonly threads: number
  /** A batch that takes longer halts the block. */
  readonly timeoutMs: number
}

export const defaultEnginePoolOptions = {
  registryModule: new URL('./registry.ts', import.meta.url),
  timeoutMs: 30_000,
} as const

export type EnginePool = EngineRunner & {
  /** Resolves when every thread has opened its memory, also one that took the place of another. */
  ready(): Promise<void>
  close(): Promise<void>
}

/** Loading the engines on a machine that does much else. */
const START_MS = 60_000

/**
 * Runs batches on threads over the arenas' shared memory. An engine stays with one thread, which
 * holds the memory of the engines it was given and of no other.
 */
export function createEnginePool(options: EnginePoolOptions): EnginePool {
  const { registry, memories, timeoutMs } = options
  const count = Math.min(options.threads, registry.engines.length)
  assert(count > 0, 'a pool has a thread')
  const tables = new Map(registry.engines.map((engine) => [engine.id, engineTableOf(engine)]))
  const pools = Array.from({ length: count }, (_, thread) => startThread(options, thread, count))
  const poolOf = (engine: number): Piscina => {
    const index = registry.engines.findIndex((candidate) => candidate.id === engine)
    return pools[index % count] as Piscina
  }
  assert(memories.length === registry.engines.length, 'every engine has its memory')
  const runOne = async (task: EngineTask, limitMs: number): Promise<EngineOutcome> => {
    const table = tables.get(task.engine)
    assert(table !== undefined, 'a task is for a registered engine')
    const answer = await answerOf(poolOf(task.engine), { table, task, timeoutMs: limitMs })
    if (answer.kind === 'failed') throw failureOf(answer)
    return { ...decodeOutcome(answer.outcome), posts: answer.posts }
  }
  return {
    async run(tasks) {
      // Every batch is awaited, also after one failed: a block is undone only when no thread writes any more.
      const settled = await Promise.allSettled(tasks.map((task) => runOne(task, timeoutMs)))
      return settled.map((result) => {
        if (result.status === 'rejected') throw result.reason
        return result.value
      })
    },
    async ready() {
      const first = registry.engines.slice(0, count)
      await Promise.all(first.map(({ id }) => runOne(emptyTask(id), START_MS)))
    },
    async close() {
      await Promise.all(pools.map((pool) => pool.destroy()))
    },
  }
}

function startThread(options: EnginePoolOptions, thread: number, count: number): Piscina {
  const memories = options.registry.engines.flatMap(({ id: engine }, i) => {
    const memory = options.memories[i] as ArenaMemory
    return i % count === thread ? [{ engine, memory }] : []
  })
  const workerData: EngineThreadData = { registryModule: options.registryModule.href, memories }
  return new Piscina({
    filename: fileURLToPath(new URL('./engineWorker.ts', import.meta.url)),
    minThreads: 1,
    maxThreads: 1,
    workerData,
  })
}

const emptyTask = (engine: number): EngineTask => ({
  engine,
  height: 0,
  time: 0,
  blockGas: 0,
  budgets: [],
  units: [],
})

async function answerOf(
  pool: Piscina,
  options: { readonly table: EngineTable; readonly task: EngineTask; readonly timeoutMs: number },
): Promise<TaskAnswer> {
  const { table, task, timeoutMs } = options
  const bytes = encodeTask(table, task)
  const watchdog = new AbortController()
  const timer = setTimeout(() => watchdog.abort(), timeoutMs)
  try {
    return await pool.run(bytes, {
      transferList: [bytes.buffer as ArrayBuffer],
      signal: watchdog.signal,
    })
  } catch (cause) {
    if (!watchdog.signal.aborted) throw cause
    const engine = table.engine.name
    const detail = { code: 'ENGINE_TIMEOUT', engine, height: task.height, timeoutMs }
    const message = `Engine ${engine} did not finish its batch of height ${task.height} in ${timeoutMs} ms`
    throw new NexusError(detail, { message, cause })
  } finally {
    clearTimeout(timer)
  }
}

function failureOf(answer: Extract<TaskAnswer, { kind: 'failed' }>): NexusError {
  const error = new NexusError(answer.detail, { message: answer.message })
  error.stack = answer.stack
  return error
}
