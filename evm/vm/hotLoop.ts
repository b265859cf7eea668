import type { WasmMemory } from '../../core/primitives/webAssembly.ts'
import { loadWord, storeWord, type Word } from '../state/word.ts'
import type { Frame } from './frame.ts'
import type { Handler } from './handler.ts'
import type { Exit, HotPath, PathFunction } from './hotPath.ts'
import type { Vm } from './vm.ts'
import { GAS_AT, SIZE_AT, STEPS_AT, WORDS_AT } from './wasm/layout.ts'
import type { LoopFunction } from './wasm/loopHost.ts'
import { type LoopPath, loopModule } from './wasm/loopModule.ts'
import type { LoopModule } from './wasm/loopWriter.ts'

/** Opcodes that entering WebAssembly is worth: fewer on average, and the loop is left to JavaScript. */
const ENTRY_OPCODES = 500
/** Opcodes beyond those before it is compiled, for each time that a block runs before it is hot: about as long as compiling takes. */
const OPCODES_BEFORE = 200
/** Each time an item turns out to be long, the loop is written again; after so many all of them are taken as such. */
const MOST_WRITTEN = 4
const WORD_BYTES = 32

type Handlers = readonly (Handler | undefined)[]

/** A path that goes round: JavaScript at first, WebAssembly where it goes round often and only computes. */
export function hotLoop(path: HotPath, loop: LoopPath, handlers: Handlers): HotPath {
  const exits = [...path.exits]
  const state = new HotLoop(path.run, loop, exits, handlers)
  return { ...path, exits, run: (vm, frame, stack, sp) => state.run(vm, frame, stack, sp) }
}

class HotLoop {
  readonly #script: PathFunction
  readonly #loop: LoopPath
  readonly #handlers: Handlers
  /** Those of the script, and behind them those of the module. */
  readonly #exits: Exit[]
  readonly #scriptExits: number
  readonly #entryTurns: number
  /** Turns beyond those that entering was worth. */
  #score = 0
  #module: LoopModule | null = null
  #compiled: object | null = null
  #memory: WasmMemory | null = null
  #bound: LoopFunction | null = null
  #isRefused = false
  #written = 0
  /** Positions on the stack that held a long word at some time. */
  readonly #long = new Set<number>()
  /** Those that the module takes as numbers. */
  #numbers: readonly number[] = []

  constructor(script: PathFunction, loop: LoopPath, exits: Exit[], handlers: Handlers) {
    this.#script = script
    this.#loop = loop
    this.#exits = exits
    this.#scriptExits = exits.length
    this.#handlers = handlers
    this.#entryTurns = Math.ceil(ENTRY_OPCODES / loop.trail.length)
  }

  run(vm: Vm, frame: Frame, stack: Word[], sp: number): number {
    if (this.#isRefused) return this.#script(vm, frame, stack, sp)
    const before = vm.steps
    const isReady = this.#compiled !== null && this.#isFit(stack, sp)
    const run = isReady ? this.#bind(vm, frame) : null
    const left =
      run === null ? this.#script(vm, frame, stack, sp) : this.#enter(run, vm, frame, stack, sp)
    const { hotAfter } = vm.options
    const turns = (before - vm.steps) / this.#loop.steps
    this.#score += turns - Math.min(this.#entryTurns, hotAfter)
    const enough = Math.ceil((OPCODES_BEFORE * hotAfter) / this.#loop.trail.length)
    if (this.#compiled === null) {
      if (this.#score < 0) this.#score = 0
      else if (this.#score >= enough) this.#write(vm, stack, sp)
    } else if (this.#score < 0) this.#isRefused = true
    else if (this.#score > enough) this.#score = enough
    return left
  }

  /** What the module takes as numbers are numbers. Otherwise the next module knows better. */
  #isFit(stack: Word[], sp: number): boolean {
    const { length } = this.#numbers
    for (const at of this.#numbers) if (typeof stack[sp + at] !== 'number') this.#long.add(at)
    this.#numbers = this.#numbers.filter((at) => !this.#long.has(at))
    if (this.#numbers.length === length) return true
    this.#compiled = null
    return false
  }

  #write(vm: Vm, stack: Word[], sp: number): void {
    this.#written++
    const numbers: number[] = []
    const isNumber = (at: number): boolean => {
      const isShort =
        this.#written <= MOST_WRITTEN && typeof stack[sp + at] === 'number' && !this.#long.has(at)
      if (isShort) numbers.push(at)
      return isShort
    }
    this.#module = loopModule(this.#loop, isNumber)
    this.#numbers = numbers
    this.#compiled = this.#module === null ? null : vm.loops.compile(this.#module.bytes)
    this.#memory = null
    if (this.#module === null || this.#compiled === null) this.#isRefused = true
    else {
      this.#exits.length = this.#scriptExits
      this.#exits.push(...this.#module.exits)
    }
  }

  #bind(vm: Vm, frame: Frame): LoopFunction | null {
    const memory = vm.share(frame)
    if (this.#memory !== memory) {
      this.#bound = memory === null ? null : vm.loops.bind(this.#compiled as object, memory)
      this.#memory = memory
    }
    return this.#bound
  }

  #enter(run: LoopFunction, vm: Vm, frame: Frame, stack: Word[], sp: number): number {
    const { view } = vm
    const { inputs, exits } = this.#module as LoopModule
    let place = WORDS_AT
    for (const input of inputs) {
      if ('at' in input) storeWord(view, place, stack[sp + input.at] as Word)
      else {
        frame.sp = sp
        this.#handlers[input.op]?.(vm, frame)
        storeWord(view, place, stack[sp + 1] as Word)
      }
      place += WORD_BYTES
    }
    const left = run(frame.gas, frame.base, frame.size, vm.steps)
    frame.gas = view.getFloat64(GAS_AT, true)
    frame.size = view.getUint32(SIZE_AT, true)
    vm.steps = view.getInt32(STEPS_AT, true)
    place = WORDS_AT
    for (const { at, word } of (exits[left] as LoopModule['exits'][number]).written) {
      if (word === null) {
        stack[sp + at] = loadWord(view, place)
        place += WORD_BYTES
      } else stack[sp + at] = word
    }
    return this.#scriptExits + left
  }
}
