import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { blockBytes } from '../slab.ts'

/** 256-bit integers and their 32 big-endian bytes, through one scratch word. */
export const scratch = new Uint8Array(32)
const view = new DataView(scratch.buffer)

/** The word at `at`: `memory` must hold it whole. */
export function readWord(memory: DataView, at: number): bigint {
  const high = memory.getBigUint64(at)
  const upper = memory.getBigUint64(at + 8)
  const lower = memory.getBigUint64(at + 16)
  const low = memory.getBigUint64(at + 24)
  if (high === 0n && upper === 0n) return lower === 0n ? low : (lower << 64n) | low
  return (((high << 64n) | upper) << 128n) | (lower << 64n) | low
}

export function writeWord(memory: DataView, at: number, value: bigint): void {
  if (value < 0x1_0000_0000_0000_0000n) {
    memory.setBigUint64(at, 0n)
    memory.setBigUint64(at + 8, 0n)
    memory.setBigUint64(at + 16, 0n)
    memory.setBigUint64(at + 24, value)
    return
  }
  // The setters keep the low 64 bits.
  memory.setBigUint64(at, value >> 192n)
  memory.setBigUint64(at + 8, value >> 128n)
  memory.setBigUint64(at + 16, value >> 64n)
  memory.setBigUint64(at + 24, value)
}

/** Leaves the 32 bytes of a value in `scratch`, until the next call of anything here. */
export function toScratch(value: bigint): Uint8Array {
  writeWord(view, 0, value)
  return scratch
}

export const wordOf = (value: bigint): Uint8Array => toScratch(value).slice()

/** At most 32 bytes, big-endian. */
export function valueOfBytes(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n
  scratch.fill(0, 0, 32 - bytes.length)
  scratch.set(bytes, 32 - bytes.length)
  return readWord(view, 0)
}

/** Big-endian without leading zeros; zero is empty. */
export function minimalBytes(value: bigint): Uint8Array {
  writeWord(view, 0, value)
  let first = 0
  while (first < 32 && scratch[first] === 0) first++
  return scratch.slice(first)
}

/**
 * A 256-bit value as the nexus interpreter holds it: a number exactly if it is below 2^53, so that
 * equal words are `===` and most arithmetic never meets a bigint.
 */
export type Word = number | bigint

const MAX_NUMBER = 0x1f_ffff_ffff_ffffn

export const wordOfBigint = (value: bigint): Word => (value <= MAX_NUMBER ? Number(value) : value)

/** The word at `at`: `memory` must hold it whole. */
export function loadWord(memory: DataView, at: number): Word {
  if (
    memory.getUint32(at) === 0 &&
    memory.getUint32(at + 4) === 0 &&
    memory.getUint32(at + 8) === 0 &&
    memory.getUint32(at + 12) === 0 &&
    memory.getUint32(at + 16) === 0 &&
    memory.getUint32(at + 20) === 0
  ) {
    const high = memory.getUint32(at + 24)
    if (high < 0x20_0000) return high * 0x1_0000_0000 + memory.getUint32(at + 28)
    return memory.getBigUint64(at + 24)
  }
  return readWord(memory, at)
}

export function storeWord(memory: DataView, at: number, word: Word): void {
  if (typeof word === 'number') {
    memory.setFloat64(at, 0)
    memory.setFloat64(at + 8, 0)
    memory.setFloat64(at + 16, 0)
    memory.setUint32(at + 24, Math.floor(word / 0x1_0000_0000))
    // Keeps the low 32 bits.
    memory.setUint32(at + 28, word)
  } else writeWord(memory, at, word)
}

/** Leaves the 32 bytes of a word in `scratch`, until the next call of anything here. */
export function wordScratch(word: Word): Uint8Array {
  storeWord(view, 0, word)
  return scratch
}

export const bytesOfWord = (word: Word): Uint8Array => wordScratch(word).slice()

/** The same for what lives about as long as its block. */
export function blockBytesOfWord(word: Word): Uint8Array {
  const bytes = blockBytes(32)
  bytes.set(wordScratch(word))
  return bytes
}

/** At most 32 bytes, big-endian. */
export const wordOfBytes = (bytes: Uint8Array): Word => wordOfRange(bytes, 0, bytes.length)

/** The same of `length` bytes from `at` on. */
export function wordOfRange(bytes: Uint8Array, at: number, length: number): Word {
  if (length <= 6) {
    let value = 0
    for (let i = 0; i < length; i++) value = value * 256 + (bytes[at + i] as number)
    return value
  }
  const zeros = 32 - length
  for (let i = 0; i < zeros; i++) scratch[i] = 0
  for (let i = 0; i < length; i++) scratch[zeros + i] = bytes[at + i] as number
  return loadWord(view, 0)
}

/** The 32 bytes from `at` on; behind the end are zeros. */
export function wordAt(bytes: Uint8Array, at: number): Word {
  const there = Math.min(32, bytes.length - at)
  for (let i = 0; i < there; i++) scratch[i] = bytes[at + i] as number
  for (let i = there; i < 32; i++) scratch[i] = 0
  return loadWord(view, 0)
}

/** Big-endian without leading zeros, for what lives about as long as its block; zero is empty. */
export function minimalBytesOf(word: Word): Uint8Array {
  if (word === 0) return EMPTY_BYTES
  wordScratch(word)
  let first = 0
  while (first < 32 && scratch[first] === 0) first++
  const bytes = blockBytes(32 - first)
  for (let i = first; i < 32; i++) bytes[i - first] = scratch[i] as number
  return bytes
}

/** Leaves the low 20 bytes of a word in a scratch array, until the next call. */
export function addressScratch(word: Word): Uint8Array {
  storeWord(view, 0, word)
  return addressView
}
const addressView = scratch.subarray(12)
