import { type MessagePort, Worker } from 'node:worker_threads'
import type { Evidence } from '../../core/chain/evidence.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { Height } from '../../core/primitives/units.ts'
import { Channel } from '../threads/channel.ts'
import { HEAP_LIMITS } from '../threads/heapLimits.ts'
import type { ChainHead, Decided, DecideRequest, ExecuteRequest } from './chainHead.ts'
import type { ExecutorApi, ExecutorThreadOptions } from './executorThread.ts'
import { unpackIncluded } from './includedColumns.ts'

/** The executor as the node thread sees it: one thread, one block at a time. */
export class ExecutorClient {
  readonly #worker: Worker
  readonly #channel: Channel<ExecutorApi>
  readonly #onFatal: (error: Error) => void
  #stopping = false

  constructor(options: ExecutorThreadOptions, onFatal: (error: Error) => void) {
    this.#worker = new Worker(new URL('./executorThread.ts', import.meta.url), {
      workerData: options,
      name: 'executor',
      resourceLimits: HEAP_LIMITS.executor,
    })
    this.#onFatal = onFatal
    this.#channel = new Channel<ExecutorApi>({ port: this.#worker })
    const fail = (error: Error): void => {
      this.#channel.close(error)
      if (!this.#stopping) onFatal(error)
    }
    this.#worker.on('error', fail)
    this.#worker.on('exit', (code) =>
      fail(new NexusError({ code: 'EXECUTOR_EXITED', exitCode: code })),
    )
  }

  get workers(): readonly Worker[] {
    return [this.#worker]
  }

  /** Opens the database (writing the genesis state into an empty one) and tells where the chain stands. */
  open(): Promise<ChainHead> {
    return this.#channel.call('open', undefined)
  }

  /** Executes what may be decided, meanwhile. A failure is a fault of the program, and fatal. */
  speculate(request: ExecuteRequest): void {
    this.#channel.call('speculate', request).catch((error: Error) => {
      if (!this.#stopping) this.#onFatal(error)
    })
  }

  /** Executes and commits: when it resolves the block is durable. */
  async decide(request: DecideRequest): Promise<Decided> {
    const { result, ...decided } = await this.#channel.call('decide', request)
    return { ...decided, result: { ...result, included: unpackIncluded(result.included) } }
  }

  savePendingEvidence(evidence: Evidence): Promise<void> {
    return this.#channel.call('savePendingEvidence', evidence)
  }

  /** A reader at the other end of the port follows what is committed, without this thread in between. */
  attach(port: MessagePort): Promise<void> {
    return this.#channel.call('attach', port, [port])
  }

  /** Keeps what going back to this height needs; null: nothing but the usual. */
  hold(height: Height | null): Promise<void> {
    return this.#channel.call('hold', height)
  }

  /** Where the chain stands then: where it stood, when that height is not kept any more. Readers have to be attached again. */
  rollBack(to: Height): Promise<ChainHead> {
    return this.#channel.call('rollBack', to)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#channel.call('close', undefined)
    await this.#worker.terminate()
  }
}
