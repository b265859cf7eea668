import type { Frame } from '../frame.ts'
import { type Operation, type Operations, operation } from '../operation.ts'

const MODULUS = 1n << 256n
const MAX = MODULUS - 1n
const SIGN = 1n << 255n

const binary = (fee: number, compute: (a: bigint, b: bigint) => bigint): Operation =>
  operation(fee, [2, 1], (frame: Frame) => {
    const a = frame.pop()
    const at = frame.size - 1
    frame.stack[at] = compute(a, frame.stack[at] as bigint)
  })
const unary = (compute: (a: bigint) => bigint): Operation =>
  operation(3, [1, 1], (frame: Frame) => {
    const at = frame.size - 1
    frame.stack[at] = compute(frame.stack[at] as bigint)
  })

/** Order of two's complement: flipping the sign bit makes it the order of unsigned words. */
const signed = (a: bigint): bigint => a ^ SIGN

/** Yellow Paper, appendix H.2: 0s and 10s. The rarer ones are the library's. */
export const arithmetic: Operations = new Map<number, Operation>([
  [
    0x01,
    binary(3, (a, b) => {
      const sum = a + b
      return sum > MAX ? sum - MODULUS : sum
    }),
  ],
  [0x02, binary(5, (a, b) => BigInt.asUintN(256, a * b))],
  [0x03, binary(3, (a, b) => (a < b ? a - b + MODULUS : a - b))],
  [0x04, binary(5, (a, b) => (b === 0n ? 0n : a / b))],
  [0x06, binary(5, (a, b) => (b === 0n ? 0n : a % b))],
  [0x10, binary(3, (a, b) => (a < b ? 1n : 0n))],
  [0x11, binary(3, (a, b) => (a > b ? 1n : 0n))],
  [0x12, binary(3, (a, b) => (signed(a) < signed(b) ? 1n : 0n))],
  [0x13, binary(3, (a, b) => (signed(a) > signed(b) ? 1n : 0n))],
  [0x14, binary(3, (a, b) => (a === b ? 1n : 0n))],
  [0x15, unary((a) => (a === 0n ? 1n : 0n))],
  [0x16, binary(3, (a, b) => a & b)],
  [0x17, binary(3, (a, b) => a | b)],
  [0x18, binary(3, (a, b) => a ^ b)],
  [0x19, unary((a) => MAX - a)],
  [0x1a, binary(3, (at, word) => (at > 31n ? 0n : (word >> (8n * (31n - at))) & 0xffn))],
  [0x1b, binary(3, (by, word) => (by > 255n ? 0n : BigInt.asUintN(256, word << by)))],
  [0x1c, binary(3, (by, word) => (by > 255n ? 0n : word >> by))],
  [
    0x1d,
    binary(3, (by, word) => {
      const value = BigInt.asIntN(256, word)
      if (by > 255n) return value < 0n ? MAX : 0n
      return BigInt.asUintN(256, value >> by)
    }),
  ],
])
