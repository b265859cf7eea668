import { ok, type Result, reject } from '../core/primitives/result.ts'

/** Ethereum's recursive length prefix (Yellow Paper, appendix B): a byte string or a list of items. */
export type RlpItem = Uint8Array | readonly RlpItem[]

/** Deepest legal nesting anywhere in a transaction: list, access list, entry, storage keys. */
const MAX_DEPTH = 8

type Cursor = { readonly bytes: Uint8Array; at: number; bad: boolean }
type Span = { readonly isList: boolean; readonly start: number; readonly end: number }

/** Strings are views of `bytes`. Refuses every encoding but the shortest, and trailing bytes. */
export function decodeRlp(bytes: Uint8Array): Result<RlpItem, 'BAD_RLP'> {
  const cursor: Cursor = { bytes, at: 0, bad: false }
  const item = readItem(cursor, bytes.length, 0)
  return cursor.bad || cursor.at !== bytes.length ? reject('BAD_RLP') : ok(item)
}

/** Where the payload of the item at the start of `bytes` lies, or null if the item does not fill them exactly. */
export function rlpSpan(bytes: Uint8Array): Span | null {
  const cursor: Cursor = { bytes, at: 0, bad: false }
  const span = readSpan(cursor, bytes.length)
  return cursor.bad || span.end !== bytes.length ? null : span
}

const BAD_SPAN: Span = { isList: false, start: 0, end: 0 }
const EMPTY = new Uint8Array(0)

function readItem(cursor: Cursor, limit: number, depth: number): RlpItem {
  const { isList, start, end } = readSpan(cursor, limit)
  if (cursor.bad) return EMPTY
  if (!isList) {
    cursor.at = end
    return cursor.bytes.subarray(start, end)
  }
  if (depth === MAX_DEPTH) {
    cursor.bad = true
    return EMPTY
  }
  cursor.at = start
  const items: RlpItem[] = []
  while (cursor.at < end && !cursor.bad) items.push(readItem(cursor, end, depth + 1))
  return items
}

/** Leaves the cursor where it is. */
function readSpan(cursor: Cursor, limit: number): Span {
  const { bytes, at } = cursor
  if (at >= limit) return fail(cursor)
  const prefix = bytes[at] as number
  if (prefix < 0x80) return { isList: false, start: at, end: at + 1 }
  const isList = prefix >= 0xc0
  const short = prefix - (isList ? 0xc0 : 0x80)
  const start = short <= 55 ? at + 1 : at + 1 + (short - 55)
  const length = short <= 55 ? short : readLength(cursor, at + 1, start, limit)
  if (cursor.bad || start + length > limit) return fail(cursor)
  const single = !isList && length === 1 && short <= 55 && (bytes[start] as number) < 0x80
  return single ? fail(cursor) : { isList, start, end: start + length }
}

function readLength(cursor: Cursor, from: number, to: number, limit: number): number {
  const { bytes } = cursor
  // Six bytes of length are exact as a number and more than any input here has.
  if (to > limit || to - from > 6 || bytes[from] === 0) {
    cursor.bad = true
    return 0
  }
  let length = 0
  for (let i = from; i < to; i++) length = length * 256 + (bytes[i] as number)
  if (length <= 55) cursor.bad = true
  return length
}

function fail(cursor: Cursor): Span {
  cursor.bad = true
  return BAD_SPAN
}

const isString = (item: RlpItem): item is Uint8Array => item instanceof Uint8Array

export function encodeRlp(item: RlpItem): Uint8Array {
  const out = new Uint8Array(encodedLength(item))
  writeItem(out, 0, item)
  return out
}

function payloadLength(items: readonly RlpItem[]): number {
  let length = 0
  for (const item of items) length += encodedLength(item)
  return length
}

function encodedLength(item: RlpItem): number {
  if (!isString(item)) {
    const length = payloadLength(item)
    return headerLength(length) + length
  }
  if (item.length === 1 && (item[0] as number) < 0x80) return 1
  return headerLength(item.length) + item.length
}

/** Bytes before a payload of this length, unless it is a single byte below 0x80. */
export function headerLength(length: number): number {
  let bytes = 1
  if (length > 55) for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes++
  return bytes
}

/** Writes the prefix of a string (`offset` 0x80) or list (0xc0) of `length` bytes; returns the next position. */
export function writeHeader(out: Uint8Array, at: number, offset: number, length: number): number {
  if (length <= 55) {
    out[at] = offset + length
    return at + 1
  }
  const bytes = headerLength(length) - 1
  out[at] = offset + 55 + bytes
  for (let i = bytes, rest = length; i > 0; i--, rest = Math.floor(rest / 256)) {
    out[at + i] = rest % 256
  }
  return at + 1 + bytes
}

export function writeString(out: Uint8Array, at: number, value: Uint8Array): number {
  if (value.length === 1 && (value[0] as number) < 0x80) {
    out[at] = value[0] as number
    return at + 1
  }
  const start = writeHeader(out, at, 0x80, value.length)
  out.set(value, start)
  return start + value.length
}

function writeItem(out: Uint8Array, at: number, item: RlpItem): number {
  if (isString(item)) return writeString(out, at, item)
  let next = writeHeader(out, at, 0xc0, payloadLength(item))
  for (const child of item) next = writeItem(out, next, child)
  return next
}

/** An integer as RLP wants it: big-endian, no leading zeros, zero empty. */
export function quantityBytes(value: bigint | number): Uint8Array {
  if (value === 0 || value === 0n) return EMPTY
  const digits = value.toString(16)
  const out = new Uint8Array((digits.length + 1) >> 1)
  for (let i = out.length - 1, end = digits.length; i >= 0; i--, end -= 2) {
    out[i] = Number.parseInt(digits.slice(Math.max(0, end - 2), end), 16)
  }
  return out
}
