import { HASH_LENGTH } from '../../core/primitives/hash.ts'
import type { KeccakBatch } from '../../core/primitives/keccakBatch.ts'
import { sharedBatch } from '../keccakMany.ts'
import { nibblesOf } from './node.ts'
import { encodeNode } from './nodeCodec.ts'
import type { TrieNodes } from './trieNodes.ts'

/** By the store's key; null removes the node. */
export type TrieWrite = { readonly key: Uint8Array; readonly value: Uint8Array | null }

/** A key has 64 nibbles. */
export const DEPTHS = 66

/** By depth: where a message lies, its length, where its hash goes. Shared: an update ends before the next begins. */
const unhashed: number[][] = Array.from({ length: DEPTHS }, () => [])

/** The nodes of an update under way, in the memory in which they are hashed. */
export class NodeMemory {
  readonly #batch: KeccakBatch = sharedBatch()
  readonly #nodes: TrieNodes
  /** Another array after `allocate`. */
  bytes = this.#batch.bytes
  /** Behind what is there. */
  end = this.#batch.start

  // Branches to be written: a key below them; depth, place, length.
  #branchKeys: Uint8Array[] = []
  #branches: number[] = []
  // Extensions: a key below them; depth, nibbles, place of the child's hash.
  #extensionKeys: Uint8Array[] = []
  #extensions: number[] = []

  constructor(nodes: TrieNodes) {
    this.#nodes = nodes
    for (const list of unhashed) list.length = 0
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
    unhashed[depth]?.push(at, length, out)
  }

  noteBranch(key: Uint8Array, depth: number, place: number, length: number): void {
    this.#branchKeys.push(key)
    this.#branches.push(depth, place, length)
  }

  noteExtension(key: Uint8Array, depth: number, nibbles: number, hashAt: number): void {
    this.#extensionKeys.push(key)
    this.#extensions.push(depth, nibbles, hashAt)
  }

  hashAll(): void {
    for (let depth = DEPTHS - 1; depth >= 0; depth--) {
      const list = unhashed[depth] as number[]
      for (let i = 0; i < list.length; i += 3) {
        this.#batch.add(list[i] as number, list[i + 1] as number, list[i + 2] as number)
      }
      if (list.length > 0) this.#batch.flush()
      list.length = 0
    }
  }

  /** Hashes everything that waits for it, and lists the nodes, all of which lie behind `mark`; their memory is free then. */
  settle(mark: number, writes: TrieWrite[]): void {
    this.hashAll()
    const values = this.bytes.slice(mark, this.end)
    for (let i = 0; i < this.#branchKeys.length; i++) {
      const at = (this.#branches[3 * i + 1] as number) - mark
      writes.push({
        key: this.#nodes.keyOf(this.#branchKeys[i] as Uint8Array, this.#branches[3 * i] as number),
        value: values.subarray(at, at + (this.#branches[3 * i + 2] as number)),
      })
    }
    this.#writeExtensions(writes)
    this.#branchKeys = []
    this.#branches = []
    this.end = mark
  }

  #writeExtensions(writes: TrieWrite[]): void {
    for (let i = 0; i < this.#extensionKeys.length; i++) {
      const key = this.#extensionKeys[i] as Uint8Array
      const depth = this.#extensions[3 * i] as number
      const nibbles = nibblesOf(key, depth, depth + (this.#extensions[3 * i + 1] as number))
      const at = this.#extensions[3 * i + 2] as number
      const child = this.bytes.subarray(at, at + HASH_LENGTH)
      const value = encodeNode({ kind: 'extension', nibbles, child })
      writes.push({ key: this.#nodes.keyOf(key, depth), value })
    }
    this.#extensionKeys = []
    this.#extensions = []
  }
}
