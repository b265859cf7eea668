import { ok, type Result, reject } from '../core/primitives/result.ts'

export type JsonCode = 'BAD_JSON' | 'TOO_DEEP' | 'DUPLICATE_KEY' | 'TOO_COMPLEX'

const MAX_DEPTH = 32
/** Members and containers of one text: a full batch with overrides has some thousands; what remains costs milliseconds. */
const MAX_PARTS = 200_000

const QUOTE = 0x22
const COMMA = 0x2c
const OPEN_LIST = 0x5b
const BACKSLASH = 0x5c
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/**
 * JSON from outside: at most 32 levels deep, and no object names a member twice or `__proto__`,
 * since two readers of such a text may see two different requests.
 */
export function parseStrictJson(text: string): Result<unknown, JsonCode> {
  const named = membersNamed(text)
  if (typeof named === 'string') return reject(named)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return reject('BAD_JSON')
  }
  // Of members with one name the parser keeps one.
  return membersOf(value) === named ? ok(value) : reject('DUPLICATE_KEY')
}

/** How many members the objects of a text have; whether the text is JSON at all is left to the parser. */
function membersNamed(text: string): number | JsonCode {
  // One bit per open container: whether it is an object.
  let objects = 0
  let depth = 0
  let isObject = false
  let isKeyNext = false
  let members = 0
  let containers = 0
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i)
    if (character === QUOTE) {
      i = endOfString(text, i)
      if (i < 0) return 'BAD_JSON'
      if (isKeyNext && members++ + containers > MAX_PARTS) return 'TOO_COMPLEX'
      isKeyNext = false
    } else if (character === COMMA) {
      isKeyNext = isObject
    } else if (character === OPEN_OBJECT || character === OPEN_LIST) {
      if (depth++ === MAX_DEPTH) return 'TOO_DEEP'
      if (members + containers++ > MAX_PARTS) return 'TOO_COMPLEX'
      isObject = character === OPEN_OBJECT
      objects = (objects << 1) | (isObject ? 1 : 0)
      isKeyNext = isObject
    } else if (character === CLOSE_OBJECT || character === CLOSE_LIST) {
      if (depth-- === 0) return 'BAD_JSON'
      objects >>>= 1
      isObject = (objects & 1) === 1
      isKeyNext = false
    }
  }
  return members
}

/** Members of all objects in a value; NaN where one is called `__proto__`. */
function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let members = 0
  if (Array.isArray(value)) {
    for (const item of value) members += membersOf(item)
    return members
  }
  for (const key in value) {
    if (key === '__proto__') return Number.NaN
    members += 1 + membersOf((value as Readonly<Record<string, unknown>>)[key])
  }
  return members
}

/** Position of the closing quote, −1 without one. Native search: most of a body is long hex strings. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end > 0 && isEscaped(text, start, end)) end = text.indexOf('"', end + 1)
  return end
}

function isEscaped(text: string, start: number, end: number): boolean {
  let backslashes = 0
  while (end - 1 - backslashes > start && text.charCodeAt(end - 1 - backslashes) === BACKSLASH)
    backslashes++
  return backslashes % 2 === 1
}
