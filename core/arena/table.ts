import type { Cells } from './cells.ts'
import { createColumns, type TableColumns } from './columns.ts'
import { CHUNK_BYTES, type TableLayout } from './layout.ts'
import { LIVE, Rows } from './rows.ts'
import type { Table } from './schema.ts'

/**
 * Row 0 holds, as 32-bit numbers: 0 (it is never live), the highest row ever used, then in one word what
 * changes with every row: the count and the first free row.
 */
const HIGH = 1
const COUNT = 2
const FREE = 3

const CHUNK = CHUNK_BYTES / 4

export class RowTable implements Table {
  readonly columns: TableColumns
  readonly capacity: number
  readonly rows: Rows
  readonly #cells: Cells
  readonly #i32: Int32Array
  readonly #base: number
  readonly #stride: number

  constructor(cells: Cells, layout: TableLayout) {
    this.rows = new Rows(cells, layout)
    this.columns = createColumns(cells, layout, this.rows)
    this.capacity = layout.capacity
    this.#cells = cells
    this.#i32 = cells.i32
    this.#base = layout.base / 4
    this.#stride = layout.stride / 4
  }

  count(): number {
    return this.#i32[this.#base + COUNT] as number
  }

  allocate(): number {
    const free = this.#i32[this.#base + FREE] as number
    const row = free === 0 ? (this.#i32[this.#base + HIGH] as number) + 1 : free
    if (row >= this.capacity) return 0
    const link = this.#base + row * this.#stride
    if (free === 0) this.#cells.set(this.#base + HIGH, row)
    const next = free === 0 ? 0 : (this.#i32[link] as number)
    this.#cells.put(this.#base + COUNT, this.count() + 1, next)
    if (this.#stride === CHUNK) this.#cells.touchFresh(link >>> 1)
    this.#cells.set(link, LIVE)
    return row
  }

  free(row: number): void {
    this.rows.assertLive(row)
    const link = this.#base + row * this.#stride
    this.#cells.clear(link >>> 1, this.#stride >>> 1)
    this.#i32[link] = this.#i32[this.#base + FREE] as number
    this.#cells.put(this.#base + COUNT, this.count() - 1, row)
  }

  isLive(row: number): boolean {
    return this.rows.isLive(row)
  }

  /** The highest row that was ever live: above it all is zero. */
  highest(): number {
    return this.#i32[this.#base + HIGH] as number
  }

  next(row: number): number {
    const high = this.highest()
    for (let at = row + 1; at <= high; at++) {
      if (this.#i32[this.#base + at * this.#stride] === LIVE) return at
    }
    return 0
  }
}
