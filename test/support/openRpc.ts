// The part of JSON Schema that the OpenRPC files of Ethereum use.
import { readFileSync } from 'node:fs'

export type Schema = {
  readonly $ref?: string
  readonly type?: string
  readonly pattern?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly oneOf?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly not?: Schema
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly patternProperties?: Readonly<Record<string, Schema>>
}

type RecordedError = {
  readonly method: string
  readonly params: readonly unknown[]
  readonly error: { readonly code: number; readonly message: string; readonly data?: string }
}

type OpenRpc = {
  readonly schemas: Readonly<Record<string, Schema>>
  readonly results: Readonly<Record<string, Schema>>
  readonly samples: Readonly<Record<string, unknown>>
  readonly errors: Readonly<Record<string, RecordedError>>
  /** Names of all methods of the document. */
  readonly methods: readonly string[]
}

export const openRpc = JSON.parse(
  readFileSync(new URL('../vectors/execution-apis/openrpc.json', import.meta.url), 'utf8'),
) as OpenRpc

/** Where a value is not what a schema says; empty when it is. */
export function faultsOf(value: unknown, schema: Schema, path = 'result'): string[] {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? ''
    const target = openRpc.schemas[name]
    return target === undefined ? [`${path}: no schema ${name}`] : faultsOf(value, target, path)
  }
  return [
    ...typeFaults(value, schema, path),
    ...choiceFaults(value, schema, path),
    ...(schema.allOf ?? []).flatMap((part) => faultsOf(value, part, path)),
    ...objectFaults(value, schema, path),
    ...(Array.isArray(value) && schema.items !== undefined
      ? value.flatMap((item, i) => faultsOf(item, schema.items as Schema, `${path}[${i}]`))
      : []),
  ]
}

function typeFaults(value: unknown, schema: Schema, path: string): string[] {
  const { type, pattern, minimum, maximum } = schema
  const is = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  if (type === 'integer' ? !Number.isInteger(value) : type !== undefined && type !== is)
    return [`${path}: ${is} instead of ${type}`]
  if (pattern !== undefined && !(typeof value === 'string' && new RegExp(pattern).test(value)))
    return [`${path}: ${String(value).slice(0, 80)} is not ${pattern}`]
  if (typeof value === 'number' && (value < (minimum ?? value) || value > (maximum ?? value)))
    return [`${path}: ${value} is out of range`]
  if (schema.const !== undefined && schema.const !== value) return [`${path}: not ${schema.const}`]
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${path}: not of the enum`]
  return []
}

function choiceFaults(value: unknown, schema: Schema, path: string): string[] {
  const choices = schema.oneOf ?? schema.anyOf
  if (schema.not !== undefined && faultsOf(value, schema.not, path).length === 0)
    return [`${path}: is what it must not be`]
  if (choices === undefined) return []
  const faults = choices.map((choice) => faultsOf(value, choice, path))
  // The files write oneOf where several fit (a legacy transaction is a 2930 one with less).
  return faults.some((list) => list.length === 0) ? [] : [`${path}: fits none: ${faults.flat()}`]
}

function objectFaults(value: unknown, schema: Schema, path: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  const members = value as Readonly<Record<string, unknown>>
  const { properties = {}, required = [], additionalProperties, patternProperties = {} } = schema
  return [
    ...required.filter((name) => !(name in members)).map((name) => `${path}: no ${name}`),
    ...Object.entries(members).flatMap(([name, member]) => {
      const known = properties[name]
      if (known !== undefined) return faultsOf(member, known, `${path}.${name}`)
      const pattern = Object.keys(patternProperties).find((text) => new RegExp(text).test(name))
      const other = pattern === undefined ? additionalProperties : patternProperties[pattern]
      if (typeof other === 'object') return faultsOf(member, other, `${path}.${name}`)
      return other === false ? [`${path}: has ${name}`] : []
    }),
  ]
}

/** Sorted member names, all the way down; of a list, those of its first element. */
export function namesOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [namesOf(value[0])]
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : 'value'
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, namesOf(member)]),
  )
}
