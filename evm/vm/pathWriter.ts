import type { Word } from '../state/word.ts'
import type { Fork } from './fork.ts'
import { ENDED, type Exit } from './hotPath.ts'

/** An item of the stack while a path is written: the name of a variable, or a literal. */
export type Item = {
  readonly text: string
  /** Null: not known before it runs. */
  readonly value: Word | null
  /** It is below 2^53 whatever happens. */
  readonly isNumber: boolean
}

export const literal = (value: Word): Item => ({
  text: typeof value === 'number' ? `${value}` : `0x${value.toString(16)}n`,
  value,
  isNumber: typeof value === 'number',
})

/** Where a path is left: with this above the position `low`, `spent` of its gas (null: the rest is back already). */
type Leaving = {
  readonly pc: number
  readonly spent: number | null
  readonly low: number
  readonly items: readonly Item[]
}

/**
 * Writes the source of a path: stack items are variables, and go to the stack only where the path is left. Nothing
 * of the bytecode gets into the source but numbers.
 */
export class PathWriter {
  readonly #fork: Fork
  readonly #lines: string[] = []
  readonly #exits: Leaving[] = []
  /** From the lowest that was needed up; `#low` is the position below, seen from the top at the beginning. */
  readonly #items: Item[] = []
  #low = 0
  #names = 0
  /** Positions of the stack itself that handlers wrote to. */
  readonly #dirty = new Set<number>()
  /** Names of what is a number, since the path would have been left otherwise. */
  readonly #numbers = new Set<string>()
  /** Memory is at least as large. */
  #reserved = 0
  /** What the inputs are in the next turn, if the path ends where it began. */
  #next: readonly (readonly [string, string])[] | null = null
  /** What had been spent where the rest was asked for. */
  readonly #rests: number[] = []
  gas = 0
  least = 0
  growth = 0
  opcodes = 0
  /** Jumps, and opcodes with handlers of their own. */
  steps = 0
  /** Items that exits have to write. */
  written = 0

  constructor(fork: Fork) {
    this.#fork = fork
  }

  /** Counts what the next opcode demands. */
  demand(op: number): void {
    const demand = this.#fork.demands[op] as number
    const height = this.height
    this.gas += demand & 0xffff
    this.least = Math.max(this.least, ((demand >> 16) & 0xff) - height)
    this.growth = Math.max(this.growth, height + (demand >> 24))
    this.opcodes++
  }

  /** Of the stack, seen from its top at the beginning. */
  get height(): number {
    return this.#low + this.#items.length
  }

  pop(): Item {
    this.#reach(1)
    return this.#items.pop() as Item
  }
  push(item: Item): void {
    this.#items.push(item)
  }
  /** The `nth` from the top, which is the first. */
  duplicate(nth: number): void {
    this.#reach(nth)
    this.push(this.#items[this.#items.length - nth] as Item)
  }
  swap(nth: number): void {
    this.#reach(nth)
    const top = this.#items.length - 1
    const at = this.#items.length - nth
    const kept = this.#items[top] as Item
    this.#items[top] = this.#items[at] as Item
    this.#items[at] = kept
  }

  #reach(count: number): void {
    while (this.#items.length < count) {
      const text = inputAt(this.#low--)
      this.#items.unshift({ text, value: null, isNumber: false })
    }
  }

  name(): string {
    return `v${this.#names++}`
  }
  line(text: string): void {
    this.#lines.push(text)
  }
  /** A word of its own; `isNumber` only if it is one whatever happens. */
  define(expression: string, isNumber = false): void {
    const text = this.name()
    this.line(`const ${text} = ${expression}`)
    this.push({ text, value: null, isNumber })
  }
  /** The same where `fast` holds a word or is false. */
  defineEither(fast: (name: string) => string, slow: string, isNumber = false): void {
    const text = this.name()
    this.line(`let ${text}; if (!(${fast(text)})) ${text} = ${slow}`)
    this.push({ text, value: null, isNumber })
  }

  /** An opcode of the environment, left to its handler: nothing can go wrong. */
  constant(op: number): void {
    this.demand(op)
    this.#spill(op)
    this.line(`handlers[${op}](vm, frame)`)
    this.#result(op)
  }

  /** An opcode with a price of its own, left to its handler, which sees the gas that there is at that moment. */
  handled(op: number, pc: number): void {
    this.demand(op)
    this.#spill(op)
    const rest = this.rest()
    this.steps++
    this.line(`frame.gas += ${rest}`)
    this.line(`if (!handlers[${op}](vm, frame)) return ${ENDED}`)
    this.line('size = frame.size; view = vm.view')
    this.#result(op)
    this.line(`if (frame.gas < ${rest}) ${this.exit(pc + 1, null)}`)
    this.line(`frame.gas -= ${rest}`)
  }

  /** The name of what has been taken for the opcodes that come. */
  rest(): string {
    this.#rests.push(this.gas)
    return `r${this.#rests.length - 1}`
  }

  #spill(op: number): void {
    const takes = ((this.#fork.demands[op] as number) >> 16) & 0xff
    const at = this.height
    this.#reach(takes)
    this.line(`frame.sp = sp + ${at}`)
    for (let i = 0; i < takes; i++) {
      this.line(`stack[sp + ${at - i}] = ${this.pop().text}`)
      this.#dirty.add(at - i)
    }
  }

  #result(op: number): void {
    const takes = ((this.#fork.demands[op] as number) >> 16) & 0xff
    if (takes + (this.#fork.changes[op] as number) === 0) return
    const at = this.height + 1
    this.define(`stack[sp + ${at}]`)
    this.#dirty.add(at)
  }

  /** Leaves the path to go on at `pc`; `spent` is what the opcodes up to there cost, null: the rest is back already. */
  exit(pc: number, spent: number | null): string {
    this.written += this.#items.length
    this.#exits.push({ pc, spent, low: this.#low, items: [...this.#items] })
    return `EXIT${this.#exits.length - 1};`
  }

  /** What the stack does not hold yet, and the number of the exit. */
  #leave(number: number): string {
    const { low, items } = this.#exits[number] as Leaving
    // What only later opcodes reach for may be another one since the turn before.
    const deeper = Array.from({ length: low - this.#low }, (_, i) => inputAt(this.#low + 1 + i))
    const writes = [...deeper, ...items.map(({ text }) => text)].map((text, i) => {
      const at = this.#low + 1 + i
      const isThere = text === inputAt(at) && !this.#dirty.has(at)
      return isThere ? '' : `stack[sp + ${at}] = ${text}; `
    })
    return `{ ${writes.join('')}return ${number} }`
  }

  /** The path has come to where it began: it goes round as long as there are gas and steps, if the stack is as high as before. */
  close(pc: number): void {
    const leave = this.exit(pc, this.gas)
    if (this.height === 0) {
      this.#next = this.#items.flatMap(({ text }, i) => {
        const at = this.#low + 1 + i
        if (text === inputAt(at)) return []
        this.#dirty.add(at)
        return [[inputAt(at), text] as const]
      })
      this.line(`if (frame.gas < GAS || vm.steps <= 0) ${leave}`)
    } else this.line(leave)
  }

  get isLoop(): boolean {
    return this.#next !== null
  }

  /** It is a number, or the path has been left. */
  isNumber({ text, isNumber }: Item): boolean {
    return isNumber || this.#numbers.has(text)
  }

  /** Memory has room for so many bytes from an item on, or the path is left. */
  reserve(at: Item, length: number, leave: string): void {
    const { text, value } = at
    const isNumber = this.isNumber(at)
    const end = typeof value === 'number' ? value + length : null
    if (end !== null && end <= this.#reserved) return
    const isLarger = `${isNumber ? '' : `typeof ${text} !== 'number' || `}${end ?? `${text} + ${length}`} > size`
    this.line(`if (${isLarger}) {`)
    this.line(`if (!vm.reserve(frame, ${text}, ${length})) ${leave}`)
    this.line('size = frame.size; view = vm.view }')
    this.#numbers.add(text)
    if (end !== null) this.#reserved = end
  }

  source(): string {
    const next = this.#next
    const inputs = Array.from(
      { length: -this.#low },
      (_, i) => `${next === null ? 'const' : 'let'} ${inputAt(-i)} = stack[sp - ${i}]`,
    )
    const rests = this.#rests.map((spent, i) => `const r${i} = ${this.gas - spent}`)
    const lines = this.#lines.map((line) =>
      line.replace(/EXIT(\d+);/, (_, number) => this.#leave(Number(number))),
    )
    if (next === null) return [...inputs, ...rests, ...lines].join('\n')
    return [
      ...[...inputs, ...rests, `const GAS = ${this.gas}`, 'for (;;) {', ...lines],
      ...next.map(([name, text]) => `const n${name} = ${text}`),
      ...next.map(([name]) => `${name} = n${name}`),
      `frame.gas -= GAS; vm.steps -= ${this.steps}`,
      '}',
    ].join('\n')
  }

  exits(): readonly Exit[] {
    return this.#exits.map(({ pc, spent, low, items }) => ({
      ...{ pc, change: low + items.length },
      refund: spent === null ? 0 : this.gas - spent,
    }))
  }
}

/** Position 0 was the top. */
const inputAt = (position: number): string => `s${-position}`
