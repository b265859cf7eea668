import { I32, I64 } from '../../../core/primitives/wasmCode.ts'
import {
  block,
  branch,
  branchIf,
  type Code,
  either,
  functionOf,
  get,
  highHalf,
  i32,
  i64,
  LOW_HALF,
  loop,
  lowHalf,
  moved,
  set,
  when,
} from './assembler.ts'
import { DIVIDEND_AT, DIVISOR_AT, QUOTIENT_AT } from './layout.ts'

/** Sizes and indices are in bytes: a digit is four. */
const DIGIT = 4
const MOST = 32
const [SIZE] = [0] as const
const [LENGTH, I, J] = [1, 2, 3] as const
const [SHIFT, TOP, NEXT, GUESS, REST, SUM, CARRY, PART] = [4, 5, 6, 7, 8, 9, 10, 11] as const

const ZERO = i64.constant(0n)
const digits =
  (start: number) =>
  (at: Code, distance = 0): Code =>
    i64.load32(at, start + DIGIT * distance)
const dividend = digits(DIVIDEND_AT)
const divisor = digits(DIVISOR_AT)
const atBoth = i32.add(get(I), get(J))
const atEnd = i32.add(get(J), get(LENGTH))
const joined = (upper: Code, lower: Code): Code =>
  i64.or(i64.shiftLeft(upper, i64.constant(32n)), lower)

const repeat = (isDone: Code, body: Code): Code =>
  block(loop([branchIf(isDone, 1), body, branch(0)]))
/** Runs the body for each digit of the divisor. */
const eachDigit = (body: Code): Code => [
  set(I, i32.constant(0)),
  repeat(i32.equals(get(I), get(LENGTH)), [body, moved(I, DIGIT)]),
]

/** Without leading zeros; the divisor is not zero. */
const measure: Code = [
  set(LENGTH, i32.constant(MOST)),
  loop([when(i64.isZero(divisor(get(LENGTH), -1)), [moved(LENGTH, -DIGIT), branch(1)])]),
  loop([
    when(i32.and(i32.isAbove(get(SIZE), get(LENGTH)), i64.isZero(dividend(get(SIZE), -1))), [
      moved(SIZE, -DIGIT),
      branch(1),
    ]),
  ]),
]

const byOneDigit: Code = [
  set(TOP, divisor(i32.constant(0))),
  set(REST, ZERO),
  set(J, get(SIZE)),
  repeat(i32.isZero(get(J)), [
    moved(J, -DIGIT),
    set(SUM, joined(get(REST), dividend(get(J)))),
    i64.store32(get(J), i64.divide(get(SUM), get(TOP)), QUOTIENT_AT),
    set(REST, i64.remainder(get(SUM), get(TOP))),
    i64.store32(get(J), ZERO, DIVIDEND_AT),
  ]),
  i64.store32(i32.constant(0), get(REST), DIVIDEND_AT),
]

/** Shifts the digits below `from` to the left. */
const shiftLeft = (from: number, start: number): Code => [
  set(I, get(from)),
  repeat(i32.equals(get(I), i32.constant(DIGIT)), [
    moved(I, -DIGIT),
    i64.store32(
      get(I),
      highHalf(
        i64.shiftLeft(
          joined(i64.load32(get(I), start), i64.load32(get(I), start - DIGIT)),
          get(SHIFT),
        ),
      ),
      start,
    ),
  ]),
  i64.store32(
    i32.constant(0),
    i64.shiftLeft(i64.load32(i32.constant(0), start), get(SHIFT)),
    start,
  ),
]

/** So that the divisor's highest bit is set. */
const normalize: Code = [
  set(SHIFT, i64.ofUnsigned32(i32.leadingZeros(i32.load(get(LENGTH), DIVISOR_AT - DIGIT)))),
  shiftLeft(LENGTH, DIVISOR_AT),
  i64.store32(get(SIZE), highHalf(i64.shiftLeft(dividend(get(SIZE), -1), get(SHIFT))), DIVIDEND_AT),
  shiftLeft(SIZE, DIVIDEND_AT),
]

/** One digit of the quotient from the highest digits: at most one too large afterwards. */
const guess: Code = [
  set(SUM, joined(dividend(atEnd), dividend(atEnd, -1))),
  set(GUESS, i64.divide(get(SUM), get(TOP))),
  set(REST, i64.subtract(get(SUM), i64.multiply(get(GUESS), get(TOP)))),
  loop(
    when(
      i32.or(
        i64.isAbove(get(GUESS), LOW_HALF),
        i64.isAbove(i64.multiply(get(GUESS), get(NEXT)), joined(get(REST), dividend(atEnd, -2))),
      ),
      [
        set(GUESS, i64.subtract(get(GUESS), i64.constant(1n))),
        set(REST, i64.add(get(REST), get(TOP))),
        branchIf(i64.isZero(highHalf(get(REST))), 1),
      ],
    ),
  ),
]

const subtract: Code = [
  set(CARRY, ZERO),
  eachDigit([
    set(PART, i64.multiply(get(GUESS), divisor(get(I)))),
    set(SUM, i64.subtract(i64.subtract(dividend(atBoth), get(CARRY)), lowHalf(get(PART)))),
    i64.store32(atBoth, get(SUM), DIVIDEND_AT),
    set(
      CARRY,
      i64.subtract(highHalf(get(PART)), i64.shiftRightSigned(get(SUM), i64.constant(32n))),
    ),
  ]),
  set(SUM, i64.subtract(dividend(atEnd), get(CARRY))),
  i64.store32(atEnd, get(SUM), DIVIDEND_AT),
]

const addBack: Code = [
  set(GUESS, i64.subtract(get(GUESS), i64.constant(1n))),
  set(CARRY, ZERO),
  eachDigit([
    set(SUM, i64.add(i64.add(dividend(atBoth), divisor(get(I))), get(CARRY))),
    i64.store32(atBoth, get(SUM), DIVIDEND_AT),
    set(CARRY, highHalf(get(SUM))),
  ]),
  i64.store32(atEnd, i64.add(dividend(atEnd), get(CARRY)), DIVIDEND_AT),
]

const byDigits: Code = [
  normalize,
  set(TOP, divisor(get(LENGTH), -1)),
  set(NEXT, divisor(get(LENGTH), -2)),
  set(J, i32.subtract(get(SIZE), get(LENGTH))),
  block(
    loop([
      guess,
      subtract,
      when(i64.isBelowSigned(get(SUM), ZERO), addBack),
      i64.store32(get(J), get(GUESS), QUOTIENT_AT),
      branchIf(i32.isZero(get(J)), 1),
      moved(J, -DIGIT),
      branch(0),
    ]),
  ),
  eachDigit(
    i64.store32(
      get(I),
      i64.shiftRight(joined(dividend(get(I), 1), dividend(get(I))), get(SHIFT)),
      DIVIDEND_AT,
    ),
  ),
  repeat(i32.isBelow(i32.constant(MOST - 1), get(I)), [
    i64.store32(get(I), ZERO, DIVIDEND_AT),
    moved(I, DIGIT),
  ]),
]

/**
 * Divides `size` bytes of digits at `DIVIDEND_AT`, at least eight digits and with room for one more, by eight at
 * `DIVISOR_AT`, which are not all zero (Knuth 4.3.1, algorithm D). Leaves the remainder in the dividend's first
 * eight digits, and writes the quotient's digits from its first other than zero on.
 */
export const divide = functionOf({
  ...{ name: 'divide', parameters: [I32], results: [] },
  locals: [
    [3, I32],
    [8, I64],
  ],
  body: [measure, either(i32.equals(get(LENGTH), i32.constant(DIGIT)), byOneDigit, byDigits)],
})
