import { assert } from './assert.ts'
import { ok, type Result, reject } from './result.ts'

/** What is wrong with bytes that should have been the one canonical encoding of a value. */
export type DecodeCode =
  | 'TRUNCATED'
  | 'TRAILING_BYTES'
  | 'OUT_OF_RANGE'
  | 'TOO_LONG'
  | 'BAD_TAG'
  | 'NOT_SORTED'

/**
 * One direction pair of the canonical encoding: big-endian, fixed widths, u32 length prefixes.
 * A value has exactly one encoding; `decode` refuses every other byte string.
 */
export type Codec<T> = {
  readonly write: (writer: Writer, value: T) => void
  readonly read: (reader: Reader) => T
}

export type Decoder<T> = Pick<Codec<T>, 'read'>

export type ValueOf<C> = C extends Codec<infer T> ? T : never

export class Writer {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  u8(value: number): void {
    const at = this.#grow(1)
    this.#bytes[at] = value
  }
  u16(value: number): void {
    const at = this.#grow(2)
    this.#view.setUint16(at, value)
  }
  u32(value: number): void {
    const at = this.#grow(4)
    this.#view.setUint32(at, value)
  }
  u64(value: bigint): void {
    const at = this.#grow(8)
    this.#view.setBigUint64(at, value)
  }
  /** Eight bytes; the value is an integer from 0 to 2^53 − 1. Four times as fast as through a bigint. */
  int(value: number): void {
    const at = this.#grow(8)
    this.#view.setUint32(at, Math.floor(value / 2 ** 32))
    this.#view.setUint32(at + 4, value >>> 0)
  }
  i64(value: bigint): void {
    const at = this.#grow(8)
    this.#view.setBigInt64(at, value)
  }
  raw(value: Uint8Array): void {
    const at = this.#grow(value.length)
    this.#bytes.set(value, at)
  }
  /** The bytes written so far; a copy that the caller owns. */
  finish(): Uint8Array {
    const length = this.#length
    return length > SHORT ? this.#bytes.slice(0, length) : shortCopy(this.#bytes, 0, length)
  }
  /** Forgets what was written and keeps the memory, for the next value. */
  clear(): void {
    this.#length = 0
  }

  #grow(size: number): number {
    const at = this.#length
    this.#length += size
    if (this.#length > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2))
      bytes.set(this.#bytes.subarray(0, at))
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer)
    }
    return at
  }
}

/** Of 2^53 − 1, the upper 32 bits. */
const MAX_HIGH_WORD = 0x1f_ffff
/** V8 keeps arrays up to this length in its own heap, where a loop beats a second view. */
const SHORT = 64

function shortCopy(bytes: Uint8Array, from: number, length: number): Uint8Array {
  const copy = new Uint8Array(length)
  for (let i = 0; i < length; i++) copy[i] = bytes[from + i] as number
  return copy
}

/** Reads never throw: the first fault is kept in `fault` and every later read returns zeros. */
export class Reader {
  readonly #bytes: Uint8Array
  /** Made for the first large bigint: it costs more than all other reads of a short value. */
  #view: DataView | null = null
  #offset = 0
  fault: DecodeCode | null = null

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }
  fail(code: DecodeCode): void {
    this.fault ??= code
  }
  u8(): number {
    const at = this.#take(1)
    return at < 0 ? 0 : (this.#bytes[at] as number)
  }
  u16(): number {
    const at = this.#take(2)
    return at < 0 ? 0 : ((this.#bytes[at] as number) << 8) | (this.#bytes[at + 1] as number)
  }
  u32(): number {
    const at = this.#take(4)
    return at < 0 ? 0 : this.#word(at)
  }
  u64(): bigint {
    const at = this.#take(8)
    if (at < 0) return 0n
    const high = this.#word(at)
    if (high <= MAX_HIGH_WORD) return BigInt(high * 2 ** 32 + this.#word(at + 4))
    return this.#viewed().getBigUint64(at)
  }
  /** Eight bytes; OUT_OF_RANGE above 2^53 − 1. */
  int(): number {
    const at = this.#take(8)
    if (at < 0) return 0
    const high = this.#word(at)
    if (high > MAX_HIGH_WORD) {
      this.fail('OUT_OF_RANGE')
      return 0
    }
    return high * 2 ** 32 + this.#word(at + 4)
  }
  i64(): bigint {
    const at = this.#take(8)
    return at < 0 ? 0n : this.#viewed().getBigInt64(at)
  }
  /** A copy: the source buffer may be pooled or transferred. */
  raw(length: number): Uint8Array {
    const at = this.#take(length)
    if (at < 0) return new Uint8Array(0)
    // Not `slice`, which a Buffer overrides to share its memory.
    if (length > SHORT) return new Uint8Array(this.#bytes.subarray(at, at + length))
    return shortCopy(this.#bytes, at, length)
  }

  /** Passes over bytes without a look at them. */
  skip(length: number): void {
    this.#take(length)
  }

  #word(at: number): number {
    const bytes = this.#bytes
    const upper = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16)
    return (upper | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0
  }

  #viewed(): DataView {
    const { buffer, byteOffset, byteLength } = this.#bytes
    this.#view ??= new DataView(buffer, byteOffset, byteLength)
    return this.#view
  }

  #take(size: number): number {
    if (this.fault !== null) return -1
    if (this.remaining < size) {
      this.fault = 'TRUNCATED'
      return -1
    }
    const at = this.#offset
    this.#offset += size
    return at
  }
}

export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  return written((writer) => codec.write(writer, value))
}

/** What a function writes, for values that are more than one codec's. */
export function written(write: (writer: Writer) => void): Uint8Array {
  // Memory outside V8's heap costs more to make and to collect than a small value to encode.
  const writer = spare ?? new Writer(SPARE_BYTES)
  spare = null
  writer.clear()
  write(writer)
  const bytes = writer.finish()
  // One encoding may be part of another, and the largest must not keep their memory.
  if (bytes.length <= KEPT_BYTES) spare = writer
  return bytes
}
const SPARE_BYTES = 4_096
/** A busy block, encoded at every height: what grew by doubling would be collected each time. */
export const KEPT_BYTES = 2 ** 19
let spare: Writer | null = null

/** O(bytes.length) time and memory: a length prefix is believed only as far as bytes remain. */
export function decode<T>(codec: Decoder<T>, bytes: Uint8Array): Result<T, DecodeCode> {
  const reader = new Reader(bytes)
  const value = codec.read(reader)
  if (reader.fault !== null) return reject(reader.fault)
  return reader.remaining === 0 ? ok(value) : reject('TRAILING_BYTES')
}

// Three of a kind, each with calls of its own: one function that is told which would be slower than what it calls.
export const u8: Codec<number> = {
  write: (writer, value) => {
    assert((value & 0xff) === value, 'u8 in range')
    writer.u8(value)
  },
  read: (reader) => reader.u8(),
}
export const u16: Codec<number> = {
  write: (writer, value) => {
    assert((value & 0xffff) === value, 'u16 in range')
    writer.u16(value)
  },
  read: (reader) => reader.u16(),
}
export const u32: Codec<number> = {
  write: (writer, value) => {
    assert(value >>> 0 === value, 'u32 in range')
    writer.u32(value)
  },
  read: (reader) => reader.u32(),
}

/** Eight bytes holding an integer of at most 2^53 − 1, as a number. */
export const int: Codec<number> = {
  write: (writer, value) => {
    assert(Number.isSafeInteger(value) && value >= 0, 'int is a safe non-negative integer')
    writer.int(value)
  },
  read: (reader) => reader.int(),
}

/** Eight bytes, two's complement, between −(2^53 − 1) and 2^53 − 1. */
export const signedInt: Codec<number> = {
  write: (writer, value) => {
    assert(Number.isSafeInteger(value), 'signedInt is a safe integer')
    writer.i64(BigInt(value))
  },
  read: (reader) => {
    const value = reader.i64()
    const limit = BigInt(Number.MAX_SAFE_INTEGER)
    if (value > limit || value < -limit) reader.fail('OUT_OF_RANGE')
    return reader.fault === null ? Number(value) : 0
  },
}

export const bool: Codec<boolean> = {
  write: (writer, value) => writer.u8(value ? 1 : 0),
  read: (reader) => {
    const tag = reader.u8()
    if (tag > 1) reader.fail('BAD_TAG')
    return tag === 1
  },
}

/** Exactly `length` bytes, no prefix. */
export function fixedBytes(length: number): Codec<Uint8Array> {
  return {
    write: (writer, value) => {
      assert(value.length === length, `fixedBytes(${length}) has its length`)
      writer.raw(value)
    },
    read: (reader) => {
      const value = reader.raw(length)
      return value.length === length ? value : new Uint8Array(length)
    },
  }
}

/** At most `max` bytes after a u32 length. */
export function bytes(max: number): Codec<Uint8Array> {
  return {
    write: (writer, value) => {
      assert(value.length <= max, 'bytes within their maximum')
      writer.u32(value.length)
      writer.raw(value)
    },
    read: (reader) => {
      const length = reader.u32()
      if (length > max) reader.fail('TOO_LONG')
      return reader.raw(length)
    },
  }
}

/** At most `max` elements after a u32 count. An element takes at least one byte, so memory is O(input). */
export function list<T>(element: Codec<T>, max: number): Codec<readonly T[]> {
  return {
    write: (writer, values) => {
      assert(values.length <= max, 'list within its maximum')
      writer.u32(values.length)
      for (const value of values) element.write(writer, value)
    },
    read: (reader) => {
      const count = reader.u32()
      if (count > max) reader.fail('TOO_LONG')
      if (count > reader.remaining) reader.fail('TRUNCATED')
      const values: T[] = []
      for (let i = 0; i < count && reader.fault === null; i++) values.push(element.read(reader))
      return values
    },
  }
}

export function optional<T>(inner: Codec<T>): Codec<T | null> {
  return {
    write: (writer, value) => {
      bool.write(writer, value !== null)
      if (value !== null) inner.write(writer, value)
    },
    read: (reader) => (bool.read(reader) ? inner.read(reader) : null),
  }
}

/** The fields in the order they are written here, nothing between them. */
export function struct<T extends object>(
  fields: { readonly [K in keyof T]: Codec<T[K]> },
): Codec<T> {
  const names = Object.keys(fields) as (keyof T)[]
  const codecs = names.map((name) => fields[name] as Codec<T[keyof T]>)
  const count = names.length
  return {
    write: (writer, value) => {
      for (let i = 0; i < count; i++) {
        ;(codecs[i] as Codec<T[keyof T]>).write(writer, value[names[i] as keyof T])
      }
    },
    read: (reader) => {
      const value = {} as T
      for (let i = 0; i < count; i++) {
        value[names[i] as keyof T] = (codecs[i] as Codec<T[keyof T]>).read(reader)
      }
      return value
    },
  }
}

/** A tag byte, then the variant's fields. The object's `kind` names the variant. */
export function union<T extends { readonly kind: string }>(
  variants: {
    readonly [K in T['kind']]: {
      readonly tag: number
      readonly codec: Codec<Omit<Extract<T, { kind: K }>, 'kind'>>
    }
  },
): Codec<T> {
  type Variant = { readonly tag: number; readonly codec: Codec<object> }
  const byKind = new Map(Object.entries(variants) as [T['kind'], Variant][])
  const byTag = new Map([...byKind].map(([kind, { tag, codec }]) => [tag, { kind, codec }]))
  assert(byTag.size === byKind.size, 'union tags differ')
  return {
    write: (writer, value) => {
      const variant = byKind.get(value.kind)
      assert(variant !== undefined, 'union kind is known')
      writer.u8(variant.tag)
      variant.codec.write(writer, value)
    },
    read: (reader) => {
      const variant = byTag.get(reader.u8())
      if (variant === undefined) {
        reader.fail('BAD_TAG')
        return { kind: '' } as unknown as T
      }
      return { kind: variant.kind, ...variant.codec.read(reader) } as unknown as T
    },
  }
}

/** The same bytes, another type: `to` may fail the reader, `from` must undo `to`. */
export function mapped<A, B>(
  inner: Codec<A>,
  to: (value: A, reader: Reader) => B,
  from: (value: B) => A,
): Codec<B> {
  return {
    write: (writer, value) => inner.write(writer, from(value)),
    read: (reader) => to(inner.read(reader), reader),
  }
}

/** The same codec for a number tagged with a unit. */
export const unitOf = <T extends number>(codec: Codec<number>): Codec<T> =>
  codec as unknown as Codec<T>
