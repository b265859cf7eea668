import { assert, unreachable } from '../primitives/assert.ts'
import { BlobColumn, FixedBytesColumn, U128Column } from './byteColumns.ts'
import type { Cells } from './cells.ts'
import type { ColumnLayout, TableLayout } from './layout.ts'
import { LIVE, notLive, type Rows } from './rows.ts'
import type { BigintColumn, BytesColumn, NumberColumn } from './schema.ts'

// One class per kind, so that every load and store in it meets one kind of view and is compiled to a few instructions.

type AnyColumn = NumberColumn & BigintColumn & BytesColumn
export type TableColumns = { readonly [name: string]: AnyColumn }

export function createColumns(cells: Cells, table: TableLayout, rows: Rows): TableColumns {
  const columns: [string, unknown][] = []
  for (const [name, column] of table.columns) {
    columns.push([name, createColumn(cells, table, column, rows)])
  }
  return Object.fromEntries(columns) as TableColumns
}

function createColumn(
  cells: Cells,
  table: TableLayout,
  column: ColumnLayout,
  rows: Rows,
): NumberColumn | BigintColumn | BytesColumn {
  const base = table.base + column.offset
  const { kind } = column
  if (typeof kind === 'object') return new BlobColumn(cells, base, table.stride, kind.blob, rows)
  switch (kind) {
    case 'u8':
      return new U8Column(cells, base, table.stride, rows)
    case 'u16':
      return new U16Column(cells, base, table.stride, rows)
    case 'u32':
      return new U32Column(cells, base, table.stride, rows)
    case 'int':
      return new IntColumn(cells, base, table.stride, rows)
    case 'signed':
      return new SignedColumn(cells, base, table.stride, rows)
    case 'u128':
      return new U128Column(cells, base, table.stride, rows)
    case 'bytes20':
    case 'bytes32':
      return new FixedBytesColumn(cells, base, table.stride, column.bytes, rows)
    default:
      return unreachable(kind)
  }
}

const FITS = 'a value fits its column'

class U8Column implements NumberColumn {
  readonly #cells: Cells
  readonly #u8: Uint8Array
  readonly #base: number
  readonly #stride: number
  readonly #links: Int32Array
  readonly #link: number
  readonly #linkStride: number
  readonly #capacity: number

  constructor(cells: Cells, base: number, stride: number, rows: Rows) {
    this.#cells = cells
    this.#u8 = cells.u8
    this.#base = base
    this.#stride = stride
    this.#links = rows.links
    this.#link = rows.base
    this.#linkStride = rows.stride
    this.#capacity = rows.capacity
  }

  fits(value: number): boolean {
    return (value & 0xff) === value
  }

  get(row: number): number {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    return this.#u8[this.#base + row * this.#stride] as number
  }

  set(row: number, value: number): void {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    assert(this.fits(value), FITS)
    const at = this.#base + row * this.#stride
    if (this.#u8[at] === value) return
    this.#cells.touch(at >>> 3)
    this.#u8[at] = value
  }

  add(row: number, delta: number): boolean {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    const at = this.#base + row * this.#stride
    const sum = (this.#u8[at] as number) + delta
    if (!this.fits(sum)) return false
    this.#cells.touch(at >>> 3)
    this.#u8[at] = sum
    return true
  }
}

class U16Column implements NumberColumn {
  readonly #cells: Cells
  readonly #u16: Uint16Array
  readonly #base: number
  readonly #stride: number
  readonly #links: Int32Array
  readonly #link: number
  readonly #linkStride: number
  readonly #capacity: number

  constructor(cells: Cells, base: number, stride: number, rows: Rows) {
    this.#cells = cells
    this.#u16 = cells.u16
    this.#base = base / 2
    this.#stride = stride / 2
    this.#links = rows.links
    this.#link = rows.base
    this.#linkStride = rows.stride
    this.#capacity = rows.capacity
  }

  fits(value: number): boolean {
    return (value & 0xffff) === value
  }

  get(row: number): number {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    return this.#u16[this.#base + row * this.#stride] as number
  }

  set(row: number, value: number): void {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    assert(this.fits(value), FITS)
    const at = this.#base + row * this.#stride
    if (this.#u16[at] === value) return
    this.#cells.touch(at >>> 2)
    this.#u16[at] = value
  }

  add(row: number, delta: number): boolean {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    const at = this.#base + row * this.#stride
    const sum = (this.#u16[at] as number) + delta
    if (!this.fits(sum)) return false
    this.#cells.touch(at >>> 2)
    this.#u16[at] = sum
    return true
  }
}

class U32Column implements NumberColumn {
  readonly #cells: Cells
  readonly #i32: Int32Array
  readonly #base: number
  readonly #stride: number
  readonly #links: Int32Array
  readonly #link: number
  readonly #linkStride: number
  readonly #capacity: number

  constructor(cells: Cells, base: number, stride: number, rows: Rows) {
    this.#cells = cells
    this.#i32 = cells.i32
    this.#base = base / 4
    this.#stride = stride / 4
    this.#links = rows.links
    this.#link = rows.base
    this.#linkStride = rows.stride
    this.#capacity = rows.capacity
  }

  fits(value: number): boolean {
    return value >>> 0 === value
  }

  get(row: number): number {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    return (this.#i32[this.#base + row * this.#stride] as number) >>> 0
  }

  set(row: number, value: number): void {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    assert(this.fits(value), FITS)
    const at = this.#base + row * this.#stride
    if (this.#i32[at] === (value | 0)) return
    this.#cells.touch(at >>> 1)
    this.#i32[at] = value
  }

  add(row: number, delta: number): boolean {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    const at = this.#base + row * this.#stride
    const sum = ((this.#i32[at] as number) >>> 0) + delta
    if (!this.fits(sum)) return false
    this.#cells.touch(at >>> 1)
    this.#i32[at] = sum
    return true
  }
}

/** A little-endian double that is always an integer, and never −0: equal values have equal bytes. */
class IntColumn implements NumberColumn {
  readonly #cells: Cells
  readonly #f64: Float64Array
  readonly #base: number
  readonly #stride: number
  readonly #links: Int32Array
  readonly #link: number
  readonly #linkStride: number
  readonly #capacity: number

  constructor(cells: Cells, base: number, stride: number, rows: Rows) {
    this.#cells = cells
    this.#f64 = cells.f64
    this.#base = base / 8
    this.#stride = stride / 8
    this.#links = rows.links
    this.#link = rows.base
    this.#linkStride = rows.stride
    this.#capacity = rows.capacity
  }

  fits(value: number): boolean {
    return value >= 0 && value <= Number.MAX_SAFE_INTEGER && Math.floor(value) === value
  }

  get(row: number): number {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    return this.#f64[this.#base + row * this.#stride] as number
  }

  set(row: number, value: number): void {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    assert(this.fits(value), FITS)
    const at = this.#base + row * this.#stride
    if (this.#f64[at] === value) return
    this.#cells.touch(at)
    // −0 + 0 is 0.
    this.#f64[at] = value + 0
  }

  add(row: number, delta: number): boolean {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    const at = this.#base + row * this.#stride
    const sum = (this.#f64[at] as number) + delta
    if (!this.fits(sum)) return false
    this.#cells.touch(at)
    this.#f64[at] = sum
    return true
  }
}

class SignedColumn implements NumberColumn {
  readonly #cells: Cells
  readonly #f64: Float64Array
  readonly #base: number
  readonly #stride: number
  readonly #links: Int32Array
  readonly #link: number
  readonly #linkStride: number
  readonly #capacity: number

  constructor(cells: Cells, base: number, stride: number, rows: Rows) {
    this.#cells = cells
    this.#f64 = cells.f64
    this.#base = base / 8
    this.#stride = stride / 8
    this.#links = rows.links
    this.#link = rows.base
    this.#linkStride = rows.stride
    this.#capacity = rows.capacity
  }

  fits(value: number): boolean {
    return Number.isSafeInteger(value)
  }

  get(row: number): number {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    return this.#f64[this.#base + row * this.#stride] as number
  }

  set(row: number, value: number): void {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    assert(this.fits(value), FITS)
    const at = this.#base + row * this.#stride
    if (this.#f64[at] === value) return
    this.#cells.touch(at)
    this.#f64[at] = value + 0
  }

  add(row: number, delta: number): boolean {
    if (row >>> 0 >= this.#capacity || this.#links[this.#link + row * this.#linkStride] !== LIVE)
      notLive()
    const at = this.#base + row * this.#stride
    const sum = (this.#f64[at] as number) + delta
    if (!this.fits(sum)) return false
    this.#cells.touch(at)
    this.#f64[at] = sum
    return true
  }
}
