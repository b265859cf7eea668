import { I64 } from '../../../core/primitives/wasmCode.ts'
import {
  assemble,
  block,
  branch,
  branchIf,
  type Code,
  either,
  get,
  i32,
  i64,
  loop,
  set,
} from './assembler.ts'

/** RFC 7693, 2.7. */
const SIGMA: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
]
const IV: readonly bigint[] = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
]
/** Columns, then diagonals of the working vector. */
const MIXES: readonly (readonly [number, number, number, number])[] = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
]

/** The layout of EIP-152's input behind the number of rounds: state, message, offset, and a mask for the last block. */
const MESSAGE_AT = 64
const OFFSET_AT = 192
const MASK_AT = 208
/** The working vector between two parts of the rounds. */
const VECTOR_AT = 216

const [ROUNDS, IS_BEGUN, IS_LEFT] = [0, 1, 2] as const
const V = 3
const AT_ZERO = i32.constant(0)

const word = (at: number): Code => i64.load(AT_ZERO, at)
const v = (index: number): Code => get(V + index)
const setV = (index: number, value: Code): Code => set(V + index, value)

function half(
  [a, b, c, d]: readonly [number, number, number, number],
  message: number,
  [first, second]: readonly [bigint, bigint],
): Code {
  const rotated = (x: number, y: number, by: bigint): Code =>
    i64.rotateRight(i64.xor(v(x), v(y)), i64.constant(by))
  return [
    setV(a, i64.add(i64.add(v(a), v(b)), word(MESSAGE_AT + 8 * message))),
    setV(d, rotated(d, a, first)),
    setV(c, i64.add(v(c), v(d))),
    setV(b, rotated(b, c, second)),
  ]
}

const round = (sigma: readonly number[]): Code =>
  MIXES.map((parts, i) => [
    half(parts, sigma[2 * i] as number, [32n, 24n]),
    half(parts, sigma[2 * i + 1] as number, [16n, 63n]),
  ])

const start = (index: number): Code => {
  if (index < 8) return word(8 * index)
  const constant = i64.constant(IV[index - 8] as bigint)
  if (index === 12) return i64.xor(constant, word(OFFSET_AT))
  if (index === 13) return i64.xor(constant, word(OFFSET_AT + 8))
  return index === 14 ? i64.xor(constant, word(MASK_AT)) : constant
}

const indices = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

const compiled = assemble({
  parameters: 3,
  locals: [[16, I64]],
  body: [
    either(
      get(IS_BEGUN),
      indices(16).map((i) => setV(i, word(VECTOR_AT + 8 * i))),
      indices(16).map((i) => setV(i, start(i))),
    ),
    block(
      loop([
        SIGMA.map((sigma) => [
          branchIf(i32.isZero(get(ROUNDS)), 1),
          set(ROUNDS, i32.subtract(get(ROUNDS), i32.constant(1))),
          round(sigma),
        ]),
        branch(0),
      ]),
    ),
    either(
      get(IS_LEFT),
      indices(16).map((i) => i64.store(AT_ZERO, v(i), VECTOR_AT + 8 * i)),
      indices(8).map((i) =>
        i64.store(AT_ZERO, i64.xor(word(8 * i), i64.xor(v(i), v(i + 8))), 8 * i),
      ),
    ),
  ],
})

/** Rounds of a call, a multiple of ten: V8 optimizes a function only from one call to the next. */
const PART = 500_000

/**
 * BLAKE2b's F (RFC 7693, 3.2) as EIP-152 has it: `input` is the 208 bytes of state, message and
 * offset. O(rounds), at most 2^32 − 1; in WebAssembly, because JavaScript has no 64-bit integers.
 */
export function blake2Rounds(input: Uint8Array, rounds: number, isLast: boolean): Uint8Array {
  const { memory, run } = compiled
  memory.set(input, 0)
  memory.fill(isLast ? 0xff : 0, MASK_AT, MASK_AT + 8)
  let left = rounds
  for (; left > PART; left -= PART) run(PART, left === rounds ? 0 : 1, 1)
  run(left, left === rounds ? 0 : 1, 0)
  return memory.slice(0, 64)
}
