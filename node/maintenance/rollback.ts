import { toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { heightOf } from '../../core/primitives/units.ts'
import { removeWals } from '../consensus/walFiles.ts'
import { nodeFileSystem } from '../storage/fileSystem.ts'
import {
  ROLLBACK_STEP,
  type RollbackReach,
  rollBackTo,
  rollbackReach,
} from '../storage/rollback.ts'
import { withEngines } from './engines.ts'
import type { StoppedNode } from './stoppedNode.ts'

export type RollbackProgress =
  | { readonly kind: 'verifying'; readonly height: number }
  | { readonly kind: 'at'; readonly height: number }

export type RollbackReport = {
  readonly from: number
  readonly to: number
  /** Of the state after `to`, as the database has it now. */
  readonly stateRoot: string
  readonly walFilesRemoved: number
}

/**
 * Brings a stopped node back to where it was after a height. The engines of that height are rebuilt
 * and compared first, the EVM's root before each step is written; a crash between steps leaves the
 * database at a height in between, and the same command goes on from there.
 * Throws ROLLBACK_AHEAD, ROLLBACK_TOO_FAR, ROLLBACK_MISMATCH, STATE_MISMATCH, STORAGE_CORRUPT.
 */
export async function rollBack(
  node: StoppedNode,
  to: number,
  onProgress: (progress: RollbackProgress) => void,
): Promise<RollbackReport> {
  const { database, read, paths } = node
  const reach = rollbackReach(read)
  checkReach(reach, to)
  const target = heightOf(to)
  onProgress({ kind: 'verifying', height: to })
  const stateRoot = await withEngines(node, target, (_, summary) => toHex(summary.stateRoot))
  for (let { height } = reach; height > to; ) {
    height = heightOf(Math.max(to, height - ROLLBACK_STEP))
    await rollBackTo(database, read, height)
    onProgress({ kind: 'at', height })
  }
  // After the database: a WAL that is gone while the database still stands above it is a vote forgotten.
  const walFilesRemoved = await removeWals(paths.wal, nodeFileSystem)
  return { from: reach.height, to, stateRoot, walFilesRemoved }
}

function checkReach({ height, lowest, bound }: RollbackReach, to: number): void {
  if (to > height)
    throw new NexusError(
      { code: 'ROLLBACK_AHEAD', to, height },
      { message: `height ${to} is not reached yet: the database ends at height ${height}` },
    )
  if (to < lowest)
    throw new NexusError(
      { code: 'ROLLBACK_TOO_FAR', to, lowest, bound },
      {
        message: `the database can go back from height ${height} to ${lowest}, not to ${to}: ${BOUNDS[bound]}`,
      },
    )
}

const BOUNDS: { readonly [B in RollbackReach['bound']]: string } = {
  stateHistory: 'what EVM state was before is not kept longer (storage.historyBlocks)',
  prunedBlocks: 'blocks below were pruned, or the node began from a snapshot there',
  engineHistory: 'what the memories of the engines were before is kept for the last 128 heights',
}
