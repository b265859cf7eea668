import { assert } from '../../core/primitives/assert.ts'
import { type Word, wordOfBigint } from '../state/word.ts'

export const MODULUS = 1n << 256n
const MAX = MODULUS - 1n
const MAX_SAFE = Number.MAX_SAFE_INTEGER
/** By number of bits; exact. */
const POWERS: readonly number[] = Array.from({ length: 54 }, (_, bits) => 2 ** bits)
const BITS: readonly bigint[] = Array.from({ length: 257 }, (_, bits) => BigInt(bits))

/** The builtin costs more than the question whether it is needed. */
const big = (word: Word): bigint => (typeof word === 'bigint' ? word : BigInt(word))
const wrap = (value: bigint): Word => wordOfBigint(BigInt.asUintN(256, value))
const signed = (value: Word): bigint => BigInt.asIntN(256, big(value))
const flag = (value: boolean): Word => (value ? 1 : 0)

/** Yellow Paper, appendix H.2, 0s and 10s. `a` is the top of the stack. What the loop has no short way for. */
export const add = (a: Word, b: Word): Word => {
  const sum = big(a) + big(b)
  return wordOfBigint(sum > MAX ? sum - MODULUS : sum)
}
export const sub = (a: Word, b: Word): Word => {
  const difference = big(a) - big(b)
  return wordOfBigint(difference < 0n ? difference + MODULUS : difference)
}
export const mul = (a: Word, b: Word): Word => wrap(big(a) * big(b))

export function div(a: Word, b: Word): Word {
  if (b === 0) return 0
  // Exact below 2^53: the quotient is never so close under an integer that it rounds up to it.
  if (typeof a === 'number' && typeof b === 'number') return Math.floor(a / b)
  return wordOfBigint(big(a) / big(b))
}
export function mod(a: Word, b: Word): Word {
  if (b === 0) return 0
  if (typeof a === 'number' && typeof b === 'number') return a % b
  return wordOfBigint(big(a) % big(b))
}
export const sdiv = (a: Word, b: Word): Word => (b === 0 ? 0 : wrap(signed(a) / signed(b)))
export const smod = (a: Word, b: Word): Word => (b === 0 ? 0 : wrap(signed(a) % signed(b)))

export const addmod = (a: Word, b: Word, n: Word): Word =>
  n === 0 ? 0 : wordOfBigint((big(a) + big(b)) % big(n))
export const mulmod = (a: Word, b: Word, n: Word): Word =>
  n === 0 ? 0 : wordOfBigint((big(a) * big(b)) % big(n))

export function exp(base: Word, exponent: Word): Word {
  if (base === 2 && exponent < 256) return wordOfBigint(1n << big(exponent))
  let result = 1n
  let power = big(base)
  for (let rest = big(exponent); rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = BigInt.asUintN(256, result * power)
    if (rest > 1n) power = BigInt.asUintN(256, power * power)
  }
  return wordOfBigint(result)
}

/** The bytes of a number without leading zeros. */
export function byteLength(word: Word): number {
  if (typeof word === 'number') {
    let bytes = 0
    for (let rest = word; rest > 0; rest = Math.floor(rest / 256)) bytes++
    return bytes
  }
  return Math.ceil(word.toString(16).length / 2)
}

export function signextend(at: Word, word: Word): Word {
  if (at > 30) return word
  const bits = 8 * (Number(at) + 1)
  return wrap(BigInt.asIntN(bits, big(word)))
}

/** A bigint is above every number: no two words of different types need to be compared. */
export function lt(a: Word, b: Word): Word {
  if (typeof a === 'bigint') return typeof b === 'bigint' && a < b ? 1 : 0
  return typeof b === 'bigint' || a < b ? 1 : 0
}
export const gt = (a: Word, b: Word): Word => lt(b, a)
export const eq = (a: Word, b: Word): Word => flag(typeof a === typeof b && a === b)

export const iszero = (a: Word): Word => flag(a === 0)

export const slt = (a: Word, b: Word): Word => flag(signed(a) < signed(b))
export const sgt = (a: Word, b: Word): Word => slt(b, a)

export function and(a: Word, b: Word): Word {
  if (typeof a === 'bigint' && typeof b === 'bigint') return wordOfBigint(a & b)
  return Number(big(a) & big(b))
}
export const or = (a: Word, b: Word): Word => wordOfBigint(big(a) | big(b))
export const xor = (a: Word, b: Word): Word => wordOfBigint(big(a) ^ big(b))
/** Of small numbers, which compilers write as masks and bounds: known. */
const NOTS: readonly bigint[] = Array.from({ length: 256 }, (_, a) => MAX - BigInt(a))
export function not(a: Word): Word {
  if (typeof a === 'number') return NOTS[a] ?? MAX - BigInt(a)
  return wordOfBigint(MAX - a)
}

export function byte(at: Word, word: Word): Word {
  if (at > 31) return 0
  return shr(8 * (31 - Number(at)), word, 0xff)
}

export function shl(by: Word, word: Word): Word {
  if (by > 255) return 0
  const bits = Number(by)
  if (typeof word === 'number' && bits < 53) {
    // Exact: a power of two only moves the exponent.
    const shifted = word * (POWERS[bits] as number)
    if (shifted <= MAX_SAFE) return shifted
  }
  return wrap(big(word) << bitsOf(bits))
}

/** `mask`, if any, is applied afterwards. */
export function shr(by: Word, word: Word, mask?: number): Word {
  if (by > 255) return 0
  const bits = Number(by)
  if (typeof word === 'number') {
    const shifted = bits > 52 ? 0 : Math.floor(word / (POWERS[bits] as number))
    return mask === undefined ? shifted : shifted % (mask + 1)
  }
  const shifted = word >> bitsOf(bits)
  return mask === undefined ? wordOfBigint(shifted) : Number(shifted & BigInt(mask))
}

export function sar(by: Word, word: Word): Word {
  const value = signed(word)
  if (value >= 0n) return shr(by, word)
  return by > 255 ? MAX : wrap(value >> bitsOf(Number(by)))
}

/** EIP-7939. */
export const clz = (word: Word): Word => (word === 0 ? 256 : 256 - word.toString(2).length)

function bitsOf(bits: number): bigint {
  const value = BITS[bits]
  assert(value !== undefined, 'a shift is below 256')
  return value
}
