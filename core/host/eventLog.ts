import { assert } from '../primitives/assert.ts'
import { type DecodeCode, Reader, Writer } from '../primitives/codec.ts'
import { ok, type Result, reject } from '../primitives/result.ts'
import type { Coprocessor, EngineEvent } from './coprocessor.ts'
import type { EngineHost } from './engineHost.ts'
import { eventCodecOf } from './eventCodec.ts'
import type { HostContext } from './hostContext.ts'

/** The events of a block that nothing can revert any more: for each the engine (u16), then its fields. */
export class EventLog {
  readonly #hostOf: (engine: number) => EngineHost | undefined
  readonly #writer = new Writer(1 << 12)

  constructor(hostOf: (engine: number) => EngineHost | undefined) {
    this.#hostOf = hostOf
  }

  /** Encodes what the context holds, and empties it. */
  take(context: HostContext): void {
    const { engines, events, count } = context.emitted
    for (let i = 0; i < count; i++) {
      const engine = engines[i] as number
      const host = this.#hostOf(engine)
      assert(host !== undefined, 'an event is of a registered engine')
      this.#writer.u16(engine)
      host.events.write(this.#writer, events[i] as EngineEvent)
    }
    context.dropEvents(0)
  }

  /** Events that another log encoded. */
  append(encoded: Uint8Array): void {
    this.#writer.raw(encoded)
  }

  finish(): Uint8Array {
    return this.#writer.finish()
  }
}

export type BlockEvent = { readonly engine: number; readonly event: EngineEvent }

/** The events of a block in order; accounts are ledger ids. */
export function decodeEvents(
  engines: readonly Coprocessor[],
  encoded: Uint8Array,
): Result<readonly BlockEvent[], DecodeCode> {
  const codecs = new Map(engines.map((engine) => [engine.id, eventCodecOf(engine)]))
  const reader = new Reader(encoded)
  const events: BlockEvent[] = []
  while (reader.remaining > 0 && reader.fault === null) {
    const engine = reader.u16()
    const codec = codecs.get(engine)
    if (codec === undefined) return reject('BAD_TAG')
    events.push({ engine, event: codec.read(reader) })
  }
  return reader.fault === null ? ok(events) : reject(reader.fault)
}
