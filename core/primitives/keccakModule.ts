import {
  LANE_LOCALS,
  LANES_OF_RATE,
  type LaneCode,
  nextBlock,
  permutation,
  ROUND_CONSTANTS,
  scratchOf,
  stateOf,
} from './keccakRounds.ts'
import { at, END, get, I32, i32, LOOP, moduleOf, set, unsigned, V128, VOID } from './wasmCode.ts'

/** Below, the memory of both modules holds the round constants. */
export const FIRST_FREE = 256

/**
 * A WebAssembly module that hashes two messages at a time with Keccak-256: lane by lane both states lie side by
 * side in 128-bit vectors. Assembled here from the specification (FIPS 202 §3.2, with Keccak's own padding), so that
 * there is nothing to trust but these files and their test.
 *
 * `pair(a, b, blocks, outA, outB)`: addresses of two padded messages of `blocks` × 136 bytes and of two digests.
 */
export const keccakPairModule = (): Uint8Array<ArrayBuffer> =>
  moduleOf({
    ...{ pages: 1, imports: [], data: ROUND_CONSTANTS },
    functions: [
      {
        ...{ name: 'pair', parameters: [I32, I32, I32, I32, I32], results: [] },
        body: [...[2, 1, I32, LANE_LOCALS, V128], ...absorbLoop(), ...digests(), END],
      },
    ],
  })

const vector = (operation: number): number[] => [0xfd, ...unsigned(operation)]

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

const [FIRST, SECOND, BLOCKS, FIRST_OUT, SECOND_OUT, ROUND] = [0, 1, 2, 3, 4, 5]
const VECTORS: LaneCode = {
  round: ROUND,
  xor: XOR,
  without: AND_NOT,
  rotated,
  constant: (offset) => [...LOAD_SPLAT, ...at(offset)],
}
const SCRATCH = scratchOf(VECTORS)
const state = (lane: number): number => stateOf(VECTORS, lane)

function absorbLoop(): number[] {
  const absorb = Array.from({ length: LANES_OF_RATE }, (_, lane) => [
    ...[...get(SECOND), ...get(FIRST), ...LOAD_ZERO, ...at(8 * lane), ...LOAD_LANE],
    ...[...at(8 * lane), 1, ...get(state(lane)), ...XOR, ...set(state(lane))],
  ]).flat()
  const next = nextBlock([FIRST, SECOND], BLOCKS)
  return [LOOP, VOID, ...absorb, ...permutation(VECTORS), ...next, END]
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
