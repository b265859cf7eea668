import type { Height } from '../../core/primitives/units.ts'
import { firstAtLeast, logValueOf, readFilter, readLogStart, SECTION_HEIGHTS } from './logIndex.ts'
import { corrupt, type Read, readValue } from './record.ts'
import { sectionKey } from './schema.ts'

/** Which logs somebody wants. An empty list of addresses, or of topics at a position, matches all. */
export type LogPlaces = {
  readonly addresses: readonly Uint8Array[]
  readonly topics: readonly (readonly Uint8Array[])[]
}

/** A step of a search: heights that may hold such logs, in order, of those from where it began to before `next`. */
export type LogStep = { readonly heights: readonly number[]; readonly next: number }

/** The values of one criterion by bucket: any of them will do. */
type Alternatives = ReadonlyMap<number, readonly number[]>

/** One search over the index, a section at a time. A height is missed never, named in vain rarely. */
export class LogIndexSearch {
  readonly #read: Read
  readonly #criteria: readonly Alternatives[]

  constructor(read: Read, { addresses, topics }: LogPlaces) {
    this.#read = read
    this.#criteria = [addresses, ...topics]
      .map((list, position) => byBucket(list.map((bytes) => logValueOf(bytes, position))))
      .filter(({ size }) => size > 0)
  }

  /** From a height on, at most to the end of its section, and at most to `to`. `height` is the committed one. */
  step(from: number, to: number, height: Height): LogStep {
    const first = from - (from % SECTION_HEIGHTS)
    const next = Math.min(first + SECTION_HEIGHTS, to + 1)
    const start = readLogStart(this.#read)
    if (start === null || from < start) {
      const end = start === null ? next : Math.min(next, start)
      return { heights: Array.from({ length: end - from }, (_, i) => from + i), next: end }
    }
    const isSorted = height >= first + 2 * SECTION_HEIGHTS - 1
    const found =
      isSorted && this.#criteria.length > 0
        ? this.#inSection(first).map((offset) => first + offset)
        : this.#inFilters(from, next)
    return { heights: found.filter((at) => at >= from && at < next), next }
  }

  #inSection(first: number): number[] {
    const buckets = new Map<number, Bucket | null>()
    const bucketAt = (index: number): Bucket | null => {
      const known = buckets.get(index)
      if (known !== undefined) return known
      const bucket = readBucket(this.#read, first, index)
      buckets.set(index, bucket)
      return bucket
    }
    let offsets: ReadonlySet<number> | null = null
    for (const alternatives of this.#criteria) {
      const found = new Set<number>()
      for (const [index, values] of alternatives) {
        const bucket = bucketAt(index)
        if (bucket === null) continue
        for (const offset of bucket.dense) found.add(offset)
        for (const value of values) for (const offset of bucket.offsetsOf(value)) found.add(offset)
      }
      const before = offsets as ReadonlySet<number> | null
      offsets = before === null ? found : new Set([...found].filter((offset) => before.has(offset)))
      if (offsets.size === 0) return []
    }
    return [...(offsets ?? [])].sort((a, b) => a - b)
  }

  #inFilters(from: number, next: number): number[] {
    const found: number[] = []
    for (let at = from; at < next; at++) {
      const filter = readFilter(this.#read, at)
      if (filter === null) continue
      const holds = (value: number): boolean =>
        filter === 'dense' || filter[firstAtLeast(filter, value)] === value
      if (this.#criteria.every((criterion) => [...criterion.values()].flat().some(holds)))
        found.push(at)
    }
    return found
  }
}

function byBucket(values: readonly number[]): Alternatives {
  const buckets = new Map<number, number[]>()
  for (const value of values) {
    const own = buckets.get(value >>> 26) ?? []
    buckets.set(value >>> 26, own)
    own.push(value)
  }
  return buckets
}

type Bucket = {
  readonly dense: Uint8Array
  offsetsOf(value: number): readonly number[]
}

function readBucket(read: Read, first: number, index: number): Bucket | null {
  const key = sectionKey(first, index)
  const bytes = readValue(read, key)
  if (bytes === null) return null
  const start = 1 + (bytes[0] ?? 0)
  if ((bytes.length - start) % 4 !== 0) throw corrupt(key, 'BAD_LENGTH')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = (bytes.length - start) >>> 2
  const wordAt = (i: number): number => view.getUint32(start + 4 * i)
  return {
    dense: bytes.subarray(1, start),
    offsetsOf: (value) => {
      const wanted = (value << 6) >>> 0
      let [low, high] = [0, count]
      while (low < high) {
        const middle = (low + high) >>> 1
        if (wordAt(middle) < wanted) low = middle + 1
        else high = middle
      }
      const offsets: number[] = []
      for (; low < count && wordAt(low) >>> 6 === wanted >>> 6; low++)
        offsets.push(wordAt(low) & 63)
      return offsets
    },
  }
}
