import { type MessagePort, Worker } from 'node:worker_threads'
import type { Evidence } from '../../core/chain/evidence.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { Channel } from '../threads/channel.ts'
import type { ChainHead, Decided, DecideRequest, ExecuteRequest } from './chainHead.ts'
import type { ExecutorApi, ExecutorThreadOptions } from './executorThread.ts'

const YOUNG_MIB = 128

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
      // A block's objects live as long as its execution: with room for all of them they are never copied.
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
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
  decide(request: DecideRequest): Promise<Decided> {
    return this.#channel.call('decide', request)
  }

  savePendingEvidence(evidence: Evidence): Promise<void> {
    return this.#channel.call('savePendingEvidence', evidence)
  }

  /** A reader at the other end of the port follows what is committed, without this thread in between. */
  attach(port: MessagePort): Promise<void> {
    return this.#channel.call('attach', port, [port])
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#channel.call('close', undefined)
    await this.#worker.terminate()
  }
}
