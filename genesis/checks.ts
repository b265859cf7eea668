import type { JsonObject, JsonValue } from './json.ts'
import { elementPath, memberPath, type Problem, type ProblemCode, shortText } from './problems.ts'

/** Turns a JSON value into a typed one, or adds problems and gives undefined. Never throws. */
export type Check<T> = (value: JsonValue, place: Place) => T | undefined

/** Where in the document a value stands, and where its problems go. */
export type Place = { readonly path: string; readonly problems: Problem[] }

/** A key of an object: `absent` is its value when the key is missing; without it the key is required. */
export type Field<T> = { readonly check: Check<T>; readonly absent?: T }

export const required = <T>(check: Check<T>): Field<T> => ({ check })
export const defaulted = <T>(check: Check<T>, absent: T): Field<T> => ({ check, absent })

export function report(
  place: Place,
  code: ProblemCode,
  { expected, found }: { readonly expected: string; readonly found: string },
): undefined {
  place.problems.push({ path: place.path, code, expected, found })
}

/** Exactly these keys: a missing or an unknown one is a problem, and every member is checked. */
export function object<T extends object>(
  fields: {
    readonly [K in keyof T]: Field<T[K]>
  },
): Check<T> {
  const entries = Object.entries(fields) as [string, Field<unknown>][]
  const known = new Set(entries.map(([key]) => key))
  return (value, place) => {
    if (!isObject(value)) return wrongType(place, 'an object', value)
    const members = new Map<string, unknown>()
    for (const [key, field] of entries) {
      const inner = { path: memberPath(place.path, key), problems: place.problems }
      const member = readMember(value.get(key), field, inner)
      if (member !== undefined) members.set(key, member)
    }
    for (const key of value.keys()) {
      if (known.has(key)) continue
      const inner = { path: memberPath(place.path, key), problems: place.problems }
      const expected = `one of the keys ${[...known].join(', ')}`
      report(inner, 'UNKNOWN_KEY', { expected, found: shortText(key) })
    }
    return members.size === known.size ? (Object.fromEntries(members) as T) : undefined
  }
}

function readMember(value: JsonValue | undefined, field: Field<unknown>, place: Place): unknown {
  if (value !== undefined) return field.check(value, place)
  if (field.absent !== undefined) return field.absent
  return report(place, 'MISSING_KEY', { expected: 'the key', found: 'nothing' })
}

export function list<T>(
  check: Check<T>,
  { min, max }: { readonly min: number; readonly max: number },
): Check<readonly T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) return wrongType(place, 'an array', value)
    const elements = value as readonly JsonValue[]
    const found = `${elements.length}`
    if (elements.length < min)
      return report(place, 'TOO_FEW', { expected: `at least ${min}`, found })
    if (elements.length > max)
      return report(place, 'TOO_MANY', { expected: `at most ${max}`, found })
    const values = elements.map((element, index) =>
      check(element, { path: elementPath(place.path, index), problems: place.problems }),
    )
    return values.every((element) => element !== undefined) ? (values as T[]) : undefined
  }
}

/** An object used as a dictionary: its keys as well as its values are data. */
export function dictionary<K, V>(
  checkKey: Check<K>,
  checkValue: Check<V>,
  max: number,
): Check<readonly (readonly [K, V])[]> {
  return (value, place) => {
    if (!isObject(value)) return wrongType(place, 'an object', value)
    if (value.size > max)
      return report(place, 'TOO_MANY', { expected: `at most ${max}`, found: `${value.size}` })
    const entries = [...value].map(([key, member]) => {
      const inner = { path: memberPath(place.path, key), problems: place.problems }
      return [checkKey(key, inner), checkValue(member, inner)] as const
    })
    return entries.every(([key, member]) => key !== undefined && member !== undefined)
      ? (entries as (readonly [K, V])[])
      : undefined
  }
}

export function integer({
  min,
  max,
}: {
  readonly min: number
  readonly max: number
}): Check<number> {
  return (value, place) => {
    if (typeof value !== 'number') return wrongType(place, 'a number', value)
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value
    const expected = `an integer from ${min} to ${max}`
    return report(place, 'OUT_OF_RANGE', { expected, found: `${value}` })
  }
}

/** A string that matches; `expected` describes the pattern to a person. */
export function text(pattern: RegExp, expected: string): Check<string> {
  return (value, place) => {
    if (typeof value !== 'string') return wrongType(place, expected, value)
    return pattern.test(value) ? value : badFormat(place, expected, value)
  }
}

export function oneOf<T extends string>(choices: readonly T[]): Check<T> {
  const expected = choices.map((choice) => `"${choice}"`).join(' or ')
  return (value, place) => {
    if (typeof value !== 'string') return wrongType(place, expected, value)
    const choice = choices.find((candidate) => candidate === value)
    return choice ?? report(place, 'UNSUPPORTED', { expected, found: shortText(value) })
  }
}

export const badFormat = (place: Place, expected: string, value: string): undefined =>
  report(place, 'BAD_FORMAT', { expected, found: shortText(value) })

export const wrongType = (place: Place, expected: string, value: JsonValue): undefined =>
  report(place, 'WRONG_TYPE', { expected, found: describe(value) })

const isObject = (value: JsonValue): value is JsonObject => value instanceof Map

function describe(value: JsonValue): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  return typeof value === 'string'
    ? `the string ${shortText(value)}`
    : `the ${typeof value} ${value}`
}
