/** The part of WebAssembly that is used here; the standard library of TypeScript has it only with the DOM. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> }
}

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
  const func = flat([unsigned(declared.length), declared, body, END])
  const bytes = flat([
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    section(1, [1, 0x60, unsigned(parameters), new Array<number>(parameters).fill(I32), 0]),
    section(3, [1, 0]),
    section(5, [1, 0, 1]),
    section(7, [2, name('memory'), 2, 0, name('run'), 0, 0]),
    section(10, [1, unsigned(func.length), func]),
  ])
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(bytes)))
  const memory = exports.memory as { readonly buffer: ArrayBuffer }
  return { memory: new Uint8Array(memory.buffer), run: exports.run as WasmInstance['run'] }
}

const I32 = 0x7f
const I64 = 0x7e
const VOID = 0x40
const END = 0x0b

const flat = (code: Code): number[] =>
  code.flatMap((part) => (typeof part === 'number' ? [part] : flat(part)))

function section(id: number, content: Code): Code {
  const bytes = flat(content)
  return [id, unsigned(bytes.length), bytes]
}

const name = (text: string): Code => [text.length, ...new TextEncoder().encode(text)]

/** LEB128. */
function unsigned(value: number): Code {
  const low = value & 0x7f
  return value < 0x80 ? [low] : [low | 0x80, ...unsigned(value >>> 7)]
}
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
