import { AssertionError } from '../primitives/assert.ts'
import type { Cells } from './cells.ts'
import type { TableLayout } from './layout.ts'

/** In the link of a row that is in use. */
export const LIVE = -1

/** Kept out of what asks, so that asking is short enough to be inlined. */
export function notLive(): never {
  throw new AssertionError('the row is live')
}

/** Which rows of a table are live. Columns ask before they touch a row. */
export class Rows {
  readonly capacity: number
  /** Where the link of a row is: `links[base + row × stride]`. */
  readonly links: Int32Array
  readonly base: number
  readonly stride: number

  constructor(cells: Cells, layout: TableLayout) {
    this.links = cells.i32
    this.base = layout.base / 4
    this.stride = layout.stride / 4
    this.capacity = layout.capacity
  }

  /** False for whatever is not the number of a live row. */
  isLive(row: number): boolean {
    return (
      row > 0 &&
      row < this.capacity &&
      (row | 0) === row &&
      this.links[this.base + row * this.stride] === LIVE
    )
  }

  /** One test, which number columns repeat in place: it stands before every access. */
  assertLive(row: number): void {
    if (row >>> 0 >= this.capacity || this.links[this.base + row * this.stride] !== LIVE) notLive()
  }
}
