import {
  absorb,
  integerLanes,
  LANE_LOCALS,
  permutation,
  RATE,
  stateOf,
} from '../../../core/primitives/keccakRounds.ts'
import { I32, I64, type ModuleFunction, V128 } from '../../../core/primitives/wasmCode.ts'
import {
  block,
  branch,
  branchIf,
  type Code,
  functionOf,
  get,
  i32,
  i64,
  loop,
  memory,
  moved,
  pair,
  result,
  set,
  tee,
  when,
} from './assembler.ts'
import { TAIL_AT } from './layout.ts'

const WORD: readonly number[] = [I64, I64, I64, I64]
const REFUSED = result(i32.constant(-1), i64.constant(0n))

const [BASE, SIZE, GAS, AT, LENGTH, FEE, HIGH] = [0, 1, 2, 3, 4, 5, 6] as const
const [FROM, TO] = [7, 8] as const
const [END, WORDS] = [9, 10] as const
const words = (size: Code): Code => i64.shiftRight(size, i64.constant(5n))
/** Yellow Paper, C_mem. */
const memoryGas = (count: Code): Code =>
  i64.add(
    i64.multiply(count, i64.constant(3n)),
    i64.shiftRight(i64.multiply(count, count), i64.constant(9n)),
  )
const charge = when(i64.isAbove(get(FEE), get(GAS)), REFUSED)

/**
 * What `Vm.reserve` does, with a fee besides: the frame's new size, with its new memory zeroed, and what has to be
 * paid. A size of −1: there is not enough gas, or memory itself has to grow. `HIGH` is zero where the range's limbs
 * are.
 */
const reserve = functionOf({
  ...{ name: 'reserve', parameters: [I32, I32, I64, I64, I64, I64, I64], results: [I32, I64] },
  locals: [
    [2, I32],
    [2, I64],
  ],
  body: [
    when(
      i32.isZero(
        i64.isZero(
          i64.or(get(HIGH), i64.shiftRight(i64.or(get(AT), get(LENGTH)), i64.constant(32n))),
        ),
      ),
      REFUSED,
    ),
    set(
      END,
      i64.and(i64.add(i64.add(get(AT), get(LENGTH)), i64.constant(31n)), i64.constant(-32n)),
    ),
    when(
      i32.or(
        i64.isZero(get(LENGTH)),
        i32.isZero(i64.isAbove(get(END), i64.ofUnsigned32(get(SIZE)))),
      ),
      [charge, result(get(SIZE), get(FEE))],
    ),
    set(WORDS, words(get(END))),
    set(FEE, i64.add(get(FEE), memoryGas(get(WORDS)))),
    set(WORDS, words(i64.ofUnsigned32(get(SIZE)))),
    set(FEE, i64.subtract(get(FEE), memoryGas(get(WORDS)))),
    charge,
    when(
      i64.isAbove(
        i64.add(i64.ofUnsigned32(get(BASE)), get(END)),
        i64.shiftLeft(i64.ofUnsigned32(memory.pages), i64.constant(16n)),
      ),
      REFUSED,
    ),
    set(FROM, i32.add(get(BASE), get(SIZE))),
    set(TO, i32.add(get(BASE), i32.ofInteger64(get(END)))),
    when(i32.isAbove(i32.subtract(get(TO), get(FROM)), i32.constant(1_024)), [
      memory.fill(get(FROM), i32.constant(0), i32.subtract(get(TO), get(FROM))),
      set(FROM, get(TO)),
    ]),
    loop(
      when(i32.isBelow(get(FROM), get(TO)), [
        pair.store(get(FROM), pair.zero),
        pair.store(get(FROM), pair.zero, 16),
        moved(FROM, 32),
        branch(1),
      ]),
    ),
    i32.ofInteger64(get(END)),
    get(FEE),
  ],
})

const [MESSAGE, LEFT, LAST, COPIED, ROUND] = [0, 1, 2, 3, 4] as const
const LANES = integerLanes(ROUND)
const PAIR_LOCAL = ROUND + 1 + LANE_LOCALS

/** Copies what is left of the message, less than a block, and pads it. */
const tail: Code = [
  Array.from({ length: RATE / 8 }, (_, i) =>
    i64.store(i32.constant(TAIL_AT), i64.constant(0n), 8 * i),
  ),
  set(COPIED, i32.constant(0)),
  loop(
    when(i32.isBelow(i32.add(get(COPIED), i32.constant(7)), get(LEFT)), [
      i64.store(get(COPIED), i64.load(i32.add(get(MESSAGE), get(COPIED))), TAIL_AT),
      moved(COPIED, 8),
      branch(1),
    ]),
  ),
  loop(
    when(i32.isBelow(get(COPIED), get(LEFT)), [
      i32.store8(get(COPIED), i32.load8(i32.add(get(MESSAGE), get(COPIED))), TAIL_AT),
      moved(COPIED, 1),
      branch(1),
    ]),
  ),
  i32.store8(get(LEFT), i32.constant(1), TAIL_AT),
  i32.store8(
    i32.constant(TAIL_AT),
    i32.or(i32.load8(i32.constant(TAIL_AT), RATE - 1), i32.constant(0x80)),
    RATE - 1,
  ),
  set(MESSAGE, i32.constant(TAIL_AT)),
  set(LAST, i32.constant(1)),
]

/** Keccak-256 of bytes of memory, as a word. */
const keccak: ModuleFunction = functionOf({
  ...{ name: 'keccak', parameters: [I32, I32], results: WORD },
  locals: [
    [3, I32],
    [LANE_LOCALS, I64],
    [1, V128],
  ],
  body: [
    block(
      loop([
        when(i32.isBelow(get(LEFT), i32.constant(RATE)), tail),
        absorb(LANES, MESSAGE),
        permutation(LANES),
        branchIf(get(LAST), 1),
        moved(MESSAGE, RATE),
        moved(LEFT, -RATE),
        branch(0),
      ]),
    ),
    [2, 0].map((lane) => [
      pair.low(tee(PAIR_LOCAL, pair.of(get(stateOf(LANES, lane)), get(stateOf(LANES, lane + 1))))),
      pair.high(get(PAIR_LOCAL)),
    ]),
  ],
})

/** A word as its 32 bytes. */
const put = functionOf({
  ...{ name: 'put', parameters: [I32, ...WORD], results: [] },
  locals: [],
  body: [
    pair.store(get(0), pair.of(get(3), get(4))),
    pair.store(get(0), pair.of(get(1), get(2)), 16),
  ],
})

export const memoryFunctions: readonly ModuleFunction[] = [reserve, keccak, put]
