import type { ArenaPage } from '../../core/arena/index.ts'
import { assert } from '../../core/primitives/assert.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { readProgress } from '../storage/chainRecords.ts'
import { readPages } from '../storage/coreState.ts'
import { type Database, ioError } from '../storage/database.ts'
import type { Progress } from '../storage/meta.ts'
import type { Read } from '../storage/record.ts'

/** The database as it was at one moment, whatever is written since. */
export type SnapshotSource = {
  readonly read: Read
  readonly progress: Progress
  /** Stored pages of an engine, ascending. */
  pages(engine: number): AsyncGenerator<ArenaPage>
  close(): Promise<void>
}

/** Of a database with a chain in it. Its latest height is the snapshot's, and must be a checkpoint of the engines. */
export function openSource(database: Database): SnapshotSource {
  const snapshot = database.snapshot()
  const options = { snapshot, keyEncoding: 'view', valueEncoding: 'view' } as const
  const read: Read = (key) => {
    try {
      return database.getSync(key, options)
    } catch (error) {
      throw ioError('read', error, key)
    }
  }
  const progress = readProgress(read)
  assert(progress !== null, 'a snapshot is made of a chain')
  return {
    read,
    progress,
    // Keys that came since the snapshot have no value in it; none is ever deleted.
    pages: (engine) => readPages(database, read, engine, 'skipMissing'),
    close: () => snapshot.close(),
  }
}

export const notAtCheckpoint = (height: number, checkpoint: number): NexusError =>
  new NexusError(
    { code: 'SNAPSHOT_NOT_AT_CHECKPOINT', height, checkpoint },
    {
      message: `the chain is at height ${height}, the engines were last stored at ${checkpoint}: a snapshot is made when both are the same`,
    },
  )
