import { NexusError } from '../../core/primitives/errors.ts'
import { heightOf } from '../../core/primitives/units.ts'
import { keptHistory, retentionPolicyOf } from '../executor/retentionPolicy.ts'
import { BatchWriter } from '../storage/batchWriter.ts'
import { readProgress } from '../storage/chainRecords.ts'
import { type Progress, progressCodec } from '../storage/meta.ts'
import { pruneBlocks, pruneHistory } from '../storage/pruneBlocks.ts'
import { type Bound, lowestBound, retentionBounds } from '../storage/retention.ts'
import { META } from '../storage/schema.ts'
import type { StoppedNode } from './stoppedNode.ts'

export type PruneRequest =
  | { readonly kind: 'keep'; readonly blocks: number }
  /** No block below this height is wanted. */
  | { readonly kind: 'below'; readonly height: number }

export type PrunePlan = {
  /** What the database begins with now, and after pruning. */
  readonly from: number
  readonly to: number
  readonly height: number
  /** Why not further. */
  readonly bound: Bound['bound']
  readonly bounds: readonly Bound[]
  /** Past states are kept from here on. */
  readonly historyFrom: number
  readonly historyTo: number
  /** Changesets that will go. */
  readonly changesets: number
}

export type PruneOptions = {
  readonly request: PruneRequest
  readonly lightBlockMs: number
  readonly historyBlocks: number
}

/** What pruning would delete, and why not more. Throws DATABASE_EMPTY. */
export function planPrune({ read, genesis, paths }: StoppedNode, options: PruneOptions): PrunePlan {
  const progress = progressOf(read)
  const { height, start, historyStart, prunedTo } = progress
  const { request, lightBlockMs, historyBlocks } = options
  const blocks = request.kind === 'keep' ? request.blocks : Math.max(0, height + 1 - request.height)
  const policy = retentionPolicyOf(genesis, {
    ...{ blocks, lightBlockMs, historyBlocks },
    snapshots: paths.snapshots,
  })
  const bounds = retentionBounds(read, policy) ?? []
  const { bound, height: to } = lowestBound(bounds)
  const historyTo = Math.max(historyStart, height - keptHistory(historyBlocks), to)
  return {
    ...{ from: start, to, height, bound, bounds },
    ...{ historyFrom: historyStart, historyTo, changesets: historyTo - prunedTo },
  }
}

/** Heights in one synced batch: each leaves a whole database. */
const STEP = 64

/**
 * Deletes what the plan says, a few heights at a time; a crash leaves a database that begins
 * somewhere between, and pruning again goes on from there.
 */
export async function prune(
  { database, read }: StoppedNode,
  plan: PrunePlan,
  onProgress: (at: { readonly start: number; readonly of: number }) => void,
): Promise<void> {
  const { to, historyTo } = plan
  const isDone = ({ start, prunedTo }: Progress): boolean => start >= to && prunedTo >= historyTo
  for (let progress = progressOf(read); !isDone(progress); progress = progressOf(read)) {
    const batch = new BatchWriter(database)
    let next = pruneHistory(batch, read, progress, { start: heightOf(historyTo), atMost: STEP })
    if (next.start < to)
      next = pruneBlocks(batch, read, next, heightOf(Math.min(to, next.start + STEP)))
    batch.putRecord(progressCodec, META.progress, next)
    await batch.write()
    onProgress({ start: next.start, of: to })
  }
}

function progressOf(read: StoppedNode['read']): Progress {
  const progress = readProgress(read)
  if (progress !== null) return progress
  throw new NexusError(
    { code: 'DATABASE_EMPTY' },
    { message: 'the database holds no chain: the node of this home has never run' },
  )
}
