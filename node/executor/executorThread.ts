import '../nativeHash.ts'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Evidence } from '../../core/chain/evidence.ts'
import { assert } from '../../core/primitives/assert.ts'
import type { Height } from '../../core/primitives/units.ts'
import type { ExecutionMode } from '../../evm/index.ts'
import { Channel } from '../threads/channel.ts'
import type { ChainHead, Decided, DecideRequest, ExecuteRequest } from './chainHead.ts'
import type { Executor } from './executor.ts'
import { type PackedResult, packIncluded } from './includedColumns.ts'
import { openExecutor } from './openExecutor.ts'
import type { RetentionOptions } from './retentionPolicy.ts'

export type ExecutorThreadOptions = {
  readonly databasePath: string
  readonly genesisText: string
  /** Heights of past state kept for queries. */
  readonly historyBlocks: number
  /** Where absent, all blocks are kept. */
  readonly retention?: RetentionOptions
  /** 0 where absent: the engines run in the executor's thread. */
  readonly engineThreads?: number
  /** Which EVM runs blocks; nexus where absent. */
  readonly evm?: ExecutionMode
}

/** A decision as it goes to the node thread. */
export type PackedDecided = Omit<Decided, 'result'> & { readonly result: PackedResult }

export type ExecutorApi = {
  readonly open: (argument: undefined) => Promise<ChainHead>
  readonly speculate: (request: ExecuteRequest) => Promise<void>
  readonly decide: (request: DecideRequest) => Promise<PackedDecided>
  readonly savePendingEvidence: (evidence: Evidence) => Promise<void>
  /** The other end gets the engines' committed memory, and then every commit. */
  readonly attach: (port: MessagePort) => Promise<void>
  readonly hold: (height: Height | null) => Promise<void>
  readonly rollBack: (to: Height) => Promise<ChainHead>
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
  speculate: (request) => inTurn(() => opened().speculate(request)),
  // One turn: a speculation that comes in between would undo what is about to be committed.
  decide: (request) =>
    inTurn(async () => {
      const { result, ...decided } = await opened().decide(request)
      return { ...decided, result: { ...result, included: packIncluded(result.included) } }
    }),
  savePendingEvidence: (evidence) => inTurn(() => opened().savePendingEvidence(evidence)),
  attach: (port) => inTurn(async () => opened().attach(port)),
  hold: (height) => inTurn(async () => opened().hold(height)),
  rollBack: (to) =>
    inTurn(async () => {
      await opened().rollBack(to)
      await opened().close()
      executor = null
      executor = await openExecutor(workerData as ExecutorThreadOptions)
      return executor.head
    }),
  close: () =>
    inTurn(async () => {
      await executor?.close()
      executor = null
    }),
}

assert(parentPort !== null, 'the executor runs in a worker thread')
new Channel({ port: parentPort, handlers: api })
