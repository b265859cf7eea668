import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blockCodec, headerCodec, payloadCodec } from '../../../core/chain/block.ts'
import { certificateCodec, roundCertificateCodec } from '../../../core/chain/certificate.ts'
import { evidenceCodec } from '../../../core/chain/evidence.ts'
import {
  ethereumHeaderCodec,
  executedBlockCodec,
  receiptCodec,
} from '../../../core/chain/executedBlock.ts'
import { consensusParamsCodec } from '../../../core/chain/params.ts'
import { validatorSetCodec } from '../../../core/chain/validatorSet.ts'
import { signedProposalCodec, signedVoteCodec } from '../../../core/chain/vote.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { type Codec, decode, encode } from '../../../core/primitives/codec.ts'
import * as chain from '../../support/chainArbitraries.ts'
import {
  expectCanonical,
  expectEveryTruncationFails,
  expectMutationsCanonical,
  expectRoundTrip,
  expectTrailingBytesFail,
} from '../../support/codecLaws.ts'

type Subject = {
  readonly name: string
  readonly codec: Codec<unknown>
  readonly values: fc.Arbitrary<unknown>
}
const subject = <T>(name: string, codec: Codec<T>, values: fc.Arbitrary<T>): Subject => ({
  name,
  codec: codec as Codec<unknown>,
  values,
})

const SUBJECTS: readonly Subject[] = [
  subject('vote', signedVoteCodec, chain.signedVote),
  subject('proposal', signedProposalCodec, chain.signedProposal),
  subject('certificate', certificateCodec, chain.certificate),
  subject('round certificate', roundCertificateCodec, chain.roundCertificate),
  subject('evidence', evidenceCodec, chain.evidence),
  subject('header', headerCodec, chain.header),
  subject('payload', payloadCodec, chain.payload),
  subject('block', blockCodec, chain.block),
  subject('consensus params', consensusParamsCodec, chain.consensusParams),
  subject('validators', validatorSetCodec, chain.validators),
  subject('receipt', receiptCodec, chain.receipt),
  subject('ethereum header', ethereumHeaderCodec, chain.ethereumHeader),
  subject('executed block', executedBlockCodec, chain.executedBlock),
]

/** Neighbours, the sign, the complement: for values too long to try all 255 of each byte. */
const FLIPS = [1, 2, 3, 128, 255]
/** Long enough that 255 decodes per byte would take the suite's time. */
const EXHAUSTIVE_BYTES = 250

describe.each(SUBJECTS)('the codec of a $name', ({ codec, values }) => {
  it('round-trips, and two values never share an encoding', () => {
    const property = fc.property(values, values, (a, b) => {
      const [first, second] = [expectRoundTrip(codec, a), expectRoundTrip(codec, b)]
      const sameValue = JSON.stringify(a, bigintsAsText) === JSON.stringify(b, bigintsAsText)
      expect(toHex(first) === toHex(second)).toBe(sameValue)
    })
    fc.assert(property, { numRuns: 60 })
  })

  it('refuses every truncation and every trailing byte', () => {
    const property = fc.property(values, (value) => {
      const bytes = encode(codec, value)
      expectEveryTruncationFails(codec, bytes)
      expectTrailingBytesFail(codec, bytes)
    })
    fc.assert(property, { numRuns: 10, endOnFailure: true })
  })

  // Shrinking would repeat the 255 decodes a byte thousands of times: a failure is reported as found.
  it('refuses a mutated byte or decodes a value with exactly that encoding', () => {
    const property = fc.property(values, (value) => {
      const bytes = encode(codec, value)
      if (bytes.length <= EXHAUSTIVE_BYTES) expectMutationsCanonical(codec, bytes)
      else expectMutationsCanonical(codec, bytes, FLIPS)
    })
    fc.assert(property, { numRuns: 4, endOnFailure: true })
  })

  it('never throws on any bytes', () => {
    const noise = fc.oneof(fc.uint8Array({ maxLength: 400 }), sparseBytes)
    fc.assert(
      fc.property(noise, (bytes) => expectCanonical(codec, bytes)),
      { numRuns: 400 },
    )
  })
})

/** Mostly zeros: counts and tags stay small, so that decoding gets past the first field. */
const sparseBytes = fc
  .array(fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, fc.nat(255)), {
    maxLength: 700,
  })
  .map((values) => Uint8Array.from(values))

const bigintsAsText = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? `${value}n` : value

describe('a hostile length', () => {
  const zeros = (length: number): Uint8Array => new Uint8Array(length)
  const prefix = (value: number): Uint8Array => {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, value)
    return bytes
  }

  it.each([
    ['certificate', certificateCodec, 44, 0xffffffff, 'TOO_LONG'],
    ['certificate within its maximum', certificateCodec, 44, 128, 'TRUNCATED'],
    ['validators', validatorSetCodec, 0, 0xffffffff, 'TOO_LONG'],
    ['payload', payloadCodec, 0, 0xffffffff, 'TOO_LONG'],
    ['payload within its maximum', payloadCodec, 0, 50_000, 'TRUNCATED'],
    ['executed block', executedBlockCodec, 32 + 636, 50_000, 'TRUNCATED'],
  ])('is refused before memory is taken: %s', (_, codec, offset, count, code) => {
    const bytes = Uint8Array.of(...zeros(offset), ...prefix(count))
    expect(decode(codec as Codec<unknown>, bytes)).toEqual({ ok: false, code })
  })

  it('of logs, which have no maximum of their own, is bounded by the input', () => {
    const start = zeros(1 + 1 + 8 + 8 + 32 + 1)
    const bytes = Uint8Array.of(...start, ...prefix(0xffffffff), ...zeros(1000))
    const before = process.memoryUsage().arrayBuffers
    expect(decode(receiptCodec, bytes)).toEqual({ ok: false, code: 'TRUNCATED' })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20)
  })
})
