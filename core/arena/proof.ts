import { assert } from '../primitives/assert.ts'
import { concatBytes, equalBytes } from '../primitives/bytes.ts'
import { ok, type Result, reject } from '../primitives/result.ts'
import type { Cells } from './cells.ts'
import { hashPairsSlowly } from './hasher.ts'
import { CHUNK_BYTES, type ColumnLayout, layoutOf, type TableLayout } from './layout.ts'
import { arenaRootOf, type MerkleTree } from './merkle.ts'
import { LIVE } from './rows.ts'
import type { Schema } from './schema.ts'

/** A row's bytes, and the hashes beside its path, from the chunks upwards, left before right. */
export type RowProof = {
  readonly table: string
  readonly row: number
  readonly bytes: Uint8Array
  readonly path: readonly Uint8Array[]
}

export type RowValues = { readonly [column: string]: number | bigint | Uint8Array }

/** Nodes [from, to) of one level of the tree, as heap numbers. */
type Span = { readonly from: number; readonly to: number }

function spanOf(table: TableLayout, row: number, depth: number): Span {
  const from = 2 ** depth + (table.base + row * table.stride) / CHUNK_BYTES
  return { from, to: from + table.stride / CHUNK_BYTES }
}

const above = ({ from, to }: Span): Span => ({ from: Math.floor(from / 2), to: Math.ceil(to / 2) })

/** The root must be up to date. */
export function proveRow(
  cells: Cells,
  tree: MerkleTree,
  depth: number,
  at: { readonly name: string; readonly table: TableLayout; readonly row: number },
): RowProof {
  const { name, table, row } = at
  const start = table.base + row * table.stride
  const path: Uint8Array[] = []
  let span = spanOf(table, row, depth)
  for (let height = 0; height < depth; height++) {
    if (span.from % 2 === 1) path.push(tree.node(span.from - 1))
    if (span.to % 2 === 1) path.push(tree.node(span.to))
    span = above(span)
  }
  return { table: name, row, bytes: cells.u8.slice(start, start + table.stride), path }
}

/**
 * The columns of a live row, if the proof shows that an engine with this schema and this root holds it.
 * Needs nothing but the schema: O(row chunks + depth) hashes.
 */
export function verifyRowProof(
  schema: Schema,
  root: Uint8Array,
  proof: RowProof,
): Result<RowValues, 'BAD_PROOF'> {
  const layout = layoutOf(schema)
  const table = layout.tables.get(proof.table)
  if (table === undefined || proof.bytes.length !== table.stride) return reject('BAD_PROOF')
  const isRow = Number.isSafeInteger(proof.row) && proof.row > 0 && proof.row < table.capacity
  if (!isRow || proof.path.some((node) => node.length !== 32)) return reject('BAD_PROOF')
  const top = topOf(spanOf(table, proof.row, layout.depth), layout.depth, proof)
  if (top === null || !equalBytes(arenaRootOf(top), root)) return reject('BAD_PROOF')
  const view = new DataView(proof.bytes.slice().buffer)
  if (view.getInt32(0, true) !== LIVE) return reject('BAD_PROOF')
  const values: { [column: string]: number | bigint | Uint8Array } = {}
  for (const [name, column] of table.columns) values[name] = decoded(view, column)
  return ok(values)
}

function topOf(row: Span, depth: number, proof: RowProof): Uint8Array | null {
  let span = row
  let nodes = pairwise(proof.bytes)
  let used = 0
  for (let height = 0; height < depth; height++) {
    if (span.from % 2 === 1) nodes = concatBytes(proof.path[used++] ?? MISSING, nodes)
    if (span.to % 2 === 1) nodes = concatBytes(nodes, proof.path[used++] ?? MISSING)
    nodes = pairwise(nodes)
    span = above(span)
  }
  return used === proof.path.length ? nodes : null
}

/** Stands in for a hash the proof lacks, which then counts as one used too many. */
const MISSING = new Uint8Array(32)

function pairwise(nodes: Uint8Array): Uint8Array {
  const output = new Uint8Array(nodes.length / 2)
  hashPairsSlowly(nodes, output)
  return output
}

function decoded(view: DataView, column: ColumnLayout): number | bigint | Uint8Array {
  const { kind, offset, bytes } = column
  const bytesAt = (from: number, length: number): Uint8Array =>
    new Uint8Array(view.buffer, from, length).slice()
  if (typeof kind === 'object') {
    const length = view.getUint32(offset, true)
    assert(length <= kind.blob, 'a committed blob fits its column')
    return bytesAt(offset + 4, length)
  }
  switch (kind) {
    case 'u8':
      return view.getUint8(offset)
    case 'u16':
      return view.getUint16(offset, true)
    case 'u32':
      return view.getUint32(offset, true)
    case 'int':
    case 'signed':
      return view.getFloat64(offset, true)
    case 'u128':
      return (view.getBigUint64(offset + 8, true) << 64n) | view.getBigUint64(offset, true)
    default:
      return bytesAt(offset, bytes)
  }
}
