import { HASH_LENGTH } from '../../core/primitives/hash.ts'
import type { KeccakBatch } from '../../core/primitives/keccakBatch.ts'
import { sharedBatch } from '../keccakMany.ts'
import type { EvmChange } from '../store.ts'
import { nibblesOf } from './node.ts'
import { encodeNode } from './nodeCodec.ts'
import type { TrieNodes } from './trieNodes.ts'
import { Triples } from './triples.ts'

/** By the store's key; a value of null removes the node. */
export type TrieWrite = EvmChange & { readonly namespace: 'trieNode' }

export const trieWrite = (key: Uint8Array, value: Uint8Array | null): TrieWrite => ({
  namespace: 'trieNode',
  key,
  value,
  previous: null,
})

/** A key has 64 nibbles. */
export const DEPTHS = 66

// Shared, because an update ends before the next begins.
/** By depth: where a message lies, its length, where its hash goes. */
const unhashed: readonly Triples[] = Array.from({ length: DEPTHS }, () => new Triples())
/** Branches to be written: depth, place, length. */
const branches = new Triples()
/** Extensions: depth, nibbles, place of the child's hash. */
const extensions = new Triples()

/** The nodes of an update under way, in the memory in which they are hashed. */
export class NodeMemory {
  readonly #batch: KeccakBatch = sharedBatch()
  readonly #nodes: TrieNodes
  /** Another array after `allocate`. */
  bytes = this.#batch.bytes
  /** Behind what is there. */
  end = this.#batch.start

  /** A key below each of `branches` and `extensions`. */
  #branchKeys: Uint8Array[] = []
  #extensionKeys: Uint8Array[] = []

  constructor(nodes: TrieNodes) {
    this.#nodes = nodes
    for (const list of unhashed) list.clear()
    branches.clear()
    extensions.clear()
  }

  allocate(length: number): number {
    const at = this.end
    this.end += length
    if (this.end > this.bytes.length) {
      this.#batch.reserve(this.end)
      this.bytes = this.#batch.bytes
    }
    return at
  }

  /** The hash of a node at `depth`, whose children are deeper, goes to `out`. */
  hashLater(depth: number, at: number, length: number, out: number): void {
    unhashed[depth]?.add(at, length, out)
  }

  noteBranch(key: Uint8Array, depth: number, place: number, length: number): void {
    this.#branchKeys.push(key)
    branches.add(depth, place, length)
  }

  noteExtension(key: Uint8Array, depth: number, nibbles: number, hashAt: number): void {
    this.#extensionKeys.push(key)
    extensions.add(depth, nibbles, hashAt)
  }

  hashAll(): void {
    for (let depth = DEPTHS - 1; depth >= 0; depth--) {
      const list = unhashed[depth] as Triples
      for (let i = 0; i < list.count; i++) {
        this.#batch.add(list.at(i, 0), list.at(i, 1), list.at(i, 2))
      }
      if (list.count > 0) this.#batch.flush()
      list.clear()
    }
  }

  /** Hashes everything that waits for it, and lists the nodes, all of which lie behind `mark`; their memory is free then. */
  settle(mark: number, writes: TrieWrite[]): void {
    this.hashAll()
    const values = this.bytes.slice(mark, this.end)
    for (let i = 0; i < this.#branchKeys.length; i++) {
      const at = branches.at(i, 1) - mark
      const key = this.#nodes.keyOf(this.#branchKeys[i] as Uint8Array, branches.at(i, 0))
      writes.push(trieWrite(key, values.subarray(at, at + branches.at(i, 2))))
    }
    this.#writeExtensions(writes)
    this.#branchKeys = []
    branches.clear()
    this.end = mark
  }

  #writeExtensions(writes: TrieWrite[]): void {
    for (let i = 0; i < this.#extensionKeys.length; i++) {
      const key = this.#extensionKeys[i] as Uint8Array
      const depth = extensions.at(i, 0)
      const nibbles = nibblesOf(key, depth, depth + extensions.at(i, 1))
      const at = extensions.at(i, 2)
      const child = this.bytes.subarray(at, at + HASH_LENGTH)
      const value = encodeNode({ kind: 'extension', nibbles, child })
      writes.push(trieWrite(this.#nodes.keyOf(key, depth), value))
    }
    this.#extensionKeys = []
    extensions.clear()
  }
}
