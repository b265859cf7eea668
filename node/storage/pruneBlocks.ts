import { type ExecutedBlock, ethereumHeaderCodec } from '../../core/chain/executedBlock.ts'
import { assert } from '../../core/primitives/assert.ts'
import { type Height, heightOf } from '../../core/primitives/units.ts'
import { ANCESTORS } from '../snapshots/parts.ts'
import type { BatchWriter } from './batchWriter.ts'
import { readBlock, readExecuted, readLocation } from './chainRecords.ts'
import { readActionLocation, readCoreOutcome } from './coreState.ts'
import { pruneChangeset } from './evmState.ts'
import { executedRecordCodec } from './executedRecord.ts'
import { pruneLogHeight } from './logIndex.ts'
import type { Progress } from './meta.ts'
import type { Read } from './record.ts'
import { heightKey, keyOf } from './schema.ts'
import { readValidatorBase, readValidators } from './validatorRecord.ts'

/**
 * Adds to a batch what lets the chain begin at a later height, as after a restored snapshot: the
 * height keeps its summary, certificate and header, those before it only headers as far as
 * BLOCKHASH reaches. The caller writes the progress that is returned in the same batch. Work of the
 * order of what the heights held.
 */
export function pruneBlocks(
  batch: BatchWriter,
  read: Read,
  progress: Progress,
  to: Height,
): Progress {
  const { start, height } = progress
  assert(to > start && to <= height, 'blocks are pruned from the start on')
  const firstAncestor = to - ANCESTORS + 1
  for (let at = Math.max(0, start - ANCESTORS + 1); at < Math.min(start, firstAncestor); at++)
    batch.delete(heightKey('ancestor', at))
  for (let at: number = start; at <= to; at++) {
    const { blockId, header } = dropHeight(batch, read, at, progress)
    pruneLogHeight(batch, at)
    if (at === to) {
      const executed = { blockId, header, transactions: [], skipped: [] }
      batch.putRecord(executedRecordCodec([]), heightKey('executed', at), executed)
      break
    }
    for (const column of FINISHED_COLUMNS) batch.delete(heightKey(column, at))
    batch.delete(keyOf('ethereumHash', header.hash))
    if (at >= firstAncestor) batch.putRecord(ethereumHeaderCodec, heightKey('ancestor', at), header)
    dropValidators(batch, read, at)
  }
  const historyStart = heightOf(Math.max(progress.historyStart, to))
  return { ...progress, start: to, historyStart }
}

/** Deletes changesets of heights that no past state needs, as far as asked; the new progress. */
export function pruneHistory(
  batch: BatchWriter,
  read: Read,
  progress: Progress,
  history: { readonly start: Height; readonly atMost: number },
): Progress {
  const historyStart = heightOf(Math.max(progress.historyStart, history.start))
  const prunedTo = Math.min(historyStart, progress.prunedTo + history.atMost)
  for (let at = progress.prunedTo + 1; at <= prunedTo; at++) pruneChangeset(batch, read, at)
  return { ...progress, historyStart, prunedTo: heightOf(prunedTo) }
}

/** What a height other than the first has no more once it is the start. */
const FINISHED_COLUMNS = ['summary', 'certificate', 'executed'] as const

function dropHeight(
  batch: BatchWriter,
  read: Read,
  height: number,
  progress: Progress,
): ExecutedBlock {
  const executed = readExecuted(read, height, readBlock(read, height, progress))
  // Included again later, it is found there.
  for (const { hash } of executed.transactions)
    if (readLocation(read, hash)?.height === height) batch.delete(keyOf('transaction', hash))
  for (const { hash } of readCoreOutcome(read, height, progress)?.receipts ?? [])
    if (readActionLocation(read, hash)?.height === height) batch.delete(keyOf('action', hash))
  batch.delete(heightKey('coreOutcome', height))
  batch.delete(heightKey('block', height))
  return executed
}

/** The set of a height, and the whole set that it refers to when no later height does. */
function dropValidators(batch: BatchWriter, read: Read, height: number): void {
  if (readValidators(read, height) === null) return
  const { height: base } = readValidatorBase(read, heightOf(height))
  const { height: nextBase } = readValidatorBase(read, heightOf(height + 1))
  if (base !== height) batch.delete(heightKey('validators', height))
  if (base !== nextBase) batch.delete(heightKey('validators', base))
}
