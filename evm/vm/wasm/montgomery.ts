import { assert } from '../../../core/primitives/assert.ts'
import { I32, I64 } from '../../../core/primitives/wasmCode.ts'
import {
  assemble,
  block,
  branch,
  branchIf,
  type Code,
  get,
  highHalf,
  i32,
  i64,
  loop,
  lowHalf,
  moved,
  set,
  when,
} from './assembler.ts'

// Parameters: addresses of result, factors and modulus, bytes of each, the inverse, how many times.
const [OUT, A, B, N, SIZE, INVERSE, TIMES] = [0, 1, 2, 3, 4, 5, 6] as const
const [I, J] = [7, 8] as const
const [DIGIT, FACTOR, CARRY, CARRY_2, SUM, INVERSE_64] = [9, 10, 11, 12, 13, 14] as const
/** Where the sum grows: one digit longer than a number. Four bytes lie before it, so that it can be moved down a digit. */
const SUM_AT = 8

const at = (local: number, index: number): Code => i32.add(get(local), get(index))
const DIGIT_BYTES = 4
/** Runs the body for each digit from `first` on. */
const eachDigit = (index: number, first: number, body: Code): Code => [
  set(index, i32.constant(first)),
  block(
    loop([
      branchIf(i32.equals(get(index), get(SIZE)), 1),
      body,
      moved(index, DIGIT_BYTES),
      branch(0),
    ]),
  ),
]

/** sum = (sum + digit of B · A + factor · N) / 2^32, where the factor makes the lowest digit zero. */
const row: Code = [
  set(DIGIT, i64.load32(at(B, I))),
  set(SUM, i64.add(i64.load32(i32.constant(SUM_AT)), i64.multiply(i64.load32(get(A)), get(DIGIT)))),
  set(FACTOR, lowHalf(i64.multiply(get(SUM), get(INVERSE_64)))),
  set(CARRY, highHalf(get(SUM))),
  set(CARRY_2, highHalf(i64.add(lowHalf(get(SUM)), i64.multiply(get(FACTOR), i64.load32(get(N)))))),
  eachDigit(J, 4, [
    set(
      SUM,
      i64.add(
        i64.add(i64.multiply(i64.load32(at(A, J)), get(DIGIT)), i64.load32(get(J), SUM_AT)),
        get(CARRY),
      ),
    ),
    set(CARRY, highHalf(get(SUM))),
    set(
      SUM,
      i64.add(
        i64.add(i64.multiply(i64.load32(at(N, J)), get(FACTOR)), lowHalf(get(SUM))),
        get(CARRY_2),
      ),
    ),
    set(CARRY_2, highHalf(get(SUM))),
    i64.store32(get(J), get(SUM), SUM_AT - 4),
  ]),
  set(CARRY, i64.add(i64.add(i64.load32(get(SIZE), SUM_AT), get(CARRY)), get(CARRY_2))),
  i64.store32(get(SIZE), get(CARRY), SUM_AT - 4),
  i64.store32(get(SIZE), highHalf(get(CARRY)), SUM_AT),
]

const product: Code = [
  set(J, i32.constant(0)),
  eachDigit(J, 0, i64.store32(get(J), i64.constant(0n), SUM_AT)),
  i64.store32(get(SIZE), i64.constant(0n), SUM_AT),
  eachDigit(I, 0, row),
  // out = sum − N, or sum if that is negative.
  set(CARRY, i64.constant(0n)),
  eachDigit(J, 0, [
    set(
      SUM,
      i64.subtract(i64.subtract(i64.load32(get(J), SUM_AT), i64.load32(at(N, J))), get(CARRY)),
    ),
    i64.store32(at(OUT, J), get(SUM)),
    set(CARRY, i64.shiftRight(get(SUM), i64.constant(63n))),
  ]),
  when(
    i64.isBelow(i64.load32(get(SIZE), SUM_AT), get(CARRY)),
    eachDigit(J, 0, i64.store32(at(OUT, J), i64.load32(get(J), SUM_AT))),
  ),
]

const compiled = assemble({
  parameters: 7,
  locals: [
    [2, I32],
    [6, I64],
  ],
  body: [
    set(INVERSE_64, i64.ofUnsigned32(get(INVERSE))),
    loop([
      product,
      set(A, get(OUT)),
      set(B, get(OUT)),
      set(TIMES, i32.subtract(get(TIMES), i32.constant(1))),
      branchIf(get(TIMES), 0),
    ]),
  ],
})

/** From here on V8's own integers, of 64-bit digits, are as fast. */
export const MAX_MONTGOMERY_BYTES = 256

/** Montgomery multiplication by 32-bit digits, modulo an odd number of at most `MAX_MONTGOMERY_BYTES`. */
export class Montgomery {
  readonly #modulus: bigint
  readonly #size: number
  readonly #inverse: number
  readonly #view: DataView

  /** Until the next one is made: all share one memory. */
  constructor(modulus: bigint) {
    const bits = modulus.toString(16).length * 4
    this.#size = Math.max(4, Math.ceil(bits / 32) * 4)
    assert((modulus & 1n) === 1n && this.#size <= MAX_MONTGOMERY_BYTES, 'odd, and not too long')
    this.#modulus = modulus
    this.#view = new DataView(compiled.memory.buffer)
    this.#inverse = negativeInverse(Number(modulus & 0xffff_ffffn))
    this.#write(this.#at(MODULUS), modulus)
  }

  /** Number `register` becomes `value`, which must be below the modulus. */
  load(register: number, value: bigint): void {
    this.#write(this.#at(register), (value << BigInt(this.#size * 8)) % this.#modulus)
  }
  copy(to: number, from: number): void {
    const start = this.#at(from)
    compiled.memory.copyWithin(this.#at(to), start, start + this.#size)
  }
  multiply(out: number, a: number, b: number): void {
    this.#run(out, a, b, 1)
  }
  /** Squares `register` so many times, at least once. */
  square(register: number, times: number): void {
    this.#run(register, register, register, times)
  }
  read(register: number): bigint {
    this.#write(this.#at(ONE), 1n)
    this.#run(register, register, ONE, 1)
    const from = this.#at(register)
    let value = 0n
    for (let at = this.#size - 4; at >= 0; at -= 4) {
      value = (value << 32n) | BigInt(this.#view.getUint32(from + at, true))
    }
    return value
  }

  #run(out: number, a: number, b: number, times: number): void {
    const size = this.#size
    const inverse = this.#inverse
    compiled.run(this.#at(out), this.#at(a), this.#at(b), this.#at(MODULUS), size, inverse, times)
  }
  #at(register: number): number {
    return REGISTERS_AT + (register + 2) * this.#size
  }
  #write(at: number, value: bigint): void {
    let rest = value
    for (let offset = 0; offset < this.#size; offset += 4) {
      this.#view.setUint32(at + offset, Number(rest & 0xffff_ffffn), true)
      rest >>= 32n
    }
  }
}

const MODULUS = -2
const ONE = -1
/** Behind the sum. A page holds over 200 of the longest. */
const REGISTERS_AT = 2 * MAX_MONTGOMERY_BYTES

/** −1 / n modulo 2^32 for odd n, by Newton: each step doubles the right bits. */
function negativeInverse(n: number): number {
  let inverse = n
  for (let bits = 3; bits < 32; bits *= 2) {
    inverse = Math.imul(inverse, 2 - Math.imul(n, inverse))
  }
  return -inverse | 0
}
