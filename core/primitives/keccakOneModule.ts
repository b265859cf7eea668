import { FIRST_FREE } from './keccakModule.ts'
import {
  LANE_LOCALS,
  LANES,
  LANES_OF_RATE,
  type LaneCode,
  nextBlock,
  permutation,
  ROUND_CONSTANTS,
  scratchOf,
  stateOf,
} from './keccakRounds.ts'
import { at, END, get, I32, I64, IF, i32, LOOP, moduleOf, set, VOID } from './wasmCode.ts'

/** Where the state lies between calls; a digest is its first 32 bytes. */
export const STATE_AT = FIRST_FREE
export const ONE_PAGES = 1

/**
 * A WebAssembly module that takes padded blocks into one Keccak-256 state, as `keccakPairModule` does into two.
 *
 * `absorb(at, blocks, goesOn)`: `blocks` × 136 bytes at an address, into the state that the call before left, or,
 * if `goesOn` is 0, into an empty one.
 */
export const keccakOneModule = (): Uint8Array<ArrayBuffer> =>
  moduleOf({
    ...{ name: 'absorb', parameters: 3, pages: ONE_PAGES, data: ROUND_CONSTANTS },
    body: [...[2, 1, I32, LANE_LOCALS, I64], ...resume(), ...absorbLoop(), ...save(), END],
  })

const LOAD = 0x29
const STORE = 0x37
const CONST = 0x42
const AND = 0x83
const XOR = 0x85
const ROTATE = 0x89
/** −1, all bits set. */
const ALL = [CONST, 0x7f]

const [MESSAGE, BLOCKS, GOES_ON, ROUND] = [0, 1, 2, 3]
const INTEGERS: LaneCode = {
  round: ROUND,
  xor: [XOR],
  without: [...ALL, XOR, AND],
  rotated: (bits) => [...get(SCRATCH), ...(bits === 0 ? [] : [CONST, bits, ROTATE])],
  constant: (offset) => [LOAD, ...at(offset)],
}
const SCRATCH = scratchOf(INTEGERS)
const state = (lane: number): number => stateOf(INTEGERS, lane)
const lanes = Array.from({ length: LANES }, (_, lane) => lane)

const resume = (): number[] => [
  ...[...get(GOES_ON), IF, VOID],
  ...lanes.flatMap((lane) => [...i32(STATE_AT), LOAD, ...at(8 * lane), ...set(state(lane))]),
  END,
]

function absorbLoop(): number[] {
  const absorb = lanes
    .slice(0, LANES_OF_RATE)
    .flatMap((lane) => [
      ...[...get(MESSAGE), LOAD, ...at(8 * lane)],
      ...[...get(state(lane)), XOR, ...set(state(lane))],
    ])
  return [LOOP, VOID, ...absorb, ...permutation(INTEGERS), ...nextBlock([MESSAGE], BLOCKS), END]
}

const save = (): number[] =>
  lanes.flatMap((lane) => [...i32(STATE_AT), ...get(state(lane)), STORE, ...at(8 * lane)])
