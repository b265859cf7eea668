import { type Height, heightOf } from '../../core/primitives/units.ts'
import { readProgress } from './chainRecords.ts'
import { readPageHistory } from './corePageHistory.ts'
import { readCheckpoint } from './coreState.ts'
import { type Read, readExisting } from './record.ts'
import { heightKey } from './schema.ts'
import { summaryRecordCodec } from './stateSummary.ts'

/** How much of the past a node keeps. What a bound needs is kept, whatever is asked for. */
export type RetentionPolicy = {
  /** Newest blocks kept. */
  readonly blocks: number
  /** Consensus parameters: evidence counts until it is older than both. */
  readonly evidenceMaxAgeBlocks: number
  readonly evidenceMaxAgeMs: number
  /** Blocks of this long are kept for light clients and for nodes that join; their trusting period. */
  readonly lightBlockMs: number
  /** Past heights whose state answers queries. */
  readonly historyBlocks: number
  /** The oldest snapshot that peers may be restoring; they need the blocks after it. Null: none. */
  readonly oldestSnapshot: () => number | null
}

export type RetentionBound =
  | 'requested'
  | 'evidence'
  | 'lightClients'
  | 'snapshot'
  | 'stateHistory'
  | 'engineHistory'

/** No block above `height` may go for this reason. */
export type Bound = { readonly bound: RetentionBound; readonly height: Height }

/** Up to where blocks may be deleted for each reason, by the times of blocks. Null: nothing is stored. O(log heights) reads. */
export function retentionBounds(read: Read, policy: RetentionPolicy): readonly Bound[] | null {
  const progress = readProgress(read)
  if (progress === null) return null
  const { height, start, historyStart } = progress
  const timeAt = (at: number): number =>
    readExisting(summaryRecordCodec, read, heightKey('summary', at)).time
  const now = timeAt(height)
  const olderThan = (ms: number): number => lastWhere(start, height, (at) => now - timeAt(at) > ms)
  const byBlocks = height - policy.evidenceMaxAgeBlocks
  const wanted: readonly (readonly [RetentionBound, number])[] = [
    ['requested', height - policy.blocks],
    ['evidence', Math.min(byBlocks - 1, olderThan(policy.evidenceMaxAgeMs))],
    ['lightClients', olderThan(policy.lightBlockMs)],
    ['snapshot', policy.oldestSnapshot() ?? height],
    ['stateHistory', Math.max(historyStart, height - policy.historyBlocks)],
    ['engineHistory', readPageHistory(read)[0]?.previous ?? readCheckpoint(read).height],
  ]
  return wanted.map(([bound, at]) => ({ bound, height: heightOf(Math.max(start, at)) }))
}

/** The lowest of some bounds: what may really be deleted. */
export const lowestBound = (bounds: readonly Bound[]): Bound =>
  bounds.reduce((lowest, next) => (next.height < lowest.height ? next : lowest))

/** The last of consecutive numbers for which something holds that holds for all before it; `from` when for none. */
function lastWhere(from: number, to: number, holds: (at: number) => boolean): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (holds(middle)) low = middle
    else high = middle - 1
  }
  return low
}
