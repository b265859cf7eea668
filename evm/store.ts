import { compareBytes, concatBytes } from '../core/primitives/bytes.ts'

export type EvmNamespace = 'account' | 'storage' | 'code' | 'trieNode'

/** The committed state of one height. A slow or remote store has no place here: the interpreter waits. */
export type EvmStore = {
  get(namespace: EvmNamespace, key: Uint8Array): Uint8Array | undefined
}

/**
 * One key of the state after a block; null deletes. Keys: the address; address ‖ slot; the code
 * hash; the path of a trie node (`trie/nodeCodec.ts`). `previous` is exact for accounts and storage,
 * which have a history, and null elsewhere. A block changes a key at most once.
 */
export type EvmChange = {
  readonly namespace: EvmNamespace
  readonly key: Uint8Array
  readonly value: Uint8Array | null
  readonly previous: Uint8Array | null
}

export type MemoryStore = EvmStore & {
  apply(changes: readonly EvmChange[]): void
  /** Everything stored, ordered by namespace and key. */
  entries(): readonly (readonly [EvmNamespace, Uint8Array, Uint8Array])[]
}

export function createMemoryStore(): MemoryStore {
  const maps = new Map<EvmNamespace, Map<string, readonly [Uint8Array, Uint8Array]>>(
    (['account', 'storage', 'code', 'trieNode'] as const).map((name) => [name, new Map()]),
  )
  const keyOf = (key: Uint8Array): string => String.fromCharCode(...key)
  return {
    get: (namespace, key) => maps.get(namespace)?.get(keyOf(key))?.[1],
    apply(changes) {
      for (const { namespace, key, value } of changes) {
        if (value === null) maps.get(namespace)?.delete(keyOf(key))
        else maps.get(namespace)?.set(keyOf(key), [key.slice(), value.slice()])
      }
    },
    entries: () =>
      [...maps].flatMap(([namespace, map]) =>
        [...map.values()]
          .sort(([a], [b]) => compareBytes(a, b))
          .map(([key, value]) => [namespace, key, value] as const),
      ),
  }
}

/** The key of a storage slot in the store. */
export const storageKey = (address: Uint8Array, slot: Uint8Array): Uint8Array =>
  concatBytes(address, slot)
