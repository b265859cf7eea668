import { I64, type ModuleFunction } from '../../../core/primitives/wasmCode.ts'
import {
  type Code,
  call,
  functionOf,
  get,
  highHalf,
  i32,
  i64,
  lowHalf,
  result,
  set,
  setAll,
  when,
} from './assembler.ts'
import { DIVIDEND_AT, DIVISOR_AT, QUOTIENT_AT } from './layout.ts'

/** Words are four 64-bit integers, the least significant first. */
export const LIMBS = 4
const ORDER = [0, 1, 2, 3] as const
const WORD: readonly number[] = ORDER.map(() => I64)
const ZERO = i64.constant(0n)
const ZEROS: readonly Code[] = ORDER.map(() => ZERO)
const AT_ZERO = i32.constant(0)

const words = (count: number): number[] => Array.from({ length: count }, () => WORD).flat()
const flag = (condition: Code): Code => i64.ofUnsigned32(condition)
const anyOf = (locals: readonly number[]): Code =>
  locals.map(get).reduce((either, local) => i64.or(either, local))
const isZero = (locals: readonly number[]): Code => i64.isZero(anyOf(locals))

/** Locals of a product: its factors' halves, and its own. */
type Wide = { readonly low: number; readonly high: number; readonly scratch: number }

/** The 128-bit product of two locals. */
function wide(a: number, b: number, { low: lowOut, high: highOut, scratch }: Wide): Code {
  const [al, ah] = [lowHalf(get(a)), highHalf(get(a))]
  const [bl, bh] = [lowHalf(get(b)), highHalf(get(b))]
  const [mid, other] = [scratch, scratch + 1]
  return [
    set(lowOut, i64.multiply(al, bl)),
    set(mid, i64.add(i64.multiply(ah, bl), highHalf(get(lowOut)))),
    set(other, i64.add(i64.multiply(al, bh), lowHalf(get(mid)))),
    set(highOut, i64.add(i64.add(i64.multiply(ah, bh), highHalf(get(mid))), highHalf(get(other)))),
    set(lowOut, i64.or(i64.shiftLeft(get(other), i64.constant(32n)), lowHalf(get(lowOut)))),
  ]
}

/** Adds up the first `count` limbs of the product of locals 0 to 3 and 4 to 7, in locals from `out` on. */
function product(out: number, count: number): Code {
  const [carry, part] = [out + count, { low: out + count + 1, high: out + count + 2, scratch: 0 }]
  const locals = { ...part, scratch: out + count + 3 }
  return ORDER.map((i) => {
    const row: Code[] = [set(carry, ZERO)]
    for (const j of ORDER) {
      const sum = out + i + j
      if (i + j >= count) break
      if (i + j === count - 1 && count === LIMBS) {
        const last = i64.add(i64.multiply(get(i), get(LIMBS + j)), get(carry))
        row.push(set(sum, i64.add(get(sum), last)))
        break
      }
      row.push(
        wide(i, LIMBS + j, locals),
        set(sum, i64.add(get(sum), get(locals.low))),
        set(locals.high, i64.add(get(locals.high), flag(i64.isBelow(get(sum), get(locals.low))))),
        set(sum, i64.add(get(sum), get(carry))),
        set(carry, i64.add(get(locals.high), flag(i64.isBelow(get(sum), get(carry))))),
      )
    }
    if (count > LIMBS) row.push(set(out + i + LIMBS, get(carry)))
    return when(i64.isAbove(get(i), ZERO), row)
  })
}
const PRODUCT_LOCALS = 5

const multiply = functionOf({
  ...{ name: 'multiply', parameters: words(2), results: WORD },
  locals: [[LIMBS + PRODUCT_LOCALS, I64]],
  body: [product(8, LIMBS), ORDER.map((i) => get(8 + i))],
})

const wideProduct = functionOf({
  ...{ name: 'wide', parameters: [I64, I64], results: [I64, I64] },
  locals: [[4, I64]],
  body: [wide(0, 1, { low: 2, high: 3, scratch: 4 }), get(2), get(3)],
})

const store = (at: number, locals: readonly number[]): Code =>
  locals.map((local, i) => i64.store(AT_ZERO, get(local), at + 8 * i))
const loaded = (at: number): readonly Code[] => ORDER.map((i) => i64.load(AT_ZERO, at + 8 * i))
const DIGITS = 8

/** DIV and MOD: short operands at once, by zero gives zero. */
const division = (name: string, isRemainder: boolean, divide: number): ModuleFunction =>
  functionOf({
    ...{ name, parameters: words(2), results: WORD },
    locals: [],
    body: [
      when(isZero([4, 5, 6, 7]), result(...ZEROS)),
      when(isZero([1, 2, 3, 5, 6, 7]), [
        (isRemainder ? i64.remainder : i64.divide)(get(0), get(4)),
        result(ZERO, ZERO, ZERO),
      ]),
      store(DIVIDEND_AT, [0, 1, 2, 3]),
      store(DIVISOR_AT, [4, 5, 6, 7]),
      ORDER.map((i) => i64.store(AT_ZERO, ZERO, QUOTIENT_AT + 8 * i)),
      call(divide, i32.constant(4 * DIGITS)),
      loaded(isRemainder ? DIVIDEND_AT : QUOTIENT_AT),
    ],
  })

/** ADDMOD: the sum has a fifth limb. */
const addmod = (divide: number): ModuleFunction => {
  const [carry, sum] = [12, 13]
  return functionOf({
    ...{ name: 'addmod', parameters: words(3), results: WORD },
    locals: [[2, I64]],
    body: [
      when(isZero([8, 9, 10, 11]), result(...ZEROS)),
      ORDER.map((i) => [
        set(sum, i64.add(get(i), get(LIMBS + i))),
        i64.store(AT_ZERO, i64.add(get(sum), get(carry)), DIVIDEND_AT + 8 * i),
        set(
          carry,
          i64.or(
            flag(i64.isBelow(get(sum), get(i))),
            flag(i64.isBelow(i64.add(get(sum), get(carry)), get(carry))),
          ),
        ),
      ]),
      i64.store(AT_ZERO, get(carry), DIVIDEND_AT + 8 * LIMBS),
      store(DIVISOR_AT, [8, 9, 10, 11]),
      call(divide, i32.constant(4 * (DIGITS + 2))),
      loaded(DIVIDEND_AT),
    ],
  })
}

const mulmod = (divide: number): ModuleFunction =>
  functionOf({
    ...{ name: 'mulmod', parameters: words(3), results: WORD },
    locals: [[2 * LIMBS + PRODUCT_LOCALS, I64]],
    body: [
      when(isZero([8, 9, 10, 11]), result(...ZEROS)),
      product(12, 2 * LIMBS),
      store(DIVIDEND_AT, [12, 13, 14, 15, 16, 17, 18, 19]),
      store(DIVISOR_AT, [8, 9, 10, 11]),
      call(divide, i32.constant(4 * 2 * DIGITS)),
      loaded(DIVIDEND_AT),
    ],
  })

const bit = (local: number, value: bigint): Code =>
  i32.ofInteger64(i64.shiftRight(i64.and(get(local), i64.constant(value)), i64.constant(6n)))
/** What leaves a limb at one end when it is shifted by less than 64, which may be by nothing. */
const spilled = (shift: typeof i64.shiftLeft, limb: number): Code =>
  shift(shift(get(limb), i64.constant(1n)), i64.xor(get(0), i64.constant(63n)))

/** By the first parameter; the word is behind it, in locals 1 to 4. */
const shl = functionOf({
  ...{ name: 'shl', parameters: [I64, ...WORD], results: WORD },
  locals: [],
  body: [
    when(i64.isAbove(get(0), i64.constant(255n)), result(...ZEROS)),
    when(bit(0, 128n), setAll([1, 2, 3, 4], [ZERO, ZERO, get(1), get(2)])),
    when(bit(0, 64n), setAll([1, 2, 3, 4], [ZERO, get(1), get(2), get(3)])),
    set(0, i64.and(get(0), i64.constant(63n))),
    i64.shiftLeft(get(1), get(0)),
    [2, 3, 4].map((limb) =>
      i64.or(i64.shiftLeft(get(limb), get(0)), spilled(i64.shiftRight, limb - 1)),
    ),
  ],
})

const right = (name: string, isSigned: boolean): ModuleFunction => {
  const fill = 5
  return functionOf({
    ...{ name, parameters: [I64, ...WORD], results: WORD },
    locals: [[1, I64]],
    body: [
      set(fill, isSigned ? i64.shiftRightSigned(get(4), i64.constant(63n)) : ZERO),
      when(i64.isAbove(get(0), i64.constant(255n)), result(...ORDER.map(() => get(fill)))),
      when(bit(0, 128n), setAll([1, 2, 3, 4], [get(3), get(4), get(fill), get(fill)])),
      when(bit(0, 64n), setAll([1, 2, 3, 4], [get(2), get(3), get(4), get(fill)])),
      set(0, i64.and(get(0), i64.constant(63n))),
      [1, 2, 3].map((limb) =>
        i64.or(i64.shiftRight(get(limb), get(0)), spilled(i64.shiftLeft, limb + 1)),
      ),
      (isSigned ? i64.shiftRightSigned : i64.shiftRight)(get(4), get(0)),
    ],
  })
}

/** `divide` is the number of the function in `longDivision.ts`. */
export const wordFunctions = (divide: number): readonly ModuleFunction[] => [
  ...[multiply, wideProduct, shl, right('shr', false), right('sar', true)],
  ...[division('quotient', false, divide), division('remainder', true, divide)],
  ...[addmod(divide), mulmod(divide)],
]
