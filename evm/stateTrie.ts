import { assert } from '../core/primitives/assert.ts'
import { compareBytes } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { GenerationCache } from './cache.ts'
import { encodeRlp } from './rlp.ts'
import { keyOf } from './state/keys.ts'
import { type EvmChange, type EvmStore, storageKey } from './store.ts'
import type { TrieNode } from './trie/node.ts'
import { decodeNode, encodeNode, nodeKey } from './trie/nodeCodec.ts'
import { type LeafChange, type NodeWrites, type TrieSource, updateTrie } from './trie/update.ts'

/** A key of the flat state with its new value in the trie, RLP; null deletes. */
export type FlatChange = { readonly preimage: Uint8Array; readonly value: Uint8Array | null }

export type StateTrieOptions = {
  readonly store: EvmStore
  /** Entries kept in memory, up to twice as many; a branch takes about 1 KB. */
  readonly cachedNodes: number
  readonly cachedHashes: number
}

type Trie = { readonly owner: Uint8Array | null; readonly writes: NodeWrites }

/**
 * The account trie and one storage trie for each contract over the committed state. Updates stay
 * pending until `commit` makes them the base of the next ones or `discard` drops them.
 */
export class StateTrie {
  readonly #store: EvmStore
  readonly #nodes: GenerationCache<TrieNode>
  readonly #hashes: GenerationCache<Uint8Array>
  #pending: Trie[] = []

  constructor(options: StateTrieOptions) {
    this.#store = options.store
    this.#nodes = new GenerationCache(options.cachedNodes)
    this.#hashes = new GenerationCache(options.cachedHashes)
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
    for (const { owner, writes } of this.#pending) {
      for (const [path, node] of writes) {
        const value = node === null ? null : encodeNode(node)
        changes.push({
          namespace: 'trieNode',
          key: nodeKey(owner, path),
          value,
          previous: null,
        })
      }
    }
    return changes
  }

  commit(): void {
    for (const { owner, writes } of this.#pending) {
      const prefix = ownerKey(owner)
      for (const [path, node] of writes) {
        if (node === null) this.#nodes.delete(prefix + path)
        else this.#nodes.set(prefix + path, committed(node))
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
    const prefix = ownerKey(owner)
    const source: TrieSource = { node: (path) => this.#node(owner, prefix, path), value }
    const { root, writes } = updateTrie(source, this.#leaves(changes))
    this.#pending.push({ owner, writes })
    return root
  }

  #node(owner: Uint8Array | null, prefix: string, path: string): TrieNode | null {
    const cached = this.#nodes.get(prefix + path)
    if (cached !== undefined) return cached
    const bytes = this.#store.get('trieNode', nodeKey(owner, path))
    if (bytes === undefined) return null
    const node = decodeNode(bytes)
    this.#nodes.set(prefix + path, node)
    return node
  }

  /** Sorted by hashed key: by its first 48 bits as a number, which almost never tie. */
  #leaves(changes: readonly FlatChange[]): LeafChange[] {
    const leaves = changes.map(({ preimage, value }) => {
      const key = this.#hash(preimage)
      return { key, preimage, value, order: leading48(key) }
    })
    return leaves.sort((a, b) => a.order - b.order || compareBytes(a.key, b.key))
  }

  #hash(preimage: Uint8Array): Uint8Array {
    const id = keyOf(preimage)
    const known = this.#hashes.get(id)
    if (known !== undefined) return known
    const hash = keccak256(preimage)
    this.#hashes.set(id, hash)
    return hash
  }
}

const ownerKey = (owner: Uint8Array | null): string => (owner === null ? '' : keyOf(owner))

/** Once committed, a leaf is in the store at its place and its value in the flat state. */
const committed = (node: TrieNode): TrieNode =>
  node.kind === 'leaf' ? { ...node, value: null, stored: true } : node

const leading48 = (key: Uint8Array): number => {
  let value = 0
  for (let i = 0; i < 6; i++) value = value * 256 + (key[i] as number)
  return value
}
