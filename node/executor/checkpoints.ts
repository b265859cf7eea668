import type { Arena } from '../../core/arena/index.ts'
import type { Schema } from '../../core/arena/schema.ts'
import type { CoreCheckpoint } from '../storage/coreState.ts'

/**
 * When the engines' memories are written. Between two checkpoints a height costs its replay record
 * only, and a restart does those heights again: at most this many, a second's work when full.
 */
export type CheckpointOptions = { readonly everyBlocks: number }

export const defaultCheckpointOptions: CheckpointOptions = { everyBlocks: 64 }

/** Collects the pages that changed since the last checkpoint, at heights that are one. */
export class Checkpoints {
  readonly #options: CheckpointOptions
  readonly #arenas: readonly Arena<Schema>[]

  constructor(options: CheckpointOptions, arenas: readonly Arena<Schema>[]) {
    this.#options = options
    this.#arenas = arenas
  }

  /** Null at other heights. Heights, not a count since the start: nodes of one chain write at the same ones. */
  take(height: number): CoreCheckpoint | null {
    return height % this.#options.everyBlocks === 0 ? this.takeNow() : null
  }

  takeNow(): CoreCheckpoint {
    return this.#arenas.map((arena) => arena.takePages())
  }
}
