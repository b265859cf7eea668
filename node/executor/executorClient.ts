import { Worker } from 'node:worker_threads'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { Evidence } from '../../core/chain/evidence.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { BlockId } from '../../core/primitives/units.ts'
import { Channel } from '../threads/channel.ts'
import type { ChainHead, ExecuteRequest, ExecutionResult } from './chainHead.ts'
import type { ExecutorApi, ExecutorThreadOptions } from './executorThread.ts'

/** The executor as the node thread sees it: one thread, one block at a time. */
export class ExecutorClient {
  readonly #worker: Worker
  readonly #channel: Channel<ExecutorApi>
  #stopping = false

  constructor(options: ExecutorThreadOptions, onFatal: (error: Error) => void) {
    this.#worker = new Worker(new URL('./executorThread.ts', import.meta.url), {
      workerData: options,
      name: 'executor',
    })
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

  execute(request: ExecuteRequest): Promise<ExecutionResult> {
    return this.#channel.call('execute', request)
  }

  commit(blockId: BlockId, certificate: Certificate): Promise<ChainHead> {
    return this.#channel.call('commit', { blockId, certificate })
  }

  savePendingEvidence(evidence: Evidence): Promise<void> {
    return this.#channel.call('savePendingEvidence', evidence)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#channel.call('close', undefined)
    await this.#worker.terminate()
  }
}
