import type { Pooled } from './action.ts'
import { BatchRoom } from './batch.ts'

export type BatchBuilderOptions = {
  /** How long a transaction may wait for company, in milliseconds. */
  readonly windowMs: number
}

export const defaultBatchBuilderOptions: BatchBuilderOptions = { windowMs: 2 }

export type BatchBuilderModules = {
  /** Milliseconds on a clock that never steps back. */
  readonly now: () => number
  /** Runs `task` once after `delayMs`; the result cancels it. */
  readonly schedule: (task: () => void, delayMs: number) => () => void
  readonly onBatch: (transactions: readonly Pooled[]) => void
}

/**
 * Groups what this node accepted itself. The first transaction after a quiet moment leaves at once,
 * so an idle chain adds no delay; under load whatever arrives within the window leaves together.
 */
export class BatchBuilder {
  readonly #options: BatchBuilderOptions
  readonly #modules: BatchBuilderModules
  #waiting: Pooled[] = []
  #room = new BatchRoom()
  #flushedAt = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | null = null

  constructor(options: BatchBuilderOptions, modules: BatchBuilderModules) {
    this.#options = options
    this.#modules = modules
  }

  /** What arrived in one message is given in one call, so that it leaves together. */
  add(transactions: readonly Pooled[]): void {
    for (const transaction of transactions) {
      if (!this.#room.fits(transaction)) this.flush()
      this.#room.take(transaction)
      this.#waiting.push(transaction)
    }
    if (this.#waiting.length === 0) return
    const quietMs = this.#modules.now() - this.#flushedAt
    if (quietMs >= this.#options.windowMs) this.flush()
    else
      this.#cancel ??= this.#modules.schedule(() => this.flush(), this.#options.windowMs - quietMs)
  }

  /** Sends what waits: before a proposal is made, and at the end. */
  flush(): void {
    this.#cancel?.()
    this.#cancel = null
    if (this.#waiting.length === 0) return
    const transactions = this.#waiting
    this.#waiting = []
    this.#room = new BatchRoom()
    this.#flushedAt = this.#modules.now()
    this.#modules.onBatch(transactions)
  }
}
