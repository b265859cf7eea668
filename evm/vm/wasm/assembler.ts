import { assert } from '../../../core/primitives/assert.ts'
import {
  END,
  I32,
  type ModuleFunction,
  moduleOf,
  unsigned,
  VOID,
} from '../../../core/primitives/wasmCode.ts'
import { instantiate, type WasmMemory, webAssembly } from '../../../core/primitives/webAssembly.ts'

/** Instructions as bytes, nested as they are composed. */
export type Code = readonly (number | Code)[]

export type WasmFunction = {
  /** All of them 32-bit integers; they are the first locals. */
  readonly parameters: number
  /** Further locals: how many, and of what type. */
  readonly locals: readonly (readonly [number, number])[]
  readonly body: Code
}

export type WasmInstance = {
  /** One page of 64 KiB. */
  readonly memory: Uint8Array<ArrayBuffer>
  readonly run: (...parameters: number[]) => void
}

/** Compiles one function without results beside one page of memory. Integer code only: it computes the same everywhere. */
export function assemble({ parameters, locals, body }: WasmFunction): WasmInstance {
  const run = functionOf({
    ...{ name: 'run', parameters: new Array<number>(parameters).fill(I32), results: [] },
    ...{ locals, body },
  })
  const module = moduleOf({ pages: 1, imports: [], functions: [run], data: [] })
  const wasm = webAssembly()
  const exports = wasm === null ? null : instantiate<Exports>(wasm, () => module)
  assert(exports !== null, 'the platform takes integer WebAssembly')
  return { memory: new Uint8Array(exports.memory.buffer), run: exports.run }
}

type Exports = { readonly memory: WasmMemory; readonly run: WasmInstance['run'] }

/** A function of a module; what its body leaves are the results. */
export function functionOf(
  part: Omit<ModuleFunction, 'body'> & Pick<WasmFunction, 'locals' | 'body'>,
): ModuleFunction {
  const { name, parameters, results, locals, body } = part
  const declared = locals.map(([count, type]) => [unsigned(count), type])
  return { name, parameters, results, body: flat([unsigned(declared.length), declared, body, END]) }
}

function flat(code: Code, into: number[] = []): number[] {
  for (const part of code) {
    if (typeof part === 'number') into.push(part)
    else flat(part, into)
  }
  return into
}

/** LEB128. */
function signed(value: bigint): Code {
  const low = Number(BigInt.asUintN(7, value))
  const rest = value >> 7n
  const isLast = (rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40)
  return isLast ? [low] : [low | 0x80, ...signed(rest)]
}

export const get = (local: number): Code => [0x20, unsigned(local)]
export const set = (local: number, value: Code): Code => [value, 0x21, unsigned(local)]
/** The last first: they are the results of `value`. */
export const setAll = (locals: readonly number[], value: Code): Code => [
  value,
  [...locals].reverse().map((local) => set(local, [])),
]
export const tee = (local: number, value: Code): Code => [value, 0x22, unsigned(local)]

/** Leaves the block that is so many blocks or loops up; of a loop, goes on at its start. */
export const branch = (levels: number): Code => [0x0c, unsigned(levels)]
export const branchIf = (condition: Code, levels: number): Code => [
  condition,
  0x0d,
  unsigned(levels),
]
/** `result`: the type of what the body leaves. */
export const block = (body: Code, result: number = VOID): Code => [0x02, result, body, END]
export const loop = (body: Code): Code => [0x03, VOID, body, END]
export const when = (condition: Code, body: Code): Code => [condition, 0x04, VOID, body, END]
export const either = (condition: Code, yes: Code, no: Code, result: number = VOID): Code => [
  ...[condition, 0x04, result, yes, 0x05, no, END],
]
export const select = (condition: Code, yes: Code, no: Code): Code => [yes, no, condition, 0x1b]
export const call = (number: number, ...operands: readonly Code[]): Code => [
  ...[operands, 0x10, unsigned(number)],
]
export const result = (...values: readonly Code[]): Code => [values, 0x0f]
export const UNREACHABLE: Code = [0x00]

const binary =
  (opcode: number) =>
  (a: Code, b: Code): Code => [a, b, opcode]
const unary =
  (opcode: number) =>
  (a: Code): Code => [a, opcode]

export const i32 = {
  constant: (value: number): Code => [0x41, signed(BigInt(value | 0))],
  isZero: unary(0x45),
  equals: binary(0x46),
  isBelowSigned: binary(0x48),
  isBelow: binary(0x49),
  isAbove: binary(0x4b),
  leadingZeros: unary(0x67),
  add: binary(0x6a),
  subtract: binary(0x6b),
  and: binary(0x71),
  or: binary(0x72),
  ofInteger64: unary(0xa7),
  load: (at: Code, offset = 0): Code => [at, 0x28, 2, unsigned(offset)],
  store: (at: Code, value: Code, offset = 0): Code => [at, value, 0x36, 2, unsigned(offset)],
  load8: (at: Code, offset = 0): Code => [at, 0x2d, 0, unsigned(offset)],
  store8: (at: Code, value: Code, offset = 0): Code => [at, value, 0x3a, 0, unsigned(offset)],
}

export const i64 = {
  constant: (value: bigint): Code => [0x42, signed(BigInt.asIntN(64, value))],
  ofUnsigned32: unary(0xad),
  isZero: unary(0x50),
  equals: binary(0x51),
  isBelowSigned: binary(0x53),
  isBelow: binary(0x54),
  isAbove: binary(0x56),
  add: binary(0x7c),
  subtract: binary(0x7d),
  multiply: binary(0x7e),
  divide: binary(0x80),
  remainder: binary(0x82),
  and: binary(0x83),
  or: binary(0x84),
  xor: binary(0x85),
  shiftLeft: binary(0x86),
  shiftRightSigned: binary(0x87),
  shiftRight: binary(0x88),
  rotateRight: binary(0x8a),
  ofFloat: unary(0xb1),
  /** Little-endian, at an address and a fixed distance behind it. */
  load: (at: Code, offset = 0): Code => [at, 0x29, 3, unsigned(offset)],
  store: (at: Code, value: Code, offset = 0): Code => [at, value, 0x37, 3, unsigned(offset)],
  store8: (at: Code, value: Code, offset = 0): Code => [at, value, 0x3c, 0, unsigned(offset)],
  load32: (at: Code, offset = 0): Code => [at, 0x35, 2, unsigned(offset)],
  store32: (at: Code, value: Code, offset = 0): Code => [at, value, 0x3e, 2, unsigned(offset)],
}

/** The halves of 64 bits, and what has the bits of the lower one. */
export const LOW_HALF: Code = i64.constant(0xffff_ffffn)
export const lowHalf = (value: Code): Code => i64.and(value, LOW_HALF)
export const highHalf = (value: Code): Code => i64.shiftRight(value, i64.constant(32n))

/** Adds a fixed distance to an address. */
export const moved = (local: number, by: number): Code =>
  set(local, i32.add(get(local), i32.constant(by)))

export const f64 = {
  ofInteger64: unary(0xba),
  store: (at: Code, value: Code, offset = 0): Code => [at, value, 0x39, 3, unsigned(offset)],
}

/** Of memory, and of the bytes behind an address. */
export const memory = {
  pages: [0x3f, 0] as Code,
  fill: (at: Code, value: Code, length: Code): Code => [at, value, length, 0xfc, 11, 0],
}

const vector = (operation: number): Code => [0xfd, unsigned(operation)]
const ZERO: Code = [vector(12), new Array<number>(16).fill(0)]
/** Of two vectors, where the other does not matter. */
const REVERSED: Code = [ZERO, vector(13), Array.from({ length: 16 }, (_, i) => 15 - i)]

/** Pairs of 64-bit integers that are 16 bytes of memory, the most significant first. */
export const pair = {
  zero: ZERO,
  of: (low: Code, high: Code): Code => [low, vector(18), high, vector(30), 1, REVERSED],
  load: (at: Code, offset = 0): Code => [at, vector(0), 0, unsigned(offset), REVERSED],
  store: (at: Code, value: Code, offset = 0): Code => [
    ...[at, value, vector(11), 0, unsigned(offset)],
  ],
  low: (value: Code): Code => [value, vector(29), 0],
  high: (value: Code): Code => [value, vector(29), 1],
}
