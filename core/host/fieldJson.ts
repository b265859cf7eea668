import { parseHex, toHex } from '../primitives/bytes.ts'
import { ok } from '../primitives/result.ts'
import { ADDRESS_LENGTH } from '../primitives/signature.ts'
import type { OutsideValues } from './fieldCodec.ts'
import type { Field, Fields } from './fields.ts'

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json }

/** `int` and wider become decimal strings, because not every JSON reader keeps 53 bits; bytes 0x hex. */
export function toJson<F extends Fields>(
  fields: F,
  values: OutsideValues<F>,
): { readonly [name: string]: Json } {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      valueToJson(field, (values as { readonly [name: string]: unknown })[name]),
    ]),
  )
}

function valueToJson(field: Field, value: unknown): Json {
  switch (field.kind) {
    case 'bool':
    case 'u8':
    case 'u16':
    case 'u32':
    case 'text':
    case 'choice':
      return value as Json
    case 'int':
    case 'signed':
    case 'u128':
    case 'u256':
      return String(value)
    case 'address':
    case 'account':
    case 'bytes32':
    case 'bytes':
      return `0x${toHex(value as Uint8Array)}`
    case 'list':
      return (value as readonly OutsideValues<Fields>[]).map((one) => toJson(field.of, one))
  }
}

/** `path` leads to the first thing wrong: `orders[3].price`. */
export type BadJson = { readonly ok: false; readonly code: 'BAD_ARGUMENTS'; readonly path: string }

/**
 * Every field must be there and nothing else: a misspelt name must not become a default. Numbers may
 * be given as numbers where they are safe integers, or as decimal strings.
 */
export function fromJson<F extends Fields>(
  fields: F,
  json: unknown,
): { readonly ok: true; readonly value: OutsideValues<F> } | BadJson {
  const read = objectFrom(fields, json, '')
  return read.ok ? ok(read.value as OutsideValues<F>) : read
}

type Read<T = unknown> = { readonly ok: true; readonly value: T } | BadJson

const bad = (path: string): BadJson => ({ ok: false, code: 'BAD_ARGUMENTS', path })

function objectFrom(fields: Fields, json: unknown, path: string): Read {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return bad(path)
  const under = (name: string): string => (path === '' ? name : `${path}.${name}`)
  for (const name of Object.keys(json)) {
    if (!Object.hasOwn(fields, name)) return bad(under(name))
  }
  const values: { [name: string]: unknown } = {}
  for (const [name, field] of Object.entries(fields)) {
    if (!Object.hasOwn(json, name)) return bad(under(name))
    const read = valueFrom(field, (json as { readonly [name: string]: unknown })[name], under(name))
    if (!read.ok) return read
    values[name] = read.value
  }
  return ok(values)
}

function valueFrom(field: Field, json: unknown, path: string): Read {
  const wrap = (value: unknown): Read => (value === null ? bad(path) : ok(value))
  switch (field.kind) {
    case 'bool':
      return wrap(typeof json === 'boolean' ? json : null)
    case 'u8':
      return wrap(numberFrom(json, 0n, 0xffn))
    case 'u16':
      return wrap(numberFrom(json, 0n, 0xffffn))
    case 'u32':
      return wrap(numberFrom(json, 0n, 0xffff_ffffn))
    case 'int':
      return wrap(numberFrom(json, 0n, SAFE))
    case 'signed':
      return wrap(numberFrom(json, -SAFE, SAFE))
    case 'u128':
      return wrap(integerFrom(json, 0n, (1n << 128n) - 1n))
    case 'u256':
      return wrap(integerFrom(json, 0n, (1n << 256n) - 1n))
    case 'address':
    case 'account':
      return wrap(bytesFrom(json, ADDRESS_LENGTH, ADDRESS_LENGTH))
    case 'bytes32':
      return wrap(bytesFrom(json, 32, 32))
    case 'bytes':
      return wrap(bytesFrom(json, 0, field.max))
    case 'text':
      return wrap(isText(json) && json.length <= field.max ? json : null)
    case 'choice':
      return wrap(typeof json === 'string' && field.of.includes(json) ? json : null)
    case 'list':
      return listFrom(field.of, field.max, json, path)
  }
}

function listFrom(of: Fields, max: number, json: unknown, path: string): Read {
  if (!Array.isArray(json) || json.length > max) return bad(path)
  const values: unknown[] = []
  for (const [i, one] of json.entries()) {
    const read = objectFrom(of, one, `${path}[${i}]`)
    if (!read.ok) return read
    values.push(read.value)
  }
  return ok(values)
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER)
/** 2^256 has 78 digits; longer texts are not even parsed. */
const DECIMAL = /^(0|-?[1-9][0-9]{0,77})$/

function integerFrom(json: unknown, min: bigint, max: bigint): bigint | null {
  const isWritten = typeof json === 'string' && DECIMAL.test(json)
  if (!isWritten && !Number.isSafeInteger(json)) return null
  const value = BigInt(json as string | number)
  return value >= min && value <= max ? value : null
}

function numberFrom(json: unknown, min: bigint, max: bigint): number | null {
  const value = integerFrom(json, min, max)
  return value === null ? null : Number(value)
}

function bytesFrom(json: unknown, min: number, max: number): Uint8Array | null {
  if (typeof json !== 'string' || !json.startsWith('0x')) return null
  const length = (json.length - 2) / 2
  if (length < min || length > max) return null
  const parsed = parseHex(json)
  return parsed.ok ? parsed.value : null
}

const isText = (json: unknown): json is string => typeof json === 'string' && /^[ -~]*$/.test(json)
