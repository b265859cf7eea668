import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Coprocessor, EngineEvent } from '../../../core/host/coprocessor.ts'
import { eventCodecOf } from '../../../core/host/eventCodec.ts'
import { fieldsCodec } from '../../../core/host/fieldCodec.ts'
import type { Values } from '../../../core/host/fields.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { decode, encode } from '../../../core/primitives/codec.ts'
import {
  expectEveryTruncationFails,
  expectMutationsCanonical,
  expectRoundTrip,
} from '../../support/codecLaws.ts'
import { valuesOf } from '../../support/fieldArbitraries.ts'
import { sampleEngine } from '../../support/sampleEngine.ts'

const codec = eventCodecOf(sampleEngine)
const kinds = Object.entries(sampleEngine.events)

describe('eventCodec', () => {
  it('is the position of the kind and the fields as they are inside', () => {
    const any = fc.nat(kinds.length - 1).chain((tag) => {
      const [kind, fields] = kinds[tag] as (typeof kinds)[number]
      return valuesOf(fields, 'inside').map((values) => ({ tag, kind, fields, values }))
    })
    fc.assert(
      fc.property(any, ({ tag, kind, fields, values }) => {
        const bytes = expectRoundTrip<EngineEvent>(codec, { kind, ...values })
        const inner = encode(fieldsCodec(fields), values as Values<typeof fields>)
        expect(toHex(bytes)).toBe(toHex(Uint8Array.of(tag, ...inner)))
        expectEveryTruncationFails(codec, bytes)
        expectMutationsCanonical(codec, bytes, [1, 0x80])
      }),
    )
  })

  it('refuses kinds that the engine does not have', () => {
    expect(decode(codec, Uint8Array.of(kinds.length))).toEqual({ ok: false, code: 'BAD_TAG' })
    expect(() => encode(codec, { kind: 'other' })).toThrow('declares its event other')
    expect(() => encode(codec, { kind: 'toString' })).toThrow('declares its event toString')
  })

  it('is made once for an engine and never for two', () => {
    const other = { ...sampleEngine, events: { emptied: {} } } as Coprocessor
    expect(eventCodecOf(sampleEngine)).toBe(codec)
    expect(encode(eventCodecOf(other), { kind: 'emptied' })).toEqual(Uint8Array.of(0))
    expect(encode(codec, { kind: 'emptied' })).toEqual(Uint8Array.of(3))
  })
})
