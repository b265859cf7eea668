import { assert } from '../primitives/assert.ts'
import type { Codec } from '../primitives/codec.ts'
import type { Coprocessor, EngineEvent } from './coprocessor.ts'
import { fieldsCodec } from './fieldCodec.ts'
import type { Fields, Values } from './fields.ts'

/** One byte for the kind, its position in the engine's `events`, then its fields with accounts as ids. */
export function eventCodecOf(engine: Coprocessor): Codec<EngineEvent> {
  const known = codecs.get(engine)
  if (known !== undefined) return known
  const codec = compile(engine)
  codecs.set(engine, codec)
  return codec
}
const codecs = new WeakMap<Coprocessor, Codec<EngineEvent>>()

function compile(engine: Coprocessor): Codec<EngineEvent> {
  const kinds = Object.entries(engine.events).map(([kind, fields], tag) => ({
    kind,
    tag,
    fields: fieldsCodec(fields) as Codec<Values<Fields>>,
  }))
  assert(kinds.length <= 256, `${engine.name} has at most 256 kinds of events`)
  const byKind = new Map(kinds.map((entry) => [entry.kind, entry]))
  return {
    write(writer, event) {
      const entry = byKind.get(event.kind)
      assert(entry !== undefined, `${engine.name} declares its event ${event.kind}`)
      writer.u8(entry.tag)
      entry.fields.write(writer, event as unknown as Values<Fields>)
    },
    read(reader) {
      const entry = kinds[reader.u8()]
      if (entry === undefined) {
        reader.fail('BAD_TAG')
        return { kind: '' }
      }
      return { kind: entry.kind, ...entry.fields.read(reader) }
    },
  }
}
