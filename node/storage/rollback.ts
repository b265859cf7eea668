import type { ArenaPage } from '../../core/arena/index.ts'
import type { Block } from '../../core/chain/block.ts'
import { evidenceCodec, evidenceHash } from '../../core/chain/evidence.ts'
import type { ReplayRecord } from '../../core/host/replay.ts'
import { assert } from '../../core/primitives/assert.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { type Height, heightOf } from '../../core/primitives/units.ts'
import { BatchWriter } from './batchWriter.ts'
import {
  type Reach,
  readBlock,
  readExecuted,
  readLocation,
  readPendingHashes,
  readProgress,
  readSummary,
} from './chainRecords.ts'
import {
  dropImages,
  imagesOf,
  putPageHistory,
  readPageHistory,
  type UndoableCheckpoint,
} from './corePageHistory.ts'
import {
  pageKey,
  putCheckpointMark,
  readActionLocation,
  readCheckpoint,
  readCoreOutcome,
  readPages,
  readReplay,
} from './coreState.ts'
import type { Database } from './database.ts'
import { rollBackEvm } from './evmRollback.ts'
import { dropLogHeight, rollBackLogStart } from './logIndex.ts'
import { PENDING_EVIDENCE_LIMIT, type Progress, pendingListCodec, progressCodec } from './meta.ts'
import { corrupt, type Read, readValue } from './record.ts'
import { heightKey, keyOf, META } from './schema.ts'
import type { StateSummary } from './stateSummary.ts'

/** Heights undone in one batch: what it holds in memory is bounded, and each leaves a whole database. */
export const ROLLBACK_STEP = 16

/** Why a database cannot go back further. */
export type RollbackBound = 'stateHistory' | 'prunedBlocks' | 'engineHistory'

export type RollbackReach = {
  readonly height: Height
  /** The lowest height that can be restored. */
  readonly lowest: Height
  readonly bound: RollbackBound
}

/** How far back a stopped node's database can go. */
export function rollbackReach(read: Read): RollbackReach {
  const { height, start, historyStart } = committed(read)
  const checkpoint = readCheckpoint(read).height
  const bounds: readonly (readonly [RollbackBound, number])[] = [
    // First: pruning moves the history along, and is why.
    ['prunedBlocks', start],
    ['stateHistory', historyStart],
    ['engineHistory', readPageHistory(read)[0]?.previous ?? checkpoint],
  ]
  const [bound, lowest] = bounds.reduce((best, next) => (next[1] > best[1] ? next : best))
  return { height, lowest: heightOf(lowest), bound }
}

/** What the engines are rebuilt from: stored memories, and what does the heights after them again. */
export type CoreSource = {
  readonly height: Height
  coreCheckpoint(engines: number): Height
  corePages(engine: number): AsyncIterable<ArenaPage>
  replayOf(height: Height): { readonly block: Block; readonly record: ReplayRecord }
  summary(height: number): StateSummary | null
}

/** The engines as of an earlier height, while the database still holds the latest. */
export function coreSourceAt(database: Database, read: Read, height: Height): CoreSource {
  const { checkpoint, pages } = restoredPages(read, height)
  const reach = { ...committed(read), height }
  return {
    height,
    coreCheckpoint: () => checkpoint,
    async *corePages(engine) {
      const own = pages.get(engine)
      for await (const page of readPages(database, read, engine)) {
        const before = own?.get(page.index)
        if (before === undefined) yield page
        else if (before !== null) yield { index: page.index, bytes: before }
      }
    },
    replayOf: (at) => {
      const block = readBlock(read, at, reach)
      assert(block !== null, 'a committed height has a block')
      return { block, record: readReplay(read, at) }
    },
    summary: (at) => readSummary(read, at, reach),
  }
}

/**
 * Makes the database that of an earlier height within `rollbackReach`, in one synced batch: a crash
 * leaves either. The state root is compared with the committed one before anything is written. The
 * engines are compared by whoever loads them (`coreSourceAt`).
 */
export async function rollBackTo(database: Database, read: Read, to: Height): Promise<void> {
  const progress = committed(read)
  const { height: from, prunedTo } = progress
  const { lowest } = rollbackReach(read)
  assert(to >= lowest && to < from, 'a rollback is within its reach')
  const summary = readSummary(read, to, progress)
  assert(summary !== null, 'a committed height has a summary')
  const batch = new BatchWriter(database)
  rollBackEvm(batch, read, { from, to, prunedTo, evmRoot: summary.roots.evmRoot })
  rollBackCore(batch, read, to)
  const evidence = new EvidenceReturn(batch, read)
  for (let height: number = from; height > to; height--)
    deleteHeight(batch, read, { height, to, reach: progress, evidence })
  evidence.write()
  rollBackLogStart(batch, read, to)
  batch.putRecord(progressCodec, META.progress, { ...progress, height: to })
  await batch.write()
}

function committed(read: Read): Progress {
  const progress = readProgress(read)
  if (progress === null)
    throw new NexusError(
      { code: 'DATABASE_EMPTY' },
      { message: 'the database holds no chain: the node of this home has never run' },
    )
  return progress
}

type RestoredPages = {
  readonly checkpoint: Height
  /** Newest first. */
  readonly undone: readonly UndoableCheckpoint[]
  /** By engine and index; null: not stored at the checkpoint. */
  readonly pages: ReadonlyMap<number, ReadonlyMap<number, Uint8Array | null>>
}

function restoredPages(read: Read, to: Height): RestoredPages {
  const undone = readPageHistory(read)
    .filter(({ height }) => height > to)
    .toReversed()
  const pages = new Map<number, Map<number, Uint8Array | null>>()
  for (const entry of undone) {
    for (const { engine, index, existed, restore } of imagesOf(read, entry)) {
      const own = pages.get(engine) ?? new Map<number, Uint8Array | null>()
      pages.set(engine, own)
      const key = pageKey(engine, index)
      const after = own.has(index) ? own.get(index) : readValue(read, key)
      if (after === null || after === undefined) throw corrupt(key, 'MISSING')
      own.set(index, existed ? restore(after) : null)
    }
  }
  const checkpoint = undone.at(-1)?.previous ?? readCheckpoint(read).height
  return { checkpoint, undone, pages }
}

function rollBackCore(batch: BatchWriter, read: Read, to: Height): void {
  const { checkpoint, undone, pages } = restoredPages(read, to)
  if (undone.length === 0) return
  for (const [engine, own] of pages)
    for (const [index, page] of own) {
      if (page === null) batch.delete(pageKey(engine, index))
      else batch.put(pageKey(engine, index), page)
    }
  for (const entry of undone) dropImages(batch, entry)
  putPageHistory(
    batch,
    readPageHistory(read).filter(({ height }) => height <= to),
  )
  putCheckpointMark(batch, { height: checkpoint, engines: readCheckpoint(read).engines })
}

type DeletedHeight = {
  readonly height: number
  readonly to: Height
  readonly reach: Reach
  readonly evidence: EvidenceReturn
}

function deleteHeight(batch: BatchWriter, read: Read, deleted: DeletedHeight): void {
  const { height, to, reach, evidence } = deleted
  const block = readBlock(read, height, reach)
  assert(block !== null, 'a committed height has a block')
  const { header, transactions } = readExecuted(read, height, block)
  batch.delete(keyOf('ethereumHash', header.hash))
  for (const { hash } of transactions)
    if ((readLocation(read, hash)?.height ?? 0) > to) batch.delete(keyOf('transaction', hash))
  for (const { hash } of readCoreOutcome(read, height, reach)?.receipts ?? [])
    if ((readActionLocation(read, hash)?.height ?? 0) > to) batch.delete(keyOf('action', hash))
  evidence.take(block)
  for (const column of HEIGHT_COLUMNS) batch.delete(heightKey(column, height))
  dropLogHeight(batch, height)
  batch.delete(heightKey('validators', height + 2))
}

const HEIGHT_COLUMNS = [
  'block',
  'certificate',
  'executed',
  'summary',
  'coreOutcome',
  'coreReplay',
  'engineCalls',
] as const

/** What blocks held is pending again: nobody who signed twice gets away because a node went back. */
class EvidenceReturn {
  readonly #batch: BatchWriter
  readonly #read: Read
  readonly #returned: Uint8Array[] = []

  constructor(batch: BatchWriter, read: Read) {
    this.#batch = batch
    this.#read = read
  }

  take({ payload }: Block): void {
    for (const evidence of payload.evidence) {
      const hash = evidenceHash(evidence)
      this.#batch.delete(keyOf('evidence', hash))
      this.#batch.putRecord(evidenceCodec, keyOf('pendingEvidence', hash), evidence)
      this.#returned.unshift(hash)
    }
  }

  write(): void {
    if (this.#returned.length === 0) return
    const pending = readPendingHashes(this.#read).filter(
      (hash) => !this.#returned.some((other) => equalBytes(hash, other)),
    )
    const kept = [...this.#returned, ...pending]
    for (const dropped of kept.splice(0, Math.max(0, kept.length - PENDING_EVIDENCE_LIMIT)))
      this.#batch.delete(keyOf('pendingEvidence', dropped))
    this.#batch.putRecord(pendingListCodec, META.pendingEvidence, kept)
  }
}
