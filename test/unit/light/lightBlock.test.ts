import { describe, expect, it } from 'vitest'
import {
  checkLightBlock,
  decodeLightBlock,
  LIGHT_BLOCK_BYTES,
  type LightBlock,
  lightBlockCodec,
  lightClientAttackCodec,
} from '../../../consensus/light/index.ts'
import { blockIdOf, headerCodec } from '../../../core/chain/block.ts'
import { certificateCodec } from '../../../core/chain/certificate.ts'
import { type Validator, validatorSetCodec } from '../../../core/chain/validatorSet.ts'
import { concatBytes, toHex } from '../../../core/primitives/bytes.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { heightOf } from '../../../core/primitives/units.ts'
import {
  expectEveryTruncationFails,
  expectMutationsCanonical,
  expectTrailingBytesFail,
} from '../../support/codecLaws.ts'
import { LIGHT_CHAIN_ID, lightBlockOf, setOf } from '../../support/lightChain.ts'

const set = setOf({ a: 1, b: 2, c: 3, d: 4 })
const next = set.advance()
const block = lightBlockOf({ height: 7, time: 7_000, validators: set, nextValidators: next })

const bytesWith = (
  validators: readonly Validator[],
  nextValidators: readonly Validator[] = next.validators,
): Uint8Array =>
  concatBytes(
    encode(headerCodec, block.header),
    encode(certificateCodec, block.certificate),
    encode(validatorSetCodec, validators),
    encode(validatorSetCodec, nextValidators),
  )

describe('the codec of light blocks', () => {
  const bytes = encode(lightBlockCodec, block)

  it('is canonical', () => {
    const decoded = decodeLightBlock(bytes)
    if (!decoded.ok) throw new Error(decoded.code)
    expect(toHex(encode(lightBlockCodec, decoded.value))).toBe(toHex(bytes))
    expect(checkLightBlock(decoded.value, LIGHT_CHAIN_ID)).toEqual({
      ok: true,
      value: blockIdOf(block.header),
    })
    expectEveryTruncationFails(lightBlockCodec, bytes)
    expectTrailingBytesFail(lightBlockCodec, bytes)
    expectMutationsCanonical(lightBlockCodec, bytes, [1, 0x80, 0xff])
  })

  it('refuses sets that are not sets', () => {
    const [a, b, ...others] = set.validators as [Validator, Validator, ...Validator[]]
    const codeOf = (validators: readonly Validator[]) => decodeLightBlock(bytesWith(validators))
    expect(codeOf([b, a, ...others])).toEqual({ ok: false, code: 'NOT_SORTED' })
    expect(codeOf([a, a, ...others])).toEqual({ ok: false, code: 'OUT_OF_RANGE' })
    expect(codeOf([])).toEqual({ ok: false, code: 'OUT_OF_RANGE' })
    expect(codeOf([{ ...a, power: 0 }, b])).toEqual({ ok: false, code: 'OUT_OF_RANGE' })
    expect(codeOf([{ ...a, power: 2 ** 45 }, b])).toEqual({ ok: false, code: 'OUT_OF_RANGE' })
    expect(codeOf([{ ...a, publicKey: new Uint8Array(33) }, b])).toEqual({
      ok: false,
      code: 'OUT_OF_RANGE',
    })
  })

  it('has the bound that the largest block has', () => {
    const powers = Object.fromEntries(
      Array.from({ length: LIMITS.validators }, (_, i) => [`large ${i}`, 1]),
    )
    const large = setOf(powers)
    const parts = { height: 1, time: 1, validators: large, nextValidators: large }
    const encoded = encode(lightBlockCodec, lightBlockOf(parts))
    expect(encoded).toHaveLength(LIGHT_BLOCK_BYTES)
    expect(decodeLightBlock(encoded).ok).toBe(true)
    expect(decodeLightBlock(concatBytes(encoded, Uint8Array.of(0)))).toEqual({
      ok: false,
      code: 'TOO_LONG',
    })
  })

  it('carries evidence', () => {
    const attack = { commonHeight: heightOf(3), conflicting: block }
    const encoded = encode(lightClientAttackCodec, attack)
    expectEveryTruncationFails(lightClientAttackCodec, encoded)
    expectMutationsCanonical(lightClientAttackCodec, encoded, [1])
  })
})

describe('the parts of a light block', () => {
  it.each([
    ['WRONG_CHAIN', { header: { ...block.header, chainId: 1 } }],
    ['WRONG_VALIDATORS', { validators: next }],
    ['WRONG_VALIDATORS', { header: { ...block.header, validatorsHash: next.hash } }],
    // The same keys and powers with other priorities: who proposes is part of what is signed.
    ['WRONG_NEXT_VALIDATORS', { nextValidators: set }],
    ['WRONG_CERTIFICATE', { certificate: { ...block.certificate, height: heightOf(8) } }],
    ['WRONG_CERTIFICATE', { header: { ...block.header, payloadHash: next.hash } }],
  ] as const)('belong together, or are refused as %s', (code, change: Partial<LightBlock>) => {
    expect(checkLightBlock({ ...block, ...change }, LIGHT_CHAIN_ID)).toEqual({ ok: false, code })
  })
})
