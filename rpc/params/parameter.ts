import type { Ok } from '../outcome.ts'

/** A parameter as it should be, or what is wrong with it in words of geth's kind. */
export type Parsed<T> = Ok<T> | { readonly ok: false; readonly problem: string }

export const bad = (problem: string): { readonly ok: false; readonly problem: string } => ({
  ok: false,
  problem,
})

export type Parser<T> = (json: unknown) => Parsed<T>

/** `otherwise` stands for a parameter that is missing or null; undefined: it must be there. */
export type Parameter<T> = {
  readonly parse: Parser<T>
  readonly otherwise: T | undefined
}

export const required = <T>(parse: Parser<T>): Parameter<T> => ({ parse, otherwise: undefined })

export const optional = <T>(parse: Parser<T>, otherwise: T): Parameter<T> => ({
  parse,
  otherwise,
})

export type ParametersOf<P extends readonly unknown[]> = {
  readonly [I in keyof P]: Parameter<P[I]>
}

/** Positional parameters; more than the method has are refused, as geth does. */
export function parseParameters<P extends readonly unknown[]>(
  parameters: ParametersOf<P>,
  json: readonly unknown[],
): Parsed<P> {
  if (json.length > parameters.length)
    return bad(`too many arguments, want at most ${parameters.length}`)
  const values: unknown[] = []
  for (const [index, { parse, otherwise }] of parameters.entries()) {
    const given = json[index]
    if (given === undefined || given === null) {
      if (otherwise === undefined) return bad(`missing value for required argument ${index}`)
      values.push(otherwise)
      continue
    }
    const parsed = parse(given)
    if (!parsed.ok) return bad(`invalid argument ${index}: ${parsed.problem}`)
    values.push(parsed.value)
  }
  return { ok: true, value: values as readonly unknown[] as P }
}

/** An object's own members, or a problem. */
export function membersOf(json: unknown): Parsed<Readonly<Record<string, unknown>>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return bad('expected an object')
  return { ok: true, value: json as Readonly<Record<string, unknown>> }
}

export function parseList<T>(json: unknown, parse: Parser<T>, max: number): Parsed<readonly T[]> {
  if (!Array.isArray(json)) return bad('expected a list')
  if (json.length > max) return bad(`a list of more than ${max}`)
  const values: T[] = []
  for (const item of json) {
    const parsed = parse(item)
    if (!parsed.ok) return parsed
    values.push(parsed.value)
  }
  return { ok: true, value: values }
}

/** Reads members of one object; the first problem wins and is named after its member. */
export class MemberReader {
  readonly #members: Readonly<Record<string, unknown>>
  problem: string | null = null

  constructor(members: Readonly<Record<string, unknown>>) {
    this.#members = members
  }

  /** `otherwise` when the member is absent, null or bad. */
  read<T, O>(name: string, parse: Parser<T>, otherwise: O): T | O {
    const json = this.#members[name]
    if (json === undefined || json === null) return otherwise
    const parsed = parse(json)
    if (parsed.ok) return parsed.value
    this.problem ??= `${name}: ${parsed.problem}`
    return otherwise
  }

  has(name: string): boolean {
    return this.#members[name] !== undefined && this.#members[name] !== null
  }

  finish<T>(value: T): Parsed<T> {
    return this.problem === null ? { ok: true, value } : bad(this.problem)
  }
}
