import { assert } from '../primitives/assert.ts'
import { type ArenaMemory, Cells, createMemory } from './cells.ts'
import { buildDerived, compareDerived, type Parts } from './derived.ts'
import { FETCH, fetchLines } from './fetch.ts'
import { RowHashIndex } from './hashIndex.ts'
import {
  CHUNK_BYTES,
  type Layout,
  layoutOf,
  PAGE_BYTES,
  seedWord,
  type TableLayout,
  WORD_BYTES,
} from './layout.ts'
import { copyPair, MerkleTree } from './merkle.ts'
import { RowOrderedIndex } from './orderedIndex.ts'
import { proveRow, type RowProof } from './proof.ts'
import type { Schema, StateOf } from './schema.ts'
import { RowTable } from './table.ts'

export type { ArenaMemory } from './cells.ts'
export { assertArenaHashesAgree } from './hasher.ts'
export { type RowProof, type RowValues, verifyRowProof } from './proof.ts'
export * from './schema.ts'

/** Chunks of a sealed block: their numbers, and 64 bytes each in the same order. */
export type ArenaDelta = { readonly chunks: Uint32Array; readonly bytes: Uint8Array }

/** 4 KiB at `index` × 4 KiB. */
export type ArenaPage = { readonly index: number; readonly bytes: Uint8Array }
export type ArenaPages = readonly ArenaPage[]

export type ArenaOptions = {
  /**
   * Words that may be written between two seals, 12 bytes of address space each. The largest block holds 262,144
   * calls (LIMITS.blockCalls); a placed order writes about 40 words, so 2^24 is 64 for each.
   */
  readonly journalEntries: number
  /**
   * Mixed into the hashes of hash indexes, so that nobody can prepare keys that collide. May differ from
   * node to node: it travels with the derived structures and changes nothing that is committed or found.
   */
  readonly seed: number
}

export const defaultArenaOptions: ArenaOptions = { journalEntries: 2 ** 24, seed: 0 }

export type Arena<S extends Schema> = {
  readonly state: StateOf<S>
  readonly memory: ArenaMemory
  /** Position in the undo journal. */
  mark(): number
  /** Exactly the state at the mark: rows, free lists, indexes. O(words written since). */
  revertTo(mark: number): void
  /** Words that can still be written before the next seal; one more is an assertion. */
  journalRoom(): number
  /** Ends a block: forgets the journal and returns every chunk, committed and derived, changed since the last seal. */
  seal(): ArenaDelta
  /** Takes a delta of another arena of this schema in. Not while writes of its own are under way. */
  apply(delta: ArenaDelta): void
  /** 32 bytes, over committed tables only. O(chunks changed since the last call × depth). */
  root(): Uint8Array
  /** The row must be live. Brings the root up to date first. */
  prove(table: string, row: number): RowProof
  /** The pages of 4 KiB changed since `takePages`, ascending, copied as they are reached: not across a write. */
  pages(): Iterable<ArenaPage>
  /** The same pages, copied at once; from now on they count as stored. */
  takePages(): ArenaPages
  /** Every page that was ever written: what a new replica loads. */
  allPages(): ArenaPages
  /** Writes stored pages back, into an arena without a block under way. The pages count as stored. */
  loadPages(pages: Iterable<ArenaPage>): void
  /** Indexes and levels anew from the committed rows. Not while a block is under way. */
  rebuildDerived(): void
  /** Rebuilds in a scratch arena and compares: a sentence for each difference. O(state). */
  verifyDerived(): readonly string[]
}

/** Without `memory`: a new one, all zero. With it: the same state, opened in another thread. */
export function createArena<S extends Schema>(
  schema: S,
  memory?: ArenaMemory,
  options: Partial<ArenaOptions> = {},
): Arena<S> {
  const layout = layoutOf(schema)
  const { journalEntries, seed } = { ...defaultArenaOptions, ...options }
  const held = memory ?? createMemory(layout, journalEntries)
  const cells = new Cells(layout, held)
  if (memory === undefined && seed !== 0) plantSeed(cells, layout, seed)
  const parts = partsOf(layout, cells)
  const tree = new MerkleTree(cells, held.nodes, layout.depth)
  const isIdle = (): boolean => cells.mark() === 0
  return {
    state: stateOf<S>(schema, parts),
    memory: held,
    mark: () => cells.mark(),
    revertTo: (mark) => cells.revertTo(mark),
    journalRoom: () => cells.journalRoom(),
    seal: () => copyChunks(cells, cells.seal()),
    apply(delta) {
      assert(isIdle(), 'a delta is applied between blocks')
      applyChunks(cells, layout, delta)
    },
    root: () => tree.root(),
    prove(name, row) {
      const table = layout.tables.get(name) as TableLayout
      assert(parts.tables.get(name)?.isLive(row) === true, 'the row to prove is live')
      tree.root()
      return proveRow(cells, tree, layout.depth, { name, table, row })
    },
    pages: () => copyPages(cells, cells.changedPages()),
    allPages: () => [...copyPages(cells, cells.writtenPages())],
    takePages() {
      const pages = [...copyPages(cells, cells.changedPages())]
      cells.forgetPages()
      return pages
    },
    loadPages(pages) {
      assert(isIdle(), 'pages are loaded between blocks')
      loadPages(cells, layout, pages)
    },
    rebuildDerived() {
      assert(isIdle(), 'indexes are rebuilt between blocks')
      clearDerived(cells, layout)
      buildDerived(parts, () => cells.forgetJournal())
    },
    verifyDerived: () => compareDerived(parts, scratchOf(layout, parts)),
  }
}

function partsOf(layout: Layout, cells: Cells): Parts {
  const tables = new Map<string, RowTable>()
  const byLayout = new Map<TableLayout, RowTable>()
  for (const [name, table] of layout.tables) {
    const created = new RowTable(cells, table)
    tables.set(name, created)
    byLayout.set(table, created)
  }
  const hashIndexes = new Map(
    [...layout.hashIndexes].map(([name, index]) => {
      const of = byLayout.get(index.table) as RowTable
      return [name, { of, index: new RowHashIndex(cells, layout, index, of.rows) }]
    }),
  )
  const orderedIndexes = new Map(
    [...layout.orderedIndexes].map(([name, index]) => {
      const of = byLayout.get(index.table) as RowTable
      return [name, { of, index: new RowOrderedIndex(cells, index, of.rows) }]
    }),
  )
  return { cells, tables, hashIndexes, orderedIndexes }
}

function stateOf<S extends Schema>(schema: S, parts: Parts): StateOf<S> {
  const { tables, hashIndexes, orderedIndexes } = parts
  const entries = Object.keys(schema).map((name) => [
    name,
    tables.get(name) ?? hashIndexes.get(name)?.index ?? orderedIndexes.get(name)?.index,
  ])
  return Object.fromEntries(entries) as StateOf<S>
}

const WORDS = CHUNK_BYTES / 4

function copyChunks(cells: Cells, chunks: Uint32Array): ArenaDelta {
  const words = new BigUint64Array(chunks.length * (CHUNK_BYTES / WORD_BYTES))
  const chunkWords = { words: cells.i32, base: 0, size: WORDS }
  for (let from = 0; from < chunks.length; from += FETCH) {
    const to = Math.min(from + FETCH, chunks.length)
    fetchLines(chunks, { from, to }, chunkWords)
    for (let i = from; i < to; i++) copyPair(cells.u64, chunks[i] as number, words, i)
  }
  return { chunks, bytes: new Uint8Array(words.buffer) }
}

function applyChunks(cells: Cells, layout: Layout, delta: ArenaDelta): void {
  const { chunks } = delta
  assert(delta.bytes.length === chunks.length * CHUNK_BYTES, 'a delta has 64 bytes a chunk')
  const bytes = delta.bytes.byteOffset % 4 === 0 ? delta.bytes : delta.bytes.slice()
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  for (let i = 0; i < chunks.length; i++) {
    const chunk = chunks[i] as number
    assert(chunk < layout.bytes / CHUNK_BYTES, 'a delta is of an arena of this schema')
    for (let k = 0; k < WORDS; k++) cells.i32[chunk * WORDS + k] = words[i * WORDS + k] as number
    cells.received(chunk)
  }
}

function* copyPages(cells: Cells, pages: Int32Array): Generator<ArenaPage> {
  for (const index of pages) {
    yield { index, bytes: cells.u8.slice(index * PAGE_BYTES, (index + 1) * PAGE_BYTES) }
  }
}

function loadPages(cells: Cells, layout: Layout, pages: Iterable<ArenaPage>): void {
  for (const { index, bytes } of pages) {
    assert(
      bytes.length === PAGE_BYTES && index * PAGE_BYTES < layout.bytes,
      'a page of this schema',
    )
    cells.u8.set(bytes, index * PAGE_BYTES)
    const first = (index * PAGE_BYTES) / CHUNK_BYTES
    for (let i = 0; i < PAGE_BYTES / CHUNK_BYTES; i++) cells.received(first + i)
  }
  cells.forgetPages()
}

function plantSeed(cells: Cells, layout: Layout, seed: number): void {
  cells.touch(seedWord(layout))
  cells.i32[seedWord(layout) * 2] = seed
  cells.forgetJournal()
}

/** All of it but the seed. O(pages ever written). */
function clearDerived(cells: Cells, layout: Layout): void {
  const first = (layout.committedBytes + CHUNK_BYTES) / WORD_BYTES
  for (const page of cells.writtenPages()) {
    const end = ((page + 1) * PAGE_BYTES) / WORD_BYTES
    for (let word = Math.max((page * PAGE_BYTES) / WORD_BYTES, first); word < end; word++) {
      if (cells.i32[word * 2] === 0 && cells.i32[word * 2 + 1] === 0) continue
      cells.touch(word)
      cells.i32[word * 2] = 0
      cells.i32[word * 2 + 1] = 0
      cells.forgetJournal()
    }
  }
}

/** More than the words of any one insertion. */
const SCRATCH_JOURNAL = 4096

/** The same rows with indexes of their own. */
function scratchOf(layout: Layout, actual: Parts): Parts {
  const cells = new Cells(layout, createMemory(layout, SCRATCH_JOURNAL))
  for (const [name, { base, stride }] of layout.tables) {
    const rows = actual.tables.get(name)?.highest() ?? 0
    cells.u8.set(actual.cells.u8.subarray(base, base + (rows + 1) * stride), base)
  }
  const parts = partsOf(layout, cells)
  buildDerived(parts, () => cells.forgetJournal())
  return parts
}
