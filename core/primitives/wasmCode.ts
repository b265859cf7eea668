/** The parts of a WebAssembly module (WebAssembly core specification, §5). */
export const I32 = 0x7f
export const I64 = 0x7e
export const F64 = 0x7c
export const V128 = 0x7b
export const VOID = 0x40
export const LOOP = 0x03
export const IF = 0x04
export const END = 0x0b
export const BRANCH_IF = 0x0d
/** Of 64 bits. */
export const LOAD = 0x29
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

type Signature = { readonly parameters: readonly number[]; readonly results: readonly number[] }
export type Import = Signature & { readonly name: string }
/** `body` begins with its locals and ends with END. */
export type ModuleFunction = Import & { readonly body: readonly number[] }

export type ModuleParts = {
  /** Of a memory of its own, which it exports; null: it imports one as `memory`. */
  readonly pages: number | null
  /** Their numbers come before those of its own functions; from `HOST`, as the memory. */
  readonly imports: readonly Import[]
  /** All of them are exported. */
  readonly functions: readonly ModuleFunction[]
  /** At address 0. */
  readonly data: readonly number[]
}

/** What a module's imports are found under. */
export const HOST = 'host'

export function moduleOf({
  pages,
  imports,
  functions,
  data,
}: ModuleParts): Uint8Array<ArrayBuffer> {
  const signatures = [...imports, ...functions].map(({ parameters, results }) => [
    ...[0x60, ...unsigned(parameters.length), ...parameters],
    ...[...unsigned(results.length), ...results],
  ])
  const imported = [
    ...(pages === null ? [[...name(HOST), ...name('memory'), 2, 0, 1]] : []),
    ...imports.map((part, i) => [...name(HOST), ...name(part.name), 0, ...unsigned(i)]),
  ]
  const types = functions.map((_, i) => unsigned(imports.length + i))
  const exported = [
    ...(pages === null ? [] : [[...name('memory'), 2, 0]]),
    ...functions.map((part, i) => [...name(part.name), 0, ...unsigned(imports.length + i)]),
  ]
  const bodies = functions.map(({ body }) => [...unsigned(body.length), ...body])
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector(signatures)),
    ...(imported.length === 0 ? [] : section(2, vector(imported))),
    ...section(3, vector(types)),
    ...(pages === null ? [] : section(5, [1, 0, ...unsigned(pages)])),
    ...section(7, vector(exported)),
    ...section(10, vector(bodies)),
    ...(data.length === 0
      ? []
      : section(11, [1, 0, I32_CONST, 0, END, ...unsigned(data.length), ...data])),
  ])
}

const vector = (parts: readonly (readonly number[])[]): number[] => [
  ...unsigned(parts.length),
  ...parts.flat(),
]
