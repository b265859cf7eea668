import { assert } from '../primitives/assert.ts'
import type { Cells } from './cells.ts'
import type { Rows } from './rows.ts'
import type { BigintColumn, BytesColumn } from './schema.ts'

/** Little-endian, 16 bytes. */
export class U128Column implements BigintColumn {
  readonly #cells: Cells
  readonly #u64: BigUint64Array
  readonly #base: number
  readonly #stride: number
  readonly #rows: Rows

  constructor(cells: Cells, base: number, stride: number, rows: Rows) {
    this.#cells = cells
    this.#u64 = cells.u64
    this.#base = base / 8
    this.#stride = stride / 8
    this.#rows = rows
  }

  get(row: number): bigint {
    this.#rows.assertLive(row)
    const at = this.#base + row * this.#stride
    const high = this.#u64[at + 1] as bigint
    const low = this.#u64[at] as bigint
    return high === 0n ? low : (high << 64n) | low
  }

  set(row: number, value: bigint): void {
    this.#rows.assertLive(row)
    // Small numbers have fast paths; a comparison with 2^128 would leave them.
    const high = value >> 64n
    assert(value >= 0n && high >> 64n === 0n, 'a value fits 128 bits')
    const at = this.#base + row * this.#stride
    this.#cells.touch(at)
    this.#u64[at] = value
    if (high === 0n && this.#u64[at + 1] === 0n) return
    this.#cells.touch(at + 1)
    this.#u64[at + 1] = high
  }
}

export class FixedBytesColumn implements BytesColumn {
  readonly #cells: Cells
  readonly #base: number
  readonly #stride: number
  readonly #length: number
  readonly #rows: Rows

  constructor(cells: Cells, base: number, stride: number, length: number, rows: Rows) {
    this.#cells = cells
    this.#base = base
    this.#stride = stride
    this.#length = length
    this.#rows = rows
  }

  get(row: number): Uint8Array {
    this.#rows.assertLive(row)
    const at = this.#base + row * this.#stride
    return this.#cells.u8.slice(at, at + this.#length)
  }

  set(row: number, value: Uint8Array): void {
    assert(value.length === this.#length, 'a value has the length of its column')
    if (this.equals(row, value)) return
    const at = this.#base + row * this.#stride
    this.#cells.touchBytes(at, this.#length)
    this.#cells.u8.set(value, at)
  }

  equals(row: number, value: Uint8Array): boolean {
    this.#rows.assertLive(row)
    if (value.length !== this.#length) return false
    const at = this.#base + row * this.#stride
    const { u8 } = this.#cells
    for (let i = 0; i < value.length; i++) if (u8[at + i] !== value[i]) return false
    return true
  }
}

/** A 32-bit length, then the bytes; what is beyond them is zero, so that equal values have equal rows. */
export class BlobColumn implements BytesColumn {
  readonly #cells: Cells
  readonly #base: number
  readonly #stride: number
  readonly #limit: number
  readonly #rows: Rows

  constructor(cells: Cells, base: number, stride: number, limit: number, rows: Rows) {
    this.#cells = cells
    this.#base = base
    this.#stride = stride
    this.#limit = limit
    this.#rows = rows
  }

  get(row: number): Uint8Array {
    this.#rows.assertLive(row)
    const at = this.#base + row * this.#stride
    const length = this.#cells.i32[at / 4] as number
    return this.#cells.u8.slice(at + 4, at + 4 + length)
  }

  set(row: number, value: Uint8Array): void {
    assert(value.length <= this.#limit, 'a value has room in its column')
    if (this.equals(row, value)) return
    const at = this.#base + row * this.#stride
    const { i32, u8 } = this.#cells
    const before = i32[at / 4] as number
    this.#cells.touchBytes(at, 4 + Math.max(before, value.length))
    i32[at / 4] = value.length
    u8.set(value, at + 4)
    if (before > value.length) u8.fill(0, at + 4 + value.length, at + 4 + before)
  }

  equals(row: number, value: Uint8Array): boolean {
    this.#rows.assertLive(row)
    const at = this.#base + row * this.#stride
    const { i32, u8 } = this.#cells
    if (i32[at / 4] !== value.length) return false
    for (let i = 0; i < value.length; i++) if (u8[at + 4 + i] !== value[i]) return false
    return true
  }
}
