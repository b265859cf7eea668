import { assert } from '../../core/primitives/assert.ts'
import { compareBytes, equalBytes } from '../../core/primitives/bytes.ts'
import { HASH_LENGTH, keccak256 } from '../../core/primitives/hash.ts'
import { paddedLength } from '../../core/primitives/keccakPadding.ts'
import { EMPTY_TRIE_ROOT } from '../account.ts'
import { headerLength, writeHeader, writeString } from '../rlp.ts'
import {
  compactLength,
  HASH_MARK,
  listHeader,
  nibbleAt,
  nibblesOf,
  PACKED_RLP_AT,
  sharedNibbles,
  stringLength,
  writeCompactKey,
} from './node.ts'
import { encodeNode, TAG } from './nodeCodec.ts'
import { DEPTHS, NodeMemory, type TrieWrite, trieWrite } from './nodeMemory.ts'
import type { TrieNodes } from './trieNodes.ts'
import { type LeafChange, Pass } from './update.ts'

type TrieUpdate = { readonly root: Uint8Array; readonly writes: readonly TrieWrite[] }

/** What a part of the trie has become. */
const GONE = 0
/** RLP in the memory, still to be hashed. */
const LEAF = 1
const NODE = 2
/** A hash in the memory. */
const HASHED = 3
const HASHED_LEAF = 4
/** As it was. */
const SAME = 5
const UNTOUCHED = 6

/** With more changes below it, a branch finishes its children one by one, which bounds the memory. */
const MANY = 4_096

/** By depth and nibble: what became of a child, where it lies, and where the branch has its hash. */
const kinds = new Uint8Array(DEPTHS * 16)
const places = new Int32Array(DEPTHS * 16)
const lengths = new Int32Array(DEPTHS * 16)
const holes = new Int32Array(DEPTHS * 16)
/**
 * The update of `update.ts` for tries over hashed keys, laid out for speed: nodes are patched as bytes in one
 * memory, no object is made for a node, and what changed is hashed depth by depth, two messages at a time. What is
 * rare there is left to `Pass`: branches that may lose all children but one, and extensions that end or split.
 */
export class BatchUpdate {
  readonly #memory: NodeMemory
  readonly #nodes: TrieNodes
  readonly #value: (preimage: Uint8Array) => Uint8Array
  readonly #pass: Pass
  #deletes = false
  #isKept = true
  /** A node shorter than its hash turned up: this class cannot place it. */
  #isShort = false

  // The result of the call that ended last.
  #kind = GONE
  #at = 0
  #length = 0

  readonly #writes: TrieWrite[] = []

  constructor(nodes: TrieNodes, value: (preimage: Uint8Array) => Uint8Array) {
    this.#memory = new NodeMemory(nodes)
    this.#nodes = nodes
    this.#value = value
    this.#pass = new Pass({ node: (path) => nodes.node(path), value })
  }

  /** `changes` ascend by key. Null: left to `Pass`, because nodes are shorter than a hash or nothing changed. */
  run(changes: readonly LeafChange[]): TrieUpdate | null {
    const first = changes[0]
    if (first === undefined) return null
    this.#deletes = changes.some(({ value }) => value === null)
    const rootAt = this.#memory.allocate(HASH_LENGTH)
    const start = this.#memory.end
    if (this.#nodes.find(first.key, 0)) this.#update(0, changes, 0, changes.length)
    else this.#insert(0, changes, 0, changes.length)
    if (this.#isShort || this.#kind === SAME) return null
    if (this.#kind === GONE) {
      this.#remove(first.key, 0)
      return { root: EMPTY_TRIE_ROOT, writes: this.#finished() }
    }
    this.#name(0, rootAt)
    this.#memory.settle(start, this.#writes)
    return {
      root: this.#memory.bytes.slice(rootAt, rootAt + HASH_LENGTH),
      writes: this.#finished(),
    }
  }

  /** The root of a trie of these leaves alone, sorted by key; null: left to `Pass`. Nothing is written. */
  rootOf(leaves: readonly LeafChange[]): Uint8Array | null {
    if (leaves.length === 0) return null
    this.#isKept = false
    const rootAt = this.#memory.allocate(HASH_LENGTH)
    this.#build(0, leaves, 0, leaves.length)
    if (this.#isShort) return null
    this.#name(0, rootAt)
    this.#memory.hashAll()
    return this.#memory.bytes.slice(rootAt, rootAt + HASH_LENGTH)
  }

  /** The part of the trie at the first `depth` nibbles, where there is a node, after the changes. */
  #update(depth: number, list: readonly LeafChange[], from: number, to: number): void {
    const { key } = list[from] as LeafChange
    const nodes = this.#nodes
    const found = nodes.find(key, depth)
    assert(found, 'a node that its parent names exists')
    const tag = nodes.bytes[nodes.at]
    if (tag === TAG.leaf) this.#updateLeaf(depth, list, from, to)
    else if (tag === TAG.extension) this.#updateExtension(depth, list, from, to)
    else if (tag === TAG.packed && this.#staysBranch(depth, list, from, to)) {
      this.#updateBranch(depth, list, from, to)
    } else this.#passOn(depth, list, from, to)
  }

  /** What `Pass` makes of it. */
  #passOn(depth: number, list: readonly LeafChange[], from: number, to: number): void {
    const path = nibblesOf((list[from] as LeafChange).key, 0, depth)
    const node = this.#pass.update(path, this.#nodes.node(path), { changes: list, from, to })
    if (node === null) {
      this.#kind = GONE
      return
    }
    const ref = this.#pass.seal(path, node)
    if (ref.length !== HASH_LENGTH) this.#isShort = true
    const at = this.#memory.allocate(HASH_LENGTH)
    this.#memory.bytes.set(ref, at)
    this.#result(node.kind === 'leaf' ? HASHED_LEAF : HASHED, at, HASH_LENGTH)
  }

  /** A part where there was none. */
  #insert(depth: number, list: readonly LeafChange[], from: number, to: number): void {
    if (!this.#deletes) {
      this.#build(depth, list, from, to)
      return
    }
    const kept = list.slice(from, to).filter(({ value }) => value !== null)
    if (kept.length === 0) this.#kind = SAME
    else this.#build(depth, kept, 0, kept.length)
  }

  /** Of changes that all insert. */
  #build(depth: number, list: readonly LeafChange[], from: number, to: number): void {
    const { key } = list[from] as LeafChange
    if (to - from === 1) {
      this.#leaf(depth, list[from] as LeafChange, true)
      return
    }
    const nibbles = sharedNibbles(key, (list[to - 1] as LeafChange).key, depth)
    const branchDepth = depth + nibbles
    const row = branchDepth * 16
    kinds.fill(GONE, row, row + 16)
    for (let start = from; start < to; ) {
      const nibble = nibbleAt((list[start] as LeafChange).key, branchDepth)
      const end = endOfGroup(list, start, to, branchDepth)
      const mark = this.#markFor(to - from)
      this.#build(branchDepth + 1, list, start, end)
      this.#keep(row + nibble, branchDepth + 1, mark)
      start = end
    }
    this.#layOut(branchDepth, key, -1)
    if (nibbles > 0) this.#extend(depth, nibbles, key)
  }

  #updateLeaf(depth: number, list: readonly LeafChange[], from: number, to: number): void {
    const { bytes, at, length } = this.#nodes
    const preimage = bytes.slice(at + 1, at + length)
    const only = list[from] as LeafChange
    if (to - from === 1 && equalBytes(only.preimage, preimage)) {
      if (only.value === null) this.#kind = GONE
      else this.#leaf(depth, only, false)
      return
    }
    const key = keccak256(preimage)
    const own = list.findIndex((change, i) => i >= from && i < to && equalBytes(change.key, key))
    const others = list.slice(from, to).filter(({ value }, i) => value !== null && from + i !== own)
    const isKept = own < 0 || (list[own] as LeafChange).value !== null
    if (others.length === 0) {
      if (own < 0) this.#kind = SAME
      else if (!isKept) this.#kind = GONE
      else this.#leaf(depth, list[own] as LeafChange, false)
      return
    }
    if (isKept) {
      const kept =
        own < 0 ? { key, preimage, value: this.#value(preimage) } : (list[own] as LeafChange)
      const after = others.findIndex((change) => compareBytes(change.key, key) > 0)
      others.splice(after < 0 ? others.length : after, 0, kept)
    }
    this.#build(depth, others, 0, others.length)
  }

  #updateExtension(depth: number, list: readonly LeafChange[], from: number, to: number): void {
    const { bytes, at, length } = this.#nodes
    const nibbles = bytes[at + 1] as number
    const { key } = list[from] as LeafChange
    const follows = (other: Uint8Array): boolean => {
      for (let i = 0; i < nibbles; i++) {
        if (nibbleAt(other, depth + i) !== bytes[at + 2 + i]) return false
      }
      return true
    }
    const isWhole = length === 2 + nibbles + HASH_LENGTH
    if (!isWhole || !follows(key) || !follows((list[to - 1] as LeafChange).key)) {
      this.#passOn(depth, list, from, to)
      return
    }
    const below = depth + nibbles
    const found = this.#nodes.find(key, below)
    assert(found, 'an extension has a child')
    const isPacked = this.#nodes.bytes[this.#nodes.at] === TAG.packed
    if (!isPacked || !this.#staysBranch(below, list, from, to)) {
      this.#passOn(depth, list, from, to)
      return
    }
    this.#updateBranch(below, list, from, to)
    if (this.#kind === NODE) this.#extend(depth, nibbles, key)
  }

  /** Whether the branch found keeps two children, whatever becomes of those below which keys are deleted. */
  #staysBranch(depth: number, list: readonly LeafChange[], from: number, to: number): boolean {
    if (!this.#deletes) return true
    const { bytes, at } = this.#nodes
    let child = at + PACKED_RLP_AT + listHeader(bytes[at + PACKED_RLP_AT] as number)
    let start = from
    let stay = 0
    for (let nibble = 0; nibble < 16 && stay < 2; nibble++) {
      const isThere = bytes[child] === HASH_MARK
      child += isThere ? 1 + HASH_LENGTH : 1
      let sets = 0
      let deletes = 0
      while (start < to && nibbleAt((list[start] as LeafChange).key, depth) === nibble) {
        if ((list[start] as LeafChange).value === null) deletes++
        else sets++
        start++
      }
      if (sets > 0 || (isThere && deletes === 0)) stay++
    }
    return stay >= 2
  }

  /** Of the packed branch found. */
  #updateBranch(depth: number, list: readonly LeafChange[], from: number, to: number): void {
    const { key } = list[from] as LeafChange
    const before = this.#copyBranch()
    const leaves = this.#leavesAt(before)
    const row = depth * 16
    kinds.fill(UNTOUCHED, row, row + 16)
    let hole =
      before + PACKED_RLP_AT + listHeader(this.#memory.bytes[before + PACKED_RLP_AT] as number)
    let start = from
    let touched = false
    let keepsShape = true
    for (let nibble = 0; start < to; nibble++) {
      const isThere = this.#memory.bytes[hole] === HASH_MARK
      holes[row + nibble] = hole + 1
      hole += isThere ? 1 + HASH_LENGTH : 1
      if (nibbleAt((list[start] as LeafChange).key, depth) !== nibble) continue
      const end = endOfGroup(list, start, to, depth)
      const change = list[start] as LeafChange
      const mark = this.#markFor(to - from)
      const isKnownLeaf =
        end - start === 1 && change.existed === true && ((leaves >> nibble) & 1) === 1
      if (!isThere) this.#insert(depth + 1, list, start, end)
      else if (!isKnownLeaf) this.#update(depth + 1, list, start, end)
      else if (change.value === null) this.#kind = GONE
      else this.#leaf(depth + 1, change, false)
      if (this.#kind !== SAME) {
        touched = true
        if (this.#kind === GONE) this.#remove(change.key, depth + 1)
        if (isThere === (this.#kind === GONE)) keepsShape = false
        this.#keep(row + nibble, depth + 1, mark)
      }
      start = end
    }
    if (!touched) this.#kind = SAME
    else if (keepsShape) this.#patch(depth, key, before)
    else this.#layOut(depth, key, before)
  }

  #copyBranch(): number {
    const { bytes, at, length } = this.#nodes
    const place = this.#memory.allocate(PACKED_RLP_AT + paddedLength(length - PACKED_RLP_AT))
    this.#memory.bytes.set(bytes.subarray(at, at + length), place)
    return place
  }

  #leavesAt(place: number): number {
    return (
      ((this.#memory.bytes[place + 1] as number) << 8) | (this.#memory.bytes[place + 2] as number)
    )
  }

  /** The same children have other hashes. */
  #patch(depth: number, key: Uint8Array, place: number): void {
    const row = depth * 16
    let leaves = this.#leavesAt(place)
    for (let nibble = 0; nibble < 16; nibble++) {
      const kind = kinds[row + nibble] as number
      if (kind === UNTOUCHED) continue
      leaves = isLeaf(kind) ? leaves | (1 << nibble) : leaves & ~(1 << nibble)
      this.#recall(row + nibble)
      this.#name(depth + 1, holes[row + nibble] as number)
    }
    this.#endBranch(depth, key, place, leaves)
  }

  /** A branch with other children than the one that lies at `before`; −1: there was none. */
  #layOut(depth: number, key: Uint8Array, before: number): void {
    const row = depth * 16
    let old = before < 0 ? 0 : before + PACKED_RLP_AT
    if (before >= 0) old += listHeader(this.#memory.bytes[old] as number)
    const children: number[] = []
    let live = 0
    for (let nibble = 0; nibble < 16; nibble++) {
      const isThere = before >= 0 && this.#memory.bytes[old] === HASH_MARK
      const kind = kinds[row + nibble] as number
      children.push(isThere && kind === UNTOUCHED ? old + 1 : 0)
      if (before >= 0) old += isThere ? 1 + HASH_LENGTH : 1
      if (kind === UNTOUCHED ? isThere : kind !== GONE) live++
    }
    assert(live >= 2, 'a branch has two children')
    const payload = 17 + HASH_LENGTH * live
    const place = this.#memory.allocate(
      PACKED_RLP_AT + paddedLength(headerLength(payload) + payload),
    )
    const bytes = this.#memory.bytes
    bytes[place] = TAG.packed
    let leaves = before < 0 ? 0 : this.#leavesAt(before)
    let at = writeHeader(bytes, place + PACKED_RLP_AT, 0xc0, payload)
    for (let nibble = 0; nibble < 16; nibble++) {
      const kind = kinds[row + nibble] as number
      const kept = children[nibble] as number
      if (kind !== UNTOUCHED) {
        leaves = isLeaf(kind) ? leaves | (1 << nibble) : leaves & ~(1 << nibble)
      }
      if (kept === 0 && (kind === UNTOUCHED || kind === GONE)) {
        bytes[at++] = 0x80
        continue
      }
      bytes[at++] = HASH_MARK
      if (kept > 0) bytes.copyWithin(at, kept, kept + HASH_LENGTH)
      else {
        this.#recall(row + nibble)
        this.#name(depth + 1, at)
      }
      at += HASH_LENGTH
    }
    bytes[at] = 0x80
    this.#endBranch(depth, key, place, leaves)
  }

  #endBranch(depth: number, key: Uint8Array, place: number, leaves: number): void {
    const bytes = this.#memory.bytes
    bytes[place + 1] = leaves >> 8
    bytes[place + 2] = leaves & 0xff
    const rlp = place + PACKED_RLP_AT
    const header = listHeader(bytes[rlp] as number)
    const length = header + payloadOf(bytes, rlp)
    this.#memory.noteBranch(key, depth, place, PACKED_RLP_AT + length)
    this.#result(NODE, rlp, length)
  }

  /** The extension above the branch that ended last. */
  #extend(depth: number, nibbles: number, key: Uint8Array): void {
    const pathBytes = 1 + (nibbles >> 1)
    const path = pathBytes === 1 ? 1 : 1 + pathBytes
    const payload = path + 1 + HASH_LENGTH
    const length = headerLength(payload) + payload
    const place = this.#memory.allocate(paddedLength(length))
    const bytes = this.#memory.bytes
    let at = writeHeader(bytes, place, 0xc0, payload)
    if (pathBytes > 1) at = writeHeader(bytes, at, 0x80, pathBytes)
    const isOdd = (nibbles & 1) === 1
    bytes[at++] = isOdd ? 0x10 | nibbleAt(key, depth) : 0
    for (let i = isOdd ? 1 : 0; i < nibbles; i += 2) {
      bytes[at++] = (nibbleAt(key, depth + i) << 4) | nibbleAt(key, depth + i + 1)
    }
    bytes[at++] = HASH_MARK
    this.#name(depth + nibbles, at)
    this.#memory.noteExtension(key, depth, nibbles, at)
    this.#result(NODE, place, length)
  }

  #leaf(depth: number, { key, preimage, value }: LeafChange, isNew: boolean): void {
    assert(value !== null, 'a leaf has a value')
    const payload = compactLength(key, depth) + stringLength(value)
    const length = headerLength(payload) + payload
    if (length < HASH_LENGTH) this.#isShort = true
    const place = this.#memory.allocate(paddedLength(length))
    const bytes = this.#memory.bytes
    let at = writeHeader(bytes, place, 0xc0, payload)
    at = writeCompactKey(bytes, at, key, depth)
    writeString(bytes, at, value)
    if (isNew && this.#isKept) {
      const record = new Uint8Array(1 + preimage.length)
      record.set(preimage, 1)
      this.#writes.push(trieWrite(this.#nodes.keyOf(key, depth), record))
    }
    this.#result(LEAF, place, length)
  }

  #remove(key: Uint8Array, depth: number): void {
    this.#writes.push(trieWrite(this.#nodes.keyOf(key, depth), null))
  }

  #result(kind: number, at: number, length: number): void {
    this.#kind = kind
    this.#at = at
    this.#length = length
  }

  /** Notes the result as a child of a branch. From `mark` on, nothing but its hash is needed any more. */
  #keep(slot: number, depth: number, mark: number): void {
    if (mark > 0 && (this.#kind === LEAF || this.#kind === NODE)) {
      const kind = this.#kind === LEAF ? HASHED_LEAF : HASHED
      const hashAt = mark - HASH_LENGTH
      this.#name(depth, hashAt)
      this.#memory.settle(mark, this.#writes)
      this.#result(kind, hashAt, HASH_LENGTH)
    }
    kinds[slot] = this.#kind
    places[slot] = this.#at
    lengths[slot] = this.#length
  }

  #recall(slot: number): void {
    this.#result(kinds[slot] as number, places[slot] as number, lengths[slot] as number)
  }

  /** The hash of the result, a node at `depth`, goes to `out`. */
  #name(depth: number, out: number): void {
    if (this.#kind === HASHED || this.#kind === HASHED_LEAF) {
      this.#memory.bytes.copyWithin(out, this.#at, this.#at + HASH_LENGTH)
      return
    }
    this.#memory.hashLater(depth, this.#at, this.#length, out)
  }

  #markFor(changes: number): number {
    if (changes <= MANY) return 0
    this.#memory.allocate(HASH_LENGTH)
    return this.#memory.end
  }

  #finished(): readonly TrieWrite[] {
    for (const [path, node] of this.#pass.writes) {
      const value = node === null ? null : encodeNode(node)
      this.#writes.push(trieWrite(this.#nodes.keyOfPath(path), value))
    }
    return this.#writes
  }
}

const isLeaf = (kind: number): boolean => kind === LEAF || kind === HASHED_LEAF

/** Behind the last change below the child that change `start` is below. */
function endOfGroup(list: readonly LeafChange[], start: number, to: number, depth: number): number {
  const nibble = nibbleAt((list[start] as LeafChange).key, depth)
  let end = start + 1
  while (end < to && nibbleAt((list[end] as LeafChange).key, depth) === nibble) end++
  return end
}

/** Length of the payload of the list at `at`, as long as branches are. */
function payloadOf(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number
  if (first === 0xf9) return ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
  return first === 0xf8 ? (bytes[at + 1] as number) : first - 0xc0
}
