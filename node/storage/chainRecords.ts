import { type Block, blockCodec } from '../../core/chain/block.ts'
import { type Certificate, certificateCodec } from '../../core/chain/certificate.ts'
import { type Evidence, evidenceCodec } from '../../core/chain/evidence.ts'
import {
  type BlockOutline,
  type EthereumHeader,
  type ExecutedBlock,
  ethereumHeaderCodec,
} from '../../core/chain/executedBlock.ts'
import type { Validator } from '../../core/chain/validatorSet.ts'
import { heightCodec } from '../../core/chain/vote.ts'
import { type Codec, struct, u32 } from '../../core/primitives/codec.ts'
import type { Height } from '../../core/primitives/units.ts'
import { executedRecordCodec, outlineOfRecord } from './executedRecord.ts'
import { type Progress, pendingListCodec, progressCodec } from './meta.ts'
import { corrupt, type Read, readExisting, readRecord } from './record.ts'
import { heightKey, keyOf, META } from './schema.ts'
import { type StateSummary, summaryRecordCodec } from './stateSummary.ts'
import { readValidators } from './validatorRecord.ts'

/** Where a transaction was executed: its index among the transactions of the Ethereum block. */
export type TransactionLocation = { readonly height: Height; readonly index: number }

export const locationCodec: Codec<TransactionLocation> = struct<TransactionLocation>({
  height: heightCodec,
  index: u32,
})

/** Null: nothing was initialized yet. */
export const readProgress = (read: Read): Progress | null =>
  readRecord(progressCodec, read, META.progress)

/** The heights that have records: from what the database began with to the committed one. */
export type Reach = Pick<Progress, 'start' | 'height'>

/**
 * Null for a height out of reach. A record that a height within it must have and has not is damage,
 * never null.
 */
export function readBlock(read: Read, height: number, reach: Reach): Block | null {
  if (height <= reach.start || height > reach.height) return null
  return readExisting(blockCodec, read, heightKey('block', height))
}

/** The height that a snapshot restored has one too, for the block after it. */
export function readCertificate(read: Read, height: number, reach: Reach): Certificate | null {
  if (height < Math.max(reach.start, 1) || height > reach.height) return null
  return readExisting(certificateCodec, read, heightKey('certificate', height))
}

/** Its transactions are those of the block, which the caller has read. */
export function readExecuted(read: Read, height: number, block: Block | null): ExecutedBlock {
  const payload = block?.payload.evm ?? []
  return readExisting(executedRecordCodec(payload), read, heightKey('executed', height))
}

/** Of a height in reach. */
export const readOutline = (read: Read, height: number): BlockOutline =>
  readExisting(outlineOfRecord, read, heightKey('executed', height))

export function readSummary(read: Read, height: number, reach: Reach): StateSummary | null {
  if (height < reach.start || height > reach.height) return null
  const key = heightKey('summary', height)
  const record = readExisting(summaryRecordCodec, read, key)
  if (record.height !== height) throw corrupt(key, 'OTHER_HEIGHT')
  return {
    ...record,
    validators: existingValidators(read, height + 1),
    nextValidators: existingValidators(read, height + 2),
  }
}

function existingValidators(read: Read, height: number): readonly Validator[] {
  const validators = readValidators(read, height)
  if (validators === null) throw corrupt(heightKey('validators', height), 'MISSING')
  return validators
}

/** Hash of an Ethereum block in reach, or of one of the 256 before the start. */
export function readEthereumHash(read: Read, height: number, reach: Reach): Uint8Array | null {
  if (height > reach.height || height < 0) return null
  if (height < reach.start) return readAncestor(read, height)?.hash ?? null
  return readExisting(summaryRecordCodec, read, heightKey('summary', height)).ethereumHash
}

/** Header of an Ethereum block before the start; those of 256 heights are kept. */
export const readAncestor = (read: Read, height: number): EthereumHeader | null =>
  readRecord(ethereumHeaderCodec, read, heightKey('ancestor', height))

export const readHeightOfHash = (read: Read, hash: Uint8Array): Height | null =>
  readRecord(heightCodec, read, keyOf('ethereumHash', hash))

export const readLocation = (read: Read, hash: Uint8Array): TransactionLocation | null =>
  readRecord(locationCodec, read, keyOf('transaction', hash))

export const readEvidenceHeight = (read: Read, hash: Uint8Array): Height | null =>
  readRecord(heightCodec, read, keyOf('evidence', hash))

export const readPendingHashes = (read: Read): readonly Uint8Array[] =>
  readRecord(pendingListCodec, read, META.pendingEvidence) ?? []

/** Oldest first. */
export const readPendingEvidence = (read: Read): Evidence[] =>
  readPendingHashes(read).map((hash) =>
    readExisting(evidenceCodec, read, keyOf('pendingEvidence', hash)),
  )
