import { assert } from '../primitives/assert.ts'
import type { ColumnKind, HashIndexSpec, OrderedIndexSpec, Schema, TableSpec } from './schema.ts'

/** The unit of dirty tracking, hashing and deltas. */
export const CHUNK_BYTES = 64
export const PAGE_BYTES = 4096
/** The unit of the undo journal. */
export const WORD_BYTES = 8

export type ColumnLayout = {
  readonly kind: ColumnKind
  /** From the start of the row, aligned to the width of a number, to 4 for bytes. */
  readonly offset: number
  readonly bytes: number
}

export type TableLayout = {
  /** Byte of row 0. */
  readonly base: number
  readonly stride: number
  readonly capacity: number
  readonly columns: ReadonlyMap<string, ColumnLayout>
}

export type HashIndexLayout = {
  readonly spec: HashIndexSpec
  readonly table: TableLayout
  readonly base: number
  /** A power of two, at least twice the table's capacity. */
  readonly slots: number
}

export type OrderedIndexLayout = {
  readonly spec: OrderedIndexSpec
  readonly table: TableLayout
  readonly base: number
  readonly groups: number
  /** Nodes of a table's ordered indexes lie side by side, row after row: `nodeStride` bytes from row to row. */
  readonly nodes: number
  readonly nodeStride: number
  readonly levels: number
}

export type Layout = {
  readonly tables: ReadonlyMap<string, TableLayout>
  readonly hashIndexes: ReadonlyMap<string, HashIndexLayout>
  readonly orderedIndexes: ReadonlyMap<string, OrderedIndexLayout>
  /** Byte where the committed tables end and what is derived from them starts. */
  readonly committedBytes: number
  readonly bytes: number
  /** The Merkle tree has 2^depth chunks. */
  readonly depth: number
}

/** The first chunk of the derived part holds the seed of the hash indexes. */
export const seedWord = (layout: Layout): number => layout.committedBytes / WORD_BYTES

export const SLOT_BYTES = 4
export const GROUP_BYTES = 16
export const NODE_BYTES = 16
export const LEVEL_BYTES = 64

/** Cells are addressed by byte in 32 bits. */
const MAX_BYTES = 2 ** 32

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit

/** Where everything lies. A function of the schema alone: the same on every node. */
export function layoutOf(schema: Schema): Layout {
  const tables = new Map<string, TableLayout>()
  const bySpec = new Map<TableSpec, TableLayout>()
  let at = 0
  for (const [name, spec] of Object.entries(schema)) {
    if (spec.kind !== 'table') continue
    const layout = tableLayoutOf(spec, at)
    tables.set(name, layout)
    bySpec.set(spec, layout)
    at = roundUp(at + spec.capacity * layout.stride, PAGE_BYTES)
  }
  const committedBytes = at
  at += CHUNK_BYTES
  const tableOf = (spec: TableSpec): TableLayout => {
    const found = bySpec.get(spec)
    assert(found !== undefined, 'an index is over a table of the same schema')
    return found
  }
  const hashIndexes = new Map<string, HashIndexLayout>()
  const orderedIndexes = new Map<string, OrderedIndexLayout>()
  const nodes = new Map<TableSpec, { at: number; readonly stride: number }>()
  for (const [of, count] of orderedIndexesOf(schema)) {
    nodes.set(of, { at, stride: count * NODE_BYTES })
    at = roundUp(at + of.capacity * count * NODE_BYTES, CHUNK_BYTES)
  }
  for (const [name, spec] of Object.entries(schema)) {
    if (spec.kind === 'hashIndex') {
      const slots = 2 ** Math.ceil(Math.log2(spec.table.capacity * 2))
      hashIndexes.set(name, { spec, table: tableOf(spec.table), base: at, slots })
      at = roundUp(at + slots * SLOT_BYTES, CHUNK_BYTES)
    } else if (spec.kind === 'orderedIndex') {
      const ofTable = nodes.get(spec.table)
      assert(ofTable !== undefined, 'an ordered index has nodes')
      const layout = orderedLayoutOf(spec, tableOf(spec.table), at, ofTable)
      ofTable.at += NODE_BYTES
      orderedIndexes.set(name, layout)
      at = layout.levels + spec.table.capacity * LEVEL_BYTES
    }
  }
  const bytes = roundUp(at, PAGE_BYTES)
  assert(bytes <= MAX_BYTES, 'an arena is below 4 GiB')
  const depth = Math.ceil(Math.log2(Math.max(committedBytes / CHUNK_BYTES, 1)))
  return { tables, hashIndexes, orderedIndexes, committedBytes, bytes, depth }
}

function orderedLayoutOf(
  spec: OrderedIndexSpec,
  table: TableLayout,
  base: number,
  nodes: { readonly at: number; readonly stride: number },
): OrderedIndexLayout {
  const groups = base + CHUNK_BYTES
  const levels = roundUp(groups + spec.groups * GROUP_BYTES, CHUNK_BYTES)
  return { spec, table, base, groups, nodes: nodes.at, nodeStride: nodes.stride, levels }
}

/** How many each table has. */
function orderedIndexesOf(schema: Schema): ReadonlyMap<TableSpec, number> {
  const counts = new Map<TableSpec, number>()
  for (const spec of Object.values(schema)) {
    if (spec.kind === 'orderedIndex') counts.set(spec.table, (counts.get(spec.table) ?? 0) + 1)
  }
  return counts
}

/** Row header: the link of the free list, or LIVE. */
export const LINK_BYTES = 4

/**
 * Widest alignment first, then as declared, each in the lowest place that is free: no gaps but at the end.
 * O(row bytes × columns).
 */
function tableLayoutOf(spec: TableSpec, base: number): TableLayout {
  assert(
    Number.isSafeInteger(spec.capacity) && spec.capacity >= 2 && spec.capacity < 2 ** 30,
    'a table has room for a row, and its row numbers are 30 bits',
  )
  const taken = new Set<number>(Array.from({ length: LINK_BYTES }, (_, i) => i))
  const columns = new Map<string, ColumnLayout>()
  const entries = Object.entries(spec.columns).map(([name, kind]) => ({
    name,
    ...sizeOf(kind),
    kind,
  }))
  let end = LINK_BYTES
  for (const { name, kind, bytes, align } of entries.sort((a, b) => b.align - a.align)) {
    let offset = 0
    while (overlaps(taken, offset, bytes)) offset += align
    for (let i = 0; i < bytes; i++) taken.add(offset + i)
    columns.set(name, { kind, offset, bytes })
    end = Math.max(end, offset + bytes)
  }
  return { base, stride: roundUp(end, CHUNK_BYTES), capacity: spec.capacity, columns }
}

function overlaps(taken: ReadonlySet<number>, offset: number, bytes: number): boolean {
  for (let i = 0; i < bytes; i++) if (taken.has(offset + i)) return true
  return false
}

/** A blob is a u32 length and its bytes, the rest zero. */
function sizeOf(kind: ColumnKind): { readonly bytes: number; readonly align: number } {
  if (typeof kind === 'object') {
    assert(Number.isSafeInteger(kind.blob) && kind.blob > 0, 'a blob has room')
    return { bytes: roundUp(4 + kind.blob, 4), align: 4 }
  }
  return SIZES[kind]
}

const SIZES = {
  u8: { bytes: 1, align: 1 },
  u16: { bytes: 2, align: 2 },
  u32: { bytes: 4, align: 4 },
  int: { bytes: 8, align: 8 },
  signed: { bytes: 8, align: 8 },
  u128: { bytes: 16, align: 8 },
  bytes20: { bytes: 20, align: 4 },
  bytes32: { bytes: 32, align: 8 },
} as const
