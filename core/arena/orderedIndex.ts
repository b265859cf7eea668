import { assert } from '../primitives/assert.ts'
import type { Cells } from './cells.ts'
import { columnOf, type Piece, piecesOf, type RowWords, whenOf } from './keys.ts'
import type { OrderedIndexLayout } from './layout.ts'
import { LevelTree } from './levelTree.ts'
import type { Rows } from './rows.ts'
import type { OrderedIndex } from './schema.ts'

/** 32-bit fields of a row's node. */
const PREVIOUS = 0
const NEXT = 1
const LEVEL = 2

/** Rows of a level are a doubly linked list; the levels are a tree of their own. */
export class RowOrderedIndex implements OrderedIndex {
  readonly tree: LevelTree
  readonly #cells: Cells
  readonly #i32: Int32Array
  readonly #f64: Float64Array
  readonly #rows: Rows
  readonly #nodes: number
  readonly #nodeStride: number
  readonly groups: number
  readonly #groupAt: number
  readonly #groupShift: number
  readonly #groupMask: number
  readonly #when: RowWords | null
  readonly #price: number
  readonly #sequence: number
  readonly #stride: number

  constructor(cells: Cells, layout: OrderedIndexLayout, rows: Rows) {
    const { spec, table } = layout
    const group = columnOf(table, spec.group)
    const price = columnOf(table, spec.price)
    const sequence = columnOf(table, spec.sequence)
    assert(
      group.kind === 'u32' || group.kind === 'u16' || group.kind === 'u8',
      'a group is a small number',
    )
    assert(price.kind === 'int' && sequence.kind === 'int', 'price and sequence are ints')
    this.tree = new LevelTree(cells, layout)
    this.#cells = cells
    this.#i32 = cells.i32
    this.#f64 = cells.f64
    this.#rows = rows
    this.#nodes = layout.nodes / 4
    this.#nodeStride = layout.nodeStride / 4
    this.groups = spec.groups
    const [piece] = piecesOf(group) as [Piece]
    this.#groupAt = table.base / 4 + piece.at
    this.#groupShift = piece.shift
    this.#groupMask = piece.mask
    this.#when = whenOf(cells, table, spec.when)
    this.#price = (table.base + price.offset) / 8
    this.#sequence = (table.base + sequence.offset) / 8
    this.#stride = table.stride / 8
  }

  insert(row: number): void {
    this.#rows.assertLive(row)
    assert(this.admits(row), 'the index is for rows whose column is not zero')
    assert(this.levelOf(row) === 0, 'the row is not in the index yet')
    const group = this.#groupOf(row)
    assert(group < this.groups, 'the group is below the number of groups')
    const price = this.#priceOf(row)
    const sequence = this.sequenceOf(row)
    const floor = this.tree.floor(group, price)
    if (floor === 0 || this.tree.priceOf(floor) !== price) {
      this.#put(row, 0, this.tree.create(group, price, floor, row, sequence))
      return
    }
    const last = this.tree.lastOf(floor)
    this.tree.append(floor, row, sequence)
    this.#cells.set(this.#nodes + last * this.#nodeStride + NEXT, row)
    this.#put(row, last, floor)
  }

  remove(row: number): void {
    this.#rows.assertLive(row)
    const at = this.#nodes + row * this.#nodeStride
    const level = this.#i32[at + LEVEL] as number
    assert(level !== 0, 'the row is in the index')
    const previous = this.#i32[at + PREVIOUS] as number
    const next = this.#i32[at + NEXT] as number
    this.#cells.set(at + LEVEL, 0)
    if (previous !== 0) this.#cells.set(this.#nodes + previous * this.#nodeStride + NEXT, next)
    if (next !== 0) this.#cells.set(this.#nodes + next * this.#nodeStride + PREVIOUS, previous)
    this.tree.takeOut(level, previous, next)
  }

  #put(row: number, previous: number, level: number): void {
    this.#cells.put(this.#nodes + row * this.#nodeStride + PREVIOUS, previous, 0)
    this.#cells.set(this.#nodes + row * this.#nodeStride + LEVEL, level)
  }

  lowest(group: number): number {
    return this.#isGroup(group) ? this.tree.lowest(group) : 0
  }
  highest(group: number): number {
    return this.#isGroup(group) ? this.tree.highest(group) : 0
  }
  higher(level: number): number {
    return this.tree.higher(level)
  }
  lower(level: number): number {
    return this.tree.lower(level)
  }
  levelAt(group: number, price: number): number {
    return this.#isGroup(group) ? this.#levelAt(group, price) : 0
  }
  levelOf(row: number): number {
    return this.#get(row, LEVEL)
  }
  priceOf(level: number): number {
    return this.tree.priceOf(level)
  }
  countOf(level: number): number {
    return this.tree.countOf(level)
  }
  firstOf(level: number): number {
    return this.tree.firstOf(level)
  }
  nextOf(row: number): number {
    // Only the level is cleared when a row leaves; its links stay behind.
    return this.#get(row, LEVEL) === 0 ? 0 : this.#get(row, NEXT)
  }
  levels(group: number): number {
    return this.#isGroup(group) ? this.tree.levels(group) : 0
  }

  fetch(row: number): number {
    const at = this.#nodes + row * this.#nodeStride
    const level = this.#i32[at + LEVEL] as number
    if (level === 0) return 0
    const previous = this.#get(this.#i32[at + PREVIOUS] as number, NEXT)
    const next = this.#get(this.#i32[at + NEXT] as number, PREVIOUS)
    return previous ^ next ^ this.tree.countOf(level)
  }
  fetchEnd(group: number, price: number): number {
    const level = this.levelAt(group, price)
    return level === 0 ? 0 : this.#get(this.tree.lastOf(level), NEXT)
  }

  /** Whether a live row belongs to the index. */
  admits(row: number): boolean {
    return this.#when === null || !this.#when.isZero(row)
  }

  sequenceOf(row: number): number {
    return this.#f64[this.#sequence + row * this.#stride] as number
  }

  /** Order of two rows in the index. */
  compare(a: number, b: number): number {
    return (
      this.#groupOf(a) - this.#groupOf(b) ||
      this.#priceOf(a) - this.#priceOf(b) ||
      this.sequenceOf(a) - this.sequenceOf(b)
    )
  }

  #levelAt(group: number, price: number): number {
    const floor = this.tree.floor(group, price)
    return floor !== 0 && this.tree.priceOf(floor) === price ? floor : 0
  }

  #isGroup(group: number): boolean {
    return group >= 0 && group < this.groups && (group | 0) === group
  }

  #groupOf(row: number): number {
    const word = this.#i32[this.#groupAt + row * this.#stride * 2] as number
    return ((word >>> this.#groupShift) & this.#groupMask) >>> 0
  }

  #priceOf(row: number): number {
    return this.#f64[this.#price + row * this.#stride] as number
  }

  #get(row: number, field: number): number {
    return this.#i32[this.#nodes + row * this.#nodeStride + field] as number
  }
}
