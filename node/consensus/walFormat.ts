import { assert } from '../../core/primitives/assert.ts'
import { equalBytes, toHex } from '../../core/primitives/bytes.ts'
import {
  type Codec,
  decode,
  encode,
  fixedBytes,
  int,
  struct,
  u32,
} from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { HASH_LENGTH } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { crc32c } from '../storage/crc32c.ts'
import type { ChainIdentity } from '../storage/meta.ts'

const WAL_VERSION = 3
/** Files of one height each, without marks: read, not written. */
const ONE_HEIGHT_VERSION = 2

/** A record that says which height those after it belong to; the heights before it are committed. Numbered for ever. */
export const WAL_HEIGHT = 3

export function heightOfMark({ payload }: WalEntry): number {
  const height = decode(int, payload)
  assert(height.ok, 'a checksummed WAL record is canonical')
  return height.value
}

export type WalEntry = { readonly type: number; readonly payload: Uint8Array }

/** The first bytes of every file: what it belongs to, the lowest height it may hold, and a salt that only this file has. */
export type WalHeader = ChainIdentity & { readonly height: number; readonly salt: Uint8Array }

export const SALT_BYTES = 16

type StoredHeader = WalHeader & { readonly magic: number; readonly version: number }

const MAGIC = 0x4e58574c
const storedHeaderCodec: Codec<StoredHeader> = struct<StoredHeader>({
  magic: u32,
  version: u32,
  chainId: int,
  genesisHash: fixedBytes(HASH_LENGTH),
  height: int,
  salt: fixedBytes(SALT_BYTES),
})

/** magic u32 | version u32 | chainId u64 | genesisHash 32 | height u64 | salt 16 | crc32c u32. */
export const HEADER_BYTES = 76

export function encodeHeader(header: WalHeader): Uint8Array {
  const body = encode(storedHeaderCodec, { ...header, magic: MAGIC, version: WAL_VERSION })
  const out = new Uint8Array(HEADER_BYTES)
  out.set(body)
  new DataView(out.buffer).setUint32(body.length, crc32c(body))
  return out
}

/** Null: the bytes are not a whole header. */
export function decodeHeader(file: Uint8Array): StoredHeader | null {
  if (file.length < HEADER_BYTES) return null
  const body = file.subarray(0, HEADER_BYTES - 4)
  if (viewOf(file).getUint32(HEADER_BYTES - 4) !== crc32c(body)) return null
  const header = decode(storedHeaderCodec, body)
  return header.ok && header.value.magic === MAGIC ? header.value : null
}

export function checkHeader(
  header: StoredHeader,
  expected: ChainIdentity & { readonly height: number },
  file: string,
): void {
  if (header.version !== WAL_VERSION && header.version !== ONE_HEIGHT_VERSION)
    throw new NexusError(
      { code: 'WAL_VERSION', file, found: header.version, expected: WAL_VERSION },
      { message: `${file} has WAL version ${header.version}: use the program that wrote it` },
    )
  const same =
    header.chainId === expected.chainId &&
    equalBytes(header.genesisHash, expected.genesisHash) &&
    header.height === expected.height
  if (same) return
  const found = `chain ${header.chainId}, genesis ${toHex(header.genesisHash)}, height ${header.height}`
  throw new NexusError(
    { code: 'WAL_WRONG_CHAIN', file, found },
    { message: `${file} is a WAL of ${found}: the data directory belongs to something else` },
  )
}

/**
 * Records after the header:
 * length u32 | type u8 | flush u32 | payload crc32c u32 | head crc32c u32 | payload.
 *
 * `flush` is where the first record is that was written and synced together with this one. The
 * head's checksum covers the salt, the offset and the bytes before it. So a length is believed only
 * when it is the one that was written here: bytes inside a payload, however chosen by a peer, and
 * records of another file or offset never look like a record.
 */
export const RECORD_HEAD_BYTES = 17
const FLUSH_AT = 5
const PAYLOAD_CRC_AT = 9
const HEAD_CRC_AT = 13

export function writeRecord(
  out: Uint8Array,
  at: number,
  record: WalEntry & { readonly salt: number; readonly offset: number; readonly flush: number },
): void {
  const { type, payload, salt, offset, flush } = record
  const view = viewOf(out)
  view.setUint32(at, payload.length)
  out[at + 4] = type
  view.setUint32(at + FLUSH_AT, flush)
  view.setUint32(at + PAYLOAD_CRC_AT, crc32c(payload))
  view.setUint32(at + HEAD_CRC_AT, headCrc(out.subarray(at, at + HEAD_CRC_AT), salt, offset))
  out.set(payload, at + RECORD_HEAD_BYTES)
}

/** What a salt contributes to every head's checksum. */
export const saltCrc = (salt: Uint8Array): number => crc32c(salt)

function headCrc(head: Uint8Array, salt: number, offset: number): number {
  OFFSET_VIEW.setFloat64(0, offset)
  return crc32c(head, crc32c(OFFSET_BYTES, salt))
}
const OFFSET_BYTES = new Uint8Array(8)
const OFFSET_VIEW = new DataView(OFFSET_BYTES.buffer)

export type Recovered = {
  readonly entries: readonly WalEntry[]
  /** Where the next record goes: the end of the last good one. */
  readonly end: number
}

/**
 * All good records from the start. A bad record ends them when nothing good follows but what was
 * written together with it: a power cut leaves any part of what was not synced, and none of that was
 * promised. Throws WAL_CORRUPT when a record of a later flush follows: what is bad had been synced
 * before that was written. Unless a later height begins behind it: then nothing needs what is bad.
 */
export function recoverRecords(file: Uint8Array, salt: number, path: string): Recovered {
  const view = viewOf(file)
  const entries: WalEntry[] = []
  let end = HEADER_BYTES
  for (;;) {
    const record = recordAt(file, view, end, salt)
    if (record !== null) {
      entries.push(record)
      end += RECORD_HEAD_BYTES + record.payload.length
      continue
    }
    const { later, mark } = behind(file, view, end, salt)
    if (mark !== null) end = mark
    else if (later !== null) throw walCorrupt(path, end, later)
    else return { entries, end }
  }
}

/** Behind something bad: the first record of a later flush, and the first that begins a height. */
function behind(
  file: Uint8Array,
  view: DataView,
  end: number,
  salt: number,
): { readonly later: number | null; readonly mark: number | null } {
  let later: number | null = null
  for (let offset = end + 1; offset + RECORD_HEAD_BYTES <= file.length; offset++) {
    const isMark = file[offset + 4] === WAL_HEIGHT
    const isLater = later === null && view.getUint32(offset + FLUSH_AT) > end
    if ((!isMark && !isLater) || recordAt(file, view, offset, salt) === null) continue
    if (isMark) return { later, mark: offset }
    later = offset
  }
  return { later, mark: null }
}

export type WalSpan =
  | { readonly kind: 'record'; readonly offset: number; readonly entry: WalEntry }
  /** Bytes that are no record, and why the first of them begins none. */
  | {
      readonly kind: 'damage'
      readonly offset: number
      readonly end: number
      readonly reason: RecordFault
    }
  /** Zeros up to the end: nothing was ever written there. */
  | { readonly kind: 'free'; readonly offset: number; readonly end: number }

export type RecordFault = 'CUT_SHORT' | 'LENGTH' | 'HEAD_CHECKSUM' | 'PAYLOAD_CHECKSUM'

/** Everything in a file after its header, good or bad, in order; of any bytes. O(length) while records do not nest. */
export function* spansOf(file: Uint8Array, salt: number): Generator<WalSpan> {
  const view = viewOf(file)
  let offset = HEADER_BYTES
  while (offset < file.length) {
    const entry = recordAt(file, view, offset, salt)
    if (entry !== null) {
      yield { kind: 'record', offset, entry }
      offset += RECORD_HEAD_BYTES + entry.payload.length
      continue
    }
    let end = offset + 1
    while (end < file.length && recordAt(file, view, end, salt) === null) end++
    const isFree = end === file.length && file.subarray(offset).every((byte) => byte === 0)
    yield isFree
      ? { kind: 'free', offset, end }
      : { kind: 'damage', offset, end, reason: faultAt(file, view, offset, salt) }
    offset = end
  }
}

function faultAt(file: Uint8Array, view: DataView, offset: number, salt: number): RecordFault {
  if (offset + RECORD_HEAD_BYTES > file.length) return 'CUT_SHORT'
  const head = file.subarray(offset, offset + HEAD_CRC_AT)
  if (view.getUint32(offset + HEAD_CRC_AT) !== headCrc(head, salt, offset)) return 'HEAD_CHECKSUM'
  const length = view.getUint32(offset)
  if (length > LIMITS.walRecordBytes) return 'LENGTH'
  return offset + RECORD_HEAD_BYTES + length > file.length ? 'CUT_SHORT' : 'PAYLOAD_CHECKSUM'
}

/** The payload shares the file's memory. The checks go from cheap to dear: most offsets fail the first. */
function recordAt(file: Uint8Array, view: DataView, offset: number, salt: number): WalEntry | null {
  const start = offset + RECORD_HEAD_BYTES
  if (start > file.length) return null
  const length = view.getUint32(offset)
  if (length > LIMITS.walRecordBytes || start + length > file.length) return null
  const head = file.subarray(offset, offset + HEAD_CRC_AT)
  // Preallocated zeros: one salt in 2^32 would make a record of them at some offset.
  if (head.every((byte) => byte === 0)) return null
  if (view.getUint32(offset + HEAD_CRC_AT) !== headCrc(head, salt, offset)) return null
  const payload = file.subarray(start, start + length)
  if (view.getUint32(offset + PAYLOAD_CRC_AT) !== crc32c(payload)) return null
  return { type: file[offset + 4] as number, payload }
}

export function walCorrupt(file: string, offset: number, nextGood: number | null): NexusError {
  const where =
    nextGood === null
      ? 'its header is damaged'
      : `bytes from ${offset} up to ${nextGood} are damaged`
  return new NexusError(
    { code: 'WAL_CORRUPT', file, offset, nextGood },
    {
      message: `the consensus WAL ${file} cannot be trusted: ${where}, and records follow. This validator may have forgotten votes. Keep a copy, then restore the file; or remove it and start only after the network has decided this height`,
    },
  )
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
