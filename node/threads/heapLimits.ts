import type { ResourceLimits } from 'node:worker_threads'

/**
 * Heaps of the threads, in MiB; the node thread has what V8 gives it. The young part is what a thread
 * under load always fills before it collects, so it is resident; the old part is a bound that stops a fault.
 */
export const HEAP_LIMITS = {
  /** A block's objects live as long as its execution: with room for most of them few are copied. Twice as much is not faster. */
  executor: { maxYoungGenerationSizeMb: 64 },
  /** What a block's events and receipts take while they are told. A flood that needs more ends this thread, not the validator. */
  rpc: { maxYoungGenerationSizeMb: 64, maxOldGenerationSizeMb: 2_048 },
  /** Shares of a batch, forgotten when they are answered. */
  signatures: { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 512 },
} as const satisfies Readonly<Record<string, ResourceLimits>>
