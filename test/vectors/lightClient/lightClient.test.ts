// Rebuilds the single-step cases of tendermint-rs with our keys, headers and codec; README.md says how.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  decodeLightBlock,
  defaultLightOptions,
  type TrustedState,
  trustedOf,
  verify,
} from '../../../consensus/light/index.ts'
import { blockIdOf, headerCodec } from '../../../core/chain/block.ts'
import { certificateCodec } from '../../../core/chain/certificate.ts'
import { type ValidatorSet, validatorSetCodec } from '../../../core/chain/validatorSet.ts'
import { concatBytes } from '../../../core/primitives/bytes.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { merkleRoot } from '../../../core/primitives/hash.ts'
import { heightOf, millisOf, roundOf } from '../../../core/primitives/units.ts'
import {
  headerOf,
  keyOf,
  LIGHT_CHAIN_ID,
  setOf,
  signatureOf,
  ZERO_ID,
} from '../../support/lightChain.ts'

type VectorValidator = { readonly address: string; readonly voting_power: string }
type VectorSet = { readonly validators: readonly VectorValidator[] | null }
type VectorHeader = { readonly height: string; readonly time: string }
type VectorSignature = { readonly block_id_flag: number; readonly validator_address: string }
type SignedHeader = {
  readonly header: VectorHeader
  readonly commit: {
    readonly round: number
    readonly signatures: readonly VectorSignature[] | null
  }
}
type VectorBlock = {
  readonly signed_header: SignedHeader
  readonly validator_set: VectorSet
  readonly next_validator_set: VectorSet
}
type AbstractValidator = { readonly id: string; readonly voting_power: number }
type AbstractBlock = {
  readonly header: {
    readonly height: number
    readonly time: number
    readonly validators: readonly AbstractValidator[] | null
    readonly next_validators: readonly AbstractValidator[] | null
  }
  readonly commit: { readonly votes: readonly unknown[] | null }
}
type Verdict = 'SUCCESS' | 'NOT_ENOUGH_TRUST' | 'INVALID'
type Step = {
  readonly block: VectorBlock
  readonly testgen_block: AbstractBlock
  readonly now: string
  readonly verdict: Verdict
}
type Vector = {
  readonly initial: {
    readonly signed_header: SignedHeader
    readonly next_validator_set: VectorSet
    /** Nanoseconds. */
    readonly trusting_period: string
    readonly now: string
  }
  readonly input: readonly Step[]
}

const folder = new URL('./', import.meta.url)
const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
const vectorOf = (name: string): Vector => JSON.parse(readFileSync(new URL(name, folder), 'utf8'))

/** A validator is its address in the vector; the key is derived from that. Null: an empty set. */
function rebuiltSet({ validators }: VectorSet): ValidatorSet | null {
  if (validators === null || validators.length === 0) return null
  return setOf(
    Object.fromEntries(
      validators.map(({ address, voting_power }) => [address, Number(voting_power)]),
    ),
  )
}

const hashOf = (set: ValidatorSet | null): Uint8Array => set?.hash ?? merkleRoot([])

/** Everybody whose signature is for the block (flag 2), strangers behind the last position of the set. */
function rebuiltBytes({ signed_header, ...sets }: VectorBlock, trusted: TrustedState): Uint8Array {
  const validators = rebuiltSet(sets.validator_set)
  const nextValidators = rebuiltSet(sets.next_validator_set)
  const height = Number(signed_header.header.height)
  const header = headerOf({
    height,
    time: Date.parse(signed_header.header.time),
    previousBlockId: height === trusted.height + 1 ? trusted.id : ZERO_ID,
    validatorsHash: hashOf(validators),
    nextValidatorsHash: hashOf(nextValidators),
  })
  const blockId = blockIdOf(header)
  const { round } = signed_header.commit
  const keys = signersOf(signed_header).map((address) => keyOf(address))
  const indexOf = (publicKey: Uint8Array): number =>
    validators?.validators.findIndex((one) => one.publicKey === publicKey) ?? -1
  let stranger = validators?.size ?? 0
  const signed = keys.map(({ publicKey, privateKey }) => {
    const index = indexOf(publicKey)
    return {
      validatorIndex: index >= 0 ? index : stranger++,
      signature: signatureOf(privateKey, { height, round, blockId }),
    }
  })
  const certificate = {
    height: heightOf(height),
    round: roundOf(round),
    blockId,
    signatures: signed.sort((a, b) => a.validatorIndex - b.validatorIndex),
  }
  return concatBytes(
    encode(headerCodec, header),
    encode(certificateCodec, certificate),
    encode(validatorSetCodec, validators?.validators ?? []),
    encode(validatorSetCodec, nextValidators?.validators ?? []),
  )
}

const signersOf = ({ commit }: SignedHeader): string[] =>
  (commit.signatures ?? [])
    .filter(({ block_id_flag }) => block_id_flag === 2)
    .map(({ validator_address }) => validator_address)

function startOf({ initial }: Vector): TrustedState {
  const nextValidators = rebuiltSet(initial.next_validator_set)
  if (nextValidators === null) throw new Error('the trusted state has validators')
  const { height, time } = initial.signed_header.header
  const header = headerOf({
    height: Number(height),
    time: Date.parse(time),
    nextValidatorsHash: nextValidators.hash,
  })
  return { height: header.height, time: header.time, id: blockIdOf(header), nextValidators }
}

const optionsOf = ({ initial }: Vector) => ({
  ...defaultLightOptions,
  chainId: LIGHT_CHAIN_ID,
  trustingPeriodMs: millisOf(Number(BigInt(initial.trusting_period) / 1_000_000n)),
  // As in the runner of tendermint-rs.
  maxClockDriftMs: millisOf(0),
})

type Outcome = { readonly code: string; readonly next: TrustedState | null }

function judge(
  bytes: Uint8Array,
  trusted: TrustedState,
  options: ReturnType<typeof optionsOf>,
  now: number,
): Outcome {
  const decoded = decodeLightBlock(bytes)
  if (!decoded.ok) return { code: `NOT_A_BLOCK ${decoded.code}`, next: null }
  const verdict = verify(trusted, decoded.value, options, millisOf(now))
  return verdict.ok
    ? { code: 'SUCCESS', next: trustedOf(decoded.value) }
    : { code: verdict.code, next: null }
}

const verdictOf = (code: string): Verdict =>
  code === 'SUCCESS' || code === 'NOT_ENOUGH_TRUST' ? code : 'INVALID'

/** The codes of all steps of a vector. */
function replay(name: string): { readonly codes: string[]; readonly verdicts: Verdict[] } {
  const vector = vectorOf(name)
  let trusted = startOf(vector)
  const codes: string[] = []
  for (const { block, now } of vector.input) {
    const bytes = rebuiltBytes(block, trusted)
    const { code, next } = judge(bytes, trusted, optionsOf(vector), Date.parse(now))
    codes.push(code)
    trusted = next ?? trusted
  }
  return { codes, verdicts: vector.input.map(({ verdict }) => verdict) }
}

describe('the light client of tendermint-rs', () => {
  test('has all its vectors here', () => {
    expect(names).toHaveLength(21)
    expect(names.flatMap((name) => vectorOf(name).input)).toHaveLength(STEPS)
  })

  test.each(names)('%s', (name) => {
    const { codes, verdicts } = replay(name)
    expect(codes.map(verdictOf)).toEqual(verdicts)
    expect(codes.filter((code) => verdictOf(code) === 'INVALID')).toEqual(CAUSES[name] ?? [])
  })

  test.each(names)('%s: the block is the one that was described', (name) => {
    for (const { block, testgen_block } of vectorOf(name).input) {
      const { header, commit } = testgen_block
      const powers = (validators: readonly { voting_power: string | number }[] | null) =>
        (validators ?? []).map(({ voting_power }) => Number(voting_power))
      expect(Number(block.signed_header.header.height)).toBe(header.height)
      expect(Date.parse(block.signed_header.header.time)).toBe(header.time * 1_000)
      expect(powers(block.validator_set.validators)).toEqual(powers(header.validators))
      expect(powers(block.next_validator_set.validators)).toEqual(powers(header.next_validators))
      expect(signersOf(block.signed_header)).toHaveLength(commit.votes?.length ?? 0)
    }
  })
})

const STEPS = 51

/** Why each INVALID is invalid here. */
const CAUSES: Readonly<Record<string, readonly string[]>> = {
  'MC100_2_faulty_TestFailure.json': ['EXPIRED'],
  'MC10_3_faulty_TestFailure.json': ['NOT_A_BLOCK OUT_OF_RANGE'],
  'MC10_3_faulty_TestHeaderFromFuture.json': ['FROM_FUTURE'],
  'MC4_4_faulty_TestHeaderNotWithinTrustingPeriod.json': ['EXPIRED'],
  'MC4_4_faulty_TestLessThanTwoThirdsSign.json': ['INSUFFICIENT_SIGNED_POWER'],
  'MC4_4_faulty_TestNonMonotonicHeight.json': ['NOT_A_BLOCK OUT_OF_RANGE'],
}

describe('what a vector breaks besides its name', () => {
  /** One step of a vector with one part of it put right, so that another cause shows. */
  const causeOf = (name: string, at: number, mend: (step: Step) => Step): string => {
    const vector = vectorOf(name)
    let trusted = startOf(vector)
    for (const { block, now } of vector.input.slice(0, at)) {
      const bytes = rebuiltBytes(block, trusted)
      trusted = judge(bytes, trusted, optionsOf(vector), Date.parse(now)).next ?? trusted
    }
    const { block, now } = mend(vector.input[at] as Step)
    return judge(rebuiltBytes(block, trusted), trusted, optionsOf(vector), Date.parse(now)).code
  }
  const withNext = (step: Step): Step => ({
    ...step,
    block: { ...step.block, next_validator_set: step.block.validator_set },
  })

  test('a height that does not rise is refused also when the next set is not empty', () => {
    expect(causeOf('MC4_4_faulty_TestNonMonotonicHeight.json', 0, withNext)).toBe(
      'NON_MONOTONIC_HEIGHT',
    )
  })

  test('a header from the future has strangers for signers, too', () => {
    const later = (step: Step): Step => ({ ...step, now: '1970-01-01T00:00:06Z' })
    expect(causeOf('MC10_3_faulty_TestHeaderFromFuture.json', 0, later)).toBe('NOT_ENOUGH_TRUST')
  })

  test('the one of 100 keys comes too late and has the wrong validators', () => {
    const earlier = (step: Step): Step => ({ ...step, now: '1970-01-01T00:23:20Z' })
    expect(causeOf('MC100_2_faulty_TestFailure.json', 0, earlier)).toBe('UNEXPECTED_VALIDATORS')
  })

  test('so has the one after the trusting period', () => {
    const earlier = (step: Step): Step => ({ ...step, now: '1970-01-01T00:23:21Z' })
    expect(causeOf('MC4_4_faulty_TestHeaderNotWithinTrustingPeriod.json', 2, earlier)).toBe(
      'UNEXPECTED_VALIDATORS',
    )
  })
})
