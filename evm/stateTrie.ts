import { assert } from '../core/primitives/assert.ts'
import { compareBytes } from '../core/primitives/bytes.ts'
import { HASH_LENGTH } from '../core/primitives/hash.ts'
import { ByteCache } from './byteCache.ts'
import { keccakMany } from './keccakMany.ts'
import { encodeRlp } from './rlp.ts'
import { type EvmChange, type EvmStore, storageKey } from './store.ts'
import { BatchUpdate } from './trie/batchUpdate.ts'
import { encodeNode } from './trie/nodeCodec.ts'
import { type TrieWrite, trieWrite } from './trie/nodeMemory.ts'
import { TrieNodes } from './trie/trieNodes.ts'
import { type LeafChange, type TrieSource, updateTrie } from './trie/update.ts'

/** A key of the flat state with its new value in the trie, RLP; null deletes. */
export type FlatChange = {
  readonly preimage: Uint8Array
  readonly value: Uint8Array | null
  /** True: the key has a value. Otherwise it may have. */
  readonly existed?: boolean
}

export type StateTrieOptions = {
  readonly store: EvmStore
  /** Memory for nodes. A branch takes 100 to 570 bytes. */
  readonly cachedNodeBytes: number
}

/**
 * The account trie and one storage trie for each contract over the committed state. Updates stay
 * pending until `commit` makes them the base of the next ones or `discard` drops them.
 */
export class StateTrie {
  readonly #store: EvmStore
  readonly #nodes: ByteCache
  #pending: (readonly TrieWrite[])[] = []

  constructor(options: StateTrieOptions) {
    this.#store = options.store
    this.#nodes = new ByteCache(options.cachedNodeBytes, NODE_BYTES)
  }

  /** Root of the state after changes to accounts. At most once between commits. */
  updateAccounts(changes: readonly FlatChange[]): Uint8Array {
    return this.#update(null, changes, (address) => {
      const value = this.#store.get('account', address)
      assert(value !== undefined, 'an account in the trie is in the flat state')
      return value
    })
  }

  /** Root of one account's storage after changes to its slots. At most once per account between commits. */
  updateStorage(address: Uint8Array, changes: readonly FlatChange[]): Uint8Array {
    return this.#update(address, changes, (slot) => {
      const value = this.#store.get('storage', storageKey(address, slot))
      assert(value !== undefined, 'a slot in the trie is in the flat state')
      return encodeRlp(value)
    })
  }

  changes(): EvmChange[] {
    const changes: EvmChange[] = []
    this.addChanges(changes)
    return changes
  }

  addChanges(changes: EvmChange[]): void {
    for (const writes of this.#pending) {
      for (let i = 0; i < writes.length; i++) changes.push(writes[i] as TrieWrite)
    }
  }

  commit(): void {
    for (const writes of this.#pending) {
      for (const { key, value } of writes) {
        if (value === null) this.#nodes.delete(key, key.length)
        else this.#nodes.set(key, key.length, value, 0, value.length)
      }
    }
    this.#pending = []
  }

  discard(): void {
    this.#pending = []
  }

  #update(
    owner: Uint8Array | null,
    changes: readonly FlatChange[],
    value: TrieSource['value'],
  ): Uint8Array {
    const nodes = new TrieNodes(this.#store, this.#nodes, owner)
    const leaves = leavesOf(changes)
    const { root, writes } =
      new BatchUpdate(nodes, value).run(leaves) ?? updateOneByOne(nodes, value, leaves)
    this.#pending.push(writes)
    return root
  }
}

/** For tries with nodes shorter than a hash, which take more than 2^36 attempts at finding keys. */
function updateOneByOne(
  nodes: TrieNodes,
  value: TrieSource['value'],
  leaves: readonly LeafChange[],
): { readonly root: Uint8Array; readonly writes: readonly TrieWrite[] } {
  const { root, writes } = updateTrie({ node: (path) => nodes.node(path), value }, leaves)
  const list = Array.from(writes, ([path, node]) =>
    trieWrite(nodes.keyOfPath(path), node === null ? null : encodeNode(node)),
  )
  return { root, writes: list }
}

const NODE_BYTES = 160

/** Sorted by hashed key. */
function leavesOf(changes: readonly FlatChange[]): LeafChange[] {
  const keys = keccakMany(changes.map(({ preimage }) => preimage))
  const order = new Float64Array(changes.length)
  // The leading bits of the key, and below them the position: exact, and sorted as numbers.
  const positions = 2 ** Math.ceil(Math.log2(changes.length + 1))
  const bits = 2 ** Math.max(0, Math.ceil(Math.log2(positions)) - 5)
  for (let i = 0; i < changes.length; i++) {
    order[i] = Math.floor(leading48(keys, i * HASH_LENGTH) / bits) * positions + i
  }
  order.sort()
  const leaves: LeafChange[] = []
  let isSorted = true
  for (const place of order) {
    const i = place % positions
    const { preimage, value, existed = false } = changes[i] as FlatChange
    const key = keys.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH)
    const before = leaves[leaves.length - 1]
    if (before !== undefined && compareBytes(before.key, key) > 0) isSorted = false
    leaves.push({ key, preimage, value, existed })
  }
  return isSorted ? leaves : leaves.sort((a, b) => compareBytes(a.key, b.key))
}

const leading48 = (key: Uint8Array, at: number): number => {
  let value = 0
  for (let i = 0; i < 6; i++) value = value * 256 + (key[at + i] as number)
  return value
}
