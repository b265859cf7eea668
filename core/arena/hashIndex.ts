import { assert } from '../primitives/assert.ts'
import type { Cells } from './cells.ts'
import { columnOf, KeyPart, RowWords, whenOf } from './keys.ts'
import { type HashIndexLayout, type Layout, seedWord } from './layout.ts'
import type { Rows } from './rows.ts'
import type { HashIndex, Key } from './schema.ts'

/**
 * Open addressing with linear probes, at most half full. A slot is 32 bits: the row, and above it as much of the key's
 * hash as there is room for; most foreign rows are told apart without a look at them. Removal moves later
 * entries back, so there are no tombstones and a probe is as long as if the removed rows had never been.
 */
export class RowHashIndex implements HashIndex {
  readonly #cells: Cells
  readonly #i32: Int32Array
  readonly #rows: Rows
  readonly #base: number
  readonly #mask: number
  /** The bits of a slot that are the row. */
  readonly #rowMask: number
  readonly #seedAt: number
  readonly #columns: RowWords
  readonly #when: RowWords | null
  readonly #first: KeyPart
  readonly #second: KeyPart | null
  readonly #third: KeyPart | null
  readonly #length: number
  readonly #words: Int32Array

  constructor(cells: Cells, layout: Layout, index: HashIndexLayout, rows: Rows) {
    const { spec, table } = index
    assert(spec.keys.length >= 1 && spec.keys.length <= 3, 'a key has one to three columns')
    const columns = spec.keys.map((name) => columnOf(table, name))
    this.#cells = cells
    this.#i32 = cells.i32
    this.#rows = rows
    this.#base = index.base / 4
    this.#mask = index.slots - 1
    this.#rowMask = 2 ** Math.ceil(Math.log2(table.capacity)) - 1
    this.#seedAt = seedWord(layout) * 2
    this.#columns = new RowWords(cells, table, columns)
    this.#when = whenOf(cells, table, spec.when)
    this.#length = this.#columns.length
    this.#words = new Int32Array(this.#length)
    let start = 0
    const [a, b, c] = columns.map((column) => {
      const part = new KeyPart(column, start, this.#words)
      start += Math.ceil(column.bytes / 4)
      return part
    })
    this.#first = a as KeyPart
    this.#second = b ?? null
    this.#third = c ?? null
  }

  find(first: Key, second?: Key, third?: Key): number {
    if (!this.#first.write(first)) return 0
    if (this.#second !== null && !this.#second.write(second)) return 0
    if (this.#third !== null && !this.#third.write(third)) return 0
    return this.#probe()
  }

  /** The row whose key stands in `#words`, or 0. */
  #probe(): number {
    const hash = this.#hash()
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const slot = this.#i32[this.#base + at] as number
      if (slot === 0) return 0
      if (this.#isSame(slot, hash)) return slot & this.#rowMask
    }
  }

  #isSame(slot: number, hash: number): boolean {
    return (
      ((slot ^ hash) & ~this.#rowMask) === 0 &&
      this.#columns.equals(slot & this.#rowMask, this.#words)
    )
  }

  insert(row: number): void {
    this.#rows.assertLive(row)
    assert(this.admits(row), 'the index is for rows whose column is not zero')
    const hash = this.#hashOf(row)
    let at = hash & this.#mask
    for (;;) {
      const slot = this.#i32[this.#base + at] as number
      if (slot === 0) break
      assert(!this.#isSame(slot, hash), 'no other row has the key')
      at = (at + 1) & this.#mask
    }
    this.#cells.set(this.#base + at, (hash & ~this.#rowMask) | row)
  }

  remove(row: number): void {
    let hole = this.#hashOf(row) & this.#mask
    for (;;) {
      const slot = this.#i32[this.#base + hole] as number
      assert(slot !== 0, 'the row is in the index under its present key')
      if ((slot & this.#rowMask) === row) break
      hole = (hole + 1) & this.#mask
    }
    for (let at = (hole + 1) & this.#mask; ; at = (at + 1) & this.#mask) {
      const slot = this.#i32[this.#base + at] as number
      if (slot === 0) break
      const home = this.#hashOf(slot & this.#rowMask)
      // An entry may move back to the hole unless its own place lies after the hole.
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue
      this.#cells.set(this.#base + hole, slot)
      hole = at
    }
    this.#cells.set(this.#base + hole, 0)
  }

  /** Whether a live row belongs to the index. */
  admits(row: number): boolean {
    return this.#when === null || !this.#when.isZero(row)
  }

  /** The row found under the key that `row` has; for checks. */
  sameKey(row: number): number {
    this.#columns.read(row, this.#words)
    return this.#probe()
  }

  /** Entries in use. O(slots). */
  count(): number {
    let count = 0
    for (let at = 0; at <= this.#mask; at++) if (this.#i32[this.#base + at] !== 0) count++
    return count
  }

  #hashOf(row: number): number {
    this.#columns.read(row, this.#words)
    return this.#hash()
  }

  /** Of the words of the key: multiply and fold (murmur3's constants), seeded. */
  #hash(): number {
    let hash = this.#i32[this.#seedAt] as number
    for (let i = 0; i < this.#length; i++) {
      hash = Math.imul(hash ^ (this.#words[i] as number), 0x85eb_ca6b)
      hash ^= hash >>> 15
    }
    hash = Math.imul(hash, 0xc2b2_ae35)
    return hash ^ (hash >>> 16)
  }
}
