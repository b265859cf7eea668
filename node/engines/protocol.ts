import type { ArenaMemory } from '../../core/arena/index.ts'
import type { SentPost } from '../../core/host/runner.ts'

/** What an engine thread is started with: the memory of its engines and of no other. */
export type EngineThreadData = {
  /** URL of a module that exports `coreRegistry`. */
  readonly registryModule: string
  readonly memories: readonly { readonly engine: number; readonly memory: ArenaMemory }[]
}

/** A failed task answers, too: an error that crosses threads by itself loses its kind and its detail. */
export type TaskAnswer =
  | { readonly kind: 'done'; readonly outcome: Uint8Array; readonly posts: readonly SentPost[] }
  | {
      readonly kind: 'failed'
      readonly detail: { readonly code: string }
      readonly message: string
      readonly stack: string
    }
