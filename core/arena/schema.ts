/**
 * What an engine's memory holds. `int` is an integer from 0 to 2^53 − 1 and `signed` one between
 * ±(2^53 − 1), both as JavaScript numbers; `u128` is a bigint; `blob` is up to `bytes` bytes with their length.
 */
export type ColumnKind =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'int'
  | 'signed'
  | 'u128'
  | 'bytes20'
  | 'bytes32'
  | { readonly blob: number }

export type Columns = { readonly [name: string]: ColumnKind }

/** `capacity` counts row 0, which holds the table's own numbers and is never a row of the engine. */
export type TableSpec<C extends Columns = Columns> = {
  readonly kind: 'table'
  readonly capacity: number
  readonly columns: C
}

/**
 * At most one row per key. One to three key columns. Between blocks every live row is in the index; with
 * `when`, every live row whose column of that name is not zero: the rule by which the index is rebuilt.
 */
export type HashIndexSpec = {
  readonly kind: 'hashIndex'
  readonly table: TableSpec
  readonly keys: readonly string[]
  readonly when?: string
}

/**
 * Rows by group, then by price level, then first come first served. `group` is a u32 or u16 column
 * with values below `groups`; `price` an `int` column; `sequence` the `int` column that orders a level,
 * whose newest value is always the largest. `when` as in a hash index.
 */
export type OrderedIndexSpec = {
  readonly kind: 'orderedIndex'
  readonly table: TableSpec
  readonly group: string
  readonly groups: number
  readonly price: string
  readonly sequence: string
  readonly when?: string
}

/** Committed memory first, in the order written; the position of an entry is part of the state format. */
export type Schema = { readonly [name: string]: TableSpec | HashIndexSpec | OrderedIndexSpec }

export const table = <const C extends Columns>(spec: {
  readonly capacity: number
  readonly columns: C
}): TableSpec<C> => ({ kind: 'table', ...spec })

export const hashIndex = (
  of: TableSpec,
  keys: readonly string[],
  options: { readonly when?: string } = {},
): HashIndexSpec => ({ kind: 'hashIndex', table: of, keys, ...options })

export const orderedIndex = (
  of: TableSpec,
  spec: Omit<OrderedIndexSpec, 'kind' | 'table'>,
): OrderedIndexSpec => ({ kind: 'orderedIndex', table: of, ...spec })

/** A value outside the column's range is a fault of the program; `fits` asks first. */
export type NumberColumn = {
  get(row: number): number
  set(row: number, value: number): void
  /** Adds `delta`, which may be negative. False, and nothing changed, when the sum does not fit. */
  add(row: number, delta: number): boolean
  fits(value: number): boolean
}
export type BigintColumn = {
  get(row: number): bigint
  set(row: number, value: bigint): void
}
export type BytesColumn = {
  /** A copy. */
  get(row: number): Uint8Array
  set(row: number, value: Uint8Array): void
  equals(row: number, value: Uint8Array): boolean
}

export type ColumnOf<K> = K extends 'u8' | 'u16' | 'u32' | 'int' | 'signed'
  ? NumberColumn
  : K extends 'u128'
    ? BigintColumn
    : BytesColumn

export type Table<C extends Columns = Columns> = {
  readonly columns: { readonly [K in keyof C]: ColumnOf<C[K]> }
  readonly capacity: number
  /** Live rows. */
  count(): number
  /** A row with all columns zero, or 0 when the table is full. Freed rows come back last freed first. */
  allocate(): number
  /** The row must be live; it is zeroed. Remove it from the indexes before. */
  free(row: number): void
  isLive(row: number): boolean
  /** The live row after `row` in row order, 0 at the end: `for (let r = t.next(0); r !== 0; r = t.next(r))`. */
  next(row: number): number
}

export type Key = number | bigint | Uint8Array

export type HashIndex = {
  /** The row with this key, or 0. O(1). */
  find(first: Key, second?: Key, third?: Key): number
  /** Keys are read from the row. Asserts that no row has them yet. */
  insert(row: number): void
  /** Keys are read from the row: change them only between `remove` and `insert`. */
  remove(row: number): void
}

/** A level is a handle that lives until its last row leaves; 0 is none. */
export type OrderedIndex = {
  /** Behind every row of the same group and price. O(log levels); O(1) where the level exists and is the one touched last. */
  insert(row: number): void
  /** O(1), O(log levels) when the level becomes empty. */
  remove(row: number): void
  lowest(group: number): number
  highest(group: number): number
  /** The next level of the same group upwards or downwards. */
  higher(level: number): number
  lower(level: number): number
  levelAt(group: number, price: number): number
  levelOf(row: number): number
  priceOf(level: number): number
  countOf(level: number): number
  /** Rows of a level in order of their sequence. */
  firstOf(level: number): number
  nextOf(row: number): number
  /** Levels of a group. */
  levels(group: number): number
  /** Reads what `remove` of a row of the index will change, so that it is at hand then; the number means nothing. O(1). */
  fetch(row: number): number
  /** The same before an `insert`. O(log levels). */
  fetchEnd(group: number, price: number): number
}

export type StateOf<S extends Schema> = {
  readonly [K in keyof S]: S[K] extends TableSpec<infer C>
    ? Table<C>
    : S[K] extends HashIndexSpec
      ? HashIndex
      : S[K] extends OrderedIndexSpec
        ? OrderedIndex
        : never
}
