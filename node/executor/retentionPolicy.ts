import type { Genesis } from '../../genesis/index.ts'
import { snapshotHeights } from '../snapshots/snapshotFiles.ts'
import { ROLLBACK_BLOCKS } from '../storage/corePageHistory.ts'
import type { RetentionPolicy } from '../storage/retention.ts'

export type RetentionOptions = {
  /** Newest blocks to keep. */
  readonly blocks: number
  readonly lightBlockMs: number
  readonly historyBlocks: number
  /** Directory of the node's snapshots. */
  readonly snapshots: string
}

/** What a node may delete: what its operator asks for, within what the chain and its peers need. */
export const retentionPolicyOf = (
  { consensus }: Genesis,
  { blocks, lightBlockMs, historyBlocks, snapshots }: RetentionOptions,
): RetentionPolicy => ({
  blocks,
  lightBlockMs,
  historyBlocks: keptHistory(historyBlocks),
  evidenceMaxAgeBlocks: consensus.evidenceMaxAgeBlocks,
  evidenceMaxAgeMs: consensus.evidenceMaxAgeMs,
  oldestSnapshot: () => snapshotHeights(snapshots)[0] ?? null,
})

/** Past states that a node keeps: never fewer than a rollback may need. */
export const keptHistory = (historyBlocks: number): number =>
  Math.max(historyBlocks, ROLLBACK_BLOCKS)
