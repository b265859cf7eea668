import type { Coprocessor, PublicFn, View } from '../../core/host/coprocessor.ts'
import type { Field, Fields } from '../../core/host/fields.ts'
import { precompileOf } from '../../core/host/precompile.ts'
import { data } from './hex.ts'

/** A field as JSON: the members of its description, a list's elements described alike. */
export type FieldDescription = {
  readonly name: string
  readonly kind: Field['kind']
  /** Most bytes, characters or elements. */
  readonly max?: number
  readonly choices?: readonly string[]
  readonly elements?: readonly FieldDescription[]
}

/** All that a client in any language needs to call an engine; fields are in the order of their encoding. */
export const engineOf = (engine: Coprocessor) => ({
  id: engine.id,
  name: engine.name,
  version: engine.version,
  address: data(precompileOf(engine.id)),
  functions: Object.entries(engine.publicFns).map(([name, fn]) => functionOf(name, fn)),
  views: Object.entries(engine.views).map(([name, view]) => viewOf(engine, name, view)),
  events: Object.entries(engine.events).map(([kind, fields]) => ({
    kind,
    fields: fieldsOf(fields),
  })),
  codes: engine.codes,
  tables: Object.entries(engine.schema).flatMap(([name, spec]) =>
    spec.kind === 'table'
      ? [{ name, capacity: spec.capacity, columns: Object.entries(spec.columns).map(columnOf) }]
      : [],
  ),
})

const functionOf = (name: string, fn: PublicFn) => ({
  name,
  id: fn.id,
  args: fieldsOf(fn.args),
  result: fieldsOf(fn.result),
  gas: fn.gas,
  class: typeof fn.class === 'string' ? fn.class : 'byArguments',
  authority: fn.authority,
  payable: fn.payable === true,
  only: fn.only ?? null,
})

const viewOf = (engine: Coprocessor, name: string, view: View) => ({
  name,
  method: viewMethod(engine, name),
  id: view.id,
  args: fieldsOf(view.args),
  result: fieldsOf(view.result),
  gas: view.gas,
})

export const viewMethod = (engine: Coprocessor, view: string): string =>
  `nexus_${engine.name}_${view}`

const fieldsOf = (fields: Fields): FieldDescription[] =>
  Object.entries(fields).map(([name, field]) => ({ name, ...fieldOf(field) }))

function fieldOf(field: Field): Omit<FieldDescription, 'name'> {
  switch (field.kind) {
    case 'list':
      return { kind: field.kind, max: field.max, elements: fieldsOf(field.of) }
    case 'choice':
      return { kind: field.kind, choices: field.of }
    case 'bytes':
    case 'text':
      return { kind: field.kind, max: field.max }
    default:
      return { kind: field.kind }
  }
}

const columnOf = ([name, kind]: readonly [string, unknown]) => ({ name, kind })
