import type { Coprocessor, View } from '../core/host/coprocessor.ts'
import { decodeArgs, encodeArgs, type OutsideValues, toOutside } from '../core/host/fieldCodec.ts'
import { fromJson, type Json, toJson } from '../core/host/fieldJson.ts'
import type { Fields, Values } from '../core/host/fields.ts'
import type { CoreBackend } from './coreBackend.ts'
import { fail, type Outcome } from './outcome.ts'

export type JsonObject = { readonly [name: string]: Json }

/** A view of an engine, with arguments and result as users write them. */
export function readView(
  core: CoreBackend,
  engine: Coprocessor,
  name: string,
  args: unknown,
): Outcome<JsonObject> {
  const view = engine.views[name] as View
  const parsed = fromJson(view.args, args)
  if (!parsed.ok)
    return fail({
      code: 'INVALID_PARAMS',
      problem: parsed.path === '' ? 'expected the arguments of the view' : `bad ${parsed.path}`,
    })
  const inside = insideOf(core, view.args, parsed.value)
  if (!inside.ok) return inside
  const read = core.view(engine.id, name, inside.value)
  if (!read.ok) return read
  return { ok: true, value: toJson(view.result, toOutside(view.result, read.value, core.names)) }
}

function insideOf(
  core: CoreBackend,
  fields: Fields,
  values: OutsideValues<Fields>,
): Outcome<Values<Fields>> {
  const decoded = decodeArgs(fields, encodeArgs(fields, values), core.names)
  return decoded.ok ? decoded : fail({ code: 'CORE_REJECTED', reject: decoded.code })
}

export const engineNamed = (core: CoreBackend, name: string): Coprocessor | null =>
  core.engines.find((engine) => engine.name === name) ?? null
