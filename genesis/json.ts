import { elementPath, memberPath, type Problem, shortText } from './problems.ts'

/** A JSON document as a tree; objects are maps, so that no key is special and none is lost. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export type JsonObject = ReadonlyMap<string, JsonValue>

export type JsonOutcome =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** The deepest document we read is a genesis account's storage, at 4. */
const MAX_DEPTH = 16
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const SPACE = /[ \t\r\n]*/y
const WORDS: ReadonlyMap<string, null | boolean> = new Map([
  ['null', null],
  ['true', true],
  ['false', false],
])

/**
 * RFC 8259, stricter than `JSON.parse`: a key may appear once in an object. Repeated keys are all
 * reported; a syntax error ends the reading. Time and memory O(text).
 */
export function parseJson(text: string, maxLength: number): JsonOutcome {
  if (text.length > maxLength) {
    const expected = `at most ${maxLength} characters`
    return fail({ path: '', code: 'TOO_LARGE', expected, found: `${text.length}` })
  }
  const parser = new JsonParser(text)
  const value = parser.document()
  return parser.problems.length === 0
    ? { ok: true, value }
    : { ok: false, problems: parser.problems }
}

const fail = (problem: Problem): JsonOutcome => ({ ok: false, problems: [problem] })

/** The parser stops at the first syntax error by moving to the end, where nothing is readable. */
class JsonParser {
  readonly problems: Problem[] = []
  readonly #text: string
  #at = 0
  #broken = false

  constructor(text: string) {
    // A byte order mark is what some editors leave; RFC 8259 §8.1 lets a reader ignore it.
    this.#text = text.startsWith('\ufeff') ? text.slice(1) : text
  }

  document(): JsonValue {
    const value = this.#value('', 0)
    if (!this.#broken && this.#at < this.#text.length) this.#syntax('', 'the end of the document')
    return value
  }

  #value(path: string, depth: number): JsonValue {
    this.#skip(SPACE)
    const value = this.#bareValue(path, depth)
    this.#skip(SPACE)
    return value
  }

  #bareValue(path: string, depth: number): JsonValue {
    const next = this.#text[this.#at]
    if (next === '{' || next === '[') {
      if (depth >= MAX_DEPTH) return this.#syntax(path, `at most ${MAX_DEPTH} levels`)
      return next === '{' ? this.#object(path, depth + 1) : this.#array(path, depth + 1)
    }
    if (next === '"') return this.#string(path)
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length
        return value
      }
    }
    const token = this.#skip(NUMBER)
    return token === '' ? this.#syntax(path, 'a JSON value') : Number(token)
  }

  #object(path: string, depth: number): JsonValue {
    const members = new Map<string, JsonValue>()
    this.#at++
    this.#skip(SPACE)
    if (this.#take('}')) return members
    while (!this.#broken) {
      this.#skip(SPACE)
      if (this.#text[this.#at] !== '"') return this.#syntax(path, 'a key in double quotes')
      const key = this.#string(path)
      const place = memberPath(path, key)
      this.#skip(SPACE)
      if (!this.#take(':')) return this.#syntax(place, '":" after the key')
      const value = this.#value(place, depth)
      if (members.has(key)) this.#duplicate(place)
      members.set(key, value)
      if (this.#take('}')) return members
      if (!this.#take(',')) return this.#syntax(place, '"," or "}" after the value')
    }
    return members
  }

  #array(path: string, depth: number): JsonValue {
    const elements: JsonValue[] = []
    this.#at++
    this.#skip(SPACE)
    if (this.#take(']')) return elements
    while (!this.#broken) {
      const place = elementPath(path, elements.length)
      elements.push(this.#value(place, depth))
      if (this.#take(']')) return elements
      if (!this.#take(',')) return this.#syntax(place, '"," or "]" after the value')
    }
    return elements
  }

  /** Finds the closing quote by hand, since a regular expression would hold its state per character. */
  #string(path: string): string {
    const start = this.#at
    let end = start + 1
    let plain = true
    for (; end < this.#text.length && this.#text[end] !== '"'; end++) {
      if (this.#text[end] === '\\') {
        plain = false
        end++
      } else if (this.#text.charCodeAt(end) < 0x20) plain = false
    }
    const token = this.#text.slice(start, end + 1)
    const value = plain && end < this.#text.length ? token.slice(1, -1) : decodeString(token)
    if (value === null) {
      this.#syntax(path, 'a string in double quotes with JSON escapes')
      return ''
    }
    this.#at = end + 1
    return value
  }

  #take(character: string): boolean {
    if (this.#broken || this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const token = this.#broken ? '' : (pattern.exec(this.#text)?.[0] ?? '')
    this.#at += token.length
    return token
  }

  #duplicate(path: string): void {
    this.problems.push({
      path,
      code: 'DUPLICATE_KEY',
      expected: 'each key once in an object',
      found: 'the key again',
    })
  }

  #syntax(path: string, expected: string): null {
    if (this.#broken) return null
    this.#broken = true
    const before = this.#text.slice(0, this.#at)
    const line = before.split('\n').length
    const column = this.#at - before.lastIndexOf('\n')
    const rest = this.#text.slice(this.#at, this.#at + 20)
    const what = rest === '' ? 'the end of the text' : shortText(rest)
    const found = `${what} at line ${line}, column ${column}`
    this.problems.push({ path, code: 'NOT_JSON', expected, found })
    return null
  }
}

function decodeString(token: string): string | null {
  try {
    return JSON.parse(token) as string
  } catch {
    return null
  }
}
