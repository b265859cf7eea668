import fc from 'fast-check'
import { expect, it } from 'vitest'
import { packIncluded, unpackIncluded } from '../../../node/executor/includedColumns.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const anyIncluded = fc.array(
  fc.record({ hash: bytes(32), sender: bytes(20), nonce: fc.maxSafeNat() }),
)

it('included transactions are the same on the other side of a thread', () => {
  fc.assert(
    fc.property(anyIncluded, (included) => {
      expect(unpackIncluded(structuredClone(packIncluded(included)))).toEqual(included)
    }),
  )
})
