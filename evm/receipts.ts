import type { Log, Receipt } from '../core/chain/executedBlock.ts'
import { keccakView } from '../core/primitives/hash.ts'
import { GenerationCache } from './cache.ts'
import { headerLength, writeHeader, writeString } from './rlp.ts'
import { blockBytes } from './slab.ts'
import { keyOf } from './state/keys.ts'

export const BLOOM_BYTES = 256
export const EMPTY_BLOOM = new Uint8Array(BLOOM_BYTES)

/** 2,048 bits with up to three set for each address and topic (Yellow Paper §4.3.1). */
export function bloomOf(logs: readonly Log[]): Uint8Array {
  if (logs.length === 0) return EMPTY_BLOOM
  const bloom = new Uint8Array(BLOOM_BYTES)
  for (const { address, topics } of logs) {
    addToBloom(bloom, knownBitsOf(address))
    topics.forEach((topic, i) => {
      addToBloom(bloom, i === 0 ? knownBitsOf(topic) : bitsOf(topic))
    })
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
  const hash = keccakView(item)
  const bit = (at: number): number => hash.getUint16(at) % BLOOM_BITS
  return bit(0) + BLOOM_BITS * (bit(2) + BLOOM_BITS * bit(4))
}

/** Contracts and kinds of events are few, and come again and again; other topics cost less to hash than to look up. */
const knownBits = new GenerationCache<number>(4_096)

function knownBitsOf(item: Uint8Array): number {
  const key = keyOf(item)
  const known = knownBits.get(key)
  if (known !== undefined) return known
  const bits = bitsOf(item)
  knownBits.set(key, bits)
  return bits
}

export function mergeBlooms(blooms: readonly Uint8Array[]): Uint8Array {
  const merged = new Uint8Array(BLOOM_BYTES)
  for (const bloom of blooms) {
    if (bloom === EMPTY_BLOOM) continue
    for (let i = 0; i < BLOOM_BYTES; i++) merged[i] = (merged[i] as number) | (bloom[i] as number)
  }
  return merged
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
