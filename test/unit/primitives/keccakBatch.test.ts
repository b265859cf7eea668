import { keccak_256 } from '@noble/hashes/sha3.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../../core/primitives/bytes.ts'
import { KeccakBatch } from '../../../core/primitives/keccakBatch.ts'
import { paddedLength } from '../../../core/primitives/keccakPadding.ts'

/** Digests of messages that lie behind each other, in the order given. */
function digestsOf(batch: KeccakBatch, messages: readonly Uint8Array[]): string[] {
  const outs = batch.start
  let at = outs + 32 * messages.length
  const places = messages.map((message) => {
    const place = at
    at += paddedLength(message.length)
    return place
  })
  batch.reserve(at)
  // What an earlier batch left behind must not matter.
  batch.bytes.fill(0xa5, outs, at)
  messages.forEach((message, i) => {
    batch.bytes.set(message, places[i] as number)
    batch.add(places[i] as number, message.length, outs + 32 * i)
  })
  batch.flush()
  return messages.map((_, i) => toHex(batch.bytes.subarray(outs + 32 * i, outs + 32 * i + 32)))
}

const expected = (messages: readonly Uint8Array[]): string[] =>
  messages.map((message) => toHex(keccak_256(message)))

const boundaries = [0, 1, 31, 32, 135, 136, 137, 271, 272, 532, 2_175, 2_176, 2_177, 70_000]

describe.each([
  ['with vectors', () => new KeccakBatch()],
  ['without WebAssembly', () => new KeccakBatch(null)],
])('a batch of Keccak-256 %s', (_, create) => {
  const batch = create()

  it('agrees with the reference around every block boundary, paired and alone', () => {
    for (const length of boundaries) {
      const messages = [3, 7, 11].map((seed) =>
        Uint8Array.from({ length }, (_, i) => (i * seed + length) & 0xff),
      )
      expect(digestsOf(batch, messages), `length ${length}`).toEqual(expected(messages))
    }
  })

  it('agrees with the reference on any messages', () => {
    const message = fc.uint8Array({ maxLength: 700 })
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
        expect(digestsOf(batch, messages)).toEqual(expected(messages))
      }),
    )
  })
})
