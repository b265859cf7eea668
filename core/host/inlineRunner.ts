import { assert } from '../primitives/assert.ts'
import { runBatch } from './batch.ts'
import type { EngineHost } from './engineHost.ts'
import { HostContext } from './hostContext.ts'
import type { EngineOutcome, EngineRunner, EngineTask } from './runner.ts'

/** Runs every batch on this thread, one after the other. */
export function createInlineRunner(hosts: readonly EngineHost[]): EngineRunner {
  const context = new HostContext()
  const runOne = (task: EngineTask): EngineOutcome => {
    const host = hosts.find((candidate) => candidate.engine.id === task.engine)
    assert(host !== undefined, 'a task is for a registered engine')
    return runBatch(host, context, task)
  }
  return { run: async (tasks) => tasks.map(runOne) }
}
