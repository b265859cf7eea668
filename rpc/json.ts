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
  const problem = problemOf(text)
  if (problem !== null) return reject(problem)
  try {
    return ok(JSON.parse(text) as unknown)
  } catch {
    return reject('BAD_JSON')
  }
}

/** Looks at structure only; whether the text is JSON at all is left to the parser. */
function problemOf(text: string): JsonCode | null {
  // One entry per open container: the keys seen in an object, null for a list.
  const open: (Set<string> | null)[] = []
  let keys: Set<string> | null = null
  let isKeyNext = false
  let parts = 0
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i)
    if (character === QUOTE) {
      const end = endOfString(text, i)
      if (end < 0) return 'BAD_JSON'
      if (isKeyNext && keys !== null) {
        const key = keyOf(text, i, end)
        if (key === null) return 'BAD_JSON'
        if (keys.has(key) || key === '__proto__') return 'DUPLICATE_KEY'
        keys.add(key)
        isKeyNext = false
        if (++parts > MAX_PARTS) return 'TOO_COMPLEX'
      }
      i = end
    } else if (character === OPEN_OBJECT || character === OPEN_LIST) {
      if (open.length === MAX_DEPTH) return 'TOO_DEEP'
      if (++parts > MAX_PARTS) return 'TOO_COMPLEX'
      open.push(keys)
      keys = character === OPEN_OBJECT ? new Set() : null
      isKeyNext = keys !== null
    } else if (character === CLOSE_OBJECT || character === CLOSE_LIST) {
      if (open.length === 0) return 'BAD_JSON'
      keys = open.pop() ?? null
      isKeyNext = false
    } else if (character === COMMA) {
      isKeyNext = keys !== null
    }
  }
  return null
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

function keyOf(text: string, start: number, end: number): string | null {
  const raw = text.slice(start + 1, end)
  if (!raw.includes('\\')) return raw
  try {
    return JSON.parse(`"${raw}"`) as string
  } catch {
    return null
  }
}
