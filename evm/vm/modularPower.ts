import { assert } from '../../core/primitives/assert.ts'
import { bytesToBigint } from '../../core/primitives/bytes.ts'
import { MAX_MONTGOMERY_BYTES, Montgomery } from './wasm/montgomery.ts'

/** A big-endian number, and so many zero bytes behind it. */
export type Exponent = { readonly bytes: Uint8Array; readonly zeros: number }

/** Bits of the exponent that are multiplied in at once; with few bits the table would cost more than it saves. */
const WINDOW = 4
const FEW_BYTES = 8
/** Squared away in one call: V8 optimizes a function only from one call to the next. */
const MAX_ZEROS = 1_024

/** base ^ exponent mod modulus, which is not zero. O(bits of the exponent) products of the modulus' length. */
export function modularPower(base: bigint, exponent: Exponent, modulus: bigint): bigint {
  const bytes = exponent.bytes.subarray(firstDigit(exponent.bytes))
  if (bytes.length === 0) return 1n % modulus
  const known = base % modulus
  // Each is its own power; exponents may be megabytes long.
  if (known <= 1n) return known
  const parts = { bytes, zeros: exponent.zeros }
  if (modulus >> BigInt(8 * MAX_MONTGOMERY_BYTES) !== 0n) {
    return powerBy(new Plain(modulus), known, parts)
  }
  const twos = trailingZeros(modulus)
  const odd = modulus >> BigInt(twos)
  const oddPower = odd === 1n ? 0n : powerBy(new Montgomery(odd), known % odd, parts)
  if (twos === 0) return oddPower
  const evenPower = powerOfTwoPower(known, parts, twos)
  // Garner: the one number below odd · 2^twos that is both.
  const difference = BigInt.asUintN(twos, (evenPower - oddPower) * inverseOf(odd, twos))
  return oddPower + odd * difference
}

/** What a power is computed with: numbered registers, of which the last is the result. */
type Multiplier = Pick<Montgomery, 'load' | 'copy' | 'multiply' | 'square' | 'read'>

const RESULT = 1 << WINDOW

function powerBy(by: Multiplier, base: bigint, { bytes, zeros }: Exponent): bigint {
  const width = bytes.length <= FEW_BYTES ? 1 : WINDOW
  by.load(0, 1n)
  by.load(1, base)
  for (let i = 2; i < 1 << width; i++) by.multiply(i, i - 1, 1)
  by.copy(RESULT, 0)
  const mask = (1 << width) - 1
  // Squaring the one at the beginning changes nothing, and is left out.
  let isOne = true
  for (const byte of bytes) {
    for (let shift = 8 - width; shift >= 0; shift -= width) {
      const digit = (byte >> shift) & mask
      if (!isOne) by.square(RESULT, width)
      if (digit !== 0) by.multiply(RESULT, RESULT, digit)
      isOne &&= digit === 0
    }
  }
  for (let left = zeros; left > 0; left -= MAX_ZEROS)
    by.square(RESULT, 8 * Math.min(left, MAX_ZEROS))
  return by.read(RESULT)
}

/** The same registers with V8's own integers. */
class Plain {
  readonly #modulus: bigint
  readonly #values: bigint[] = []
  constructor(modulus: bigint) {
    this.#modulus = modulus
  }
  load(register: number, value: bigint): void {
    this.#values[register] = value
  }
  copy(to: number, from: number): void {
    this.#values[to] = this.read(from)
  }
  multiply(out: number, a: number, b: number): void {
    this.#values[out] = (this.read(a) * this.read(b)) % this.#modulus
  }
  square(register: number, times: number): void {
    let value = this.read(register)
    for (let i = 0; i < times; i++) value = (value * value) % this.#modulus
    this.#values[register] = value
  }
  read(register: number): bigint {
    const value = this.#values[register]
    assert(value !== undefined, 'a register has been written')
    return value
  }
}

/** Modulo 2^bits. The order of an odd base divides 2^bits, so that only so many bits of the exponent count. */
function powerOfTwoPower(base: bigint, { bytes, zeros }: Exponent, bits: number): bigint {
  const length = bytes.length + zeros
  const isEven = (base & 1n) === 0n
  // An even base is zero from the bits-th power on; bits are fewer than 2^16.
  if (isEven && (length > 2 || bytesToBigint(bytes) << BigInt(8 * zeros) >= BigInt(bits))) return 0n
  let power = 1n
  let factor = BigInt.asUintN(bits, base)
  for (let bit = 0; bit < Math.min(bits, 8 * length); bit++) {
    const byte = bytes[length - 1 - (bit >> 3)] ?? 0
    if (((byte >> (bit & 7)) & 1) === 1) power = BigInt.asUintN(bits, power * factor)
    factor = BigInt.asUintN(bits, factor * factor)
  }
  return power
}

/** 1 / odd modulo 2^bits, by Newton: each step doubles the right bits. */
function inverseOf(odd: bigint, bits: number): bigint {
  let inverse = odd
  for (let right = 3; right < bits; right *= 2) {
    inverse = BigInt.asUintN(bits, inverse * (2n - odd * inverse))
  }
  return inverse
}

function firstDigit(bytes: Uint8Array): number {
  const at = bytes.findIndex((byte) => byte !== 0)
  return at < 0 ? bytes.length : at
}

/** Of a number that is not zero. */
const trailingZeros = (value: bigint): number => (value & -value).toString(2).length - 1
