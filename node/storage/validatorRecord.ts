import { type Validator, validatorSetCodec } from '../../core/chain/validatorSet.ts'
import { heightCodec } from '../../core/chain/vote.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { type Codec, list, signedInt, struct, union } from '../../core/primitives/codec.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import type { Height } from '../../core/primitives/units.ts'
import { corrupt, type Read, readExisting, readRecord, sealedRecord } from './record.ts'
import { heightKey } from './schema.ts'

/**
 * The priorities of a set change with every height, its keys and powers hardly ever: a height stores
 * the whole set when they changed, else the priorities and where the whole set is. 8 bytes a
 * validator, exact, at most two reads, and no height needs the ones before it.
 */
type ValidatorRecord =
  | { readonly kind: 'whole'; readonly validators: readonly Validator[] }
  | {
      readonly kind: 'priorities'
      readonly base: Height
      readonly priorities: readonly number[]
    }

const codec: Codec<ValidatorRecord> = union<ValidatorRecord>({
  whole: { tag: 1, codec: struct({ validators: validatorSetCodec }) },
  priorities: {
    tag: 2,
    codec: struct({ base: heightCodec, priorities: list(signedInt, LIMITS.validators) }),
  },
})

/** The set that judges a height, in address order; null when it is not known yet. */
export function readValidators(read: Read, height: number): readonly Validator[] | null {
  const key = heightKey('validators', height)
  const record = readRecord(codec, read, key)
  if (record === null || record.kind === 'whole') return record?.validators ?? null
  const baseKey = heightKey('validators', record.base)
  const base = readExisting(codec, read, baseKey)
  if (base.kind !== 'whole') throw corrupt(baseKey, 'NOT_A_WHOLE_SET')
  if (base.validators.length !== record.priorities.length) throw corrupt(key, 'OTHER_LENGTH')
  return base.validators.map((validator, index) => ({
    ...validator,
    priority: record.priorities[index] as number,
  }))
}

/** The last whole set that was written, which later heights refer to. */
export type ValidatorBase = { readonly height: Height; readonly validators: readonly Validator[] }

/** What to write for a height, and the base for the next one. */
export function validatorRecordOf(
  height: Height,
  validators: readonly Validator[],
  base: ValidatorBase | null,
): { readonly key: Uint8Array; readonly value: Uint8Array; readonly base: ValidatorBase } {
  const key = heightKey('validators', height)
  if (base === null || !sameMembers(base.validators, validators)) {
    const value = sealedRecord(codec, key, { kind: 'whole', validators })
    return { key, value, base: { height, validators } }
  }
  const priorities = validators.map((validator) => validator.priority)
  const record: ValidatorRecord = { kind: 'priorities', base: base.height, priorities }
  return { key, value: sealedRecord(codec, key, record), base }
}

/** The base that the record of a height refers to. */
export function readValidatorBase(read: Read, height: Height): ValidatorBase {
  const record = readExisting(codec, read, heightKey('validators', height))
  if (record.kind === 'whole') return { height, validators: record.validators }
  const base = readExisting(codec, read, heightKey('validators', record.base))
  if (base.kind !== 'whole') throw corrupt(heightKey('validators', record.base), 'NOT_A_WHOLE_SET')
  return { height: record.base, validators: base.validators }
}

const isSameMember = (a: Validator, b: Validator): boolean =>
  a.power === b.power && (a.publicKey === b.publicKey || equalBytes(a.publicKey, b.publicKey))

const sameMembers = (a: readonly Validator[], b: readonly Validator[]): boolean =>
  a.length === b.length && a.every((one, index) => isSameMember(one, b[index] as Validator))

/** Sets of different heights differ in a priority: cheap unless they are the same. */
export function sameValidators(a: readonly Validator[], b: readonly Validator[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  return a.every((one, index) => {
    const other = b[index] as Validator
    return one.priority === other.priority && isSameMember(one, other)
  })
}
