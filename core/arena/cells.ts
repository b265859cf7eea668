import { AssertionError, assert } from '../primitives/assert.ts'
import { CHUNK_BYTES, type Layout, PAGE_BYTES, WORD_BYTES } from './layout.ts'
import { sorted } from './sort.ts'

/** All that an engine's state is made of. May be posted to another thread, which then opens the same state. */
export type ArenaMemory = {
  /** Committed tables, then derived structures. */
  readonly cells: SharedArrayBuffer
  /** Old word and its number, three 32-bit numbers an entry. */
  readonly journal: SharedArrayBuffer
  /** Control numbers, dirty flags and lists. */
  readonly tracking: SharedArrayBuffer
  /** Merkle nodes as a heap: node 1 is the root, 2k and 2k + 1 the children of k. All zero: never hashed. */
  readonly nodes: SharedArrayBuffer
}

/**
 * 32-bit numbers of an entry: the word's old value and its number. The complement of the number says that the word
 * began a chunk of zeros, and stands for all of it.
 */
const ENTRY = 3

/** Control numbers. */
const JOURNAL = 0
const ROOT_DIRTY = 1
const SEAL_DIRTY = 2
const PAGE_DIRTY = 3
/** One more than the chunk that was last entered as fresh, 0 for none: until the next mark or root its words need no entries. */
const FRESH = 4
const CONTROL_BYTES = 64

/** Flags of a chunk: it is in the list of the next root, of the next seal. */
const FOR_ROOT = 1
const FOR_SEAL = 2
const FOR_BOTH = 3

/** What is known of a page: 0, never written; it is in the list of changed pages; it is not, but was. */
const CHANGED = 1
const STORED = 2

/**
 * Before the cells and the nodes. The C library puts a large block 16 bytes behind the border of a page: with these, a
 * chunk is one line of the processor's cache and not parts of two. Elsewhere it costs speed only.
 */
export const LEAD_BYTES = 48

/**
 * Pages of memory nobody wrote are never backed by the machine, so sizes are worst cases: address space, not use.
 */
export function createMemory(layout: Layout, journalEntries: number): ArenaMemory {
  return {
    cells: new SharedArrayBuffer(LEAD_BYTES + layout.bytes),
    journal: new SharedArrayBuffer(journalEntries * ENTRY * 4),
    tracking: new SharedArrayBuffer(trackingOf(layout).bytes),
    nodes: new SharedArrayBuffer(LEAD_BYTES + 2 ** layout.depth * 2 * 32),
  }
}

type Tracking = {
  readonly flags: number
  readonly rootList: number
  readonly sealList: number
  readonly pageFlags: number
  readonly pageList: number
  readonly bytes: number
}

function trackingOf(layout: Layout): Tracking {
  const chunks = layout.bytes / CHUNK_BYTES
  const pages = layout.bytes / PAGE_BYTES
  const flags = CONTROL_BYTES
  const rootList = flags + chunks
  const sealList = rootList + (layout.committedBytes / CHUNK_BYTES) * 4
  const pageList = sealList + chunks * 4
  const pageFlags = pageList + pages * 4
  return { flags, rootList, sealList, pageFlags, pageList, bytes: pageFlags + pages }
}

/**
 * The memory of one arena as views, and the one way to change it: `touch` a word, then write it. A word is
 * 8 bytes; its number, and that of every index into a view, is counted from the start of the cells.
 */
export class Cells {
  readonly i32: Int32Array
  readonly u16: Uint16Array
  readonly u8: Uint8Array
  readonly f64: Float64Array
  readonly u64: BigUint64Array
  readonly #control: Int32Array
  readonly #journal: Int32Array
  readonly #flags: Uint8Array
  readonly #rootList: Int32Array
  readonly #sealList: Int32Array
  readonly #pageFlags: Uint8Array
  readonly #pageList: Int32Array
  readonly #committedChunks: number

  constructor(layout: Layout, memory: ArenaMemory) {
    const { cells, tracking, journal } = memory
    const parts = trackingOf(layout)
    assert(
      cells.byteLength === LEAD_BYTES + layout.bytes && tracking.byteLength === parts.bytes,
      'the memory was made for this schema',
    )
    this.i32 = new Int32Array(cells, LEAD_BYTES)
    this.u16 = new Uint16Array(cells, LEAD_BYTES)
    this.u8 = new Uint8Array(cells, LEAD_BYTES)
    this.f64 = new Float64Array(cells, LEAD_BYTES)
    this.u64 = new BigUint64Array(cells, LEAD_BYTES)
    const chunks = layout.bytes / CHUNK_BYTES
    const pages = layout.bytes / PAGE_BYTES
    this.#committedChunks = layout.committedBytes / CHUNK_BYTES
    this.#control = new Int32Array(tracking, 0, CONTROL_BYTES / 4)
    this.#journal = new Int32Array(journal)
    this.#flags = new Uint8Array(tracking, parts.flags, chunks)
    this.#rootList = new Int32Array(tracking, parts.rootList, this.#committedChunks)
    this.#sealList = new Int32Array(tracking, parts.sealList, chunks)
    this.#pageFlags = new Uint8Array(tracking, parts.pageFlags, pages)
    this.#pageList = new Int32Array(tracking, parts.pageList, pages)
  }

  /** Keeps the old value of a word for undo and marks its chunk as changed. Before every write. */
  touch(word: number): void {
    if (this.#control[FRESH] !== (word >>> 3) + 1) this.#keep(word)
  }

  #keep(word: number): void {
    const control = this.#control
    const at = control[JOURNAL] as number
    const journal = this.#journal
    if (at + ENTRY > journal.length) noRoom()
    journal[at] = this.i32[word * 2] as number
    journal[at + 1] = this.i32[word * 2 + 1] as number
    journal[at + 2] = word
    control[JOURNAL] = at + ENTRY
    if (this.#flags[word >>> 3] !== FOR_BOTH) this.#markChunk(word >>> 3)
  }

  /** As `touch` for all words of a chunk which is zero but for its first word, the one named. */
  touchFresh(word: number): void {
    const control = this.#control
    const fresh = (word >>> 3) + 1
    if (control[FRESH] === fresh) return
    this.#keep(word)
    this.#journal[(control[JOURNAL] as number) - 1] = ~word
    control[FRESH] = fresh
  }

  /** Writes one 32-bit number. */
  set(at: number, value: number): void {
    this.touch(at >>> 1)
    this.i32[at] = value
  }

  /** Writes the two numbers of a word; `at` is even. */
  put(at: number, first: number, second: number): void {
    this.touch(at >>> 1)
    this.i32[at] = first
    this.i32[at + 1] = second
  }

  /** Writes zeros over `count` words from this one, keeping those that are not zero already. */
  clear(first: number, count: number): void {
    for (let word = first; word < first + count; word++) {
      if (((this.i32[word * 2] as number) | (this.i32[word * 2 + 1] as number)) === 0) continue
      this.touch(word)
      this.i32[word * 2] = 0
      this.i32[word * 2 + 1] = 0
    }
  }

  touchBytes(from: number, length: number): void {
    const last = (from + length - 1) >>> 3
    for (let word = from >>> 3; word <= last; word++) this.touch(word)
  }

  #markChunk(chunk: number): void {
    const flags = this.#flags[chunk] as number
    if ((flags & FOR_ROOT) === 0 && chunk < this.#committedChunks)
      this.#push(ROOT_DIRTY, this.#rootList, chunk)
    if ((flags & FOR_SEAL) === 0) this.#push(SEAL_DIRTY, this.#sealList, chunk)
    this.#flags[chunk] = FOR_BOTH
  }

  /** Every chunk is in a list at most once, so a list never overflows. */
  #push(counter: number, list: Int32Array, value: number): void {
    const count = this.#control[counter] as number
    list[count] = value
    this.#control[counter] = count + 1
  }

  mark(): number {
    this.#control[FRESH] = 0
    return (this.#control[JOURNAL] as number) / ENTRY
  }

  journalRoom(): number {
    return (this.#journal.length - (this.#control[JOURNAL] as number)) / ENTRY
  }

  /** O(words written since the mark). */
  revertTo(mark: number): void {
    const journal = this.#journal
    const end = mark * ENTRY
    let at = this.#control[JOURNAL] as number
    assert(
      Number.isSafeInteger(mark) && mark >= 0 && end <= at,
      'a mark is not ahead of the journal',
    )
    while (at > end) {
      at -= ENTRY
      const name = journal[at + 2] as number
      const word = name < 0 ? ~name : name
      if (name < 0) this.i32.fill(0, word * 2, word * 2 + CHUNK_BYTES / 4)
      this.i32[word * 2] = journal[at] as number
      this.i32[word * 2 + 1] = journal[at + 1] as number
      if (this.#flags[word >>> 3] !== FOR_BOTH) this.#markChunk(word >>> 3)
    }
    this.#control[JOURNAL] = end
    this.#control[FRESH] = 0
  }

  /** What was written stays written. */
  forgetJournal(): void {
    this.#control[JOURNAL] = 0
    this.#control[FRESH] = 0
  }

  /** Forgets the journal; the chunks changed since the last time, in no order. */
  seal(): Uint32Array {
    const changed = new Uint32Array(this.#listed(SEAL_DIRTY, this.#sealList))
    for (const chunk of changed) {
      this.#flags[chunk] =
        chunk < this.#committedChunks ? (this.#flags[chunk] as number) & FOR_ROOT : 0
      this.#markPage(chunk)
    }
    this.#control[SEAL_DIRTY] = 0
    this.forgetJournal()
    return changed
  }

  /** A chunk that was written from outside, not by the engine: nothing to undo or to pass on, but to hash and to store. */
  received(chunk: number): void {
    this.#markPage(chunk)
    if (chunk >= this.#committedChunks) return
    const flags = this.#flags[chunk] as number
    if ((flags & FOR_ROOT) === 0) this.#push(ROOT_DIRTY, this.#rootList, chunk)
    this.#flags[chunk] = flags | FOR_ROOT
  }

  #listed(counter: number, list: Int32Array): Int32Array {
    return list.subarray(0, this.#control[counter] as number)
  }

  #markPage(chunk: number): void {
    const page = Math.floor(chunk / (PAGE_BYTES / CHUNK_BYTES))
    if (this.#pageFlags[page] === CHANGED) return
    this.#pageFlags[page] = CHANGED
    this.#push(PAGE_DIRTY, this.#pageList, page)
  }

  /** Committed chunks changed since the last time, ascending. */
  takeForRoot(): Int32Array {
    const listed = new Int32Array(this.#listed(ROOT_DIRTY, this.#rootList))
    const changed = sorted(listed, this.#committedChunks)
    for (const chunk of changed) this.#flags[chunk] = (this.#flags[chunk] as number) & FOR_SEAL
    this.#control[ROOT_DIRTY] = 0
    // The next write to it must put it into the list again.
    this.#control[FRESH] = 0
    return changed
  }

  /** Pages changed since `forgetPages`, ascending, with those of the block under way. */
  changedPages(): Int32Array {
    this.#markPages()
    return new Int32Array(this.#listed(PAGE_DIRTY, this.#pageList)).sort()
  }

  /** Pages that were ever written, ascending: all others are zero. */
  writtenPages(): Int32Array {
    this.#markPages()
    const written: number[] = []
    for (let page = 0; page < this.#pageFlags.length; page++) {
      if (this.#pageFlags[page] !== 0) written.push(page)
    }
    return Int32Array.from(written)
  }

  #markPages(): void {
    for (const chunk of this.#listed(SEAL_DIRTY, this.#sealList)) this.#markPage(chunk)
  }

  forgetPages(): void {
    for (const page of this.#listed(PAGE_DIRTY, this.#pageList)) this.#pageFlags[page] = STORED
    this.#control[PAGE_DIRTY] = 0
  }
}

function noRoom(): never {
  throw new AssertionError('the undo journal has room')
}

// The canonical bytes of every column are little-endian, and views write in the order of the machine.
assert(new Uint8Array(Uint32Array.of(1).buffer)[0] === 1, 'the machine is little-endian')
assert(CHUNK_BYTES === 8 * WORD_BYTES, 'the chunk of a word is its number over eight')
