import { assert } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import type { ByteCache } from '../byteCache.ts'
import { blockBytes } from '../slab.ts'
import type { EvmStore } from '../store.ts'
import { HEX_DIGITS, nibbleAt, type TrieNode } from './node.ts'
import { decodeNode } from './nodeCodec.ts'

const LONGEST_PATH = 64

/** The committed nodes of one trie, read through a cache that all tries share. */
export class TrieNodes {
  readonly #store: EvmStore
  readonly #cache: ByteCache
  /** The store's key of the node asked for: the owner, then a byte for each nibble. */
  readonly #key: Uint8Array
  readonly #pathAt: number
  /** The record found last: until the next one is asked for. */
  bytes: Uint8Array = EMPTY_BYTES
  at = 0
  length = 0

  constructor(store: EvmStore, cache: ByteCache, owner: Uint8Array | null) {
    this.#store = store
    this.#cache = cache
    this.#pathAt = owner === null ? 1 : 1 + owner.length
    this.#key = new Uint8Array(this.#pathAt + LONGEST_PATH)
    if (owner !== null) {
      this.#key[0] = 1
      this.#key.set(owner, 1)
    }
  }

  /** Whether there is a node at the first `depth` nibbles of `key`. */
  find(key: Uint8Array, depth: number): boolean {
    for (let i = 0; i < depth; i++) this.#key[this.#pathAt + i] = nibbleAt(key, i)
    return this.#find(this.#pathAt + depth)
  }

  node(path: string): TrieNode | null {
    if (!this.#find(this.#setPath(path))) return null
    return decodeNode(this.bytes.subarray(this.at, this.at + this.length))
  }

  /** The store's key of a node. */
  keyOf(key: Uint8Array, depth: number): Uint8Array {
    const pathAt = this.#pathAt
    const out = blockBytes(pathAt + depth)
    for (let i = 0; i < pathAt; i++) out[i] = this.#key[i] as number
    for (let i = 0; i < depth; i++) out[pathAt + i] = nibbleAt(key, i)
    return out
  }

  keyOfPath(path: string): Uint8Array {
    return this.#key.slice(0, this.#setPath(path))
  }

  #setPath(path: string): number {
    assert(path.length <= LONGEST_PATH, 'a path is no longer than a key')
    for (let i = 0; i < path.length; i++) {
      this.#key[this.#pathAt + i] = HEX_DIGITS.indexOf(path[i] as string)
    }
    return this.#pathAt + path.length
  }

  #find(keyLength: number): boolean {
    const cached = this.#cache.find(this.#key, keyLength)
    if (cached >= 0) {
      this.bytes = this.#cache.bytes
      this.at = cached
      this.length = this.#cache.length
      return true
    }
    const stored = this.#store.get('trieNode', this.#key.slice(0, keyLength))
    if (stored === undefined) return false
    this.bytes = stored
    this.at = 0
    this.length = stored.length
    this.#cache.add(this.#key, keyLength, stored, 0, stored.length)
    return true
  }
}
