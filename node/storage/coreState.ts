import type { ArenaPage } from '../../core/arena/index.ts'
import { type ActionReceipt, actionReceiptCodec, receiptsRoom } from '../../core/chain/action.ts'
import { heightCodec } from '../../core/chain/vote.ts'
import { type ReplayRecord, replayRecordCodec } from '../../core/host/replay.ts'
import { bytes, type Codec, list, struct, u32 } from '../../core/primitives/codec.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import type { Height } from '../../core/primitives/units.ts'
import type { BatchWriter } from './batchWriter.ts'
import { locationCodec, type Reach, type TransactionLocation } from './chainRecords.ts'
import { keepPageHistory, type ReplacedPage } from './corePageHistory.ts'
import { crc32c } from './crc32c.ts'
import type { Database } from './database.ts'
import { type EngineAnswers, putEngineAnswers } from './engineCalls.ts'
import {
  corrupt,
  type Read,
  readExisting,
  readRecord,
  readValue,
  sealedRecord,
  sealInPlace,
} from './record.ts'
import { heightKey, keyOf, META } from './schema.ts'

/** Changed pages of every engine, by engine in registry order. */
export type CoreCheckpoint = readonly (readonly ArenaPage[])[]

/** What users see of Core's part of a height. `events` as the machine encodes them. */
export type CoreOutcome = {
  readonly receipts: readonly ActionReceipt[]
  readonly events: Uint8Array
}

/** What a height leaves behind in NexusCore. */
export type CoreRecord = {
  readonly outcome: CoreOutcome
  /** How a restart does the height again. Null at the genesis. */
  readonly replay: ReplayRecord | null
  /** Pages changed since the last checkpoint, at heights that are one. */
  readonly checkpoint: CoreCheckpoint | null
  /** What engines answered the EVM. */
  readonly answers?: EngineAnswers
}

/** A fill is about 100 bytes; a block that is full of them stays far below. */
const EVENTS_BYTES = 1 << 28

export const coreOutcomeCodec: Codec<CoreOutcome> = struct<CoreOutcome>({
  receipts: list(actionReceiptCodec, LIMITS.blockTransactions),
  events: bytes(EVENTS_BYTES),
})

/** The height of the pages in the database, which replay starts from. */
type CheckpointMark = { readonly height: Height; readonly engines: number }
const checkpointCodec: Codec<CheckpointMark> = struct<CheckpointMark>({
  height: heightCodec,
  engines: u32,
})

const PAGE_KEY_BYTES = 1 + 2 + 4

export function pageKey(engine: number, index: number): Uint8Array {
  const key = keyOf('corePage', new Uint8Array(PAGE_KEY_BYTES - 1))
  const view = new DataView(key.buffer)
  view.setUint16(1, engine)
  view.setUint32(3, index)
  return key
}

/** Writes a height's records. A checkpoint keeps what it overwrites, so that it can be undone for a while, and down to `held`. */
export function writeCore(
  batch: BatchWriter,
  read: Read,
  height: Height,
  { outcome, replay, checkpoint, answers = [] }: CoreRecord,
  held: number,
): void {
  const isEmpty = outcome.receipts.length === 0 && outcome.events.length === 0
  if (!isEmpty) {
    const room = receiptsRoom(outcome.receipts) + outcome.events.length
    batch.putRecord(coreOutcomeCodec, heightKey('coreOutcome', height), outcome, room)
  }
  putActions(batch, read, outcome.receipts, height)
  putEngineAnswers(batch, height, answers)
  if (checkpoint === null) {
    if (replay !== null) batch.putRecord(replayRecordCodec, heightKey('coreReplay', height), replay)
    return
  }
  const previous = readRecord(checkpointCodec, read, META.coreCheckpoint)?.height ?? null
  if (previous !== null)
    keepPageHistory(batch, read, {
      ...{ height, previous, held },
      replaced: replacedPages(read, checkpoint),
    })
  for (const [engine, pages] of checkpoint.entries())
    for (const { index, bytes: page } of pages) batch.put(pageKey(engine, index), page)
  putCheckpointMark(batch, { height, engines: checkpoint.length })
}

export const putCheckpointMark = (batch: BatchWriter, mark: CheckpointMark): void =>
  batch.putRecord(checkpointCodec, META.coreCheckpoint, mark)

function* replacedPages(read: Read, checkpoint: CoreCheckpoint): Generator<ReplacedPage> {
  for (const [engine, pages] of checkpoint.entries())
    for (const page of pages)
      yield { engine, page, before: readValue(read, pageKey(engine, page.index)) }
}

/**
 * Where each envelope is. A proposer may include one again after it ran, and it is refused then: what
 * ran is what its hash finds, whenever the repetition comes.
 */
function putActions(
  batch: BatchWriter,
  read: Read,
  receipts: readonly ActionReceipt[],
  height: Height,
): void {
  if (receipts.length === 0) return
  const value = sealedRecord(locationCodec, META.progress, { height, index: 0 })
  const view = new DataView(value.buffer, value.byteOffset)
  const put = (key: Uint8Array, index: number): void => {
    view.setUint32(LOCATION_INDEX_AT, index)
    batch.putSealed(key, sealInPlace(crc32c(key), value))
  }
  for (const [index, { hash, code }] of receipts.entries()) {
    const key = keyOf('action', hash)
    if (code !== null && readValue(read, key) === null) put(key, index)
  }
  for (const [index, { hash, code }] of receipts.entries())
    if (code === null) put(keyOf('action', hash), index)
}

const LOCATION_INDEX_AT = 8

const NOTHING: CoreOutcome = { receipts: [], events: new Uint8Array(0) }

/** Null for a height out of reach, and for the one of a restored snapshot, whose block is not kept. */
export function readCoreOutcome(read: Read, height: number, reach: Reach): CoreOutcome | null {
  if (height < reach.start || height > reach.height) return null
  if (height === reach.start && height > 0) return null
  return readRecord(coreOutcomeCodec, read, heightKey('coreOutcome', height)) ?? NOTHING
}

export const readActionLocation = (read: Read, hash: Uint8Array): TransactionLocation | null =>
  readRecord(locationCodec, read, keyOf('action', hash))

/** Which pages are stored. */
export const readCheckpoint = (read: Read): CheckpointMark =>
  readExisting(checkpointCodec, read, META.coreCheckpoint)

/** The height whose pages are stored. */
export function readCheckpointHeight(read: Read, engines: number): Height {
  const mark = readCheckpoint(read)
  if (mark.engines !== engines) throw corrupt(META.coreCheckpoint, 'OTHER_ENGINES')
  return mark.height
}

/** All pages of one engine in index order. Memory: one page at a time for whoever takes them. A key that a `read` of an earlier moment lacks is damage, or came since. */
export async function* readPages(
  database: Database,
  read: Read,
  engine: number,
  missing: 'isDamage' | 'skipMissing' = 'isDamage',
): AsyncGenerator<ArenaPage> {
  const range = { gte: pageKey(engine, 0), lte: pageKey(engine, 0xffffffff) }
  for await (const key of database.keys(range)) {
    const value = readValue(read, key)
    if (value === null && missing === 'skipMissing') continue
    if (value === null) throw corrupt(key, 'MISSING')
    const index = new DataView(key.buffer, key.byteOffset).getUint32(3)
    yield { index, bytes: value }
  }
}

export const readReplay = (read: Read, height: number): ReplayRecord =>
  readExisting(replayRecordCodec, read, heightKey('coreReplay', height))
