import { assert } from '../primitives/assert.ts'
import { compareBytes, equalBytes, toHex } from '../primitives/bytes.ts'
import {
  type Codec,
  encode,
  fixedBytes,
  int,
  list,
  signedInt,
  struct,
} from '../primitives/codec.ts'
import { DOMAIN, hash, merkleRoot } from '../primitives/hash.ts'
import { LIMITS } from '../primitives/limits.ts'
import { ok, type Result, reject } from '../primitives/result.ts'
import { addressOfPublicKey, PUBLIC_KEY_LENGTH, signatures } from '../primitives/signature.ts'

/**
 * `priority` decides who proposes (weighted round robin) and is part of the hashed leaf, so that
 * the proposer of every round follows from the header before (CometBFT ASA-2024-009).
 */
export type Validator = {
  readonly publicKey: Uint8Array
  readonly power: number
  readonly priority: number
}

export type ValidatorSetCode =
  | 'EMPTY_VALIDATOR_SET'
  | 'TOO_MANY_VALIDATORS'
  | 'BAD_POWER'
  | 'BAD_PUBLIC_KEY'
  | 'DUPLICATE_VALIDATOR'
  | 'TOTAL_POWER_TOO_LARGE'

const validatorCodec: Codec<Validator> = struct<Validator>({
  publicKey: fixedBytes(PUBLIC_KEY_LENGTH),
  power: int,
  priority: signedInt,
})

/** Checking and expanding a key takes 60 µs, and every height makes several sets of the same keys. */
const addresses = new Map<string, Uint8Array>()
const MAX_ADDRESSES = 8 * LIMITS.validators

/** Null: not a public key. */
function addressOfKey(publicKey: Uint8Array): Uint8Array | null {
  const key = toHex(publicKey)
  const known = addresses.get(key)
  if (known !== undefined) return known
  if (!signatures.isPublicKey(publicKey)) return null
  const address = addressOfPublicKey(signatures.expand(publicKey))
  if (addresses.size >= MAX_ADDRESSES) addresses.clear()
  addresses.set(key, address)
  return address
}

/** Validators in address order: an index means the same validator on every node. Immutable. */
export class ValidatorSet {
  readonly validators: readonly Validator[]
  readonly addresses: readonly Uint8Array[]
  /** The same in hex, for maps. */
  readonly hexAddresses: readonly string[]
  readonly totalPower: number
  readonly #indexByAddress: ReadonlyMap<string, number>
  #hash: Uint8Array | null = null

  private constructor(
    validators: readonly Validator[],
    addresses: readonly Uint8Array[],
    indexByAddress: ReadonlyMap<string, number>,
  ) {
    this.validators = validators
    this.addresses = addresses
    this.totalPower = validators.reduce((sum, validator) => sum + validator.power, 0)
    this.#indexByAddress = indexByAddress
    this.hexAddresses = [...indexByAddress.keys()]
    assert(this.totalPower <= LIMITS.totalVotingPower, 'total power within its limit')
  }

  /** Sorts by address. Priorities are taken as given; a genesis gives zeros. */
  static create(validators: readonly Validator[]): Result<ValidatorSet, ValidatorSetCode> {
    if (validators.length === 0) return reject('EMPTY_VALIDATOR_SET')
    if (validators.length > LIMITS.validators) return reject('TOO_MANY_VALIDATORS')
    let total = 0
    const placed: { readonly validator: Validator; readonly address: Uint8Array }[] = []
    for (const validator of validators) {
      const { publicKey, power } = validator
      const address = addressOfKey(publicKey)
      if (address === null) return reject('BAD_PUBLIC_KEY')
      if (!Number.isSafeInteger(power) || power <= 0) return reject('BAD_POWER')
      total += power
      if (total > LIMITS.totalVotingPower) return reject('TOTAL_POWER_TOO_LARGE')
      placed.push({ validator, address })
    }
    const sorted = placed.sort((a, b) => compareBytes(a.address, b.address))
    for (let i = 1; i < sorted.length; i++) {
      const [previous, current] = [sorted[i - 1], sorted[i]]
      if (previous && current && equalBytes(previous.address, current.address))
        return reject('DUPLICATE_VALIDATOR')
    }
    return ok(
      new ValidatorSet(
        sorted.map(({ validator }) => validator),
        sorted.map(({ address }) => address),
        new Map(sorted.map(({ address }, index) => [toHex(address), index])),
      ),
    )
  }

  get size(): number {
    return this.validators.length
  }
  /** −1 when no validator has this address. */
  indexOf(address: Uint8Array): number {
    return this.#indexByAddress.get(toHex(address)) ?? -1
  }
  powerOf(index: number): number {
    return this.validators[index]?.power ?? 0
  }
  /** More than two thirds: 3 · power > 2 · total, exact below 2^53. */
  isQuorum(power: number): boolean {
    return 3 * power > 2 * this.totalPower
  }
  /** More than one third: at least one honest validator is among them. */
  isHonest(power: number): boolean {
    return 3 * power > this.totalPower
  }
  /** Merkle root over (key, power, priority) leaves. */
  get hash(): Uint8Array {
    this.#hash ??= merkleRoot(
      this.validators.map((validator) => hash(DOMAIN.validator, encode(validatorCodec, validator))),
    )
    return this.#hash
  }

  /**
   * The set for the next height: every priority grows by its power, the largest (ties: lowest
   * address) proposes and pays the total; then centred and kept within 2 · total
   * (CometBFT spec/consensus/proposer-selection.md).
   */
  advance(times = 1): ValidatorSet {
    const priorities = this.validators.map((validator) => validator.priority)
    for (let i = 0; i < times; i++) this.#step(priorities)
    return new ValidatorSet(
      this.validators.map(({ publicKey, power }, i) => ({
        publicKey,
        power,
        priority: priorities[i] as number,
      })),
      this.addresses,
      this.#indexByAddress,
    )
  }

  /** Index of the proposer of a round of the height this set belongs to. O(rounds · size). */
  proposerIndex(round: number): number {
    const priorities = this.validators.map((validator) => validator.priority)
    let proposer = this.#step(priorities)
    for (let i = 0; i < round; i++) proposer = this.#step(priorities)
    return proposer
  }

  #step(priorities: number[]): number {
    this.#rescale(priorities)
    let proposer = 0
    for (let i = 0; i < priorities.length; i++) {
      priorities[i] = (priorities[i] as number) + this.powerOf(i)
      if ((priorities[i] as number) > (priorities[proposer] as number)) proposer = i
    }
    priorities[proposer] = (priorities[proposer] as number) - this.totalPower
    return proposer
  }

  #rescale(priorities: number[]): void {
    const spread = Math.max(...priorities) - Math.min(...priorities)
    const bound = 2 * this.totalPower
    if (spread > bound) {
      const ratio = floorDivide(spread + bound - 1, bound)
      for (let i = 0; i < priorities.length; i++)
        priorities[i] = truncateDivide(priorities[i] as number, ratio)
    }
    const sum = priorities.reduce((total, priority) => total + priority, 0)
    const average = floorDivide(sum, priorities.length)
    for (let i = 0; i < priorities.length; i++) priorities[i] = (priorities[i] as number) - average
  }
}

export const validatorSetCodec: Codec<readonly Validator[]> = list(
  validatorCodec,
  LIMITS.validators,
)

/** Integer division toward zero, exact for safe integers. */
const truncateDivide = (a: number, b: number): number => (a - (a % b)) / b
/** Integer division toward minus infinity; `b` is positive. */
const floorDivide = (a: number, b: number): number => (a - (((a % b) + b) % b)) / b
