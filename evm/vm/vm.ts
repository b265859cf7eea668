import type { Log } from '../../core/chain/executedBlock.ts'
import { isReserved } from '../../core/host/precompile.ts'
import { assert } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import type { WasmMemory } from '../../core/primitives/webAssembly.ts'
import { EMPTY_CODE_HASH } from '../account.ts'
import type { BlockEnvironment } from '../blockEnvironment.ts'
import { GenerationCache } from '../cache.ts'
import type { EngineGate } from '../engineGate.ts'
import type { Fault } from '../executive.ts'
import type { AccountEntry } from '../state/entries.ts'
import type { FlatState } from '../state/flatState.ts'
import { keyOf } from '../state/keys.ts'
import type { Word } from '../state/word.ts'
import type { AccessReport } from './accessReport.ts'
import { Code, EMPTY_CODE } from './code.ts'
import { compilePath } from './compile.ts'
import type { Fork } from './fork.ts'
import { STACK_LIMIT } from './fork.ts'
import { Frame } from './frame.ts'
import type { Handler } from './handler.ts'
import { COMPILED, COOL, MOST_PATHS } from './hotPath.ts'
import type { Precompile } from './precompiles.ts'
import type { Trace } from './trace.ts'
import { LoopHost } from './wasm/loopHost.ts'

/** Positions and sizes must be payable: 2^32 bytes of memory cost 2^45 gas, and a block has 2^32. */
const MAX_OFFSET = 2 ** 32
/** Codes kept ready; each takes up to sixteen times its at most 24 KiB, without its paths. */
const CACHED_CODES = 256
/** What is left allocated between transactions. */
const KEPT_MEMORY = 2 ** 22
const KEPT_STACK = 2 ** 16

export type VmOptions = {
  readonly chainId: number
  readonly fork: Fork
  readonly gate: EngineGate
  readonly precompiles: ReadonlyMap<string, Precompile>
  readonly guard: RunGuard
  /** How often a block runs before it is compiled. */
  readonly hotAfter: number
  /** Hash of an earlier block for BLOCKHASH; null outside the last 256. */
  readonly ancestorHash: (number: number) => Uint8Array | null
}

/** Lets the caller of a simulation stop it: `shouldStop` is asked every few thousand jumps. */
export type RunGuard = { shouldStop: (() => boolean) | null }

/** Thrown through the interpreter when the guard stops it; never an EVM outcome. */
export class ExecutionStopped {
  readonly code = 'EXECUTION_STOPPED'
}

/** How the outermost frame ended. */
export type Ending = {
  readonly error: string | null
  readonly fault: Fault | null
  readonly output: Uint8Array
  readonly gas: number
}

/** The machine behind the opcodes: frames, stack, memory, and what belongs to the transaction. */
export class Vm {
  readonly options: VmOptions
  readonly fork: Fork
  readonly codes = new GenerationCache<Code>(CACHED_CODES)
  readonly frames: Frame[] = [new Frame(0)]
  /** Of all frames, one above the other. Never only numbers, so that V8 keeps one kind of elements. */
  stack: Word[] = newStack()
  /** Of all frames, one behind the other: a caller's does not change while its callee runs. */
  memory = new Uint8Array(65_536)
  view = new DataView(this.memory.buffer)
  readonly loops = new LoopHost()
  /** What `memory` belongs to once a loop has been compiled; undefined before, null: there is no such thing here. */
  #shared: WasmMemory | null | undefined
  readonly #withPaths = new Set<Code>()
  #paths = 0
  #flat: FlatState | null = null
  #environment: BlockEnvironment | null = null
  /** Null once the outermost has ended. */
  frame: Frame | null = null
  ending: Ending | null = null
  /** Of the exception that ends a frame, until the frame has been left. */
  fault: Fault | null = null
  /** Jumps and handlers until the guard is asked again, while a path runs. */
  steps = 0
  origin: Word = 0
  gasPrice: Word = 0
  refund = 0
  logs: Log[] = []
  destroyed: AccountEntry[] = []
  trace: Trace | null = null
  /** Only while a simulation asks for it. */
  accessed: AccessReport | null = null

  constructor(options: VmOptions) {
    this.options = options
    this.fork = options.fork
  }

  get flat(): FlatState {
    assert(this.#flat !== null, 'a state is in front of the machine')
    return this.#flat
  }
  get environment(): BlockEnvironment {
    assert(this.#environment !== null, 'code runs inside a block')
    return this.#environment
  }

  enter(flat: FlatState): void {
    this.#flat = flat
  }

  start(environment: BlockEnvironment): void {
    this.#environment = environment
    this.frame = null
    this.ending = null
    this.fault = null
    this.refund = 0
    this.logs = []
    this.destroyed = []
    if (this.memory.length > KEPT_MEMORY) this.#allocate(65_536)
    if (this.stack.length > KEPT_STACK) this.stack = newStack()
  }

  /** The frame for a depth, with room for its stack above `floor`. */
  frameAt(depth: number, floor: number): Frame {
    let frame = this.frames[depth]
    if (frame === undefined) {
      frame = new Frame(depth)
      this.frames.push(frame)
    }
    const { stack } = this
    for (let length = stack.length; length < floor + STACK_LIMIT + 2; length++) stack.push(0)
    return frame
  }

  /** Takes gas; false and nothing taken if there is too little. */
  charge(frame: Frame, gas: number): boolean {
    if (gas > frame.gas) return false
    frame.gas -= gas
    return true
  }

  /**
   * Pays for memory up to the end of a range; false if the frame cannot. Where a range of no length
   * lies does not matter.
   */
  reserve(frame: Frame, at: Word, length: Word): boolean {
    if (length === 0) return true
    // A bigint here is at least 2^53.
    if (typeof at !== 'number' || typeof length !== 'number') return false
    const end = at + length
    if (end <= frame.size) return true
    if (at >= MAX_OFFSET || length >= MAX_OFFSET) return false
    const words = Math.ceil(end / 32)
    const cost = memoryGas(words) - memoryGas(Math.floor(frame.size / 32))
    if (!this.charge(frame, cost)) return false
    const size = words * 32
    if (frame.base + size > this.memory.length) this.#grow(frame, size)
    else this.memory.fill(0, frame.base + frame.size, frame.base + size)
    frame.size = size
    return true
  }

  #grow(frame: Frame, size: number): void {
    const { memory } = this
    const used = frame.base + frame.size
    this.#allocate(Math.max(frame.base + size, 2 * memory.length))
    this.memory.set(memory.subarray(0, used))
  }

  /** Never grown in place: input of frames may lie in the old bytes, which growing would take away. */
  #allocate(bytes: number): void {
    if (this.#shared) this.#shared = this.loops.memory(bytes)
    this.#use(this.#shared?.buffer ?? new ArrayBuffer(bytes))
  }
  #use(buffer: ArrayBuffer): void {
    this.memory = new Uint8Array(buffer)
    this.view = new DataView(buffer)
  }

  /** Memory as WebAssembly has it, with what frames have up to this one; null: there is none. */
  share(frame: Frame): WasmMemory | null {
    if (this.#shared !== undefined) return this.#shared
    const { memory } = this
    this.#shared = this.loops.memory(memory.length)
    if (this.#shared !== null) {
      this.#use(this.#shared.buffer)
      this.memory.set(memory.subarray(0, frame.base + frame.size))
    }
    return this.#shared
  }

  /** A view of memory that has been reserved; valid as long as its frame does nothing. */
  bytes(frame: Frame, at: Word, length: Word): Uint8Array {
    if (length === 0) return EMPTY_BYTES
    const start = frame.base + Number(at)
    return this.memory.subarray(start, start + Number(length))
  }

  /** The code that the account has: a delegation as it is. */
  codeOf(entry: AccountEntry): Code {
    const { account } = entry
    if (account === null || account.codeHash === EMPTY_CODE_HASH) return EMPTY_CODE
    if (entry.code !== null && entry.codeHash === account.codeHash) return entry.code
    const key = keyOf(account.codeHash)
    let code = this.codes.get(key)
    if (code === undefined) {
      code = new Code(this.flat.code(account))
      this.codes.set(key, code)
    }
    entry.code = code
    entry.codeHash = account.codeHash
    return code
  }

  /** Compiles the path at a hot block; it runs from the next time on. */
  compile(code: Code, pc: number, handlers: readonly (Handler | undefined)[]): void {
    const path = compilePath(code, pc, this.fork, handlers)
    if (path === null) {
      code.heat[pc] = COOL
      return
    }
    if (this.#paths === MOST_PATHS) this.#forgetPaths()
    this.#paths++
    this.#withPaths.add(code)
    code.heat[pc] = COMPILED + code.paths.length
    code.paths.push(path)
  }

  #forgetPaths(): void {
    for (const { heat, paths } of this.#withPaths) {
      heat.fill(0)
      paths.length = 0
    }
    this.#withPaths.clear()
    this.#paths = 0
    this.loops.forget()
  }

  /** What answers a call of the address. */
  roleOf(entry: AccountEntry): 'code' | 'precompile' | 'engine' {
    if (entry.role !== null) return entry.role
    const { gate, precompiles } = this.options
    const role = !isReserved(entry.address)
      ? 'code'
      : precompiles.has(entry.key)
        ? 'precompile'
        : gate.isEngine(entry.address)
          ? 'engine'
          : 'code'
    entry.role = role
    return role
  }

  /** EIP-2929: what touching the address costs, which warms it. Precompiles and engines are always warm. */
  accessGas(entry: AccountEntry): number {
    return this.isCold(entry) ? COLD_ACCOUNT : WARM
  }
  isCold(entry: AccountEntry): boolean {
    this.trace?.account(entry)
    if (!this.flat.warm(entry) || this.roleOf(entry) !== 'code') return false
    this.accessed?.account(entry)
    return true
  }
}

export const WARM = 100
export const COLD_ACCOUNT = 2_600

/** Yellow Paper, C_mem. Words stay below 2^28, so the square is exact. */
const memoryGas = (words: number): number => 3 * words + Math.floor((words * words) / 512)

const newStack = (): Word[] => [0n, ...new Array<Word>(STACK_LIMIT * 2).fill(0)]
