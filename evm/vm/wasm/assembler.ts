import { assert } from '../../../core/primitives/assert.ts'
import { END, I32, I64, moduleOf, unsigned, VOID } from '../../../core/primitives/wasmCode.ts'
import { instantiate, type WasmMemory, webAssembly } from '../../../core/primitives/webAssembly.ts'

/** Instructions as bytes, nested as they are composed. */
export type Code = readonly (number | Code)[]

export type WasmFunction = {
  /** All of them 32-bit integers; they are the first locals. */
  readonly parameters: number
  /** Further locals: 32-bit ones first. */
  readonly locals: { readonly i32: number; readonly i64: number }
  readonly body: Code
}

export type WasmInstance = {
  /** One page of 64 KiB. */
  readonly memory: Uint8Array<ArrayBuffer>
  readonly run: (...parameters: number[]) => void
}

/** Compiles one function without results beside one page of memory. Integer code only: it computes the same everywhere. */
export function assemble({ parameters, locals, body }: WasmFunction): WasmInstance {
  const declared = [
    ...(locals.i32 === 0 ? [] : [[unsigned(locals.i32), I32]]),
    ...(locals.i64 === 0 ? [] : [[unsigned(locals.i64), I64]]),
  ]
  const module = moduleOf({
    ...{ name: 'run', parameters, pages: 1, data: [] },
    body: flat([unsigned(declared.length), declared, body, END]),
  })
  const wasm = webAssembly()
  const exports = wasm === null ? null : instantiate<Exports>(wasm, () => module)
  assert(exports !== null, 'the platform takes integer WebAssembly')
  return { memory: new Uint8Array(exports.memory.buffer), run: exports.run }
}

type Exports = { readonly memory: WasmMemory; readonly run: WasmInstance['run'] }

const flat = (code: Code): number[] =>
  code.flatMap((part) => (typeof part === 'number' ? [part] : flat(part)))

/** LEB128. */
function signed(value: bigint): Code {
  const low = Number(BigInt.asUintN(7, value))
  const rest = value >> 7n
  const isLast = (rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40)
  return isLast ? [low] : [low | 0x80, ...signed(rest)]
}

export const get = (local: number): Code => [0x20, unsigned(local)]
export const set = (local: number, value: Code): Code => [value, 0x21, unsigned(local)]

/** Leaves the block that is so many blocks or loops up; of a loop, goes on at its start. */
export const branch = (levels: number): Code => [0x0c, unsigned(levels)]
export const branchIf = (condition: Code, levels: number): Code => [
  condition,
  0x0d,
  unsigned(levels),
]
export const block = (body: Code): Code => [0x02, VOID, body, END]
export const loop = (body: Code): Code => [0x03, VOID, body, END]
export const when = (condition: Code, body: Code): Code => [condition, 0x04, VOID, body, END]
export const either = (condition: Code, yes: Code, no: Code): Code => [
  ...[condition, 0x04, VOID, yes, 0x05, no, END],
]

const binary =
  (opcode: number) =>
  (a: Code, b: Code): Code => [a, b, opcode]

export const i32 = {
  constant: (value: number): Code => [0x41, signed(BigInt(value | 0))],
  isZero: (a: Code): Code => [a, 0x45],
  equals: binary(0x46),
  isBelow: binary(0x49),
  add: binary(0x6a),
  subtract: binary(0x6b),
}

export const i64 = {
  constant: (value: bigint): Code => [0x42, signed(BigInt.asIntN(64, value))],
  ofUnsigned32: (a: Code): Code => [a, 0xad],
  add: binary(0x7c),
  subtract: binary(0x7d),
  multiply: binary(0x7e),
  and: binary(0x83),
  xor: binary(0x85),
  shiftRight: binary(0x88),
  rotateRight: binary(0x8a),
  isBelow: binary(0x54),
  /** Little-endian, at an address and a fixed distance behind it. */
  load: (at: Code, offset = 0): Code => [at, 0x29, 3, unsigned(offset)],
  store: (at: Code, value: Code, offset = 0): Code => [at, value, 0x37, 3, unsigned(offset)],
  load32: (at: Code, offset = 0): Code => [at, 0x35, 2, unsigned(offset)],
  store32: (at: Code, value: Code, offset = 0): Code => [at, value, 0x3e, 2, unsigned(offset)],
}
