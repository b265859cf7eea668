import { assert } from '../../core/primitives/assert.ts'
import type { EvmNamespace } from '../../evm/store.ts'

/** Raised when stored bytes change their meaning; a database of another version is refused. */
export const FORMAT_VERSION = 3

/**
 * The first byte of every key. Numbered for ever: a number is never reused for something else.
 * Heights are eight bytes, big-endian, so that key order is height order. Every value ends in the
 * CRC-32C of key ‖ value (record.ts), because LevelDB does not verify its own checksums on reads.
 *
 * | column              | key after the first byte        | value                                     |
 * |---------------------|---------------------------------|-------------------------------------------|
 * | meta                | name (ASCII)                    | see META                                  |
 * | block               | height                          | blockCodec                                |
 * | certificate         | height                          | certificateCodec: the commit of it        |
 * | executed            | height                          | executedRecord.ts                         |
 * | ethereumHash        | Ethereum block hash             | height                                    |
 * | transaction         | transaction hash                | height, index in the Ethereum block       |
 * | summary             | height                          | summaryRecordCodec                        |
 * | validators          | height they judge               | validatorRecord.ts                        |
 * | ancestor            | height before the start         | ethereumHeaderCodec, for BLOCKHASH        |
 * | logFilter           | height                          | logIndex.ts; absent without logs          |
 * | logSection          | first height ‖ bucket u8        | logIndex.ts: 64 heights by value          |
 * | evmAccount          | address                         | pointer to the last change ‖ value        |
 * | evmStorage          | address ‖ slot                  | pointer to the last change ‖ value        |
 * | evmCode             | code hash                       | code                                      |
 * | evmTrieNode         | as the trie chooses             | as the trie chooses                       |
 * | evmChangeIndex      | height                          | changesetIndexCodec                       |
 * | evmChangeset        | height ‖ shard u8               | changeset.ts: values before the height    |
 * | evidence            | evidence hash                   | height of the block that holds it         |
 * | pendingEvidence     | evidence hash                   | evidenceCodec                             |
 * | coreOutcome         | height                          | coreOutcomeCodec; absent when empty       |
 * | coreReplay          | height                          | replayRecordCodec; as far as corePageHistory |
 * | corePage            | engine u16 ‖ page u32           | 4 KiB of the engine's memory              |
 * | action              | hash of the signed envelope     | height, index among the actions           |
 * | corePageHistory     | height ‖ part u32               | pages before the checkpoint of the height |
 * | engineCalls         | height                          | engineCalls.ts; as far as the EVM's history |
 */
export const COLUMN = {
  meta: 0x00,
  block: 0x01,
  certificate: 0x02,
  executed: 0x03,
  ethereumHash: 0x04,
  transaction: 0x05,
  summary: 0x06,
  validators: 0x07,
  ancestor: 0x08,
  logFilter: 0x09,
  logSection: 0x0a,
  evmAccount: 0x10,
  evmStorage: 0x11,
  evmCode: 0x12,
  evmTrieNode: 0x13,
  evmChangeIndex: 0x14,
  evmChangeset: 0x15,
  evidence: 0x20,
  pendingEvidence: 0x21,
  coreOutcome: 0x30,
  coreReplay: 0x31,
  corePage: 0x32,
  action: 0x33,
  corePageHistory: 0x34,
  engineCalls: 0x35,
} as const

export type Column = keyof typeof COLUMN

export const COLUMN_OF_NAMESPACE: { readonly [N in EvmNamespace]: Column } = {
  account: 'evmAccount',
  storage: 'evmStorage',
  code: 'evmCode',
  trieNode: 'evmTrieNode',
}

/** Length of a height inside a key. */
export const HEIGHT_BYTES = 8

/** The column byte before a key of any length. */
export function keyOf(column: Column, key: Uint8Array): Uint8Array {
  const out = new Uint8Array(1 + key.length)
  out[0] = COLUMN[column]
  out.set(key, 1)
  return out
}

export function heightKey(column: Column, height: number): Uint8Array {
  const out = new Uint8Array(1 + HEIGHT_BYTES)
  out[0] = COLUMN[column]
  writeHeight(out, 1, height)
  return out
}

export function shardKey(height: number, shard: number): Uint8Array {
  const out = new Uint8Array(2 + HEIGHT_BYTES)
  out[0] = COLUMN.evmChangeset
  writeHeight(out, 1, height)
  out[1 + HEIGHT_BYTES] = shard
  return out
}

/** Of a section of the log index. */
export function sectionKey(first: number, bucket: number): Uint8Array {
  const out = new Uint8Array(2 + HEIGHT_BYTES)
  out[0] = COLUMN.logSection
  writeHeight(out, 1, first)
  out[1 + HEIGHT_BYTES] = bucket
  return out
}

const metaKey = (name: string): Uint8Array => keyOf('meta', new TextEncoder().encode(name))

export const META = {
  /** identityCodec: format version, chain id, genesis hash. Written once. */
  identity: metaKey('identity'),
  /** progressCodec: the committed height and the reach of the history. Part of every height's batch. */
  progress: metaKey('progress'),
  /** The hashes of all pending evidence, oldest first. */
  pendingEvidence: metaKey('pendingEvidence'),
  /** The height of the stored pages of the engines' memories. */
  coreCheckpoint: metaKey('coreCheckpoint'),
  /** The checkpoints that can be undone. Absent in a database that never kept before-images. */
  corePageHistory: metaKey('corePageHistory'),
  /** The lowest height that the log index has. Absent in a database that an older program wrote. */
  logIndexStart: metaKey('logIndexStart'),
}

export function columnOf(key: Uint8Array): string {
  for (const [name, byte] of Object.entries(COLUMN)) if (byte === key[0]) return name
  return `unknown ${key[0]}`
}

function writeHeight(out: Uint8Array, at: number, height: number): void {
  assert(Number.isSafeInteger(height) && height >= 0, 'a height is a safe integer')
  const view = new DataView(out.buffer, out.byteOffset)
  view.setUint32(at, Math.floor(height / 2 ** 32))
  view.setUint32(at + 4, height % 2 ** 32)
}
