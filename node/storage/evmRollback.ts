import { equalBytes, toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { Height } from '../../core/primitives/units.ts'
import { decodeAccount, EMPTY_TRIE_ROOT } from '../../evm/account.ts'
import { encodeRlp } from '../../evm/rlp.ts'
import { type FlatChange, StateTrie } from '../../evm/stateTrie.ts'
import type { BatchWriter } from './batchWriter.ts'
import { type ChangedKey, changesetIndexCodec, changesIn } from './changeset.ts'
import { crc32c } from './crc32c.ts'
import { latestEvmStore, putVersioned, readLatest } from './evmState.ts'
import { corrupt, type Read, readRecord, readValue } from './record.ts'
import { COLUMN, heightKey, keyOf, shardKey } from './schema.ts'

export type EvmRollback = {
  /** The height that the stored state is of, and an earlier one. */
  readonly from: Height
  readonly to: Height
  /** Changesets up to this height are gone: nothing may point to them. */
  readonly prunedTo: Height
  /** Of the state after `to`. */
  readonly evmRoot: Uint8Array
}

/** The trie's caches while it is rolled back: a few tens of megabytes. */
const CACHES = { cachedNodeBytes: 16 * 1024 * 1024 }

/**
 * Adds to a batch what makes the EVM state that of an earlier height: every key gets the value it
 * had, found in the changesets, and the tries follow through the same update that execution uses.
 * Throws ROLLBACK_MISMATCH when the root is not the one that was committed. Memory and time follow
 * the number of keys changed since.
 */
export function rollBackEvm(batch: BatchWriter, read: Read, rollback: EvmRollback): void {
  const before = changesSince(read, rollback, (key) => batch.delete(key))
  for (const { key, value } of trieBefore(read, before, rollback.evmRoot).changes()) {
    if (value === null) batch.delete(keyOf('evmTrieNode', key))
    else batch.put(keyOf('evmTrieNode', key), value)
  }
  for (const { key, pointer, value } of before.values()) {
    const isUnset = value === null && pointer.height <= rollback.prunedTo
    if (isUnset) batch.delete(key)
    else putVersioned(batch, key, crc32c(key), { pointer, value })
  }
}

/**
 * The trie nodes that an earlier height had in place of the stored ones, by key in hexadecimal; null
 * if more keys than `maxKeys` changed since. 10 to 20 µs a key.
 */
export function trieNodesBefore(
  read: Read,
  past: Pick<EvmRollback, 'from' | 'to' | 'evmRoot'> & { readonly maxKeys: number },
): ReadonlyMap<string, Uint8Array | null> | null {
  const before = changesSince(read, past, () => undefined, past.maxKeys)
  if (before.size > past.maxKeys) return null
  const { evmRoot } = past
  const changes = trieBefore(read, before, evmRoot).changes()
  return new Map(changes.map(({ key, value }) => [toHex(key), value]))
}

/** The stored trie with every key as it was. Throws ROLLBACK_MISMATCH. */
function trieBefore(
  read: Read,
  before: ReadonlyMap<string, ChangedKey>,
  evmRoot: Uint8Array,
): StateTrie {
  const trie = new StateTrie({ store: latestEvmStore(read), ...CACHES })
  const accounts: FlatChange[] = []
  const storage = new Map<string, FlatChange[]>()
  for (const { key, value } of before.values()) {
    if (sameValue(readLatest(read, key).value, value)) continue
    const [column, preimage] = [key[0], key.slice(1)]
    if (column === COLUMN.evmAccount) accounts.push({ preimage, value })
    else {
      const address = toHex(preimage.subarray(0, ADDRESS_BYTES))
      const slots = storage.get(address) ?? []
      slots.push({
        preimage: preimage.slice(ADDRESS_BYTES),
        value: value === null ? null : encodeRlp(value),
      })
      storage.set(address, slots)
    }
  }
  for (const [address, slots] of storage) checkStorage(read, before, { trie, address, slots })
  const root = trie.updateAccounts(accounts)
  if (!equalBytes(root, evmRoot)) throw mismatch('state', evmRoot, root)
  return trie
}

const ADDRESS_BYTES = 20

/** Every key that changed since, as it was; or as soon as they are more than `maxKeys`. `seen` is told the keys of the records that say so. */
function changesSince(
  read: Read,
  { from, to }: Pick<EvmRollback, 'from' | 'to'>,
  seen: (key: Uint8Array) => void,
  maxKeys = Number.POSITIVE_INFINITY,
): ReadonlyMap<string, ChangedKey> {
  const before = new Map<string, ChangedKey>()
  // Downwards, so that the oldest change of a key has the last word.
  for (let height: number = from; height > to && before.size <= maxKeys; height--) {
    const indexKey = heightKey('evmChangeIndex', height)
    const index = readRecord(changesetIndexCodec, read, indexKey)
    if (index === null) continue
    seen(indexKey)
    for (let shard = 0; shard < 1 << index.shardBits; shard++) {
      const key = shardKey(height, shard)
      const value = readValue(read, key)
      if (value === null) continue
      const changes = changesIn(value)
      if (changes === null) throw corrupt(key, 'BAD_ENTRY')
      for (const change of changes) before.set(toHex(change.key), change)
      seen(key)
    }
  }
  return before
}

/** A storage root that is wrong names its account, which the state root alone would not. */
function checkStorage(
  read: Read,
  before: ReadonlyMap<string, ChangedKey>,
  changed: {
    readonly trie: StateTrie
    readonly address: string
    readonly slots: readonly FlatChange[]
  },
): void {
  const address = Uint8Array.from(Buffer.from(changed.address, 'hex'))
  const root = changed.trie.updateStorage(address, changed.slots)
  const key = keyOf('evmAccount', address)
  const known = before.get(toHex(key))
  const account = known === undefined ? readLatest(read, key).value : known.value
  const expected = account === null ? EMPTY_TRIE_ROOT : decodeAccount(account).storageRoot
  if (!equalBytes(root, expected)) throw mismatch(`storage of 0x${changed.address}`, expected, root)
}

const sameValue = (a: Uint8Array | null, b: Uint8Array | null): boolean =>
  a === null || b === null ? a === b : equalBytes(a, b)

const mismatch = (what: string, expected: Uint8Array, found: Uint8Array): NexusError =>
  new NexusError(
    { code: 'ROLLBACK_MISMATCH', what, expected: toHex(expected), found: toHex(found) },
    {
      message: `the reversed ${what} has root ${toHex(found)}, committed was ${toHex(expected)}: nothing was changed`,
    },
  )
