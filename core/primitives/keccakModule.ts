/**
 * A WebAssembly module that hashes two messages at a time with Keccak-256: lane by lane both states lie side by
 * side in 128-bit vectors. Assembled here from the specification (FIPS 202 §3.2, with Keccak's own padding), so that
 * there is nothing to trust but this file and its test.
 *
 * `pair(a, b, blocks, outA, outB)`: addresses of two padded messages of `blocks` × 136 bytes and of two digests.
 * Below `FIRST_FREE` the memory holds the round constants.
 */
export function keccakPairModule(): Uint8Array<ArrayBuffer> {
  const constants = ROUND_CONSTANTS.flatMap(eightBytes)
  const body = [...LOCALS, ...absorbLoop(), ...digests(), END]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 5, I32, I32, I32, I32, I32, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name('pair'), 0, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
    ...section(11, [1, 0, I32_CONST, 0, END, ...unsigned(constants.length), ...constants]),
  ])
}

export const FIRST_FREE = 256
/** Bytes of a message that one permutation takes in. */
export const RATE = 136
const ROUNDS = 24
const LANES_OF_RATE = RATE / 8

const I32 = 0x7f
const V128 = 0x7b
const VOID = 0x40
const LOOP = 0x03
const END = 0x0b
const BRANCH_IF = 0x0d
const I32_CONST = 0x41
const I32_LESS = 0x49
const I32_ADD = 0x6a
const I32_SUB = 0x6b

function unsigned(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return [...bytes, rest]
}
/** Of a number from 0 to 8,191. */
const i32 = (value: number): number[] =>
  value < 64 ? [I32_CONST, value] : [I32_CONST, (value & 0x7f) | 0x80, value >> 7]
const section = (id: number, content: readonly number[]): number[] => [
  ...[id, ...unsigned(content.length)],
  ...content,
]
const name = (text: string): number[] => [
  text.length,
  ...Array.from(text, (letter) => letter.charCodeAt(0)),
]
const vector = (operation: number): number[] => [0xfd, ...unsigned(operation)]
const get = (local: number): number[] => [0x20, local]
const set = (local: number): number[] => [0x21, local]
const tee = (local: number): number[] => [0x22, local]

const SHUFFLE = vector(13)
const AND_NOT = vector(79)
const OR = vector(80)
const XOR = vector(81)
const LOAD_SPLAT = vector(10)
const LOAD_LANE = vector(87)
const STORE_LANE = vector(91)
const LOAD_ZERO = vector(93)
const SHIFT_LEFT = vector(0xcb)
const SHIFT_RIGHT = vector(0xcd)
/** Alignment (as a power of two) and offset. */
const at = (offset: number): number[] => [3, ...unsigned(offset)]

const [FIRST, SECOND, BLOCKS, FIRST_OUT, SECOND_OUT, ROUND] = [0, 1, 2, 3, 4, 5]
const state = (lane: number): number => 6 + lane
const moved = (lane: number): number => 31 + lane
const parity = (column: number): number => 56 + column
const SCRATCH = 61
const LOCALS = [2, 1, I32, 56, V128]

function absorbLoop(): number[] {
  const absorb = Array.from({ length: LANES_OF_RATE }, (_, lane) => [
    ...[...get(SECOND), ...get(FIRST), ...LOAD_ZERO, ...at(8 * lane), ...LOAD_LANE],
    ...[...at(8 * lane), 1, ...get(state(lane)), ...XOR, ...set(state(lane))],
  ]).flat()
  // Two rounds a turn: one costs 5 % more, and all 24 at once do not fit the processor's caches.
  const rounds = [
    ...[...i32(0), ...set(ROUND), LOOP, VOID, ...round(0), ...round(8)],
    ...[...get(ROUND), ...i32(16), I32_ADD, ...tee(ROUND), ...i32(8 * ROUNDS), I32_LESS],
    ...[BRANCH_IF, 0, END],
  ]
  const next = [FIRST, SECOND].flatMap((message) => [
    ...[...get(message), ...i32(RATE), I32_ADD, ...set(message)],
  ])
  const again = [...get(BLOCKS), ...i32(1), I32_SUB, ...tee(BLOCKS), BRANCH_IF, 0]
  return [LOOP, VOID, ...absorb, ...rounds, ...next, ...again, END]
}

/** The constant lies at `constantAt` + the address in ROUND. */
function round(constantAt: number): number[] {
  const code: number[] = []
  // Theta: the parity of each column, mixed with its neighbours'.
  for (let x = 0; x < 5; x++) {
    code.push(...get(state(x)))
    for (let y = 1; y < 5; y++) code.push(...get(state(x + 5 * y)), ...XOR)
    code.push(...set(parity(x)))
  }
  for (let x = 0; x < 5; x++) {
    code.push(...get(parity((x + 1) % 5)), ...set(SCRATCH), ...rotated(1))
    code.push(...get(parity((x + 4) % 5)), ...XOR, ...set(moved(x)))
  }
  for (let x = 0; x < 5; x++) code.push(...get(moved(x)), ...set(parity(x)))
  // Rho and pi.
  for (let lane = 0; lane < 25; lane++) {
    const [x, y] = [lane % 5, Math.floor(lane / 5)]
    code.push(...get(state(lane)), ...get(parity(x)), ...XOR, ...set(SCRATCH))
    code.push(...rotated(ROTATIONS[lane] as number), ...set(moved(y + 5 * ((2 * x + 3 * y) % 5))))
  }
  // Chi and iota.
  for (let lane = 0; lane < 25; lane++) {
    const [x, row] = [lane % 5, lane - (lane % 5)]
    code.push(...get(moved(lane)), ...get(moved(row + ((x + 2) % 5))))
    code.push(...get(moved(row + ((x + 1) % 5))), ...AND_NOT, ...XOR)
    if (lane === 0) code.push(...get(ROUND), ...LOAD_SPLAT, ...at(constantAt), ...XOR)
    code.push(...set(state(lane)))
  }
  return code
}

/** SCRATCH, each half rotated to the left. */
function rotated(bits: number): number[] {
  if (bits === 0) return get(SCRATCH)
  if (bits % 8 === 0) {
    const from = (i: number): number => (i & 8) | ((i - bits / 8) & 7)
    return [
      ...get(SCRATCH),
      ...get(SCRATCH),
      ...SHUFFLE,
      ...Array.from({ length: 16 }, (_, i) => from(i)),
    ]
  }
  const left = [...get(SCRATCH), ...i32(bits), ...SHIFT_LEFT]
  return [...left, ...get(SCRATCH), ...i32(64 - bits), ...SHIFT_RIGHT, ...OR]
}

const digests = (): number[] =>
  [FIRST_OUT, SECOND_OUT].flatMap((out, half) =>
    [0, 1, 2, 3].flatMap((lane) => [
      ...[...get(out), ...get(state(lane)), ...STORE_LANE, ...at(8 * lane), half],
    ]),
  )

const eightBytes = (value: bigint): number[] =>
  Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))

/** By lane x + 5y (FIPS 202, algorithm 2). */
const ROTATIONS: readonly number[] = rotations()
function rotations(): number[] {
  const bits = [0]
  let [x, y] = [1, 0]
  for (let t = 0; t < 24; t++) {
    bits[x + 5 * y] = (((t + 1) * (t + 2)) >> 1) % 64
    ;[x, y] = [y, (2 * x + 3 * y) % 5]
  }
  return bits
}

/** From a shift register (FIPS 202, algorithms 5 and 6). */
const ROUND_CONSTANTS: readonly bigint[] = roundConstants()
function roundConstants(): bigint[] {
  let register = 1
  return Array.from({ length: ROUNDS }, () => {
    let constant = 0n
    for (let j = 0; j < 7; j++) {
      if ((register & 1) === 1) constant |= 1n << BigInt((1 << j) - 1)
      register = (register << 1) ^ ((register >> 7) * 0x171)
    }
    return constant
  })
}
