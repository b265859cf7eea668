import type { ActionCall } from '../../core/chain/action.ts'
import type { Coprocessor } from '../../core/host/coprocessor.ts'
import { encodeArgs } from '../../core/host/fieldCodec.ts'
import type { Field, Fields } from '../../core/host/fields.ts'
import type { FieldDescription } from '../format/engine.ts'
import { type Inputs, inputJson, type Outputs, outputFromJson, outsideOf } from './values.ts'

/**
 * What a client needs of an engine. An engine itself will do, and so will
 * `{ id, name, publicFns, views }` of its own constants, which keeps the types of every argument.
 */
export type EngineTable = {
  readonly id: number
  readonly name: string
  readonly publicFns: { readonly [name: string]: FunctionTable }
  readonly views: { readonly [name: string]: ViewTable }
}
// biome-ignore lint/suspicious/noExplicitAny: each function has fields of its own.
type FunctionTable = { readonly id: number; readonly args: any; readonly result: any }
// biome-ignore lint/suspicious/noExplicitAny: as above.
type ViewTable = { readonly args: any; readonly result: any }

export type EngineTables = { readonly [name: string]: EngineTable }

/** A call to be signed, and how to read its result. */
export type Action<R extends Fields = Fields> = ActionCall & {
  readonly name: string
  readonly resultFields: R
}

/** No arguments: none need be given. */
type Arguments<F extends Fields> = keyof F extends never ? readonly [] : readonly [args: Inputs<F>]

export type Actions<E extends EngineTables> = {
  readonly [N in keyof E]: {
    readonly [F in keyof E[N]['publicFns']]: (
      ...args: Arguments<E[N]['publicFns'][F]['args']>
    ) => Action<E[N]['publicFns'][F]['result']>
  }
}

export type Views<E extends EngineTables> = {
  readonly [N in keyof E]: {
    readonly [V in keyof E[N]['views']]: (
      ...args: Arguments<E[N]['views'][V]['args']>
    ) => Promise<Outputs<E[N]['views'][V]['result']>>
  }
}

/** `actions.exchange.cancel({ market: 0, orderId })`. BAD_ARGUMENTS is thrown at once. */
export function actionsOf<E extends EngineTables>(engines: E): Actions<E> {
  return mapEngines(engines, (engine) =>
    mapValues(engine.publicFns, ({ id, args, result }, name) => (input: Inputs<Fields> = {}) => ({
      engine: engine.id,
      fn: id,
      args: encodeArgs(args as Fields, outsideOf(args as Fields, input)),
      name: `${engine.name}.${name}`,
      resultFields: result as Fields,
    })),
  ) as unknown as Actions<E>
}

/** `views.exchange.best({ market: 0 })`. */
export function viewsOf<E extends EngineTables>(
  engines: E,
  call: (method: string, params: readonly unknown[]) => Promise<unknown>,
): Views<E> {
  return mapEngines(engines, (engine) =>
    mapValues(
      engine.views,
      ({ result }, name) =>
        async (input: Inputs<Fields> = {}) =>
          outputFromJson(
            result as Fields,
            await call(`nexus_${engine.name}_${name}`, [inputJson(input)]),
          ),
    ),
  ) as unknown as Views<E>
}

/** As typed data wants them: of an engine it reads no more than a table has. */
export const registryOf = (engines: EngineTables): readonly Coprocessor[] =>
  Object.values(engines) as unknown as readonly Coprocessor[]

export type EngineDescription = {
  readonly id: number
  readonly name: string
  readonly functions: readonly {
    readonly name: string
    readonly id: number
    readonly args: readonly FieldDescription[]
    readonly result: readonly FieldDescription[]
  }[]
  readonly views: readonly {
    readonly name: string
    readonly args: readonly FieldDescription[]
    readonly result: readonly FieldDescription[]
  }[]
}

/** Tables from what `nexus_engines` answers, for a program that has no engine at hand; arguments are untyped. */
export function engineTablesOf(descriptions: readonly EngineDescription[]): EngineTables {
  return Object.fromEntries(
    descriptions.map(({ id, name, functions, views }) => [
      name,
      {
        id,
        name,
        publicFns: Object.fromEntries(
          functions.map((fn) => [
            fn.name,
            { id: fn.id, args: fieldsFrom(fn.args), result: fieldsFrom(fn.result) },
          ]),
        ),
        views: Object.fromEntries(
          views.map((view) => [
            view.name,
            { args: fieldsFrom(view.args), result: fieldsFrom(view.result) },
          ]),
        ),
      },
    ]),
  )
}

const fieldsFrom = (described: readonly FieldDescription[]): Fields =>
  Object.fromEntries(described.map((field) => [field.name, fieldFrom(field)]))

function fieldFrom({ kind, max = 0, choices = [], elements = [] }: FieldDescription): Field {
  switch (kind) {
    case 'list':
      return { kind, max, of: fieldsFrom(elements) }
    case 'choice':
      return { kind, of: choices }
    case 'bytes':
    case 'text':
      return { kind, max }
    default:
      return { kind }
  }
}

function mapEngines<T>(
  engines: EngineTables,
  of: (engine: EngineTable) => T,
): { readonly [name: string]: T } {
  return mapValues(engines, of)
}

const mapValues = <V, T>(
  values: { readonly [name: string]: V },
  of: (value: V, name: string) => T,
): { readonly [name: string]: T } =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, of(value, name)]))
