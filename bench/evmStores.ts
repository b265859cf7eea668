import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EvmChange, EvmNamespace, EvmStore } from '../evm/index.ts'
import { blockBytes } from '../evm/slab.ts'
import { BatchWriter } from '../node/storage/batchWriter.ts'
import { crc32c } from '../node/storage/crc32c.ts'
import { defaultDatabaseOptions, openDatabase } from '../node/storage/database.ts'
import { latestEvmStore, writeEvmChanges } from '../node/storage/evmState.ts'
import { compactDatabase } from '../node/storage/levelTools.ts'
import { PointerCache } from '../node/storage/pointerCache.ts'

export type BenchStore = EvmStore & {
  apply(height: number, changes: readonly EvmChange[]): Promise<void>
  /** After the state was built, so that blocks do not pay for what follows from that. */
  settle(): Promise<void>
  close(): Promise<void>
}

export const STORES = ['memory', 'level'] as const

/** The node's database: the same columns, checksums, history and synced batches, without blocks and receipts. */
export async function levelStore(): Promise<BenchStore> {
  const path = await mkdtemp(join(tmpdir(), 'nexus-bench-evm-'))
  const database = await openDatabase(path, defaultDatabaseOptions)
  const read = (key: Uint8Array): Uint8Array | undefined => database.getSync(key)
  const pointers = new PointerCache(POINTER_SLOTS)
  const store = latestEvmStore(read, (key, at) => pointers.set(key, crc32c(key), at))
  return {
    get: store.get,
    async apply(height, changes) {
      const isGenesis = height === 0
      for (
        let from = 0;
        from < changes.length;
        from += isGenesis ? GENESIS_BATCH : changes.length
      ) {
        const part = isGenesis ? changes.slice(from, from + GENESIS_BATCH) : changes
        const batch = new BatchWriter(database)
        writeEvmChanges(
          batch,
          { read, pointers },
          { height, changes: part, keepHistory: !isGenesis },
        )
        await batch.write({ sync: !isGenesis })
      }
    },
    settle: () => compactDatabase(path),
    async close() {
      await database.close()
      await rm(path, { recursive: true })
    },
  }
}

const POINTER_SLOTS = 2 ** 17
const GENESIS_BATCH = 20_000

const NAMESPACES: readonly EvmNamespace[] = ['account', 'storage', 'code', 'trieNode']

/**
 * A hash table over one array of bytes, because a Map of millions of arrays measures the garbage
 * collector. Values that no longer fit their place are appended; nothing is reclaimed.
 */
export function flatStore(): BenchStore {
  let bytes = new Uint8Array(2 ** 24)
  let view = new DataView(bytes.buffer)
  // By place: where an entry begins, in units of 8 bytes, and its hash.
  let index = new Int32Array(2 ** 17)
  let end = 8
  let count = 0
  const ROOM = 16
  // namespace and key length u8 | value length u32 | room u32 | key | value.
  const placeOf = (hash: number, name: number, key: Uint8Array): number => {
    const mask = index.length - 1
    for (let place = (hash << 1) & mask; ; place = (place + 2) & mask) {
      const at = (index[place] as number) * 8
      if (at === 0 || (index[place + 1] === hash && holds(at, name, key))) return place
    }
  }
  const holds = (at: number, name: number, key: Uint8Array): boolean => {
    if (bytes[at] !== key.length || bytes[at + 1] !== name) return false
    for (let i = 0; i < key.length; i++) if (bytes[at + ROOM + i] !== key[i]) return false
    return true
  }
  const grow = (): void => {
    if (end * 2 > bytes.length) {
      const larger = new Uint8Array(bytes.length * 2)
      larger.set(bytes)
      bytes = larger
      view = new DataView(bytes.buffer)
    }
    if (count * 4 >= index.length) index = doubled(index)
  }
  const set = (name: number, key: Uint8Array, value: Uint8Array | null): void => {
    const hash = hashOf(name, key)
    const place = placeOf(hash, name, key)
    let at = (index[place] as number) * 8
    const length = value === null ? ABSENT : value.length
    if (at === 0 || (value !== null && value.length > view.getUint32(at + 8))) {
      if (at === 0) count++
      at = Math.ceil(end / 8) * 8
      end = at + ROOM + key.length + (value?.length ?? 0)
      index[place] = at / 8
      index[place + 1] = hash
      bytes[at] = key.length
      bytes[at + 1] = name
      view.setUint32(at + 8, value?.length ?? 0)
      bytes.set(key, at + ROOM)
    }
    view.setUint32(at + 4, length)
    if (value !== null) bytes.set(value, at + ROOM + key.length)
    grow()
  }
  return {
    get(namespace, key) {
      const name = NAMESPACES.indexOf(namespace)
      const at = (index[placeOf(hashOf(name, key), name, key)] as number) * 8
      if (at === 0) return undefined
      const length = view.getUint32(at + 4)
      if (length === ABSENT) return undefined
      const start = at + ROOM + key.length
      const value = blockBytes(length)
      value.set(bytes.subarray(start, start + length))
      return value
    },
    async apply(_, changes) {
      for (const { namespace, key, value } of changes)
        set(NAMESPACES.indexOf(namespace), key, value)
    },
    async settle() {},
    async close() {},
  }
}

function hashOf(name: number, key: Uint8Array): number {
  let hash = Math.imul(name + 1, 0x9e3779b1)
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ (key[i] as number), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}

/** An index with twice the places. */
function doubled(old: Int32Array): Int32Array<ArrayBuffer> {
  const index = new Int32Array(old.length * 2)
  const mask = index.length - 1
  for (let i = 0; i < old.length; i += 2) {
    if (old[i] === 0) continue
    let place = ((old[i + 1] as number) << 1) & mask
    while (index[place] !== 0) place = (place + 2) & mask
    index[place] = old[i] as number
    index[place + 1] = old[i + 1] as number
  }
  return index
}

const ABSENT = 0xffffffff
