import type { ExecutedBlock } from '../../core/chain/executedBlock.ts'
import { heightCodec } from '../../core/chain/vote.ts'
import { type Height, heightOf } from '../../core/primitives/units.ts'
import type { BatchWriter } from './batchWriter.ts'
import { crc32c } from './crc32c.ts'
import { DistinctWords } from './distinctWords.ts'
import { CHECKSUM_BYTES, type Read, readRecord, readValue, sealInPlace } from './record.ts'
import { heightKey, META, sectionKey } from './schema.ts'

/**
 * Where logs are. Each address and each topic at its position is a 32-bit value. A height with logs
 * has a *filter*, its distinct values in order. 64 heights later those of a *section* of 64 heights
 * are there by value as well, one of 64 buckets (the values' highest six bits) with each height: a
 * search reads a record or two for 64 heights, and no height does more than its share.
 */
export const SECTION_HEIGHTS = 64
/** The height of a bucket's section after which the bucket is written. */
const BUCKETS = SECTION_HEIGHTS
const BUCKET_SHIFT = 26
/** A height with more distinct values is a candidate for every search: what is kept in memory for two sections stays below 32 MiB. */
const MAX_VALUES = 65_536
const DENSE_BYTES = 1

/** Of a height: distinct values in order, or too many. Null: no logs. */
export type LogFilterRecord = Uint32Array | 'dense' | null

/** The value of an address (position 0) or of a topic (1 to 4). Not keyed: who collides makes searches slower, never wrong. */
export const logValueOf = (bytes: Uint8Array, position: number): number =>
  crc32c(bytes, SEEDS[position])
const SEEDS = [0x9e3779b9, 0x7f4a7c15, 0xf39cc060, 0x5cedc834, 0x1082276b]

/** Adds what a height's logs are found by to its batch. Keeps the filters of two sections in memory. */
export class LogIndexWriter {
  readonly #read: Read
  readonly #filters = new Map<number, LogFilterRecord>()
  #hasStart = false

  constructor(read: Read) {
    this.#read = read
  }

  /** `start`: the last height whose block is not kept any more. */
  write(batch: BatchWriter, executed: ExecutedBlock, start: Height): void {
    const height = executed.header.number
    if (!this.#hasStart) this.#putStart(batch, height)
    const filter = filterOf(executed)
    if (filter !== null) putFilter(batch, height, filter)
    this.#filters.set(height, filter)
    const first = bucketFirst(height)
    if (first === null) return
    if (height % SECTION_HEIGHTS === 0)
      for (const known of this.#filters.keys()) if (known < first) this.#filters.delete(known)
    if (first + SECTION_HEIGHTS - 1 <= start) return
    const bucket = height - first - SECTION_HEIGHTS
    const value = bucketOf(bucket, (offset) => this.#filterAt(first + offset))
    if (value === null) return
    const key = sectionKey(first, bucket)
    batch.putSealed(key, sealInPlace(crc32c(key), value))
  }

  #putStart(batch: BatchWriter, height: number): void {
    this.#hasStart = true
    if (readLogStart(this.#read) !== null) return
    batch.putRecord(heightCodec, META.logIndexStart, heightOf(height))
  }

  #filterAt(height: number): LogFilterRecord {
    const known = this.#filters.get(height)
    if (known !== undefined) return known
    const filter = readFilter(this.#read, height)
    this.#filters.set(height, filter)
    return filter
  }
}

/** The lowest height that is indexed; null: none yet. Lower ones were written by an older program. */
export const readLogStart = (read: Read): Height | null =>
  readRecord(heightCodec, read, META.logIndexStart)

/** The section of which a height writes a bucket; null before there is one. */
export function bucketFirst(height: number): number | null {
  const first = height - (height % SECTION_HEIGHTS) - SECTION_HEIGHTS
  return first < 0 ? null : first
}

/** What a height wrote is gone, as if it had never been. */
export function dropLogHeight(batch: BatchWriter, height: number): void {
  batch.delete(heightKey('logFilter', height))
  const first = bucketFirst(height)
  if (first !== null) batch.delete(sectionKey(first, height - first - SECTION_HEIGHTS))
}

/** Pruned upwards: a section goes with its last height. */
export function pruneLogHeight(batch: BatchWriter, height: number): void {
  batch.delete(heightKey('logFilter', height))
  if (height % SECTION_HEIGHTS !== SECTION_HEIGHTS - 1) return
  const first = height - SECTION_HEIGHTS + 1
  for (let bucket = 0; bucket < BUCKETS; bucket++) batch.delete(sectionKey(first, bucket))
}

/** Heights written after `to` take their beginning along. */
export function rollBackLogStart(batch: BatchWriter, read: Read, to: number): void {
  const start = readLogStart(read)
  if (start !== null && start > to + 1)
    batch.putRecord(heightCodec, META.logIndexStart, heightOf(to + 1))
}

function filterOf({ transactions }: ExecutedBlock): LogFilterRecord {
  const values = new DistinctWords()
  for (const { receipt } of transactions) {
    for (const { address, topics } of receipt.logs) {
      values.add(logValueOf(address, 0))
      for (let i = 0; i < topics.length; i++) values.add(logValueOf(topics[i] as Uint8Array, i + 1))
    }
    if (values.atLeast > MAX_VALUES) return 'dense'
  }
  const words = values.sorted()
  if (words.length === 0) return null
  return words.length > MAX_VALUES ? 'dense' : words
}

function putFilter(batch: BatchWriter, height: number, filter: Uint32Array | 'dense'): void {
  const key = heightKey('logFilter', height)
  if (filter === 'dense') {
    batch.put(key, new Uint8Array(DENSE_BYTES))
    return
  }
  const value = new Uint8Array(4 * filter.length + CHECKSUM_BYTES)
  const view = new DataView(value.buffer)
  for (let i = 0; i < filter.length; i++) view.setUint32(4 * i, filter[i] as number)
  batch.putSealed(key, sealInPlace(crc32c(key), value))
}

export function readFilter(read: Read, height: number): LogFilterRecord {
  const value = readValue(read, heightKey('logFilter', height))
  if (value === null) return null
  return value.length === DENSE_BYTES ? 'dense' : wordsOf(value, 0)
}

/** Big-endian words of a record from a byte on. */
export function wordsOf(bytes: Uint8Array, start: number): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const words = new Uint32Array((bytes.length - start) >>> 2)
  for (let i = 0; i < words.length; i++) words[i] = view.getUint32(start + 4 * i)
  return words
}

/**
 * Number of dense heights u8 | their offsets in the section u8 | a word for each value of the bucket
 * and height, in order: the value's lower 26 bits, then the offset's six.
 */
function bucketOf(
  bucket: number,
  filterAt: (offset: number) => LogFilterRecord,
): Uint8Array | null {
  const dense: number[] = []
  const parts: { readonly offset: number; readonly words: Uint32Array }[] = []
  let count = 0
  for (let offset = 0; offset < SECTION_HEIGHTS; offset++) {
    const filter = filterAt(offset)
    if (filter === null) continue
    if (filter === 'dense') {
      dense.push(offset)
      continue
    }
    const from = firstAtLeast(filter, (bucket << BUCKET_SHIFT) >>> 0)
    const to =
      bucket === BUCKETS - 1
        ? filter.length
        : firstAtLeast(filter, ((bucket + 1) << BUCKET_SHIFT) >>> 0)
    if (from === to) continue
    parts.push({ offset, words: filter.subarray(from, to) })
    count += to - from
  }
  if (dense.length === 0 && count === 0) return null
  const entries = new Uint32Array(count)
  let at = 0
  for (const { offset, words } of parts)
    for (const word of words) entries[at++] = ((word << 6) | offset) >>> 0
  entries.sort()
  const value = new Uint8Array(1 + dense.length + 4 * count + CHECKSUM_BYTES)
  value[0] = dense.length
  value.set(dense, 1)
  const view = new DataView(value.buffer)
  for (let i = 0; i < count; i++) view.setUint32(1 + dense.length + 4 * i, entries[i] as number)
  return value
}

/** Index of the first word of a sorted array that is not less. */
export function firstAtLeast(words: Uint32Array, value: number): number {
  let [low, high] = [0, words.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((words[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}
