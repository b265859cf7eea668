// Random chains whose validators change, and what an adversary below one third makes of their blocks.
import type { LightBlock, TrustedState } from '../../consensus/light/index.ts'
import { blockIdOf, type Header } from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { type BlockId, heightOf, millisOf, roundOf } from '../../core/primitives/units.ts'
import {
  bytesOfText,
  certify,
  keyOf,
  LightChain,
  lightBlockOf,
  privateKeyOf,
  setOf,
  signatureOf,
} from './lightChain.ts'
import type { Random } from './smallRandom.ts'

const pick = <T>(random: Random, items: readonly T[]): T => items[random(items.length)] as T
const NAMES = Array.from({ length: 12 }, (_, i) => `v${i}`)
const POWERS = [1, 1, 1, 2, 3, 50]

const freshPowers = (random: Random): Record<string, number> => {
  const size = 1 + random(7)
  const names = NAMES.slice().sort(() => random(3) - 1)
  return Object.fromEntries(names.slice(0, size).map((name) => [name, pick(random, POWERS)]))
}

/** A set per height and one more: quiet stretches, small changes, and everybody at once. */
export function randomSets(random: Random, heights: number): ValidatorSet[] {
  let powers = freshPowers(random)
  let set = setOf(powers)
  const sets = [set]
  while (sets.length <= heights) {
    const what = random(10)
    if (what === 0) powers = freshPowers(random)
    else if (what < 4) {
      powers = { ...powers }
      const name = pick(random, NAMES)
      if (powers[name] !== undefined && Object.keys(powers).length > 1) delete powers[name]
      else powers[name] = pick(random, POWERS)
    }
    if (what < 4) set = setOf(powers)
    sets.push(set)
  }
  return sets
}

export const randomChain = (random: Random, heights: number): LightChain =>
  new LightChain(randomSets(random, heights))

/** As many validators as keep to at most one third of every set. */
export function corrupt(random: Random, sets: readonly ValidatorSet[]): Set<string> {
  const keys = new Set<string>()
  const names = NAMES.slice().sort(() => random(3) - 1)
  for (const name of names) {
    const key = toHex(keyOf(name).publicKey)
    keys.add(key)
    if (sets.some((set) => 3 * powerOf(set, keys) > set.totalPower)) keys.delete(key)
  }
  return keys
}

const powerOf = (set: ValidatorSet, keys: ReadonlySet<string>): number =>
  set.validators.reduce((sum, one) => sum + (keys.has(toHex(one.publicKey)) ? one.power : 0), 0)

export type Scene = {
  readonly chain: LightChain
  readonly trusted: TrustedState
  /** Public keys, in hex, that the adversary signs anything with. Strangers sign anyway. */
  readonly corrupted: ReadonlySet<string>
}

const positionsOf = (set: ValidatorSet, keys: ReadonlySet<string>): number[] =>
  set.validators.flatMap(({ publicKey }, index) => (keys.has(toHex(publicKey)) ? [index] : []))

const FIELDS = [
  'proposer',
  'validatorsHash',
  'nextValidatorsHash',
  'consensusParamsHash',
  'payloadHash',
  'stateRoot',
  'receiptsRoot',
] as const

function alteredHeader(random: Random, header: Header): Header {
  const what = random(11)
  if (what === 0) return { ...header, time: millisOf(header.time + 1) }
  if (what === 1) return { ...header, chainId: header.chainId + 1 }
  if (what === 2) return { ...header, height: heightOf(header.height + 1) }
  if (what === 3)
    return { ...header, previousBlockId: toHex(bytesOfText('other block')) as BlockId }
  const field = pick(random, FIELDS)
  const bytes = header[field].slice()
  bytes[random(bytes.length)] = random(256)
  return { ...header, [field]: bytes }
}

/** A set of the adversary's own making: its validators with the powers it likes, and strangers. */
function ownSet(random: Random, { corrupted }: Scene): ValidatorSet {
  const powers: Record<string, number> = { stranger: 1 + random(3) }
  for (const name of NAMES)
    if (corrupted.has(toHex(keyOf(name).publicKey))) powers[name] = pick(random, POWERS)
  return setOf(powers)
}

type Forge = (random: Random, scene: Scene, block: LightBlock) => LightBlock

const withHeader = (block: LightBlock, header: Header, certificate: Certificate): LightBlock => ({
  ...block,
  header,
  certificate,
})

/** By name, so that a counterexample says what it was. */
export const FORGERIES: Readonly<Record<string, Forge>> = {
  alteredField: (random, _, block) =>
    withHeader(block, alteredHeader(random, block.header), block.certificate),
  alteredFieldAndId: (random, _, block) => {
    const header = alteredHeader(random, block.header)
    const certificate = { ...block.certificate, height: header.height, blockId: blockIdOf(header) }
    return withHeader(block, header, certificate)
  },
  signedByCorrupted: (random, { corrupted }, block) => {
    const header = alteredHeader(random, block.header)
    const positions = positionsOf(block.validators, corrupted)
    return withHeader(block, header, certify(header, block.validators, positions, random(2)))
  },
  signedByCorruptedManyTimes: (random, { corrupted }, block) => {
    const header = { ...block.header, payloadHash: bytesOfText('forged') }
    const positions = positionsOf(block.validators, corrupted)
    const repeated = positions
      .flatMap((position) => Array(1 + random(80)).fill(position))
      .slice(0, LIMITS.validators)
    return withHeader(block, header, certify(header, block.validators, repeated))
  },
  fullyListedHalfSigned: (_, { corrupted }, block) => {
    const header = { ...block.header, payloadHash: bytesOfText('forged') }
    const forged = certify(header, block.validators, positionsOf(block.validators, corrupted))
    const known = new Map(forged.signatures.map((one) => [one.validatorIndex, one]))
    const signatures = block.certificate.signatures.map(
      (one) => known.get(one.validatorIndex) ?? one,
    )
    return withHeader(block, header, { ...forged, signatures })
  },
  ownValidators: (random, scene, { header }) => {
    const validators = ownSet(random, scene)
    const { height, time, previousBlockId } = header
    const parts = { height, time, previousBlockId, validators, nextValidators: validators }
    return lightBlockOf({ ...parts, payloadHash: bytesOfText('forged') })
  },
  /** The header keeps the hash of the real set, the block carries another. */
  ownValidatorsUnderRealHash: (random, scene, { header, nextValidators }) => {
    const validators = ownSet(random, scene)
    const forged = { ...header, payloadHash: bytesOfText('forged') }
    return { header: forged, certificate: certify(forged, validators), validators, nextValidators }
  },
  otherNextValidators: (random, scene, block) => ({
    ...block,
    nextValidators: ownSet(random, scene),
  }),
  certificateOfOtherBlock: (random, { chain }, block) => ({
    ...block,
    header: { ...block.header, payloadHash: bytesOfText('forged') },
    certificate: chain.at(1 + random(chain.height)).certificate,
  }),
  /** Everybody signed this, on a chain with another number. */
  signedOnOtherChain: (_, __, block) => {
    const header = { ...block.header, payloadHash: bytesOfText('forged') }
    const vote = { height: header.height, round: 0, blockId: blockIdOf(header) }
    const signatures = block.validators.validators.map(({ publicKey }, validatorIndex) => ({
      validatorIndex,
      signature: signatureOf(privateKeyOf(publicKey), vote, header.chainId + 1),
    }))
    return withHeader(block, header, {
      ...vote,
      height: header.height,
      round: roundOf(0),
      signatures,
    })
  },
}

/** A block that everybody of a set signed, long after they stopped answering for it. */
export function forgedByFormer(validators: ValidatorSet, honest: LightBlock): LightBlock {
  const { height, time, previousBlockId } = honest.header
  const parts = { height, time, previousBlockId, validators, nextValidators: validators }
  return lightBlockOf({ ...parts, payloadHash: bytesOfText('forged') })
}
