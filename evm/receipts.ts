import type { Log, Receipt } from '../core/chain/executedBlock.ts'
import { keccakView } from '../core/primitives/hash.ts'
import { headerLength, writeHeader, writeString } from './rlp.ts'
import { blockBytes } from './slab.ts'

export const BLOOM_BYTES = 256
export const EMPTY_BLOOM = new Uint8Array(BLOOM_BYTES)

/** 2,048 bits with up to three set for each address and topic (Yellow Paper §4.3.1). */
export function bloomOf(logs: readonly Log[]): Uint8Array {
  if (logs.length === 0) return EMPTY_BLOOM
  const bloom = new Uint8Array(BLOOM_BYTES)
  for (const { address, topics } of logs) {
    addToBloom(bloom, bitsOf(address))
    for (let i = 0; i < topics.length; i++) addToBloom(bloom, bitsOf(topics[i] as Uint8Array))
  }
  return bloom
}

function addToBloom(bloom: Uint8Array, digits: number): void {
  let bits = digits
  for (let i = 0; i < 3; i++) {
    const bit = bits % BLOOM_BITS
    bits = Math.floor(bits / BLOOM_BITS)
    const at = BLOOM_BYTES - 1 - (bit >> 3)
    bloom[at] = (bloom[at] as number) | (1 << (bit & 7))
  }
}

const BLOOM_BITS = 2_048

/** The three bits of an address or a topic, as digits of a number. */
function bitsOf(item: Uint8Array): number {
  const { length } = item
  if (length < 2 || length > KNOWN_BYTES) return hashedBits(item)
  const place = ((item[length - 1] as number) | ((item[length - 2] as number) << 8)) & KNOWN_MASK
  const at = place * KNOWN_BYTES
  if (knownLengths[place] === length && isKnown(item, at)) return knownBits[place] as number
  const bits = hashedBits(item)
  knownLengths[place] = length
  for (let i = 0; i < length; i++) knownItems[at + i] = item[i] as number
  knownBits[place] = bits
  return bits
}

function isKnown(item: Uint8Array, at: number): boolean {
  for (let i = 0; i < item.length; i++) if (knownItems[at + i] !== item[i]) return false
  return true
}

function hashedBits(item: Uint8Array): number {
  const hash = keccakView(item)
  const bit = (at: number): number => hash.getUint16(at) % BLOOM_BITS
  return bit(0) + BLOOM_BITS * (bit(2) + BLOOM_BITS * bit(4))
}

/**
 * Contracts, kinds of events and accounts come again and again. Each has one place, by its last bytes: who
 * makes items that share one pays no more than the hash. Whole items are compared.
 */
const KNOWN_ITEMS = 4_096
const KNOWN_MASK = KNOWN_ITEMS - 1
const KNOWN_BYTES = 32
const knownItems = new Uint8Array(KNOWN_ITEMS * KNOWN_BYTES)
/** Zero: the place is free. */
const knownLengths = new Uint8Array(KNOWN_ITEMS)
const knownBits = new Float64Array(KNOWN_ITEMS)

export function mergeBlooms(blooms: readonly Uint8Array[]): Uint8Array {
  const merged = new Int32Array(BLOOM_BYTES / 4)
  for (const bloom of blooms) {
    if (bloom === EMPTY_BLOOM) continue
    const words = wordsOf(bloom)
    for (let i = 0; i < merged.length; i++) merged[i] = (merged[i] as number) | (words[i] as number)
  }
  return new Uint8Array(merged.buffer)
}

/** Four bytes at a time, in whatever order the machine has them: what is joined is put back the same way. */
function wordsOf(bloom: Uint8Array): Int32Array {
  const whole = bloom.byteOffset % 4 === 0 ? bloom : bloom.slice()
  return new Int32Array(whole.buffer, whole.byteOffset, BLOOM_BYTES / 4)
}

type ReceiptBody = Pick<Receipt, 'type' | 'status' | 'cumulativeGasUsed' | 'logsBloom' | 'logs'>

/** EIP-2718 and EIP-658: what the receipts root covers. Written by hand: it is a kilobyte per transaction. */
export function encodeReceipt(receipt: ReceiptBody): Uint8Array {
  const { type, status, cumulativeGasUsed, logsBloom, logs } = receipt
  const gas = numberLength(cumulativeGasUsed)
  const logsLength = logs.reduce((sum, log) => sum + withHeader(logLength(log)), 0)
  const length = 1 + gas + withHeader(BLOOM_BYTES) + withHeader(logsLength)
  const prefix = type === 0 ? 0 : 1
  const out = blockBytes(prefix + withHeader(length))
  if (prefix === 1) out[0] = type
  let at = writeHeader(out, prefix, 0xc0, length)
  out[at] = status === 0 ? 0x80 : 1
  at = writeNumber(out, at + 1, cumulativeGasUsed)
  at = writeString(out, at, logsBloom)
  at = writeHeader(out, at, 0xc0, logsLength)
  for (const log of logs) at = writeLog(out, at, log)
  return out
}

const withHeader = (length: number): number => headerLength(length) + length

const ADDRESS_LENGTH = 21
const TOPIC_LENGTH = 33

const topicsLength = (log: Log): number => TOPIC_LENGTH * log.topics.length
const dataLength = ({ data }: Log): number =>
  data.length === 1 && (data[0] as number) < 0x80 ? 1 : withHeader(data.length)
const logLength = (log: Log): number =>
  ADDRESS_LENGTH + withHeader(topicsLength(log)) + dataLength(log)

function writeLog(out: Uint8Array, start: number, log: Log): number {
  let at = writeHeader(out, start, 0xc0, logLength(log))
  at = writeString(out, at, log.address)
  at = writeHeader(out, at, 0xc0, topicsLength(log))
  for (const topic of log.topics) at = writeString(out, at, topic)
  return writeString(out, at, log.data)
}

function numberLength(value: number): number {
  if (value < 0x80) return 1
  let bytes = 1
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes++
  return bytes
}

function writeNumber(out: Uint8Array, at: number, value: number): number {
  if (value === 0) {
    out[at] = 0x80
    return at + 1
  }
  if (value < 0x80) {
    out[at] = value
    return at + 1
  }
  const bytes = numberLength(value) - 1
  out[at] = 0x80 + bytes
  for (let i = bytes, rest = value; i > 0; i--, rest = Math.floor(rest / 256)) {
    out[at + i] = rest % 256
  }
  return at + 1 + bytes
}
