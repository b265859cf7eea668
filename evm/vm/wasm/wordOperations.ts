import { I64 } from '../../../core/primitives/wasmCode.ts'
import { type Code, call, either, i32, i64, select, setAll } from './assembler.ts'
import type { KitName } from './kit.ts'
import {
  codeOf,
  constantOf,
  known,
  type Limb,
  type LimbWriter,
  lengthOf,
  MAX,
  trimmed,
  type Value,
} from './limbWriter.ts'

const ORDER = [0, 1, 2, 3] as const
const HALF = 2n ** 255n
const SHORT = 2n ** 64n - 1n

/** The number of a function of the kit. */
export type Numbers = (name: KitName) => number
type Write = (writer: LimbWriter, operands: readonly Value[], numbers: Numbers) => Value | null
/** Of two operands; the top of the stack is the first. */
type Binary = (writer: LimbWriter, a: Value, b: Value, numbers: Numbers) => Value | null

const limb = ({ limbs }: Value, i: number): Limb => limbs[i] ?? 0n
const codes = ({ limbs }: Value): readonly Code[] => limbs.map(codeOf)
const flagged = (flag: Limb): Value => ({ limbs: [flag, 0n, 0n, 0n], max: 1n })
const bigger = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b)
const isNonNegative = ({ max }: Value): boolean => max < HALF
/** The smallest number of only ones that is not below. */
const ones = (max: bigint): bigint => 2n ** BigInt(max.toString(2).length) - 1n

function add(writer: LimbWriter, a: Value, b: Value): Value {
  const max = smaller(a.max + b.max, MAX)
  const length = lengthOf(max)
  let carry: Limb = 0n
  const limbs = ORDER.slice(0, length).map((i) => {
    const isLast = i === length - 1
    const [left, right] = [limb(a, i), limb(b, i)]
    const half = writer.add(left, right)
    const isSum = left !== 0n && right !== 0n
    let over: Limb = isLast || !isSum ? 0n : writer.isBelow(half, right)
    const sum = writer.add(half, carry)
    if (!isLast && carry !== 0n && half !== 0n) {
      over = writer.or(over, writer.isBelow(sum, carry))
    }
    carry = over
    return sum
  })
  return trimmed(limbs, max)
}

function sub(writer: LimbWriter, a: Value, b: Value): Value {
  let borrow: Limb = 0n
  const limbs = ORDER.map((i) => {
    const [left, right] = [limb(a, i), limb(b, i)]
    const half = writer.subtract(left, right)
    let under: Limb = i === 3 ? 0n : writer.isBelow(left, right)
    const difference = writer.subtract(half, borrow)
    if (i !== 3 && borrow !== 0n) under = writer.or(under, writer.isBelow(half, borrow))
    borrow = under
    return difference
  })
  return { limbs, max: MAX }
}

function mul(writer: LimbWriter, a: Value, b: Value, numbers: Numbers): Value {
  const max = smaller(a.max * b.max, MAX)
  if (max <= SHORT) {
    const product = writer.define(i64.multiply(codeOf(limb(a, 0)), codeOf(limb(b, 0))))
    return { limbs: [product, 0n, 0n, 0n], max }
  }
  if (a.max <= SHORT && b.max <= SHORT) {
    const factors = [codeOf(limb(a, 0)), codeOf(limb(b, 0))]
    const [low = 0n, high = 0n] = writer.defineAll(call(numbers('wide'), ...factors), 2)
    return { limbs: [low, high, 0n, 0n], max }
  }
  // The first factor's limbs are passed over where they are zero.
  const [first, second] = constantOf(a) === null ? [b, a] : [a, b]
  const product = call(numbers('multiply'), ...codes(first), ...codes(second))
  return trimmed(writer.defineAll(product, 4), max)
}

const divided =
  (name: 'quotient' | 'remainder', operator: typeof i64.divide): Binary =>
  (writer, a, b, numbers) => {
    if (constantOf(b) === 0n) return known(0n)
    const isRemainder = name === 'remainder'
    const max = isRemainder ? smaller(a.max, bigger(b.max, 1n) - 1n) : a.max
    const locals = ORDER.map(() => writer.local())
    const zero = i64.constant(0n)
    const [low, divisor] = [codeOf(limb(a, 0)), codeOf(limb(b, 0))]
    const short = operator(low, divisor)
    const isZero = i64.isZero(divisor)
    const guarded = limb(b, 0) === 0n || constantOf(b) === null
    const quick = [guarded ? either(isZero, zero, short, I64) : short, zero, zero, zero]
    const isLong = writer.isLong({
      limbs: [0n, ...ORDER.slice(1).map((i) => writer.or(limb(a, i), limb(b, i)))],
      max: MAX,
    })
    const slow = call(numbers(name), ...codes(a), ...codes(b))
    writer.write(
      isLong === null
        ? setAll(locals, quick)
        : either(isLong, setAll(locals, slow), setAll(locals, quick)),
    )
    return trimmed(locals, max)
  }
const div = divided('quotient', i64.divide)
const mod = divided('remainder', i64.remainder)

/** The two's complement where `sign` is 1. */
function negated(writer: LimbWriter, value: Value, sign: Limb): Value {
  if (sign === 0n) return value
  const mask = writer.subtract(0n, sign)
  const limbs = value.limbs.map((part) => writer.xor(part, mask))
  return add(writer, { limbs, max: MAX }, flagged(sign))
}
const signOf = (writer: LimbWriter, value: Value): Limb =>
  isNonNegative(value) ? 0n : writer.shiftRight(limb(value, 3), 63)

const signedDivision =
  (unsigned: Binary, isRemainder: boolean): Binary =>
  (writer, a, b, numbers) => {
    const [left, right] = [signOf(writer, a), signOf(writer, b)]
    const out = unsigned(writer, negated(writer, a, left), negated(writer, b, right), numbers)
    return out === null ? null : negated(writer, out, isRemainder ? left : writer.xor(left, right))
  }

const modular =
  (name: 'addmod' | 'mulmod'): Write =>
  (writer, operands, numbers) => {
    const { max } = operands[2] as Value
    const out = writer.defineAll(call(numbers(name), ...operands.flatMap(codes)), 4)
    return trimmed(out, bigger(max, 1n) - 1n)
  }

function isBelow(writer: LimbWriter, a: Value, b: Value, isSigned = false): Limb {
  const length = isSigned ? 4 : lengthOf(bigger(a.max, b.max))
  let below: Limb = 0n
  for (let i = 0; i < length; i++) {
    const [left, right] = [limb(a, i), limb(b, i)]
    const own =
      isSigned && i === 3 ? writer.isBelowSigned(left, right) : writer.isBelow(left, right)
    below = i === 0 ? own : writer.or(own, writer.and(writer.equals(left, right), below))
  }
  return below
}
const compare =
  (isSigned: boolean, isSwapped: boolean): Binary =>
  (writer, first, second) => {
    const [a, b] = isSwapped ? [second, first] : [first, second]
    const asSigned = isSigned && !(isNonNegative(a) && isNonNegative(b))
    return flagged(isBelow(writer, a, b, asSigned))
  }

const eq: Binary = (writer, a, b) =>
  flagged(writer.equals(writer.any(ORDER.map((i) => writer.xor(limb(a, i), limb(b, i)))), 0n))

const bitwise =
  (name: 'and' | 'or' | 'xor'): Binary =>
  (writer, a, b) => {
    const limbs = ORDER.map((i) => writer[name](limb(a, i), limb(b, i)))
    return trimmed(limbs, name === 'and' ? smaller(a.max, b.max) : ones(bigger(a.max, b.max)))
  }

function shifted(writer: LimbWriter, value: Value, by: number): Value {
  const max = smaller(value.max << BigInt(by), MAX)
  const [limbs, bits] = [by >> 6, by & 63]
  const out = ORDER.map((i) => {
    const upper = i < limbs ? 0n : limb(value, i - limbs)
    if (bits === 0) return upper
    const lower = i < limbs + 1 ? 0n : limb(value, i - limbs - 1)
    if (i >= lengthOf(max)) return 0n
    return writer.or(writer.shiftLeft(upper, bits), writer.shiftRight(lower, 64 - bits))
  })
  return trimmed(out, max)
}

function shiftedRight(writer: LimbWriter, value: Value, by: number, fill: Limb = 0n): Value {
  const [limbs, bits] = [by >> 6, by & 63]
  const at = (i: number): Limb => (i > 3 ? fill : limb(value, i))
  const out = ORDER.map((i) => {
    if (bits === 0) return at(i + limbs)
    const low = writer.shiftRight(at(i + limbs), bits)
    return writer.or(low, writer.shiftLeft(at(i + limbs + 1), 64 - bits))
  })
  return fill === 0n ? trimmed(out, value.max >> BigInt(by)) : { limbs: out, max: MAX }
}

/** What a function of the kit shifts by: 255 is the most that leaves anything. */
const shiftOf = (writer: LimbWriter, by: Value): Code => {
  const isLong = writer.isLong(by)
  const low = codeOf(limb(by, 0))
  return isLong === null ? low : select(isLong, i64.constant(256n), low)
}

const shift =
  (name: 'shl' | 'shr' | 'sar'): Binary =>
  (writer, by, value, numbers) => {
    const bits = constantOf(by)
    const isSigned = name === 'sar' && !isNonNegative(value)
    if (bits === null) {
      const called = call(numbers(name), shiftOf(writer, by), ...codes(value))
      const max = name === 'shl' || isSigned ? MAX : value.max
      return trimmed(writer.defineAll(called, 4), max)
    }
    const fill = isSigned ? writer.shiftRightSigned(limb(value, 3), 63) : 0n
    if (bits > 255n) return { limbs: ORDER.map(() => fill), max: fill === 0n ? 0n : MAX }
    if (name === 'shl') return shifted(writer, value, Number(bits))
    return shiftedRight(writer, value, Number(bits), fill)
  }

const byte: Binary = (writer, at, value, numbers) => {
  const index = constantOf(at)
  const mask = known(0xffn)
  if (index !== null) {
    if (index > 31n) return known(0n)
    const moved = shiftedRight(writer, value, 248 - 8 * Number(index))
    return bitwise('and')(writer, moved, mask, numbers)
  }
  const low = codeOf(limb(at, 0))
  const isFar = i32.or(writer.isLong(at) ?? i32.constant(0), i64.isAbove(low, i64.constant(31n)))
  const bits = i64.subtract(i64.constant(248n), i64.shiftLeft(low, i64.constant(3n)))
  const by = select(isFar, i64.constant(256n), bits)
  const out = writer.defineAll(call(numbers('shr'), by, ...codes(value)), 4)
  return bitwise('and')(writer, { limbs: out, max: MAX }, mask, numbers)
}

/** Only where it is known what from. */
const signextend: Binary = (writer, at, value) => {
  const index = constantOf(at)
  if (index === null) return null
  if (index > 30n) return value
  const bit = 8 * Number(index) + 7
  const [last, unused] = [bit >> 6, 63 - (bit & 63)]
  const top = writer.shiftRightSigned(writer.shiftLeft(limb(value, last), unused), unused)
  const fill = writer.shiftRightSigned(top, 63)
  const limbs = ORDER.map((i) => (i < last ? limb(value, i) : i === last ? top : fill))
  return { limbs, max: MAX }
}

const binary =
  (write: Binary): Write =>
  (writer, [a, b], numbers) =>
    a === undefined || b === undefined ? null : write(writer, a, b, numbers)

/** Yellow Paper, appendix H.2, 0s and 10s, for operands that are not all known. */
export const WORD_OPERATIONS: Readonly<Record<number, Write>> = {
  1: binary(add),
  2: binary(mul),
  3: binary(sub),
  4: binary(div),
  5: binary(signedDivision(div, false)),
  6: binary(mod),
  7: binary(signedDivision(mod, true)),
  8: modular('addmod'),
  9: modular('mulmod'),
  11: binary(signextend),
  16: binary(compare(false, false)),
  17: binary(compare(false, true)),
  18: binary(compare(true, false)),
  19: binary(compare(true, true)),
  20: binary(eq),
  21: (writer, [a]) => (a === undefined ? null : eq(writer, a, known(0n), () => 0)),
  22: binary(bitwise('and')),
  23: binary(bitwise('or')),
  24: binary(bitwise('xor')),
  25: (writer, [a]) =>
    a === undefined ? null : bitwise('xor')(writer, { ...a, max: MAX }, known(MAX), () => 0),
  26: binary(byte),
  27: binary(shift('shl')),
  28: binary(shift('shr')),
  29: binary(shift('sar')),
}
