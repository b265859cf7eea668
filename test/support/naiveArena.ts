import { createHash } from 'node:crypto'
import { hashIndex, orderedIndex, table } from '../../core/arena/index.ts'

/** One column of every kind, a row of two chunks, and both kinds of index with and without a rule. */
export const items = table({
  capacity: 12,
  columns: {
    a: 'u8',
    b: 'u16',
    c: 'u32',
    d: 'int',
    e: 'signed',
    f: 'u128',
    g: 'bytes20',
    h: 'bytes32',
    i: { blob: 10 },
  },
})
export const quotes = table({
  capacity: 24,
  columns: { group: 'u16', price: 'int', sequence: 'int', isOpen: 'u8' },
})
const small = table({ capacity: 3, columns: { value: 'int' } })

export const schema = {
  items,
  byC: hashIndex(items, ['c']),
  quotes,
  byMany: hashIndex(items, ['b', 'f', 'g'], { when: 'f' }),
  book: orderedIndex(quotes, {
    group: 'group',
    groups: 3,
    price: 'price',
    sequence: 'sequence',
    when: 'isOpen',
  }),
  small,
}

export type Item = {
  a: number
  b: number
  c: number
  d: number
  e: number
  f: bigint
  g: Uint8Array
  h: Uint8Array
  i: Uint8Array
}
export type Quote = { group: number; price: number; sequence: number; isOpen: number }

export type NaiveTable<R> = {
  readonly rows: Map<number, R>
  /** Last freed last. */
  readonly free: number[]
  high: number
}

export type NaiveState = {
  readonly items: NaiveTable<Item>
  readonly quotes: NaiveTable<Quote>
  readonly small: NaiveTable<{ value: number }>
  readonly byC: Set<number>
  readonly byMany: Set<number>
  readonly book: Set<number>
  /** The sequence given last. */
  sequence: number
}

const emptyTable = <R>(): NaiveTable<R> => ({ rows: new Map(), free: [], high: 0 })

export const naiveState = (): NaiveState => ({
  items: emptyTable(),
  quotes: emptyTable(),
  small: emptyTable(),
  byC: new Set(),
  byMany: new Set(),
  book: new Set(),
  sequence: 0,
})

export const zeroItem = (): Item => ({
  a: 0,
  b: 0,
  c: 0,
  d: 0,
  e: 0,
  f: 0n,
  g: new Uint8Array(20),
  h: new Uint8Array(32),
  i: new Uint8Array(0),
})
export const zeroQuote = (): Quote => ({ group: 0, price: 0, sequence: 0, isOpen: 0 })

export function naiveAllocate<R>(of: NaiveTable<R>, capacity: number, zero: R): number {
  const row = of.free.pop() ?? of.high + 1
  if (row >= capacity) return 0
  of.high = Math.max(of.high, row)
  of.rows.set(row, zero)
  return row
}

export function naiveFree<R>(of: NaiveTable<R>, row: number): void {
  of.rows.delete(row)
  of.free.push(row)
}

export const keyC = (item: Item): string => String(item.c)
export const keyMany = (item: Item): string => `${item.b}/${item.f}/${item.g.join()}`

/** Rows of a group in the order of the book. */
export function naiveBook(state: NaiveState, group: number): { row: number; price: number }[] {
  return [...state.book]
    .map((row) => ({ row, ...(state.quotes.rows.get(row) as Quote) }))
    .filter((quote) => quote.group === group)
    .sort((x, y) => x.price - y.price || x.sequence - y.sequence)
    .map(({ row, price }) => ({ row, price }))
}

/**
 * The root written down by hand for this schema: the bytes of every table from scratch, padded to 256 chunks,
 * hashed pair by pair. It pins the state format.
 */
export function naiveRoot(state: NaiveState): Uint8Array {
  const bytes = new Uint8Array(256 * 64)
  const view = new DataView(bytes.buffer)
  const header = <R>(of: NaiveTable<R>, base: number, stride: number): void => {
    view.setUint32(base + 4, of.high, true)
    view.setUint32(base + 8, of.rows.size, true)
    view.setUint32(base + 12, of.free.at(-1) ?? 0, true)
    of.free.forEach((row, i) => {
      view.setUint32(base + row * stride, i === 0 ? 0 : (of.free[i - 1] as number), true)
    })
    for (const row of of.rows.keys()) view.setUint32(base + row * stride, 0xffff_ffff, true)
  }
  header(state.items, 0, 128)
  for (const [row, item] of state.items.rows) {
    const at = row * 128
    view.setUint32(at + 4, item.c, true)
    view.setFloat64(at + 8, item.d, true)
    view.setFloat64(at + 16, item.e, true)
    view.setBigUint64(at + 24, item.f & 0xffff_ffff_ffff_ffffn, true)
    view.setBigUint64(at + 32, item.f >> 64n, true)
    bytes.set(item.h, at + 40)
    bytes.set(item.g, at + 72)
    view.setUint32(at + 92, item.i.length, true)
    bytes.set(item.i, at + 96)
    view.setUint16(at + 108, item.b, true)
    view.setUint8(at + 110, item.a)
  }
  header(state.quotes, 4096, 64)
  for (const [row, quote] of state.quotes.rows) {
    const at = 4096 + row * 64
    view.setUint16(at + 4, quote.group, true)
    view.setUint8(at + 6, quote.isOpen)
    view.setFloat64(at + 8, quote.price, true)
    view.setFloat64(at + 16, quote.sequence, true)
  }
  header(state.small, 8192, 64)
  for (const [row, { value }] of state.small.rows) view.setFloat64(8192 + row * 64 + 8, value, true)
  return sha256(Uint8Array.of(0x40), treeRoot(bytes))
}

function treeRoot(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 64) return sha256(bytes)
  const half = bytes.length / 2
  return sha256(treeRoot(bytes.subarray(0, half)), treeRoot(bytes.subarray(half)))
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}
