/** The parts of a WebAssembly module (WebAssembly core specification, §5). */
export const I32 = 0x7f
export const I64 = 0x7e
export const V128 = 0x7b
export const VOID = 0x40
export const LOOP = 0x03
export const IF = 0x04
export const END = 0x0b
export const BRANCH_IF = 0x0d
export const I32_CONST = 0x41
export const I32_LESS = 0x49
export const I32_ADD = 0x6a
export const I32_SUB = 0x6b

export function unsigned(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return [...bytes, rest]
}
/** Of a number from 0 to 8,191. */
export const i32 = (value: number): number[] =>
  value < 64 ? [I32_CONST, value] : [I32_CONST, (value & 0x7f) | 0x80, value >> 7]
export const get = (local: number): number[] => [0x20, local]
export const set = (local: number): number[] => [0x21, local]
export const tee = (local: number): number[] => [0x22, local]
/** Alignment of 8 bytes, and offset. */
export const at = (offset: number): number[] => [3, ...unsigned(offset)]

const section = (id: number, content: readonly number[]): number[] => [
  ...[id, ...unsigned(content.length)],
  ...content,
]
const name = (text: string): number[] => [
  text.length,
  ...Array.from(text, (letter) => letter.charCodeAt(0)),
]

export type OneFunction = {
  readonly name: string
  /** All of them i32. */
  readonly parameters: number
  readonly body: readonly number[]
  readonly pages: number
  /** At address 0. */
  readonly data: readonly number[]
}

/** A module with a memory, which it exports, and one function. */
export function moduleOf(only: OneFunction): Uint8Array<ArrayBuffer> {
  const { parameters, body, pages, data } = only
  const types = Array.from({ length: parameters }, () => I32)
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, parameters, ...types, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, pages]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name(only.name), 0, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
    ...section(11, [1, 0, I32_CONST, 0, END, ...unsigned(data.length), ...data]),
  ])
}
