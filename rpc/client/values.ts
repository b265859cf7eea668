import type { OutsideValues } from '../../core/host/fieldCodec.ts'
import { fromJson } from '../../core/host/fieldJson.ts'
import type { Field, Fields, FieldValue } from '../../core/host/fields.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'

export type Hex = `0x${string}`

/** What programs write: bytes and addresses as hex or as bytes, wide integers as bigint or number. */
export type Input<F> = F extends { readonly kind: 'account' | 'address' | 'bytes32' | 'bytes' }
  ? Hex | Uint8Array
  : F extends { readonly kind: 'u128' | 'u256' }
    ? bigint | number
    : F extends { readonly kind: 'list'; readonly of: infer E }
      ? E extends Fields
        ? readonly Inputs<E>[]
        : never
      : FieldValue<F>
export type Inputs<F extends Fields> = { readonly [K in keyof F]: Input<F[K]> }

/** What programs get: bytes and addresses as hex. */
export type Output<F> = F extends { readonly kind: 'account' | 'address' | 'bytes32' | 'bytes' }
  ? Hex
  : F extends { readonly kind: 'list'; readonly of: infer E }
    ? E extends Fields
      ? readonly Outputs<E>[]
      : never
    : FieldValue<F>
export type Outputs<F extends Fields> = { readonly [K in keyof F]: Output<F[K]> }

/** JSON of what a program wrote. */
export function inputJson(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return `0x${toHex(value)}`
  if (Array.isArray(value)) return value.map(inputJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, inputJson(one)]))
}

/** BAD_ARGUMENTS with the path of the first one wrong. */
export function outsideOf<F extends Fields>(fields: F, input: Inputs<F>): OutsideValues<F> {
  const parsed = fromJson(fields, inputJson(input))
  if (!parsed.ok) throw new NexusError({ code: parsed.code, path: parsed.path })
  return parsed.value
}

export function outputOf<F extends Fields>(fields: F, values: OutsideValues<F>): Outputs<F> {
  const given = values as { readonly [name: string]: unknown }
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, outputValue(field, given[name])]),
  ) as Outputs<F>
}

function outputValue(field: Field, value: unknown): unknown {
  if (value instanceof Uint8Array) return `0x${toHex(value)}`
  if (field.kind !== 'list') return value
  return (value as readonly OutsideValues<Fields>[]).map((one) => outputOf(field.of, one))
}

/** Of a node's JSON. BAD_ANSWER when it is not what the fields say. */
export function outputFromJson<F extends Fields>(fields: F, json: unknown): Outputs<F> {
  const parsed = fromJson(fields, json)
  if (!parsed.ok) throw new NexusError({ code: 'BAD_ANSWER', path: parsed.path })
  return outputOf(fields, parsed.value)
}
