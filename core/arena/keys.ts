import { assert } from '../primitives/assert.ts'
import type { Cells } from './cells.ts'
import type { ColumnLayout, TableLayout } from './layout.ts'
import type { ColumnKind, Key } from './schema.ts'

/** Where one 32-bit piece of a key lies in a row. Narrow columns share their word with others: shift, then mask. */
export type Piece = { readonly at: number; readonly shift: number; readonly mask: number }

export function piecesOf(column: ColumnLayout): readonly Piece[] {
  const { kind, offset, bytes } = column
  assert(typeof kind !== 'object', 'a blob is no key')
  if (bytes < 4) {
    return [{ at: offset >>> 2, shift: (offset & 3) * 8, mask: bytes === 1 ? 0xff : 0xffff }]
  }
  return Array.from({ length: bytes / 4 }, (_, i) => ({ at: offset / 4 + i, shift: 0, mask: -1 }))
}

/**
 * Some columns of a table read as a row of 32-bit numbers, without looking at their kinds: hashing and
 * comparing are the same few instructions for every key.
 */
export class RowWords {
  readonly #i32: Int32Array
  readonly #base: number
  readonly #stride: number
  readonly #at: Int32Array
  readonly #shift: Int32Array
  readonly #mask: Int32Array
  /** No column is narrower than its piece. */
  readonly #isWhole: boolean

  constructor(cells: Cells, table: TableLayout, columns: readonly ColumnLayout[]) {
    const pieces = columns.flatMap(piecesOf)
    this.#i32 = cells.i32
    this.#base = table.base / 4
    this.#stride = table.stride / 4
    this.#at = Int32Array.from(pieces, (piece) => piece.at)
    this.#shift = Int32Array.from(pieces, (piece) => piece.shift)
    this.#mask = Int32Array.from(pieces, (piece) => piece.mask)
    this.#isWhole = pieces.every((piece) => piece.mask === -1)
  }

  get length(): number {
    return this.#at.length
  }

  read(row: number, into: Int32Array): void {
    const base = this.#base + row * this.#stride
    if (this.#isWhole) {
      for (let i = 0; i < this.#at.length; i++) {
        into[i] = this.#i32[base + (this.#at[i] as number)] as number
      }
      return
    }
    for (let i = 0; i < this.#at.length; i++) {
      const word = this.#i32[base + (this.#at[i] as number)] as number
      into[i] = (word >>> (this.#shift[i] as number)) & (this.#mask[i] as number)
    }
  }

  equals(row: number, words: Int32Array): boolean {
    const base = this.#base + row * this.#stride
    for (let i = 0; i < this.#at.length; i++) {
      const word = this.#i32[base + (this.#at[i] as number)] as number
      if (((word >>> (this.#shift[i] as number)) & (this.#mask[i] as number)) !== words[i])
        return false
    }
    return true
  }

  isZero(row: number): boolean {
    const base = this.#base + row * this.#stride
    for (let i = 0; i < this.#at.length; i++) {
      const word = this.#i32[base + (this.#at[i] as number)] as number
      if (((word >>> (this.#shift[i] as number)) & (this.#mask[i] as number)) !== 0) return false
    }
    return true
  }
}

export function columnOf(table: TableLayout, name: string): ColumnLayout {
  const column = table.columns.get(name)
  assert(column !== undefined, `an index names a column: ${name}`)
  return column
}

/** The rule by which a row belongs to an index; null: every live row does. */
export const whenOf = (
  cells: Cells,
  table: TableLayout,
  when: string | undefined,
): RowWords | null =>
  when === undefined ? null : new RowWords(cells, table, [columnOf(table, when)])

/** 0xffff_ffff is the largest 32-bit number; kinds without a limit are not numbers. */
const LIMITS: { readonly [kind: string]: readonly [from: number, to: number] } = {
  u8: [0, 0xff],
  u16: [0, 0xffff],
  u32: [0, 0xffff_ffff],
  int: [0, Number.MAX_SAFE_INTEGER],
  signed: [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
}

/** Takes 8-byte numbers apart. */
const PAIR_OF_U64 = new BigUint64Array(2)
const PAIR_AS_I32 = new Int32Array(PAIR_OF_U64.buffer)
const PAIR_OF_F64 = new Float64Array(PAIR_OF_U64.buffer)

/** Writes one column of a key as it would stand in a row. */
export class KeyPart {
  readonly #kind: ColumnKind
  readonly #from: number
  readonly #to: number
  readonly #isDouble: boolean
  readonly #bytes: number
  readonly #start: number
  readonly #words: Int32Array

  constructor(column: ColumnLayout, start: number, words: Int32Array) {
    this.#kind = column.kind
    const range = typeof column.kind === 'string' ? LIMITS[column.kind] : undefined
    this.#from = range?.[0] ?? 0
    this.#to = range?.[1] ?? -1
    this.#isDouble = column.kind === 'int' || column.kind === 'signed'
    this.#bytes = column.bytes
    this.#start = start
    this.#words = words
  }

  /** False when no row can have this value. */
  write(key: Key | undefined): boolean {
    if (typeof key === 'number') return this.#writeNumber(key)
    if (typeof key === 'bigint') return this.#writeBigint(key)
    assert(key !== undefined, 'a key has a value for each of its columns')
    return this.#writeBytes(key)
  }

  #writeNumber(key: number): boolean {
    assert(this.#to > 0, 'a number is the key of a number column')
    if (!(key >= this.#from && key <= this.#to && Math.floor(key) === key)) return false
    if (this.#isDouble) {
      PAIR_OF_F64[0] = key + 0
      this.#words[this.#start] = PAIR_AS_I32[0] as number
      this.#words[this.#start + 1] = PAIR_AS_I32[1] as number
    } else this.#words[this.#start] = key
    return true
  }

  #writeBigint(key: bigint): boolean {
    assert(this.#kind === 'u128', 'a bigint is the key of a u128 column')
    // Small numbers have fast paths; a comparison with 2^128 would leave them.
    const high = key >> 64n
    if (key < 0n || high >> 64n !== 0n) return false
    PAIR_OF_U64[0] = key
    PAIR_OF_U64[1] = high
    for (let i = 0; i < 4; i++) this.#words[this.#start + i] = PAIR_AS_I32[i] as number
    return true
  }

  #writeBytes(key: Uint8Array): boolean {
    assert(
      this.#kind === 'bytes20' || this.#kind === 'bytes32',
      'bytes are the key of a bytes column',
    )
    if (key.length !== this.#bytes) return false
    for (let i = 0; i < this.#bytes; i += 4) {
      const low = (key[i] as number) | ((key[i + 1] as number) << 8)
      const high = (key[i + 2] as number) | ((key[i + 3] as number) << 8)
      this.#words[this.#start + i / 4] = low | (high << 16)
    }
    return true
  }
}
