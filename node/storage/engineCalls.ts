import type { CoreCallOutcome } from '../../core/host/corePort.ts'
import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { bytes, type Codec, int, list, u8 } from '../../core/primitives/codec.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import type { BatchWriter } from './batchWriter.ts'
import { logCodec } from './executedRecord.ts'
import { type Read, readRecord } from './record.ts'
import { heightKey } from './schema.ts'

/** What engines answered contracts and transactions, in order: with it a block is traced without the engines of its time. */
export type EngineAnswers = readonly CoreCallOutcome[]

const KINDS = ['success', 'revert', 'outOfGas'] as const
const data = bytes(LIMITS.blockGas / 4)
const logs = list(logCodec, 0xffffffff)

const outcomeCodec: Codec<CoreCallOutcome> = {
  write: (writer, outcome) => {
    u8.write(writer, KINDS.indexOf(outcome.kind))
    if (outcome.kind === 'outOfGas') return
    int.write(writer, outcome.gasUsed)
    data.write(writer, outcome.returnData)
    if (outcome.kind === 'success') logs.write(writer, outcome.logs)
  },
  read: (reader) => {
    const kind = KINDS[u8.read(reader)]
    if (kind === undefined) reader.fail('BAD_TAG')
    if (kind === undefined || kind === 'outOfGas') return { kind: 'outOfGas' }
    const gasUsed = int.read(reader)
    const returnData = data.read(reader)
    if (kind === 'revert') return { kind, gasUsed, returnData: returnData ?? EMPTY_BYTES }
    return { kind, gasUsed, returnData, logs: logs.read(reader) }
  },
}

const answersCodec: Codec<EngineAnswers> = list(outcomeCodec, 0xffffffff)

/** Nothing is written for a height without calls. */
export function putEngineAnswers(batch: BatchWriter, height: number, answers: EngineAnswers): void {
  if (answers.length > 0) batch.putRecord(answersCodec, heightKey('engineCalls', height), answers)
}

export const readEngineAnswers = (read: Read, height: number): EngineAnswers =>
  readRecord(answersCodec, read, heightKey('engineCalls', height)) ?? []
