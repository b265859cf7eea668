import { DOMAIN, hash } from '../primitives/hash.ts'
import { type Cells, LEAD_BYTES } from './cells.ts'
import { FETCH, fetchLines } from './fetch.ts'
import { hashPairs } from './hasher.ts'

/** 32-bit words of a node, and of a chunk or a pair of nodes. */
const NODE = 8
const PAIR = 16

/** Entry i: the hash of a subtree of 2^i zero chunks. */
const ZERO_NODES: Int32Array[] = []
export function zeroNode(height: number): Int32Array {
  for (let i = ZERO_NODES.length; i <= height; i++) {
    const pair = new Int32Array(PAIR)
    const below = ZERO_NODES[i - 1]
    if (below !== undefined) {
      pair.set(below, 0)
      pair.set(below, NODE)
    }
    const node = new Int32Array(NODE)
    hashPairs(new Uint8Array(pair.buffer), new Uint8Array(node.buffer))
    ZERO_NODES.push(node)
  }
  return ZERO_NODES[height] as Int32Array
}

/** What a tree with this hash at its top commits to, as an engine's root. */
export const arenaRootOf = (top: Uint8Array): Uint8Array => hash(DOMAIN.arenaRoot, top)

/**
 * SHA-256 tree over the committed chunks, padded with zero chunks to a power of two. The hash of chunk i is node
 * 2^depth + i. A node that is all zero bytes was never computed: it stands for a subtree of zero
 * chunks, so that the part of a table no row has reached costs neither memory nor time.
 */
export class MerkleTree {
  readonly #cells: Cells
  readonly #nodes32: Int32Array
  readonly #nodes64: BigUint64Array
  readonly #bytes: Uint8Array
  readonly #depth: number
  /** Pairs hashed at a time stay in the first-level cache. */
  readonly #input = new Int32Array(FETCH * PAIR)
  readonly #inputBytes = new Uint8Array(this.#input.buffer)
  readonly #input64 = new BigUint64Array(this.#input.buffer)
  readonly #outputBytes = new Uint8Array(FETCH * 32)
  readonly #output64 = new BigUint64Array(this.#outputBytes.buffer)

  constructor(cells: Cells, nodes: SharedArrayBuffer, depth: number) {
    this.#cells = cells
    this.#nodes32 = new Int32Array(nodes, LEAD_BYTES)
    this.#nodes64 = new BigUint64Array(nodes, LEAD_BYTES)
    this.#bytes = new Uint8Array(nodes, LEAD_BYTES)
    this.#depth = depth
  }

  /** O(changed chunks × depth), in batches by level. */
  root(): Uint8Array {
    let dirty = this.#cells.takeForRoot()
    if (dirty.length > 0) {
      this.#hashChunks(dirty)
      for (let i = 0; i < dirty.length; i++) dirty[i] = (dirty[i] as number) + 2 ** this.#depth
      for (let height = 1; height <= this.#depth; height++) {
        dirty = parentsOf(dirty)
        this.#hashParents(dirty, height)
      }
    }
    return arenaRootOf(this.node(1))
  }

  /** A copy. The root must be up to date. */
  node(index: number): Uint8Array {
    const height = this.#depth - Math.floor(Math.log2(index))
    const stored = this.#bytes.slice(index * 32, index * 32 + 32)
    if (stored.some((byte) => byte !== 0)) return stored
    return new Uint8Array(zeroNode(height).slice().buffer)
  }

  #hashChunks(chunks: Int32Array): void {
    const first = 2 ** this.#depth
    const chunkWords = { words: this.#cells.i32, base: 0, size: PAIR }
    const nodeWords = { words: this.#nodes32, base: first * NODE, size: NODE }
    for (let from = 0; from < chunks.length; from += FETCH) {
      const count = Math.min(FETCH, chunks.length - from)
      const range = { from, to: from + count }
      fetchLines(chunks, range, chunkWords)
      fetchLines(chunks, range, nodeWords)
      for (let i = 0; i < count; i++) {
        copyPair(this.#cells.u64, chunks[from + i] as number, this.#input64, i)
      }
      this.#hashBatch(count)
      for (let i = 0; i < count; i++) this.#store(first + (chunks[from + i] as number), i)
    }
  }

  #hashParents(parents: Int32Array, height: number): void {
    const zero = zeroNode(height - 1)
    const children = { words: this.#nodes32, base: 0, size: PAIR }
    const nodes = { words: this.#nodes32, base: 0, size: NODE }
    for (let from = 0; from < parents.length; from += FETCH) {
      const count = Math.min(FETCH, parents.length - from)
      const range = { from, to: from + count }
      fetchLines(parents, range, children)
      fetchLines(parents, range, nodes)
      for (let i = 0; i < count; i++) {
        copyPair(this.#nodes64, parents[from + i] as number, this.#input64, i)
        fillZero(this.#input, i * PAIR, zero)
        fillZero(this.#input, i * PAIR + NODE, zero)
      }
      this.#hashBatch(count)
      for (let i = 0; i < count; i++) this.#store(parents[from + i] as number, i)
    }
  }

  #hashBatch(count: number): void {
    hashPairs(this.#inputBytes.subarray(0, count * 64), this.#outputBytes.subarray(0, count * 32))
  }

  #store(node: number, from: number): void {
    const a = from * 4
    const b = node * 4
    this.#nodes64[b] = this.#output64[a] as bigint
    this.#nodes64[b + 1] = this.#output64[a + 1] as bigint
    this.#nodes64[b + 2] = this.#output64[a + 2] as bigint
    this.#nodes64[b + 3] = this.#output64[a + 3] as bigint
  }
}

/** In place; the nodes are ascending, so siblings are beside each other. */
function parentsOf(nodes: Int32Array): Int32Array {
  let count = 0
  let last = 0
  for (let i = 0; i < nodes.length; i++) {
    const parent = (nodes[i] as number) >>> 1
    if (parent !== last) nodes[count++] = parent
    last = parent
  }
  return nodes.subarray(0, count)
}

/** 64 bytes; `at` and `to` count them. Unrolled: this is where the time goes that is not hashing. */
export function copyPair(from: BigUint64Array, at: number, into: BigUint64Array, to: number): void {
  const a = at * 8
  const b = to * 8
  into[b] = from[a] as bigint
  into[b + 1] = from[a + 1] as bigint
  into[b + 2] = from[a + 2] as bigint
  into[b + 3] = from[a + 3] as bigint
  into[b + 4] = from[a + 4] as bigint
  into[b + 5] = from[a + 5] as bigint
  into[b + 6] = from[a + 6] as bigint
  into[b + 7] = from[a + 7] as bigint
}

function fillZero(words: Int32Array, at: number, zero: Int32Array): void {
  if (words[at] !== 0) return
  for (let i = 1; i < NODE; i++) if (words[at + i] !== 0) return
  words.set(zero, at)
}
