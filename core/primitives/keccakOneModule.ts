import { FIRST_FREE } from './keccakModule.ts'
import {
  absorb,
  integerLanes,
  LANE_LOCALS,
  LANES,
  nextBlock,
  permutation,
  ROUND_CONSTANTS,
  stateOf,
} from './keccakRounds.ts'
import { at, END, get, I32, I64, IF, i32, LOAD, LOOP, moduleOf, set, VOID } from './wasmCode.ts'

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
    ...{ pages: ONE_PAGES, imports: [], data: ROUND_CONSTANTS },
    functions: [
      {
        ...{ name: 'absorb', parameters: [I32, I32, I32], results: [] },
        body: [...[2, 1, I32, LANE_LOCALS, I64], ...resume(), ...absorbLoop(), ...save(), END],
      },
    ],
  })

const STORE = 0x37

const [MESSAGE, BLOCKS, GOES_ON, ROUND] = [0, 1, 2, 3]
const INTEGERS = integerLanes(ROUND)
const state = (lane: number): number => stateOf(INTEGERS, lane)
const lanes = Array.from({ length: LANES }, (_, lane) => lane)

const resume = (): number[] => [
  ...[...get(GOES_ON), IF, VOID],
  ...lanes.flatMap((lane) => [...i32(STATE_AT), LOAD, ...at(8 * lane), ...set(state(lane))]),
  END,
]

const absorbLoop = (): number[] => [
  ...[LOOP, VOID, ...absorb(INTEGERS, MESSAGE), ...permutation(INTEGERS)],
  ...[...nextBlock([MESSAGE], BLOCKS), END],
]

const save = (): number[] =>
  lanes.flatMap((lane) => [...i32(STATE_AT), ...get(state(lane)), STORE, ...at(8 * lane)])
