import { assert } from '../../core/primitives/assert.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { EvmChange, EvmNamespace, EvmStore } from '../../evm/store.ts'
import type { BatchWriter } from './batchWriter.ts'
import {
  ChangesetWriter,
  changesetIndexCodec,
  findChange,
  POINTER_BYTES,
  type Pointer,
  pointerAt,
  shardOf,
  writePointer,
} from './changeset.ts'
import { crc32c } from './crc32c.ts'
import type { PointerCache } from './pointerCache.ts'
import { CHECKSUM_BYTES, corrupt, type Read, readRecord, readValue, sealInPlace } from './record.ts'
import { COLUMN_OF_NAMESPACE, heightKey, keyOf, shardKey } from './schema.ts'

/** The state after the last height that `read` sees. */
export const latestEvmStore = (
  read: Read,
  seen?: (key: Uint8Array, at: Pointer) => void,
): EvmStore => ({
  get(namespace, key) {
    const stored = keyOf(COLUMN_OF_NAMESPACE[namespace], key)
    if (!hasHistory(namespace)) return readValue(read, stored) ?? undefined
    const { pointer, value } = readLatest(read, stored)
    seen?.(stored, pointer)
    return value ?? undefined
  },
})

/**
 * The state after an earlier height: from the latest value back through the changesets that
 * replaced it, one read for each time the key changed since. Trie nodes have no history.
 */
export const pastEvmStore = (read: Read, height: number): EvmStore => ({
  get(namespace, key) {
    const stored = keyOf(COLUMN_OF_NAMESPACE[namespace], key)
    if (namespace === 'code') return readValue(read, stored) ?? undefined
    if (namespace === 'trieNode') throw new NexusError({ code: 'NO_TRIE_HISTORY', height })
    let { pointer, value } = readLatest(read, stored)
    while (pointer.height > height) ({ pointer, value } = readBefore(read, stored, pointer))
    return value ?? undefined
  },
})

type Versioned = { readonly pointer: Pointer; readonly value: Uint8Array | null }

const NO_POINTER: Pointer = { height: 0, shardBits: 0 }

const hasHistory = (namespace: EvmNamespace): boolean =>
  namespace === 'account' || namespace === 'storage'

export function readLatest(read: Read, key: Uint8Array): Versioned {
  const record = readValue(read, key)
  if (record === null) return { pointer: NO_POINTER, value: null }
  if (record.length < POINTER_BYTES) throw corrupt(key, 'NO_POINTER')
  const { present, ...pointer } = pointerAt(record, 0)
  return { pointer, value: present ? record.subarray(POINTER_BYTES) : null }
}

function readBefore(read: Read, key: Uint8Array, { height, shardBits }: Pointer): Versioned {
  const recordKey = shardKey(height, shardOf(crc32c(key), shardBits))
  const shard = readValue(read, recordKey)
  if (shard === null) throw corrupt(recordKey, 'MISSING')
  const before = findChange(shard, key)
  if (before === null || before.pointer.height >= height) throw corrupt(recordKey, 'NO_ENTRY')
  return before
}

export type EvmWrite = {
  readonly height: number
  readonly changes: readonly EvmChange[]
  /** False: no height before this one will be asked for. */
  readonly keepHistory: boolean
}

/** Adds a height's changes, and the values they replace when history is kept, to its batch. */
export function writeEvmChanges(
  batch: BatchWriter,
  state: { readonly read: Read; readonly pointers: PointerCache },
  { height, changes, keepHistory }: EvmWrite,
): void {
  let versioned = 0
  for (const { namespace } of changes) if (hasHistory(namespace)) versioned++
  const changeset = keepHistory ? new ChangesetWriter(versioned) : null
  const deleted: Uint8Array[] = []
  const pointer = { height, shardBits: changeset?.shardBits ?? 0 }
  for (const { namespace, key, value, previous } of changes) {
    const stored = keyOf(COLUMN_OF_NAMESPACE[namespace], key)
    if (!hasHistory(namespace)) {
      if (value === null) batch.delete(stored)
      else batch.put(stored, value)
      continue
    }
    const hash = crc32c(stored)
    if (changeset !== null) {
      const at = state.pointers.get(stored, hash) ?? storedPointer(state.read, stored, previous)
      changeset.add(stored, hash, { pointer: at, value: previous })
    }
    if (value === null) deleted.push(stored)
    if (value !== null || keepHistory) putVersioned(batch, stored, hash, { pointer, value })
    else batch.delete(stored)
    state.pointers.set(stored, hash, pointer)
  }
  if (changeset === null || versioned === 0) return
  const index = { shardBits: changeset.shardBits, deleted }
  batch.putRecord(changesetIndexCodec, heightKey('evmChangeIndex', height), index)
  for (const { shard, value } of changeset.shards()) {
    const key = shardKey(height, shard)
    batch.putSealed(key, sealInPlace(crc32c(key), value))
  }
}

/** The pointer of a key that is not cached; the read also checks that the executor saw this state. */
function storedPointer(read: Read, key: Uint8Array, previous: Uint8Array | null): Pointer {
  const { pointer, value } = readLatest(read, key)
  const same =
    value === null || previous === null ? value === previous : equalBytes(value, previous)
  assert(same, 'a change replaces the stored value')
  return pointer
}

export function putVersioned(
  batch: BatchWriter,
  key: Uint8Array,
  hash: number,
  { pointer, value }: Versioned,
): void {
  const out = batch.scratch(POINTER_BYTES + (value?.length ?? 0) + CHECKSUM_BYTES)
  writePointer(out, 0, pointer, value !== null)
  if (value !== null) out.set(value, POINTER_BYTES)
  batch.putSealed(key, sealInPlace(hash, out))
}

/**
 * Deletes the changeset of a height that no past state needs any more, and the markers of keys that
 * it deleted and nobody set since. Work of the same order as the height itself had.
 */
export function pruneChangeset(batch: BatchWriter, read: Read, height: number): void {
  // Of use only for replaying the height on the state before it.
  batch.delete(heightKey('engineCalls', height))
  const indexKey = heightKey('evmChangeIndex', height)
  const index = readRecord(changesetIndexCodec, read, indexKey)
  if (index === null) return
  batch.delete(indexKey)
  for (let shard = 0; shard < 1 << index.shardBits; shard++) batch.delete(shardKey(height, shard))
  for (const key of index.deleted) {
    const { pointer, value } = readLatest(read, key)
    if (value === null && pointer.height === height) batch.delete(key)
  }
}
