import { F64, I32, I64, moduleOf, V128 } from '../../../core/primitives/wasmCode.ts'
import type { Word } from '../../state/word.ts'
import { wordOfBigint } from '../../state/word.ts'
import type { Exit } from '../hotPath.ts'
import {
  block,
  branch,
  type Code,
  call,
  f64,
  functionOf,
  get,
  i32,
  i64,
  loop,
  pair,
  set,
  setAll,
  tee,
  UNREACHABLE,
  when,
} from './assembler.ts'
import { KIT, kitNumber } from './kit.ts'
import { GAS_AT, MOST_WORDS, SIZE_AT, STEPS_AT, WORDS_AT } from './layout.ts'
import {
  codeOf,
  constantOf,
  type Limb,
  LimbWriter,
  MAX,
  trimmed,
  type Value,
} from './limbWriter.ts'

/** Parameters, and locals that are not limbs. */
const [GAS_IN, BASE, SIZE, STEPS, NEW_SIZE, PAIR, GAS, COST, FIRST] = [0, 1, 2, 3, 4, 5, 6, 7, 8]
const LOCALS = [
  [1, I32],
  [1, V128],
  [2, I64],
] as const
const MOST_OFFSET = 2n ** 32n - 1n
const MOST_NUMBER = 2n ** 53n - 1n
const WORD_BYTES = 32
/** So that one loop costs no more to make and to keep than this. */
const MOST_BYTES = 32_768

/** What a position of the stack is afterwards: known, or the next of the words that the loop leaves behind. */
export type Written = { readonly at: number; readonly word: Word | null }
/** What a loop reads when it is entered: a position of the stack, or what an opcode pushes. */
export type Input = { readonly at: number } | { readonly op: number }
export type LoopModule = {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly inputs: readonly Input[]
  readonly exits: readonly (Exit & { readonly written: readonly Written[] })[]
}

type Leaving = {
  readonly hole: Code[]
  readonly pc: number
  readonly spent: number
  readonly low: number
  readonly items: readonly Value[]
  readonly levels: number
}

/** Writes a loop as a WebAssembly function: items of the stack are limbs in locals, from one turn to the next. */
export class LoopWriter {
  readonly limbs = new LimbWriter(FIRST)
  readonly #gas: number
  readonly #steps: number
  readonly #isNumber: (at: number) => boolean
  readonly #items: Value[] = []
  #low = 0
  /** By position on the stack, the highest first: what it is when a turn begins. */
  readonly #inputs: Value[] = []
  readonly #pushed = new Map<number, Value>()
  readonly #exits: Leaving[] = []
  /** Positions that are others in the next turn. */
  readonly #changed = new Set<number>()
  /** What each was before it became narrow. */
  readonly #narrowed = new Map<Value, Value>()
  #reserved = 0n
  /** Of the gas of a turn, up to here. */
  spent = 0

  /** `isNumber`: the position on the stack holds a number in every turn, or the loop is left. */
  constructor(gas: number, steps: number, isNumber: (at: number) => boolean) {
    this.#gas = gas
    this.#steps = steps
    this.#isNumber = isNumber
  }

  pop(): Value {
    this.#reach(1)
    return this.#items.pop() as Value
  }
  push(value: Value): void {
    this.#items.push(value)
  }
  /** The `nth` from the top, which is the first. */
  peek(nth: number): Value {
    this.#reach(nth)
    return this.#items[this.#items.length - nth] as Value
  }
  swap(nth: number): void {
    const other = this.peek(nth)
    const top = this.#items.length - 1
    this.#items[this.#items.length - nth] = this.#items[top] as Value
    this.#items[top] = other
  }
  #reach(count: number): void {
    while (this.#items.length < count) {
      const input = this.#input(this.#isNumber(this.#low) ? MOST_NUMBER : MAX)
      this.#low--
      this.#inputs.push(input)
      this.#items.unshift(input)
    }
  }
  #input(max: bigint): Value {
    return trimmed(
      [0, 1, 2, 3].map(() => (max > 0n ? this.limbs.local() : 0n)),
      max,
    )
  }

  /** What an opcode pushes that pushes the same in every turn; `max` is what that is not above. */
  constant(op: number, max: bigint): void {
    const value = this.#pushed.get(op) ?? this.#input(max)
    this.#pushed.set(op, value)
    this.push(value)
  }
  /** With its own fee paid. */
  remainingGas(fee: number): void {
    const rest = i64.constant(BigInt(this.#gas - this.spent - fee))
    this.push({ limbs: [this.limbs.define(i64.add(get(GAS), rest)), 0n, 0n, 0n], max: MOST_NUMBER })
  }
  memorySize(): void {
    const limb = this.limbs.define(i64.ofUnsigned32(get(SIZE)))
    this.push({ limbs: [limb, 0n, 0n, 0n], max: MOST_OFFSET })
  }

  /** Leaves the loop to go on at `pc`, from within so many blocks. */
  exit(pc: number, spent: number, levels: number): Code {
    const hole: Code[] = []
    this.#exits.push({ hole, pc, spent, low: this.#low, items: [...this.#items], levels })
    return hole
  }
  leaveIf(condition: Code, pc: number, spent: number): void {
    this.limbs.write(when(condition, this.exit(pc, spent, 1)))
  }

  /** Pays for memory and a fee, or leaves before the opcode: the items are as they were. */
  reserve(pc: number, at: Value, length: Value, fee: Code | null): void {
    const { limbs } = this
    const [start, size] = [codeOf(at.limbs[0] as Limb), codeOf(length.limbs[0] as Limb)]
    const end = at.max + length.max
    if (fee === null && constantOf(at) !== null && end <= this.#reserved) return
    const high = limbs.any([...at.limbs.slice(1), ...length.limbs.slice(1)])
    const demand = [start, size, fee ?? i64.constant(0n), codeOf(high)]
    const pay: Code = [
      call(kitNumber('reserve'), get(BASE), get(SIZE), get(GAS), ...demand),
      set(COST, []),
      when(
        i32.equals(tee(NEW_SIZE, []), i32.constant(-1)),
        this.exit(pc, this.spent, fee === null ? 2 : 1),
      ),
      set(SIZE, get(NEW_SIZE)),
      set(GAS, i64.subtract(get(GAS), get(COST))),
    ]
    if (fee === null) {
      const upper =
        at.max > MOST_OFFSET ? limbs.or(high, limbs.shiftRight(at.limbs[0] as Limb, 32)) : high
      const isLarger = i64.isAbove(i64.add(start, size), i64.ofUnsigned32(get(SIZE)))
      const isFar = i32.isZero(i64.isZero(codeOf(upper)))
      limbs.write(when(upper === 0n ? isLarger : i32.or(isFar, isLarger), pay))
    } else limbs.write(pay)
    if (constantOf(at) !== null && constantOf(length) !== null && end > this.#reserved)
      this.#reserved = end
    for (const value of [at, length]) this.#narrow(value)
  }

  /** The loop would have been left if it were more. */
  #narrow(value: Value): void {
    if (value.max <= MOST_OFFSET) return
    const narrow = trimmed(value.limbs, MOST_OFFSET)
    this.#narrowed.set(narrow, value)
    for (const [i, item] of this.#items.entries()) if (item === value) this.#items[i] = narrow
  }

  /** It is what the position was when the turn began. */
  #isInput(value: Value, at: number): boolean {
    return (this.#narrowed.get(value) ?? value) === this.#inputs[-at]
  }

  /** Where reserved bytes lie: an address and a distance. */
  #place(at: Value): readonly [Code, number] {
    const value = constantOf(at)
    if (value !== null) return [get(BASE), Number(value)]
    return [i32.add(get(BASE), i32.ofInteger64(codeOf(at.limbs[0] as Limb))), 0]
  }
  load(at: Value): void {
    const [start, offset] = this.#place(at)
    const locals = this.#loadLimbs(start, offset, 4)
    this.push({ limbs: locals, max: MAX })
  }
  #loadLimbs(start: Code, offset: number, count: number): number[] {
    const { limbs } = this
    const lower = Array.from({ length: 2 }, () => limbs.local())
    const upper = Array.from({ length: count > 2 ? 2 : 0 }, () => limbs.local())
    limbs.write(loadPairs(start, offset, [...lower, ...upper]))
    return [...lower, ...upper]
  }
  store(at: Value, { limbs }: Value): void {
    const [start, offset] = this.#place(at)
    const [a = 0n, b = 0n, c = 0n, d = 0n] = limbs
    const upper = c === 0n && d === 0n ? pair.zero : pair.of(codeOf(c), codeOf(d))
    this.limbs.write(pair.store(start, upper, offset))
    this.limbs.write(pair.store(start, pair.of(codeOf(a), codeOf(b)), offset + 16))
  }
  storeByte(at: Value, { limbs }: Value): void {
    const [start, offset] = this.#place(at)
    this.limbs.write(i64.store8(start, codeOf(limbs[0] as Limb), offset))
  }
  hash(at: Value, length: Value): void {
    const [start, offset] = this.#place(at)
    const bytes = i32.ofInteger64(codeOf(length.limbs[0] as Limb))
    const from = i32.add(start, i32.constant(offset))
    this.push({ limbs: this.limbs.defineAll(call(kitNumber('keccak'), from, bytes), 4), max: MAX })
  }

  /** The loop has come to where it began. False: not with the stack as high as before. */
  close(pc: number): boolean {
    if (this.#low + this.#items.length !== 0) return false
    const { limbs } = this
    const from: Limb[] = []
    const to: number[] = []
    let isLong: Limb = 0n
    for (const [i, value] of this.#items.entries()) {
      const at = this.#low + 1 + i
      const input = this.#inputs[-at] as Value
      if (this.#isInput(value, at)) continue
      this.#changed.add(at)
      for (const [k, limb] of input.limbs.entries()) {
        if (typeof limb !== 'number') continue
        to.push(limb)
        from.push(value.limbs[k] as Limb)
      }
      if (input.max >= value.max) continue
      const high = limbs.shiftRight(value.limbs[0] as Limb, 53)
      isLong = limbs.or(isLong, limbs.any([high, ...value.limbs.slice(1)]))
    }
    const gas = i64.constant(BigInt(this.#gas))
    const isOver = i32.or(
      i64.isBelow(get(GAS), gas),
      i32.isBelowSigned(get(STEPS), i32.constant(1)),
    )
    const isWide = i32.isZero(i64.isZero(codeOf(isLong)))
    this.leaveIf(isLong === 0n ? isOver : i32.or(isOver, isWide), pc, this.#gas)
    limbs.write(
      setAll(to, from.map(codeOf)),
      set(GAS, i64.subtract(get(GAS), gas)),
      set(STEPS, i32.subtract(get(STEPS), i32.constant(this.#steps))),
      branch(0),
    )
    return true
  }

  /** Null: too much. */
  module(): LoopModule | null {
    const positions = this.#inputs.map((value, i): [Input, Value] => [{ at: -i }, value])
    const pushed = [...this.#pushed].map(([op, value]): [Input, Value] => [{ op }, value])
    const inputs = [...positions, ...pushed]
    const exits = this.#exits.map((leaving, number) => this.#leave(leaving, number))
    const most = Math.max(inputs.length, ...exits.map(({ written }) => written.length))
    if (most > MOST_WORDS) return null
    const body: Code = [
      set(GAS, i64.ofFloat(get(GAS_IN))),
      inputs.map(([, { limbs }], i) => {
        const locals = limbs.filter((limb) => typeof limb === 'number')
        return loadPairs(i32.constant(WORDS_AT), WORD_BYTES * i, locals)
      }),
      block([loop(this.limbs.code), UNREACHABLE], I32),
      f64.store(i32.constant(GAS_AT), f64.ofInteger64(get(GAS))),
      i32.store(i32.constant(SIZE_AT), get(SIZE)),
      i32.store(i32.constant(STEPS_AT), get(STEPS)),
    ]
    const run = functionOf({
      ...{ name: 'run', parameters: [F64, I32, I32, I32], results: [I32] },
      ...{ locals: [...LOCALS, this.limbs.locals], body },
    })
    if (run.body.length > MOST_BYTES) return null
    const bytes = moduleOf({ pages: null, imports: KIT, functions: [run], data: [] })
    return { bytes, inputs: inputs.map(([input]) => input), exits }
  }

  /** Writes what an exit does, now that it is known which positions change. */
  #leave(leaving: Leaving, number: number): LoopModule['exits'][number] {
    const { hole, pc, spent, low, items, levels } = leaving
    const values = [...this.#inputs.slice(-low).reverse(), ...items]
    const written: Written[] = []
    let words = 0
    for (const [i, value] of values.entries()) {
      const at = this.#low + 1 + i
      if (this.#isInput(value, at) && !this.#changed.has(at)) continue
      const word = constantOf(value)
      written.push({ at, word: word === null ? null : wordOfBigint(word) })
      if (word !== null) continue
      const place = i32.constant(WORDS_AT + WORD_BYTES * words++)
      hole.push(call(kitNumber('put'), place, ...value.limbs.map(codeOf)))
    }
    hole.push(i32.constant(number), branch(levels + 1))
    return { pc, change: low + items.length, refund: this.#gas - spent, written }
  }
}

/** Reads limbs, the least significant first, of a word in memory. */
function loadPairs(start: Code, offset: number, locals: readonly number[]): Code {
  const [a, b, c, d] = locals
  const pairOf = (low: number, high: number | undefined, at: number): Code => {
    const value = pair.load(start, at)
    if (high === undefined) return set(low, pair.low(value))
    return [set(low, pair.low(tee(PAIR, value))), set(high, pair.high(get(PAIR)))]
  }
  return [
    a === undefined ? [] : pairOf(a, b, offset + 16),
    c === undefined ? [] : pairOf(c, d, offset),
  ]
}
