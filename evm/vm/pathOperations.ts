import type { Word } from '../state/word.ts'
import * as words from './arithmetic.ts'
import { type Item, literal, type PathWriter } from './pathWriter.ts'

const MAX_SAFE = Number.MAX_SAFE_INTEGER
const MAX_INT = 0x7fff_ffff

const { MODULUS, ...functions } = words

/** What a path calls where there is no shorter way, and what is known before it runs is computed with. */
export const WORD_FUNCTIONS = functions

/** Opcode, function of `arithmetic.ts`, operands; the top of the stack is the first. */
const FUNCTIONS: Readonly<Record<number, readonly [keyof typeof WORD_FUNCTIONS, 1 | 2 | 3]>> = {
  1: ['add', 2],
  2: ['mul', 2],
  3: ['sub', 2],
  4: ['div', 2],
  5: ['sdiv', 2],
  6: ['mod', 2],
  7: ['smod', 2],
  8: ['addmod', 3],
  9: ['mulmod', 3],
  11: ['signextend', 2],
  16: ['lt', 2],
  17: ['gt', 2],
  18: ['slt', 2],
  19: ['sgt', 2],
  20: ['eq', 2],
  21: ['iszero', 1],
  22: ['and', 2],
  23: ['or', 2],
  24: ['xor', 2],
  25: ['not', 1],
  26: ['byte', 2],
  27: ['shl', 2],
  28: ['shr', 2],
  29: ['sar', 2],
}
type WordFunction = {
  readonly name: keyof typeof WORD_FUNCTIONS
  readonly compute: (...words: readonly Word[]) => Word
  readonly count: number
}
/** What computes an opcode of arithmetic, comparison or bits, and of how many operands; null: it is none. */
export function wordFunction(op: number): WordFunction | null {
  const row = FUNCTIONS[op]
  if (row === undefined) return null
  const [name, count] = row
  const compute = WORD_FUNCTIONS[name] as (...words: readonly Word[]) => Word
  return { name, compute, count }
}
/** Their results are below 2^53. */
const NUMBERS: ReadonlySet<string> = new Set([
  ...['lt', 'gt', 'slt', 'sgt', 'eq', 'iszero', 'byte'],
])

/** Arithmetic, comparisons and bits. False, and nothing written, if it is something else. */
export function operate(writer: PathWriter, op: number): boolean {
  const row = wordFunction(op)
  if (row === null) {
    if (op !== 0x59) return false
    writer.demand(op)
    writer.define('size', true)
    return true
  }
  const { name, compute, count } = row
  writer.demand(op)
  const operands = Array.from({ length: count }, () => writer.pop())
  const values = operands.flatMap(({ value }) => (value === null ? [] : [value]))
  if (values.length === count) {
    writer.push(literal(compute(...values)))
    return true
  }
  const [a, b = a] = operands as [Item, Item?]
  if (name === 'iszero' || (name === 'eq' && (isShort(a) || isShort(b)))) {
    writer.define(`${a.text} === ${name === 'eq' ? b.text : '0'} ? 1 : 0`, true)
    return true
  }
  const slow = `${name}(${operands.map(({ text }) => text).join(', ')})`
  write(writer, name, [a, b], slow)
  return true
}

function write(
  writer: PathWriter,
  name: string,
  [a, b]: readonly [Item, Item],
  slow: string,
): void {
  const mask = name === 'and' ? maskOf(a, b) : null
  if (mask !== null) {
    const [word, limit] = mask
    writer.define(
      `typeof ${word.text} === 'number' || ${word.text} <= ${limit} ? ${word.text} : ${slow}`,
    )
    return
  }
  const less = name === 'add' ? differenceOf(a, b) : null
  if (less !== null) {
    const [word, size] = less
    const asked = writer.isNumber(word) ? '' : `typeof ${word.text} === 'number' && `
    writer.define(`${asked}${word.text} >= ${size} ? ${word.text} - ${size} : ${slow}`)
    return
  }
  const guard = areNumbers(writer, a, b)
  const fast = guard === null ? null : FAST[name]?.(a, b)
  if (fast === null || fast === undefined) {
    writer.define(slow, NUMBERS.has(name) || isSmall(name, a, b))
    return
  }
  const { expression, bound, isNumber = false } = fast
  const asked = fast.asks === undefined ? guard : [guard, fast.asks].filter(Boolean).join(' && ')
  if (bound === undefined) {
    writer.define(asked === '' ? expression : `${asked} ? ${expression} : ${slow}`, isNumber)
    return
  }
  const prefix = asked === '' ? '' : `${asked} && `
  writer.defineEither((v) => `${prefix}(${v} = ${expression}) <= ${MAX_SAFE}`, slow)
}

/** Words of different types are different, so that it takes no question what the other is. */
const isShort = ({ value }: Item): boolean => typeof value === 'number'

/** The question whether both are numbers; empty: they are; null: they cannot be. */
function areNumbers(writer: PathWriter, a: Item, b: Item): string | null {
  if (typeof a.value === 'bigint' || typeof b.value === 'bigint') return null
  const asked = (a === b ? [a] : [a, b]).filter((item) => !writer.isNumber(item))
  return asked.map(({ text }) => `typeof ${text} === 'number'`).join(' && ')
}

/** A word and the mask it meets, of low bits and at least 53, which most words do not go beyond. */
function maskOf(a: Item, b: Item): readonly [Item, string] | null {
  for (const [word, { value, text }] of [
    [a, b],
    [b, a],
  ] as const) {
    if (typeof value === 'bigint' && (value & (value + 1n)) === 0n) return [word, text]
  }
  return null
}

/** A sum with what stands for a small negative number. */
function differenceOf(a: Item, b: Item): readonly [Item, number] | null {
  for (const [word, { value }] of [
    [a, b],
    [b, a],
  ] as const) {
    if (typeof value === 'bigint' && value >= MODULUS - BigInt(MAX_INT))
      return [word, Number(MODULUS - value)]
  }
  return null
}

/** Of a division by a number, or of a long word shifted far, little is left. */
const isSmall = (name: string, a: Item, b: Item): boolean =>
  (name === 'mod' && b.isNumber) ||
  (name === 'and' && (a.isNumber || b.isNumber)) ||
  (name === 'shr' && a.value !== null && a.value >= 203)

type Fast = {
  readonly expression: string
  /** Present: only if the result is not above 2^53 − 1. */
  readonly bound?: true
  readonly asks?: string
  /** Of the slow way too. */
  readonly isNumber?: boolean
}

/** What is shorter if both are numbers. */
const FAST: Readonly<Record<string, (a: Item, b: Item) => Fast | null>> = {
  add: (a, b) => ({ expression: `${a.text} + ${b.text}`, bound: true }),
  mul: (a, b) => ({ expression: `${a.text} * ${b.text}`, bound: true }),
  sub: (a, b) => ({ expression: `${a.text} - ${b.text}`, asks: `${a.text} >= ${b.text}` }),
  lt: comparison('<'),
  gt: comparison('>'),
  slt: comparison('<'),
  sgt: comparison('>'),
  eq: comparison('==='),
  and: bits('&'),
  or: bits('|'),
  xor: bits('^'),
  shl: ({ value }, b) =>
    typeof value === 'number' && value < 53
      ? { expression: `${b.text} * ${2 ** value}`, bound: true }
      : null,
  shr: ({ value }, b) =>
    typeof value === 'number'
      ? {
          expression: value > 52 ? '0' : `Math.floor(${b.text} / ${2 ** value})`,
          isNumber: value >= 203,
        }
      : null,
  div: (a, { value, text }) =>
    typeof value === 'number' && value > 0
      ? { expression: `Math.floor(${a.text} / ${text})` }
      : null,
  mod: (a, { value, text }) =>
    typeof value === 'number' && value > 0
      ? { expression: `${a.text} % ${text}`, isNumber: true }
      : null,
}

function comparison(operator: string): (a: Item, b: Item) => Fast {
  return (a, b) => ({ expression: `(${a.text} ${operator} ${b.text} ? 1 : 0)`, isNumber: true })
}

function bits(operator: string): (a: Item, b: Item) => Fast {
  return (a, b) => {
    const asked = [a, b].filter(({ value }) => value === null || value > MAX_INT)
    return {
      expression: `${a.text} ${operator} ${b.text}`,
      asks: asked.map(({ text }) => `${text} <= ${MAX_INT}`).join(' && '),
      isNumber: operator === '&' && (a.isNumber || b.isNumber),
    }
  }
}
