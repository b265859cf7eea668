import { type Input, inputCodec } from '../../consensus/index.ts'
import { type Block, blockCodec, blockIdOf } from '../../core/chain/block.ts'
import { decode, int } from '../../core/primitives/codec.ts'
import { WAL_BLOCK, WAL_INPUT } from '../consensus/heightSession.ts'
import { type WalFile, walFilesOf } from '../consensus/walFiles.ts'
import {
  decodeHeader,
  HEADER_BYTES,
  type RecordFault,
  saltCrc,
  spansOf,
  WAL_HEIGHT,
} from '../consensus/walFormat.ts'
import type { FileSystem } from '../storage/fileSystem.ts'
import { plainJson } from './plainJson.ts'

/** What a line of the report is about: a file, and a place in it. */
export type WalLine = { readonly file: string; readonly offset: number } & (
  | {
      readonly kind: 'header'
      /** The lowest that the file may hold. */
      readonly height: number
      readonly version: number
      readonly chainId: number
      readonly genesisHash: string
      readonly bytes: number
    }
  /** What follows belongs to this height. */
  | { readonly kind: 'height'; readonly height: number }
  | { readonly kind: 'input'; readonly input: unknown; readonly summary: string }
  | { readonly kind: 'block'; readonly block: unknown; readonly summary: string }
  | { readonly kind: 'free'; readonly bytes: number }
  | { readonly kind: 'damage'; readonly bytes: number; readonly reason: WalDamage }
)

export type WalDamage =
  | RecordFault
  /** No header, or none that is whole: nothing after it can be believed. */
  | 'HEADER'
  /** The header names another height than the file's name. */
  | 'OTHER_HEIGHT'
  /** A whole record, whose contents are none that this program writes. */
  | 'UNKNOWN_TYPE'
  | 'NOT_CANONICAL'

/** Every record of the WALs of a directory, of one height when asked, in order. Of any bytes; throws only what reading the files throws. */
export async function* inspectWals(
  directory: string,
  fileSystem: FileSystem,
  height: number | null,
): AsyncGenerator<WalLine> {
  for (const file of await walFilesOf(directory, fileSystem)) {
    const bytes = await fileSystem.read(file.path)
    if (bytes === null) continue
    let current = file.height
    for (const line of linesOf(file, bytes)) {
      if (line.kind === 'height') current = line.height
      if (height === null || current === height) yield line
    }
  }
}

/** The lines of one file. */
export function* linesOf({ path: file, height }: WalFile, bytes: Uint8Array): Generator<WalLine> {
  const header = decodeHeader(bytes)
  if (header === null) {
    const isBlank = bytes.every((byte) => byte === 0)
    yield isBlank
      ? { file, offset: 0, kind: 'free', bytes: bytes.length }
      : { file, offset: 0, kind: 'damage', bytes: bytes.length, reason: 'HEADER' }
    return
  }
  const { version, chainId, genesisHash, salt } = header
  const identity = {
    height: header.height,
    version,
    chainId,
    genesisHash: plainJson(genesisHash) as string,
  }
  yield { file, offset: 0, kind: 'header', ...identity, bytes: bytes.length }
  if (header.height !== height)
    yield { file, offset: 0, kind: 'damage', bytes: HEADER_BYTES, reason: 'OTHER_HEIGHT' }
  for (const span of spansOf(bytes, saltCrc(salt))) {
    const { offset } = span
    if (span.kind === 'record') yield { file, offset, ...recordLine(span.entry) }
    else if (span.kind === 'free') yield { file, offset, kind: 'free', bytes: span.end - offset }
    else yield { file, offset, kind: 'damage', bytes: span.end - offset, reason: span.reason }
  }
}

type RecordLine =
  | { readonly kind: 'height'; readonly height: number }
  | { readonly kind: 'input'; readonly input: unknown; readonly summary: string }
  | { readonly kind: 'block'; readonly block: unknown; readonly summary: string }
  | { readonly kind: 'damage'; readonly bytes: number; readonly reason: WalDamage }

function recordLine({
  type,
  payload,
}: {
  readonly type: number
  readonly payload: Uint8Array
}): RecordLine {
  const bytes = payload.length
  if (type === WAL_HEIGHT) {
    const height = decode(int, payload)
    if (!height.ok) return { kind: 'damage', bytes, reason: 'NOT_CANONICAL' }
    return { kind: 'height', height: height.value }
  }
  if (type === WAL_INPUT) {
    const input = decode(inputCodec, payload)
    if (!input.ok) return { kind: 'damage', bytes, reason: 'NOT_CANONICAL' }
    return { kind: 'input', input: plainJson(input.value), summary: inputText(input.value) }
  }
  if (type === WAL_BLOCK) {
    const block = decode(blockCodec, payload)
    if (!block.ok) return { kind: 'damage', bytes, reason: 'NOT_CANONICAL' }
    return { kind: 'block', ...blockLine(block.value, bytes) }
  }
  return { kind: 'damage', bytes, reason: 'UNKNOWN_TYPE' }
}

function blockLine(
  block: Block,
  bytes: number,
): { readonly block: unknown; readonly summary: string } {
  const { header, payload } = block
  const blockId = blockIdOf(header)
  const counts = {
    transactions: payload.evm.length,
    actions: payload.core.length,
    messages: payload.messages.length,
    evidence: payload.evidence.length,
  }
  return {
    block: { blockId, bytes, header: plainJson(header), ...counts },
    summary: `${short(blockId)} of height ${header.height}, ${bytes} bytes, ${counts.transactions} transactions, ${counts.actions} actions`,
  }
}

function inputText(input: Input): string {
  switch (input.kind) {
    case 'proposal': {
      const { round, blockId, polRound } = input.proposal
      return `proposal of round ${round}: ${short(blockId)}${polRound >= 0 ? `, polka of round ${polRound}` : ''}, arrived ${timeText(input.receivedAt)}`
    }
    case 'blockChecked':
      return `block ${short(input.blockId)} is ${input.valid ? 'valid' : 'not valid'}`
    case 'vote': {
      const { type, round, validatorIndex, blockId } = input.vote
      return `${type} of validator ${validatorIndex} in round ${round}: ${short(blockId)}`
    }
    case 'valueReady':
      return `own block for round ${input.round}: ${short(input.blockId)}`
    case 'timeout': {
      const { kind, round } = input.timer
      return `timeout ${kind} of round ${round}`
    }
    case 'polkaCertificate':
      return `polka of round ${input.certificate.round}: ${short(input.certificate.blockId)}`
    case 'commitCertificate':
      return `commit of round ${input.certificate.round}: ${short(input.certificate.blockId)}`
    case 'start':
      return 'start'
  }
}

/** A file may say any number. */
const timeText = (ms: number): string =>
  ms <= MAX_DATE_MS ? new Date(ms).toISOString() : `${ms} ms`
const MAX_DATE_MS = 8.64e15

const short = (blockId: string | null): string => (blockId === null ? 'nil' : blockId.slice(0, 16))
