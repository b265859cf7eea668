import { parentPort, workerData } from 'node:worker_threads'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { Evidence } from '../../core/chain/evidence.ts'
import { assert } from '../../core/primitives/assert.ts'
import type { BlockId } from '../../core/primitives/units.ts'
import { Channel } from '../threads/channel.ts'
import type { ChainHead, ExecuteRequest, ExecutionResult } from './chainHead.ts'
import type { Executor } from './executor.ts'
import { openExecutor } from './openExecutor.ts'

export type ExecutorThreadOptions = {
  readonly databasePath: string
  readonly genesisText: string
  /** Heights of past state kept for queries. */
  readonly historyBlocks: number
}

export type ExecutorApi = {
  readonly open: (argument: undefined) => Promise<ChainHead>
  readonly execute: (request: ExecuteRequest) => Promise<ExecutionResult>
  readonly commit: (argument: {
    readonly blockId: BlockId
    readonly certificate: Certificate
  }) => Promise<ChainHead>
  readonly savePendingEvidence: (evidence: Evidence) => Promise<void>
  readonly close: (argument: undefined) => Promise<void>
}

let executor: Executor | null = null
function opened(): Executor {
  assert(executor !== null, 'the executor is opened before it is used')
  return executor
}

/** Two requests may be under way in the caller; here one ends before the next begins. */
let last: Promise<unknown> = Promise.resolve()
function inTurn<T>(run: () => Promise<T>): Promise<T> {
  const turn = last.then(run, run)
  last = turn.catch(() => {})
  return turn
}

const api: ExecutorApi = {
  open: () =>
    inTurn(async () => {
      assert(executor === null, 'the executor is opened once')
      executor = await openExecutor(workerData as ExecutorThreadOptions)
      return executor.head
    }),
  execute: (request) => inTurn(() => opened().execute(request)),
  commit: ({ blockId, certificate }) => inTurn(() => opened().commit(blockId, certificate)),
  savePendingEvidence: (evidence) => inTurn(() => opened().savePendingEvidence(evidence)),
  close: () =>
    inTurn(async () => {
      await executor?.close()
      executor = null
    }),
}

assert(parentPort !== null, 'the executor runs in a worker thread')
new Channel({ port: parentPort, handlers: api })
