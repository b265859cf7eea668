import {
  type BlockOutline,
  type ExecutedBlock,
  type ExecutedTransaction,
  ethereumHeaderCodec,
  type Log,
  type Receipt,
  type SkippedTransaction,
} from '../../core/chain/executedBlock.ts'
import { blockIdCodec } from '../../core/chain/vote.ts'
import {
  bigintToBytes,
  bytesToBigint,
  EMPTY_BYTES,
  equalBytes,
} from '../../core/primitives/bytes.ts'
import {
  bytes,
  type Codec,
  type Decoder,
  fixedBytes,
  int,
  list,
  mapped,
  optional,
  type Reader,
  struct,
  u8,
  type Writer,
} from '../../core/primitives/codec.ts'
import { HASH_LENGTH } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { ADDRESS_LENGTH } from '../../core/primitives/signature.ts'

/**
 * How an executed block is stored: a transfer takes about 90 bytes instead of the 480 of
 * executedBlockCodec, because its signed bytes are those of the block's payload and its bloom is
 * mostly zeros. LevelDB rewrites every byte several times, so this is what its compaction costs.
 */
export function executedRecordCodec(payload: readonly Uint8Array[]): Codec<ExecutedBlock> {
  return {
    write: (writer, block) => {
      blockIdCodec.write(writer, block.blockId)
      ethereumHeaderCodec.write(writer, block.header)
      skippedCodec.write(writer, block.skipped)
      writeTransactions(writer, block, payload)
    },
    read: (reader) => {
      const blockId = blockIdCodec.read(reader)
      const header = ethereumHeaderCodec.read(reader)
      const skipped = skippedCodec.read(reader)
      const transactions = readTransactions(reader, payload, skipped.length)
      return { blockId, header, transactions, skipped }
    },
  }
}

const hash32 = fixedBytes(HASH_LENGTH)
const address = fixedBytes(ADDRESS_LENGTH)
const BLOOM_BYTES = 256
const DENSE = 0xff

/**
 * Fewer than 128 non-zero bytes: their count, then (position, byte) pairs in order; else 0xff and
 * all 256 bytes. One bloom has one encoding.
 */
const bloomCodec: Codec<Uint8Array> = {
  write: (writer, bloom) => {
    let count = 0
    for (let i = 0; i < BLOOM_BYTES; i++) if (bloom[i] !== 0) count++
    if (count >= BLOOM_BYTES / 2) {
      writer.u8(DENSE)
      writer.raw(bloom)
      return
    }
    writer.u8(count)
    for (let i = 0; i < BLOOM_BYTES && count > 0; i++) {
      if (bloom[i] === 0) continue
      writer.u8(i)
      writer.u8(bloom[i] as number)
      count--
    }
  },
  read: (reader) => {
    const count = reader.u8()
    return count === DENSE ? readDense(reader) : readSparse(reader, count)
  },
}

function readDense(reader: Reader): Uint8Array {
  const bloom = reader.raw(BLOOM_BYTES)
  if (bloom.reduce((sum, byte) => sum + (byte === 0 ? 0 : 1), 0) < BLOOM_BYTES / 2)
    reader.fail('OUT_OF_RANGE')
  return bloom
}

function readSparse(reader: Reader, count: number): Uint8Array {
  const bloom = new Uint8Array(BLOOM_BYTES)
  if (count >= BLOOM_BYTES / 2) reader.fail('OUT_OF_RANGE')
  let previous = -1
  for (let i = 0; i < count && reader.fault === null; i++) {
    const position = reader.u8()
    const byte = reader.u8()
    if (position <= previous || byte === 0) reader.fail('NOT_SORTED')
    bloom[position] = byte
    previous = position
  }
  return bloom
}

/** A u256 without its leading zeros, after their number. */
const price: Codec<bigint> = mapped(
  bytes(32),
  (raw, reader) => {
    if (raw[0] === 0) reader.fail('OUT_OF_RANGE')
    return bytesToBigint(raw)
  },
  (value) => {
    const hexDigits = value === 0n ? 0 : value.toString(16).length
    return hexDigits === 0 ? EMPTY_BYTES : bigintToBytes(value, (hexDigits + 1) >>> 1)
  },
)

export const logCodec: Codec<Log> = struct<Log>({
  address,
  topics: list(hash32, 4),
  data: bytes(LIMITS.blockGas / 8),
})

const receiptCodec: Codec<Receipt> = struct<Receipt>({
  type: u8,
  status: u8,
  gasUsed: int,
  cumulativeGasUsed: int,
  effectiveGasPrice: price,
  contractAddress: optional(address),
  logs: list(logCodec, 0xffffffff),
  logsBloom: bloomCodec,
})

/** A transaction that is not in the payload: a system transaction. */
const INLINE = 0xffffffff

/**
 * Transactions are the payload's in its order without the skipped ones, so one pass finds them all:
 * the search for one never goes further than as many as were skipped.
 */
function writeTransactions(
  writer: Writer,
  { transactions, skipped }: ExecutedBlock,
  payload: readonly Uint8Array[],
): void {
  writer.u32(transactions.length)
  let next = 0
  let gaps = skipped.length
  for (const transaction of transactions) {
    const found = indexFrom(payload, { from: next, to: next + gaps }, transaction.bytes)
    hash32.write(writer, transaction.hash)
    address.write(writer, transaction.sender)
    writer.u32(found)
    if (found === INLINE) inlineBytes.write(writer, transaction.bytes)
    receiptCodec.write(writer, transaction.receipt)
    if (found === INLINE) continue
    gaps -= found - next
    next = found + 1
  }
}

/** Refuses places that the search of the writer would not have found. */
function readTransactions(
  reader: Reader,
  payload: readonly Uint8Array[],
  skipped: number,
): ExecutedTransaction[] {
  const count = reader.u32()
  if (count > LIMITS.executedTransactions) reader.fail('TOO_LONG')
  const transactions: ExecutedTransaction[] = []
  let next = 0
  let gaps = skipped
  for (let i = 0; i < count && reader.fault === null; i++) {
    const hash = hash32.read(reader)
    const sender = address.read(reader)
    const found = reader.u32()
    const signed = found === INLINE ? inlineBytes.read(reader) : payload[found]
    if (found !== INLINE) {
      if (found < next || found > next + gaps || signed === undefined) reader.fail('OUT_OF_RANGE')
      gaps -= found - next
      next = found + 1
    }
    const receipt = receiptCodec.read(reader)
    transactions.push({ hash, sender, bytes: signed ?? EMPTY_BYTES, receipt })
  }
  return transactions
}

/** Both ends included. */
function indexFrom(
  payload: readonly Uint8Array[],
  range: { readonly from: number; readonly to: number },
  signed: Uint8Array,
): number {
  for (let i = range.from; i <= range.to && i < payload.length; i++) {
    const candidate = payload[i] as Uint8Array
    if (candidate === signed || equalBytes(candidate, signed)) return i
  }
  return INLINE
}

const inlineBytes = bytes(LIMITS.transactionBytes)

/**
 * The outline of a stored block, for a small part of what reading it all costs; what it passes over has its checksum,
 * and is judged when somebody reads it.
 */
export const outlineOfRecord: Decoder<BlockOutline> = { read: readOutline }

function readOutline(reader: Reader): BlockOutline {
  blockIdCodec.read(reader)
  const header = ethereumHeaderCodec.read(reader)
  skippedCodec.read(reader)
  const count = reader.u32()
  if (count > LIMITS.executedTransactions) reader.fail('TOO_LONG')
  const hashes: Uint8Array[] = []
  for (let i = 0; i < count && reader.fault === null; i++) {
    hashes.push(hash32.read(reader))
    reader.skip(ADDRESS_LENGTH)
    if (reader.u32() === INLINE) reader.skip(reader.u32())
    skipReceipt(reader)
  }
  return { header, hashes }
}

/** As `receiptCodec` reads it. */
function skipReceipt(reader: Reader): void {
  reader.skip(TYPE_AND_STATUS_BYTES + 2 * INT_BYTES)
  reader.skip(reader.u32())
  if (reader.u8() !== 0) reader.skip(ADDRESS_LENGTH)
  const logs = reader.u32()
  for (let i = 0; i < logs && reader.fault === null; i++) {
    reader.skip(ADDRESS_LENGTH)
    reader.skip(HASH_LENGTH * reader.u32())
    reader.skip(reader.u32())
  }
  const count = reader.u8()
  reader.skip(count === DENSE ? BLOOM_BYTES : 2 * count)
}

const TYPE_AND_STATUS_BYTES = 2
const INT_BYTES = 8

const ascii: Codec<string> = mapped(
  bytes(64),
  (raw) => String.fromCharCode(...raw),
  (text) => Uint8Array.from(text, (character) => character.charCodeAt(0)),
)

const skippedCodec: Codec<readonly SkippedTransaction[]> = list(
  struct<SkippedTransaction>({ hash: hash32, code: ascii }),
  LIMITS.blockTransactions,
)
