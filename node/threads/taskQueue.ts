import type { AssertionError } from '../../core/primitives/assert.ts'
import type { NexusError } from '../../core/primitives/errors.ts'

type Task = () => Promise<void> | void

/**
 * One writer: tasks run one after another in the order they were pushed, so no state is read before
 * an await and written after it by somebody else. A task that throws stops the queue and is fatal.
 */
export class TaskQueue {
  readonly #capacity: number
  readonly #onFatal: (error: AssertionError | NexusError | Error) => void
  #tasks: Task[] = []
  #running: Promise<void> | null = null
  #stopped = false

  constructor(options: {
    /** Tasks that may wait; `pushBounded` refuses beyond it. */
    readonly capacity: number
    readonly onFatal: (error: Error) => void
  }) {
    this.#capacity = options.capacity
    this.#onFatal = options.onFatal
  }

  get length(): number {
    return this.#tasks.length
  }

  /** For the program's own tasks, of which each source has at most one or two waiting. */
  push(task: Task): void {
    if (this.#stopped) return
    this.#tasks.push(task)
    this.#running ??= this.#run()
  }

  /** For tasks that come from outside. False: the queue is full and the task was dropped. */
  pushBounded(task: Task): boolean {
    if (this.#tasks.length >= this.#capacity) return false
    this.push(task)
    return true
  }

  /** Drops what waits; resolves when the running task has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#tasks = []
    await this.#running
  }

  async #run(): Promise<void> {
    await null
    try {
      while (this.#tasks.length > 0) {
        const batch = this.#tasks
        this.#tasks = []
        for (const task of batch) {
          if (this.#stopped) return
          const ended = task()
          if (ended !== undefined) await ended
        }
      }
    } catch (error) {
      this.#stopped = true
      this.#onFatal(error as Error)
    } finally {
      this.#running = null
    }
  }
}
