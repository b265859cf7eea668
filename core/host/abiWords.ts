import type { Writer } from '../primitives/codec.ts'

export const WORD = 32
const HIGH = 0x1_0000_0000
const ZEROS = new Uint8Array(WORD)
const ONES = new Uint8Array(WORD).fill(0xff)

/** Bytes up to the next multiple of a word. */
export const paddingOf = (length: number): number => (WORD - (length % WORD)) % WORD

/**
 * Reads words at given places and never throws: the first fault is kept, and what is read after it
 * means nothing.
 */
export class AbiReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  failed = false
  /** Where the dynamic value read last ended. */
  end = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Whether `size` more bytes are there; a fault otherwise. */
  has(at: number, size: number): boolean {
    if (this.failed || at + size > this.#bytes.length) this.failed = true
    return !this.failed
  }
  /** An unsigned number of at most `max` ≤ 2^53 − 1. */
  number(at: number, max: number): number {
    if (!this.has(at, WORD) || !this.#same(at, 24, 0)) return 0
    const high = this.#view.getUint32(at + 24)
    const value = high * HIGH + this.#view.getUint32(at + 28)
    if (high > 0x1f_ffff || value > max) this.failed = true
    return value
  }
  /** Two's complement, sign-extended, between ±(2^53 − 1). */
  signed(at: number): number {
    if (!this.has(at, WORD)) return 0
    const high = this.#view.getInt32(at + 24)
    this.#same(at, 24, high < 0 ? 0xffff_ffff : 0)
    const value = high * HIGH + this.#view.getUint32(at + 28)
    if (!Number.isSafeInteger(value)) this.failed = true
    return value
  }
  bigint(at: number, bytes: 16 | 32): bigint {
    if (!this.has(at, WORD) || !this.#same(at, WORD - bytes, 0)) return 0n
    let value = 0n
    for (let i = WORD - bytes; i < WORD; i += 8) {
      value = (value << 64n) | this.#view.getBigUint64(at + i)
    }
    return value
  }
  /** The last `length` bytes of a word. A copy, as everywhere. */
  low(at: number, length: number): Uint8Array {
    if (!this.has(at, WORD) || !this.#zero(at, WORD - length)) return new Uint8Array(length)
    return this.#copy(at + WORD - length, length)
  }
  /** Bytes from the start of a word, zeros up to the next. */
  padded(at: number, length: number): Uint8Array {
    const padding = paddingOf(length)
    if (!this.has(at, length + padding) || !this.#zero(at + length, padding))
      return new Uint8Array(0)
    this.end = at + length + padding
    return this.#copy(at, length)
  }

  #copy(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(at, at + length))
  }
  #zero(at: number, length: number): boolean {
    for (let i = 0; i < length; i++) if (this.#bytes[at + i] !== 0) this.failed = true
    return !this.failed
  }
  #same(at: number, length: number, value: number): boolean {
    for (let i = 0; i < length; i += 4) {
      if (this.#view.getUint32(at + i) !== value) this.failed = true
    }
    return !this.failed
  }
}

export function writeNumber(writer: Writer, value: number): void {
  const high = Math.floor(value / HIGH)
  writer.raw((value < 0 ? ONES : ZEROS).subarray(0, 24))
  writer.u32(high >>> 0)
  writer.u32(value - high * HIGH)
}

export function writeBigint(writer: Writer, value: bigint): void {
  for (let shift = 192n; shift >= 0n; shift -= 64n) {
    writer.u64((value >> shift) & 0xffff_ffff_ffff_ffffn)
  }
}

export const writeZeros = (writer: Writer, length: number): void =>
  writer.raw(ZEROS.subarray(0, length))
