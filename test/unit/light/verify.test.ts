// One case for every code, and the edges of every bound.
import { describe, expect, it } from 'vitest'
import {
  defaultLightOptions,
  type LightBlock,
  LightClient,
  trustedOf,
  type VerifyOptions,
  verify,
} from '../../../consensus/light/index.ts'
import { blockIdOf } from '../../../core/chain/block.ts'
import { AssertionError } from '../../../core/primitives/assert.ts'
import { millisOf } from '../../../core/primitives/units.ts'
import {
  bytesOfText,
  LIGHT_CHAIN_ID,
  LightChain,
  lightBlockOf,
  setOf,
} from '../../support/lightChain.ts'
import { TestProvider } from '../../support/lightProviders.ts'

const OPTIONS: VerifyOptions = {
  ...defaultLightOptions,
  chainId: LIGHT_CHAIN_ID,
  trustingPeriodMs: millisOf(100_000),
  maxClockDriftMs: millisOf(1_000),
}
const nine = setOf(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`n${i}`, 1])))
const root = lightBlockOf({ height: 10, time: 10_000, validators: nine, nextValidators: nine })
const trusted = trustedOf(root)
const blockOf = (part: Partial<Parameters<typeof lightBlockOf>[0]>): LightBlock =>
  lightBlockOf({ height: 20, time: 20_000, validators: nine, nextValidators: nine, ...part })
const neighbour = (part: Partial<Parameters<typeof lightBlockOf>[0]> = {}): LightBlock =>
  blockOf({ height: 11, time: 11_000, previousBlockId: blockIdOf(root.header), ...part })

const codeOf = (block: LightBlock, nowMs = 30_000, options = OPTIONS): string => {
  const verdict = verify(trusted, block, options, millisOf(nowMs))
  return verdict.ok ? 'ok' : verdict.code
}

describe('verify', () => {
  it('believes for exactly the trusting period', () => {
    expect(codeOf(blockOf({}), 109_999)).toBe('ok')
    expect(codeOf(blockOf({}), 110_000)).toBe('EXPIRED')
  })

  it('lets clocks differ by less than their drift', () => {
    expect(codeOf(blockOf({}), 19_001)).toBe('ok')
    expect(codeOf(blockOf({}), 19_000)).toBe('FROM_FUTURE')
  })

  it('wants later heights and times', () => {
    expect(codeOf(blockOf({ height: 10 }))).toBe('NON_MONOTONIC_HEIGHT')
    expect(codeOf(blockOf({ height: 9 }))).toBe('NON_MONOTONIC_HEIGHT')
    expect(codeOf(blockOf({ time: 10_000 }))).toBe('NON_MONOTONIC_TIME')
    expect(codeOf(blockOf({ time: 10_001 }))).toBe('ok')
  })

  it('wants of the next height what the trusted header announced', () => {
    const others = setOf({ n0: 1, n1: 1 })
    expect(codeOf(neighbour())).toBe('ok')
    expect(codeOf(neighbour({ validators: others }))).toBe('UNEXPECTED_VALIDATORS')
    expect(codeOf(neighbour({ validators: nine.advance() }))).toBe('UNEXPECTED_VALIDATORS')
    expect(codeOf(neighbour({ previousBlockId: blockIdOf(blockOf({}).header) }))).toBe(
      'BROKEN_CHAIN',
    )
  })

  it('skips for more than a third of the trusted power, whatever share of the new one that is', () => {
    const withOld = (count: number) =>
      setOf({
        ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, 1])),
        mighty: 1_000,
      })
    expect(codeOf(blockOf({ validators: withOld(3) }))).toBe('NOT_ENOUGH_TRUST')
    expect(codeOf(blockOf({ validators: withOld(4) }))).toBe('ok')
  })

  it('asks for as much trust as it is told', () => {
    const options = { ...OPTIONS, trustLevel: { numerator: 2, denominator: 3 } }
    const signers = (count: number) => Array.from({ length: count }, (_, i) => i)
    const half = setOf(Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`n${i}`, 1])))
    expect(codeOf(blockOf({ validators: half }), 30_000, options)).toBe('NOT_ENOUGH_TRUST')
    expect(codeOf(blockOf({ signers: signers(7) }), 30_000, options)).toBe('ok')
  })

  it('wants more than two thirds of the own power, and no signature too many', () => {
    const six = blockOf({ signers: [0, 1, 2, 3, 4, 5] })
    expect(codeOf(six)).toBe('INSUFFICIENT_SIGNED_POWER')
    const all = blockOf({})
    const { signatures } = all.certificate
    const withSignatures = (changed: typeof signatures): LightBlock => ({
      ...all,
      certificate: { ...all.certificate, signatures: changed },
    })
    const last = signatures.at(-1) as (typeof signatures)[number]
    const first = signatures[0] as (typeof signatures)[number]
    // Eight good ones are a quorum; the ninth makes the certificate false (CVE-2020-15091).
    const bad = { ...last, signature: first.signature }
    expect(codeOf(withSignatures([...signatures.slice(0, 8), bad]))).toBe('BAD_SIGNATURE')
    expect(codeOf(withSignatures([...signatures, { ...last, validatorIndex: 9 }]))).toBe(
      'UNKNOWN_SIGNER',
    )
    expect(codeOf(withSignatures([...signatures, last]))).toBe('DUPLICATE_SIGNER')
  })

  it('wants parts that belong together, of its chain', () => {
    const block = blockOf({})
    expect(codeOf(blockOf({ chainId: 1 }))).toBe('WRONG_CHAIN')
    expect(codeOf({ ...block, validators: nine.advance() })).toBe('WRONG_VALIDATORS')
    expect(codeOf({ ...block, nextValidators: nine.advance() })).toBe('WRONG_NEXT_VALIDATORS')
    const header = { ...block.header, stateRoot: bytesOfText('other') }
    expect(codeOf({ ...block, header })).toBe('WRONG_CERTIFICATE')
  })
})

describe('options', () => {
  const chain = new LightChain([nine, nine])
  it.each([
    { numerator: 1, denominator: 4 },
    { numerator: 4, denominator: 3 },
    { numerator: 0.5, denominator: 1 },
    { numerator: 1_000, denominator: 3_000 },
  ])('refuse the trust level %j', (trustLevel) => {
    const modules = {
      primary: new TestProvider('primary', chain),
      witnesses: [],
      now: () => millisOf(0),
    }
    const options = { ...defaultLightOptions, chainId: LIGHT_CHAIN_ID, trustLevel }
    expect(() => new LightClient(chain.genesis, modules, options)).toThrow(AssertionError)
  })
})
