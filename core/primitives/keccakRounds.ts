import {
  at,
  BRANCH_IF,
  END,
  get,
  I32_ADD,
  I32_LESS,
  I32_SUB,
  i32,
  LOAD,
  LOOP,
  set,
  tee,
  VOID,
} from './wasmCode.ts'

/** Bytes of a message that one permutation takes in. */
export const RATE = 136
export const LANES_OF_RATE = RATE / 8
export const LANES = 25
const ROUNDS = 24

/** What Keccak-f[1600] is made of: 64-bit integers, or vectors of two of them. */
export type LaneCode = {
  /** The local that counts; behind it come 25 lanes of state, 25 moved ones, 5 parities and a scratch lane. */
  readonly round: number
  readonly xor: readonly number[]
  /** From c and b: c without the bits of b. */
  readonly without: readonly number[]
  /** The scratch lane, rotated to the left. */
  rotated(bits: number): readonly number[]
  /** The constant at the address in `round` and this offset. */
  constant(offset: number): readonly number[]
}

/** Locals behind the counter. */
export const LANE_LOCALS = LANES + LANES + 5 + 1
export const stateOf = (code: LaneCode, lane: number): number => code.round + 1 + lane
export const scratchOf = (code: LaneCode): number => code.round + LANE_LOCALS

const CONST = 0x42
const AND = 0x83
const XOR = 0x85
const ROTATE = 0x89
/** −1, all bits set. */
const ALL = [CONST, 0x7f]

/** One state in 64-bit integers; `round` as in `LaneCode`. */
export function integerLanes(round: number): LaneCode {
  const scratch = round + LANE_LOCALS
  return {
    ...{ round, xor: [XOR], without: [...ALL, XOR, AND] },
    rotated: (bits) => [...get(scratch), ...(bits === 0 ? [] : [CONST, bits, ROTATE])],
    constant: (offset) => [LOAD, ...at(offset)],
  }
}

/** Takes a block at the address in `message` into a state of integers. */
export const absorb = (code: LaneCode, message: number): number[] =>
  Array.from({ length: LANES_OF_RATE }, (_, lane) => [
    ...[...get(message), LOAD, ...at(8 * lane)],
    ...[...get(stateOf(code, lane)), XOR, ...set(stateOf(code, lane))],
  ]).flat()

/** All 24 rounds (FIPS 202 §3.2); the constants lie at address 0. */
export const permutation = (code: LaneCode): number[] => [
  // Two rounds a turn: one costs 5 % more, and all 24 at once do not fit the processor's caches.
  ...[...i32(0), ...set(code.round), LOOP, VOID, ...round(code, 0), ...round(code, 8)],
  ...[...get(code.round), ...i32(16), I32_ADD, ...tee(code.round), ...i32(8 * ROUNDS), I32_LESS],
  ...[BRANCH_IF, 0, END],
]

/** The constant lies at `constantAt` + the address in the counter. */
function round(lanes: LaneCode, constantAt: number): number[] {
  const { xor, without } = lanes
  const state = (lane: number): number => stateOf(lanes, lane)
  const moved = (lane: number): number => state(LANES + lane)
  const parity = (column: number): number => state(2 * LANES + column)
  const scratch = scratchOf(lanes)
  const code: number[] = []
  // Theta: the parity of each column, mixed with its neighbours'.
  for (let x = 0; x < 5; x++) {
    code.push(...get(state(x)))
    for (let y = 1; y < 5; y++) code.push(...get(state(x + 5 * y)), ...xor)
    code.push(...set(parity(x)))
  }
  for (let x = 0; x < 5; x++) {
    code.push(...get(parity((x + 1) % 5)), ...set(scratch), ...lanes.rotated(1))
    code.push(...get(parity((x + 4) % 5)), ...xor, ...set(moved(x)))
  }
  for (let x = 0; x < 5; x++) code.push(...get(moved(x)), ...set(parity(x)))
  // Rho and pi.
  for (let lane = 0; lane < LANES; lane++) {
    const [x, y] = [lane % 5, Math.floor(lane / 5)]
    code.push(...get(state(lane)), ...get(parity(x)), ...xor, ...set(scratch))
    code.push(...lanes.rotated(ROTATIONS[lane] as number))
    code.push(...set(moved(y + 5 * ((2 * x + 3 * y) % 5))))
  }
  // Chi and iota.
  for (let lane = 0; lane < LANES; lane++) {
    const [x, row] = [lane % 5, lane - (lane % 5)]
    code.push(...get(moved(lane)), ...get(moved(row + ((x + 2) % 5))))
    code.push(...get(moved(row + ((x + 1) % 5))), ...without, ...xor)
    if (lane === 0) code.push(...get(lanes.round), ...lanes.constant(constantAt), ...xor)
    code.push(...set(state(lane)))
  }
  return code
}

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

const eightBytes = (value: bigint): number[] =>
  Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))

/** From a shift register (FIPS 202, algorithms 5 and 6), as bytes. */
export const ROUND_CONSTANTS: readonly number[] = roundConstants().flatMap(eightBytes)
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

/** The pointers go on to the next block of their messages, and the loop, unless this was the last. */
export const nextBlock = (pointers: readonly number[], blocks: number): number[] => [
  ...pointers.flatMap((message) => [...get(message), ...i32(RATE), I32_ADD, ...set(message)]),
  ...[...get(blocks), ...i32(1), I32_SUB, ...tee(blocks), BRANCH_IF, 0],
]
