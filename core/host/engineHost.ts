import type { Arena } from '../arena/index.ts'
import type { Schema, StateOf } from '../arena/schema.ts'
import type { Codec } from '../primitives/codec.ts'
import { NexusError } from '../primitives/errors.ts'
import type { Coprocessor, EngineEvent, InternalFn, PublicFn, View } from './coprocessor.ts'
import { eventCodecOf } from './eventCodec.ts'
import { fieldsCodec } from './fieldCodec.ts'
import { type FieldsForm, fieldsForm } from './fieldForms.ts'
import type { Fields, Values } from './fields.ts'

/** A public function with what the host asks about it at every call. */
export type HostedFn = {
  readonly name: string
  readonly fn: PublicFn
  /** Whether accounts occur, which only the ledger can name. */
  readonly namesInArgs: boolean
  readonly namesInResult: boolean
  /** How arguments are read. */
  readonly args: FieldsForm
  readonly result: Codec<Values<Fields>>
}

/** What is derived from an engine's description alone. */
export type EngineTable = {
  readonly engine: Coprocessor
  /** By function id. */
  readonly fns: readonly (HostedFn | undefined)[]
  readonly internalFns: ReadonlyMap<string, InternalFn>
  readonly views: ReadonlyMap<string, View>
  readonly events: Codec<EngineEvent>
}

/** An engine with its memory. */
export type EngineHost = EngineTable & {
  /** Position in the registry. */
  readonly index: number
  readonly arena: Arena<Schema>
  readonly state: StateOf<Schema>
}

export function engineTableOf(engine: Coprocessor): EngineTable {
  const fns: (HostedFn | undefined)[] = []
  for (const [name, fn] of Object.entries(engine.publicFns)) {
    const hosted = {
      name,
      fn,
      namesInArgs: hasAccounts(fn.args),
      namesInResult: hasAccounts(fn.result),
      args: fieldsForm(fn.args),
      result: fieldsCodec(fn.result) as Codec<Values<Fields>>,
    }
    fns[fn.id] = hosted
  }
  return {
    engine,
    fns,
    internalFns: new Map(Object.entries(engine.internalFns)),
    views: new Map(Object.entries(engine.views)),
    events: eventCodecOf(engine),
  }
}

const hasAccounts = (fields: Fields): boolean =>
  Object.values(fields).some(
    (field) => field.kind === 'account' || (field.kind === 'list' && hasAccounts(field.of)),
  )

/** What an engine's own exception becomes: the block halts, with enough to find the place. */
export function engineFault(
  engine: Coprocessor,
  place: { readonly fn: string; readonly height: number },
  cause: unknown,
): NexusError {
  if (cause instanceof NexusError && cause.detail.code === 'ENGINE_FAULT') return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  const detail = { code: 'ENGINE_FAULT', engine: engine.name, ...place, reason }
  return new NexusError(detail, {
    message: `Engine ${engine.name} failed in ${place.fn} at height ${place.height}: ${reason}`,
    cause,
  })
}
