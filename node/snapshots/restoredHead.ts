import { blockIdOf } from '../../core/chain/block.ts'
import { certificateCodec } from '../../core/chain/certificate.ts'
import { type EthereumHeader, ethereumHeaderCodec } from '../../core/chain/executedBlock.ts'
import { assert } from '../../core/primitives/assert.ts'
import { heightOf } from '../../core/primitives/units.ts'
import { BatchWriter } from '../storage/batchWriter.ts'
import { putCheckpointMark } from '../storage/coreState.ts'
import { type Database, ioError } from '../storage/database.ts'
import { executedRecordCodec } from '../storage/executedRecord.ts'
import { type ChainIdentity, identityCodec, progressCodec } from '../storage/meta.ts'
import { FORMAT_VERSION, heightKey, META } from '../storage/schema.ts'
import { summaryRecordCodec } from '../storage/stateSummary.ts'
import { validatorRecordOf } from '../storage/validatorRecord.ts'
import type { Anchor } from './checkManifest.ts'
import type { Manifest } from './manifest.ts'

/**
 * The last write of a restore, synced, which makes the database a chain that begins at the snapshot's
 * height: its summary, certificate and validators, and the Ethereum headers before it.
 */
export async function writeRestoredHead(
  database: Database,
  restored: {
    readonly identity: ChainIdentity
    readonly manifest: Manifest
    readonly anchor: Anchor
    readonly ancestors: readonly EthereumHeader[]
  },
): Promise<void> {
  const { identity, manifest, anchor, ancestors } = restored
  const { base, next } = anchor
  const height = heightOf(manifest.height)
  const batch = new BatchWriter(database)
  const blockId = blockIdOf(base.header)
  const summary = {
    height,
    blockId,
    time: base.header.time,
    roots: manifest.roots,
    stateRoot: next.header.stateRoot,
    receiptsRoot: next.header.receiptsRoot,
    ethereumHash: manifest.ethereumHash,
  }
  batch.putRecord(summaryRecordCodec, heightKey('summary', height), summary)
  batch.putRecord(certificateCodec, heightKey('certificate', height), base.certificate)
  putAncestors(batch, blockId, ancestors)
  putValidators(batch, height, anchor)
  putCheckpointMark(batch, { height, engines: manifest.engineRoots.length })
  batch.putRecord(identityCodec, META.identity, { formatVersion: FORMAT_VERSION, ...identity })
  const progress = { height, start: height, historyStart: height, prunedTo: height }
  batch.putRecord(progressCodec, META.progress, progress)
  try {
    await batch.write()
  } catch (error) {
    throw ioError('write', error)
  }
}

/** The height's own as its executed block, which has no transactions here; the others as what they are. */
function putAncestors(
  batch: BatchWriter,
  blockId: ReturnType<typeof blockIdOf>,
  ancestors: readonly EthereumHeader[],
): void {
  const own = ancestors.at(-1)
  assert(own !== undefined, 'the ancestors end with the height itself')
  const executed = { blockId, header: own, transactions: [], skipped: [] }
  batch.putRecord(executedRecordCodec([]), heightKey('executed', own.number), executed)
  for (const header of ancestors.slice(0, -1))
    batch.putRecord(ethereumHeaderCodec, heightKey('ancestor', header.number), header)
}

/** Of the height itself, for the certificate in the next block, and of the two after it. */
function putValidators(batch: BatchWriter, height: number, { base, next }: Anchor): void {
  let known: Parameters<typeof validatorRecordOf>[2] = null
  const sets = [base.validators, next.validators, next.nextValidators]
  for (const [i, set] of sets.entries()) {
    const record = validatorRecordOf(heightOf(height + i), set.validators, known)
    batch.putSealed(record.key, record.value)
    known = record.base
  }
}
