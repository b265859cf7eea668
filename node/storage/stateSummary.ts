import { type StateRoots, stateRootsCodec } from '../../core/chain/roots.ts'
import { type Validator, validatorSetCodec } from '../../core/chain/validatorSet.ts'
import { blockIdCodec, heightCodec } from '../../core/chain/vote.ts'
import { type Codec, fixedBytes, int, struct, unitOf } from '../../core/primitives/codec.ts'
import { HASH_LENGTH } from '../../core/primitives/hash.ts'
import type { BlockId, Height, Millis } from '../../core/primitives/units.ts'

/** The outcome of a height: everything that judging the next block needs to know of it. */
export type StateSummary = {
  readonly height: Height
  /** The genesis hash at height 0. */
  readonly blockId: BlockId
  readonly time: Millis
  readonly roots: StateRoots
  readonly stateRoot: Uint8Array
  readonly receiptsRoot: Uint8Array
  readonly ethereumHash: Uint8Array
  /** In address order: the set that judges height + 1, and the one of height + 2. */
  readonly validators: readonly Validator[]
  readonly nextValidators: readonly Validator[]
}

/** What the database keeps in one record; the validator sets have their own column. */
export type SummaryRecord = Omit<StateSummary, 'validators' | 'nextValidators'>

const hash32 = fixedBytes(HASH_LENGTH)

const fields = {
  height: heightCodec,
  blockId: blockIdCodec,
  time: unitOf<Millis>(int),
  roots: stateRootsCodec,
  stateRoot: hash32,
  receiptsRoot: hash32,
  ethereumHash: hash32,
}

export const summaryRecordCodec: Codec<SummaryRecord> = struct<SummaryRecord>(fields)

/** The whole summary, for messages between threads and nodes. */
export const stateSummaryCodec: Codec<StateSummary> = struct<StateSummary>({
  ...fields,
  validators: validatorSetCodec,
  nextValidators: validatorSetCodec,
})
