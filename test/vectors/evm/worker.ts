// A thread of command.ts: gets files, answers with their tallies.
import { parentPort, workerData } from 'node:worker_threads'
import type { ExecutiveName } from '../../../evm/executive.ts'
import { Engines } from './stateTest.ts'
import { runFile, type SuiteFile, type SuiteOptions, type Tally } from './suite.ts'

export type Task = { readonly executive: ExecutiveName; readonly file: SuiteFile }
export type TaskDone = { readonly task: Task; readonly tallies: readonly Tally[] }

const options = workerData as SuiteOptions
const engines = { nexus: new Engines('nexus'), reference: new Engines('reference') }

parentPort?.on('message', (task: Task) => {
  void runFile(engines[task.executive], task.file, options).then(
    (tallies) => parentPort?.postMessage({ task, tallies } satisfies TaskDone),
    // A file that is not JSON: what the thread's caller then says names it.
    (error: unknown) => setImmediate(() => Promise.reject(error)),
  )
})
