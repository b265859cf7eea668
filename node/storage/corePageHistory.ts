import type { ArenaPage } from '../../core/arena/index.ts'
import { CHUNK_BYTES, PAGE_BYTES } from '../../core/arena/layout.ts'
import { heightCodec } from '../../core/chain/vote.ts'
import { assert } from '../../core/primitives/assert.ts'
import { type Codec, list, struct, u32 } from '../../core/primitives/codec.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import type { Height } from '../../core/primitives/units.ts'
import type { BatchWriter } from './batchWriter.ts'
import { corrupt, type Read, readRecord, readValue } from './record.ts'
import { HEIGHT_BYTES, heightKey, keyOf, META } from './schema.ts'

/** Heights that can always be undone, whatever the interval of checkpoints. */
export const ROLLBACK_BLOCKS = 128

/** What undoes one checkpoint: the pages of `height` become those of `previous` again. */
export type UndoableCheckpoint = {
  readonly height: Height
  readonly previous: Height
  /** Records under the height. */
  readonly parts: number
}

/** More than a checkpoint at every height would need: what is held for longer is a checkpoint each 64 heights. */
const LISTED = 4_096
const listCodec: Codec<readonly UndoableCheckpoint[]> = list(
  struct<UndoableCheckpoint>({ height: heightCodec, previous: heightCodec, parts: u32 }),
  LISTED,
)

/** Oldest first; each begins where the one before ended. Empty in a database that never kept any. */
export const readPageHistory = (read: Read): readonly UndoableCheckpoint[] =>
  readRecord(listCodec, read, META.corePageHistory) ?? []

/** The height ‖ part u32 of a record of before-images. */
export function pageHistoryKey(height: number, part: number): Uint8Array {
  const key = keyOf('corePageHistory', new Uint8Array(HEIGHT_BYTES + 4))
  key.set(heightKey('corePageHistory', height))
  new DataView(key.buffer).setUint32(1 + HEIGHT_BYTES, part)
  return key
}

/**
 * A page before a checkpoint: engine u16 | page u32 | existed u8 | one bit for each chunk of 64 bytes
 * that the checkpoint changed, 8 bytes | those chunks as they were. A checkpoint changes few chunks
 * of most pages.
 */
const HEAD_BYTES = 2 + 4 + 1 + 8
const CHUNK_WORDS = CHUNK_BYTES / 4
const CHUNKS = PAGE_BYTES / CHUNK_BYTES
const PART_BYTES = 64 * 1024

/** Page of an engine as a checkpoint replaces it. */
export type ReplacedPage = {
  readonly engine: number
  readonly page: ArenaPage
  /** Null: it was not stored. */
  readonly before: Uint8Array | null
}

/**
 * Keeps what a checkpoint overwrites and lets go of what is not needed for `ROLLBACK_BLOCKS`, nor to
 * go back to `held`, any more: before-images, and the replay records that only they could start from.
 */
export function keepPageHistory(
  batch: BatchWriter,
  read: Read,
  checkpoint: {
    readonly height: Height
    readonly previous: Height
    readonly replaced: Iterable<ReplacedPage>
    /** Infinite: nothing but the usual. */
    readonly held: number
  },
): void {
  const { height, previous, replaced, held } = checkpoint
  const parts = putImages(batch, height, replaced)
  const entries = [...readPageHistory(read), { height, previous, parts }]
  const needed = Math.min(held, height - ROLLBACK_BLOCKS)
  while (entries.length > 1) {
    const [oldest, next] = entries as [UndoableCheckpoint, UndoableCheckpoint]
    if (next.previous > needed && entries.length <= LISTED) break
    dropImages(batch, oldest)
    for (let past = oldest.previous + 1; past < oldest.height; past++)
      batch.delete(heightKey('coreReplay', past))
    entries.shift()
  }
  putPageHistory(batch, entries)
}

export function putPageHistory(batch: BatchWriter, entries: readonly UndoableCheckpoint[]): void {
  if (entries.length === 0) batch.delete(META.corePageHistory)
  else batch.putRecord(listCodec, META.corePageHistory, entries)
}

export function dropImages(batch: BatchWriter, { height, parts }: UndoableCheckpoint): void {
  for (let part = 0; part < parts; part++) batch.delete(pageHistoryKey(height, part))
}

function putImages(batch: BatchWriter, height: Height, replaced: Iterable<ReplacedPage>): number {
  const out = new Uint8Array(PART_BYTES)
  const view = new DataView(out.buffer)
  let parts = 0
  let at = 0
  const flush = (): void => {
    if (at > 0) batch.put(pageHistoryKey(height, parts++), out.subarray(0, at))
    at = 0
  }
  for (const image of replaced) {
    if (at + HEAD_BYTES + PAGE_BYTES > PART_BYTES) flush()
    at = writeImage(out, view, at, image)
  }
  flush()
  return parts
}

function writeImage(out: Uint8Array, view: DataView, start: number, image: ReplacedPage): number {
  const { engine, page, before } = image
  assert(page.bytes.length === PAGE_BYTES, 'a page has 4 KiB')
  view.setUint16(start, engine)
  view.setUint32(start + 2, page.index)
  out[start + 6] = before === null ? 0 : 1
  out.fill(0, start + 7, start + HEAD_BYTES)
  let at = start + HEAD_BYTES
  if (before === null) return at
  const [old, now] = [wordsOf(before), wordsOf(page.bytes)]
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    if (sameChunk(old, now, chunk * CHUNK_WORDS)) continue
    const bit = start + 7 + (chunk >>> 3)
    out[bit] = (out[bit] as number) | (1 << (chunk & 7))
    out.set(before.subarray(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES), at)
    at += CHUNK_BYTES
  }
  return at
}

function wordsOf(bytes: Uint8Array): Int32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  return new Int32Array(aligned.buffer, aligned.byteOffset, PAGE_BYTES / 4)
}

function sameChunk(a: Int32Array, b: Int32Array, from: number): boolean {
  for (let i = from; i < from + CHUNK_WORDS; i++) if (a[i] !== b[i]) return false
  return true
}

/** A page before a checkpoint, as far as the checkpoint changed it. */
export type PageImage = {
  readonly engine: number
  readonly index: number
  /** False: the page was not stored before. */
  readonly existed: boolean
  /** The page as it was, from the page as the checkpoint left it. */
  restore(after: Uint8Array): Uint8Array
}

/** All pages that a checkpoint replaced, in its order. Throws STORAGE_CORRUPT. */
export function* imagesOf(read: Read, { height, parts }: UndoableCheckpoint): Generator<PageImage> {
  for (let part = 0; part < parts; part++) {
    const key = pageHistoryKey(height, part)
    const value = readValue(read, key)
    if (value === null) throw corrupt(key, 'MISSING')
    for (let at = 0; at < value.length; ) {
      const image = imageAt(value, at)
      if (image === null) throw corrupt(key, 'BAD_IMAGE')
      yield image.page
      at = image.end
    }
  }
}

function imageAt(
  value: Uint8Array,
  start: number,
): { readonly page: PageImage; readonly end: number } | null {
  const chunks = start + HEAD_BYTES
  if (chunks > value.length) return null
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  const engine = view.getUint16(start)
  const existed = value[start + 6] as number
  const bits = value.subarray(start + 7, chunks)
  const changed = Array.from({ length: CHUNKS }, (_, i) => i).filter(
    (chunk) => ((bits[chunk >>> 3] as number) & (1 << (chunk & 7))) !== 0,
  )
  const end = chunks + changed.length * CHUNK_BYTES
  if (existed > 1 || engine >= LIMITS.coprocessors || end > value.length) return null
  const restore = (after: Uint8Array): Uint8Array => {
    const before = after.slice()
    for (const [at, chunk] of changed.entries())
      before.set(
        value.subarray(chunks + at * CHUNK_BYTES, chunks + (at + 1) * CHUNK_BYTES),
        chunk * CHUNK_BYTES,
      )
    return before
  }
  return {
    page: { engine, index: view.getUint32(start + 2), existed: existed === 1, restore },
    end,
  }
}
