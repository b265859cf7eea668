// Events as text, written by a compiled form, against their JSON by way of the canonical bytes.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Coprocessor } from '../../../../core/host/coprocessor.ts'
import { toOutside } from '../../../../core/host/fieldCodec.ts'
import { toJson } from '../../../../core/host/fieldJson.ts'
import type { Values } from '../../../../core/host/fields.ts'
import { EventTexts } from '../../../../rpc/format/eventText.ts'
import { described, testNames } from '../../../support/fieldArbitraries.ts'

it('writes any event as the field JSON has it', () => {
  fc.assert(
    fc.property(described('inside'), ({ fields, values }) => {
      const engine = { id: 3, name: 'any', events: { Happened: fields } } as unknown as Coprocessor
      const texts = new EventTexts([engine], testNames)
      const outside = toOutside(fields, values as Values<typeof fields>, testNames)
      const expected = JSON.stringify({ kind: 'Happened', ...toJson(fields, outside) })
      const told = { engine: 3, event: { ...values, kind: 'Happened' } }
      expect(texts.textOf(told)).toBe(expected)
      expect(texts.textOf(told), 'the same again').toBe(expected)
    }),
  )
})
