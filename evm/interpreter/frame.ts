import { EVMError, type ExecResult } from '@ethereumjs/evm'
import type { AccountEntry } from '../state/entries.ts'
import type { FlatState } from '../state/flatState.ts'
import { codeAnalysisOf } from './codeAnalysis.ts'
import type { WarmJournal } from './warmJournal.ts'

export type RunState = NonNullable<ExecResult['runState']>

/** The fields behind the library's stack. */
type StackFields = { readonly _store: bigint[]; _len: number }

const OUT_OF_GAS = new EVMError(EVMError.errorMessages.OUT_OF_GAS)
const MAX_OFFSET = 2n ** 32n

/**
 * One call of a contract while our own opcodes run it: gas, stack and memory size as plain numbers.
 * `save` and `load` move them to and from the library's state around its opcodes.
 */
export class Frame {
  readonly state: RunState
  readonly flat: FlatState
  readonly journal: WarmJournal
  readonly owner: AccountEntry
  readonly code: Uint8Array
  readonly jumps: Uint8Array
  readonly pushes: readonly bigint[]
  readonly stack: bigint[]
  readonly #stackFields: StackFields
  /** Items on the stack. */
  size = 0
  /** Exact: gas limits are below 2^53. */
  gas = 0
  at = 0
  halted = false
  reverted = false
  #words = 0
  #store: Uint8Array
  #view: DataView

  constructor(state: RunState, code: Uint8Array, flat: FlatState, journal: WarmJournal) {
    this.state = state
    this.flat = flat
    this.journal = journal
    this.owner = flat.entry(state.env.address.bytes)
    this.code = code
    const { jumps, pushes } = codeAnalysisOf(code)
    this.jumps = jumps
    this.pushes = pushes
    state.code = code
    state.validJumps = jumps
    state.cachedPushes = pushes as RunState['cachedPushes']
    state.shouldDoJumpAnalysis = false
    this.#stackFields = state.stack as unknown as StackFields
    this.stack = this.#stackFields._store
    this.#store = state.memory._store
    this.#view = viewOf(this.#store)
    this.load()
  }

  save(): void {
    const { state } = this
    state.gasLeft = BigInt(this.gas)
    state.programCounter = this.at
    this.#stackFields._len = this.size
    state.memoryWordCount = BigInt(this.#words)
    state.highestMemCost = BigInt(memoryCost(this.#words))
  }

  load(): void {
    const { state } = this
    this.gas = Number(state.gasLeft)
    this.at = state.programCounter
    this.size = this.#stackFields._len
    this.#words = Number(state.memoryWordCount)
    // The library counts the room for a call's output before there is any.
    const bytes = this.#words * 32
    if (state.memory._store.length < bytes) state.memory.extend(0, bytes)
  }

  charge(gas: number): void {
    this.gas -= gas
    if (this.gas < 0) this.outOfGas()
  }

  outOfGas(): never {
    this.gas = 0
    throw OUT_OF_GAS
  }

  pop(): bigint {
    return this.stack[--this.size] as bigint
  }
  push(value: bigint): void {
    this.stack[this.size++] = value
  }

  /** A size or position that must be payable: 2^32 bytes of memory cost 2^45 gas, and a block has 2^32. */
  bounded(value: bigint): number {
    if (value >= MAX_OFFSET) this.outOfGas()
    return Number(value)
  }

  /** Pays for memory up to the end of a range, and returns where it starts. */
  touch(offset: bigint, size: number): number {
    if (size === 0) return 0
    const start = this.bounded(offset)
    const words = Math.ceil((start + size) / 32)
    if (words > this.#words) {
      this.charge(memoryCost(words) - memoryCost(this.#words))
      this.#words = words
      this.state.memory.extend(0, words * 32)
    }
    return start
  }

  get memoryBytes(): number {
    return this.#words * 32
  }

  get memory(): Uint8Array {
    return this.state.memory._store
  }

  get view(): DataView {
    const { _store } = this.state.memory
    if (_store !== this.#store) {
      this.#store = _store
      this.#view = viewOf(_store)
    }
    return this.#view
  }

  get isStatic(): boolean {
    return this.state.env.isStatic
  }

  /** Ends the call with this output. */
  finish(output: Uint8Array): void {
    this.state.interpreter._result.returnValue = output
    this.halted = true
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Yellow Paper, C_mem. Words stay below 2^28, so the square is exact. */
const memoryCost = (words: number): number => 3 * words + Math.floor((words * words) / 512)
