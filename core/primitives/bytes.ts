import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { assert } from './assert.ts'
import { ok, type Result, reject } from './result.ts'

export const EMPTY_BYTES = new Uint8Array(0)

/** Lower-case hex without a prefix. */
export const toHex = (bytes: Uint8Array): string => bytesToHex(bytes)

/** Hex, with or without `0x`, even length. For strings the program wrote itself: asserts. */
export function fromHex(text: string): Uint8Array {
  const parsed = parseHex(text)
  assert(parsed.ok, 'a hex string of the program is hex')
  return parsed.value
}

/** Hex from outside, with or without `0x`; an odd number of digits is refused. */
export function parseHex(text: string): Result<Uint8Array, 'NOT_HEX'> {
  const digits = text.startsWith('0x') ? text.slice(2) : text
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) return reject('NOT_HEX')
  return ok(hexToBytes(digits))
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Total order by byte value, shorter first on a common prefix: the order of LevelDB keys. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    out.set(part, offset)
    offset += part.length
  }
  return out
}

/** Big-endian, `length` bytes; the value must fit. */
export function bigintToBytes(value: bigint, length: number): Uint8Array {
  assert(value >= 0n && value < 1n << BigInt(length * 8), 'a bigint fits its width')
  return hexToBytes(value.toString(16).padStart(length * 2, '0'))
}

/** Big-endian; the empty array is zero. */
export function bytesToBigint(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytesToHex(bytes)}`)
}
