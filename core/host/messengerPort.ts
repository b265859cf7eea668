import type { Schema, StateOf } from '../arena/schema.ts'
import type { CrossMessage } from '../chain/block.ts'

export type { CrossMessage }

/**
 * The queue between the domains as the host reads it. Order everywhere: block in which a message
 * was queued, then priority (high first), then nonce. The host works it off through the messenger's
 * internal functions `called`, `leaves` and `settled`.
 */
export type MessengerPort<S extends Schema = Schema> = {
  /** Of the messenger in the registry. */
  readonly engine: number
  /** What the next block must carry out: the head of the queue within a block's count and gas. */
  pending(state: StateOf<S>): readonly CrossMessage[]
  /** All that waits, in order. */
  queued(state: StateOf<S>): Iterable<CrossMessage>
}
