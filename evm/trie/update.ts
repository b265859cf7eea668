import { assert } from '../../core/primitives/assert.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { EMPTY_TRIE_ROOT } from '../account.ts'
import {
  type Branch,
  branchOf,
  branchRlp,
  type Extension,
  extensionRlp,
  HEX_DIGITS,
  type Leaf,
  leafRlp,
  nibbleAt,
  nibblesOf,
  PackedBranch,
  type Ref,
  refOf,
  sharedNibbles,
  type TrieNode,
} from './node.ts'

/** A key of the trie with its new value; null deletes. The preimage is what the key is the hash of. */
export type LeafChange = {
  readonly key: Uint8Array
  readonly preimage: Uint8Array
  readonly value: Uint8Array | null
  /** True: the key is in the trie. Otherwise it may be. */
  readonly existed?: boolean
}

/** The trie before the update. Paths are hex digits; the root has the empty path. */
export type TrieSource = {
  node(path: string): TrieNode | null
  /** The value of a leaf that the update moves without changing it. */
  value(preimage: Uint8Array): Uint8Array
}

/** Nodes by path that the update wrote, or removed (null). */
export type NodeWrites = Map<string, TrieNode | null>

export type TrieUpdate = { readonly root: Uint8Array; readonly writes: NodeWrites }

/**
 * One recursive pass from the root over changes sorted by key: every touched node is read once,
 * hashed once, bottom up, and nothing is read that no change lies under. No key is a prefix of
 * another.
 */
export function updateTrie(source: TrieSource, changes: readonly LeafChange[]): TrieUpdate {
  const pass = new Pass(source)
  const root = pass.update('', source.node(''), { changes, from: 0, to: changes.length })
  if (root === null) {
    pass.writes.set('', null)
    return { root: EMPTY_TRIE_ROOT, writes: pass.writes }
  }
  pass.seal('', root)
  return { root: keccak256(pass.rlpOf('', root)), writes: pass.writes }
}

/** Root of a trie that is not kept: transactions and receipts. */
export function rootOfLeaves(leaves: readonly LeafChange[]): Uint8Array {
  const pass = new Pass(NO_TRIE)
  const root = pass.update('', null, { changes: leaves, from: 0, to: leaves.length })
  return root === null ? EMPTY_TRIE_ROOT : keccak256(pass.rlpOf('', root))
}

/**
 * The part of a trie at `path`, which its leaves, sorted by key and all under the path, make up alone. At the
 * empty path `ref` is the root.
 */
export function subtreeOfLeaves(
  path: string,
  leaves: readonly LeafChange[],
): { readonly ref: Ref; readonly writes: NodeWrites } {
  const pass = new Pass(NO_TRIE)
  const node = pass.update(path, null, { changes: leaves, from: 0, to: leaves.length })
  assert(node !== null, 'a subtree has leaves')
  const ref = pass.seal(path, node)
  return { ref: path === '' ? keccak256(pass.rlpOf(path, node)) : ref, writes: pass.writes }
}

const NO_TRIE: TrieSource = {
  node: () => null,
  value: () => new Uint8Array(0),
}

/** Changes `from` (inclusive) to `to`, all under the path at hand. */
type Range = {
  readonly changes: readonly LeafChange[]
  readonly from: number
  readonly to: number
}

export class Pass {
  readonly writes: NodeWrites = new Map()
  readonly #source: TrieSource

  constructor(source: TrieSource) {
    this.#source = source
  }

  /** The node at `path` after the changes. The caller seals it there, or moves it elsewhere. */
  update(path: string, node: TrieNode | null, range: Range): TrieNode | null {
    if (range.from === range.to) return node
    if (node === null) return this.#build(path, range)
    if (node.kind === 'leaf') return this.#updateLeaf(path, node, range)
    if (node.kind === 'branch') return this.#updateBranch(path, node, null, range)
    return this.#updateExtension(path, node, range)
  }

  /** Records a node at its place and names it for its parent. */
  seal(path: string, node: TrieNode): Ref {
    if (node.kind !== 'leaf' || !node.stored) this.writes.set(path, node)
    return refOf(this.rlpOf(path, node))
  }

  rlpOf(path: string, node: TrieNode): Uint8Array {
    if (node.kind === 'branch') return branchRlp(node)
    if (node.kind === 'extension') return extensionRlp(node)
    return leafRlp(node.key, path.length, node.value ?? this.#source.value(node.preimage))
  }

  /** A subtree where there was none. */
  #build(path: string, range: Range): TrieNode | null {
    const { changes, from, to } = withoutDeletions(range)
    if (from === to) return null
    const first = changes[from] as LeafChange
    if (to - from === 1) return leafOf(first)
    const depth = path.length
    const shared = sharedNibbles(first.key, (changes[to - 1] as LeafChange).key, depth)
    const nibbles = nibblesOf(first.key, depth, depth + shared)
    const branch = this.#updateBranch(path + nibbles, NO_BRANCH, null, { changes, from, to })
    assert(branch !== null, 'two keys make a branch')
    return shared === 0 ? branch : this.#extend(path, nibbles, branch)
  }

  #updateLeaf(path: string, leaf: Leaf, range: Range): TrieNode | null {
    const { changes, from, to } = range
    const only = changes[from] as LeafChange
    if (to - from === 1 && sameKey(only.key, leaf.key)) return withValue(leaf, only.value)
    const at = positionOf(range, leaf.key)
    const own = changes[at]
    const found = at < to && own !== undefined && sameKey(own.key, leaf.key)
    const kept: LeafChange[] = found ? [] : [leaf]
    const merged = [...changes.slice(from, at), ...kept, ...changes.slice(at, to)].filter(
      (change) => change.value !== null || change === leaf,
    )
    if (merged.length === 1 && merged[0] === leaf) return leaf
    if (merged.length === 1 && found && own.value !== null) return withValue(leaf, own.value)
    const items = merged.map((change) =>
      change === leaf
        ? { ...leaf, value: leaf.value ?? this.#source.value(leaf.preimage) }
        : change,
    )
    return this.#build(path, { changes: items, from: 0, to: items.length })
  }

  #updateExtension(path: string, extension: Extension, range: Range): TrieNode | null {
    const { nibbles, child } = extension
    const { kept, shared } = underExtension(path.length, nibbles, range)
    if (kept.from === kept.to) return extension
    const childPath = path + nibbles
    if (shared === nibbles.length) {
      const below = this.update(childPath, this.#load(childPath), kept)
      if (below === null) {
        this.writes.set(childPath, null)
        return null
      }
      return this.#extend(path, nibbles, below)
    }
    // An inserted key leaves the extension midway: a branch takes its place there.
    const children: (Ref | null)[] = [...NO_CHILDREN]
    const at = Number.parseInt(nibbles[shared] as string, 16)
    children[at] = child
    const rest = nibbles.slice(shared + 1)
    const moved: Moved | null =
      rest === '' ? null : { at, node: { kind: 'extension', nibbles: rest, child } }
    const head = nibbles.slice(0, shared)
    const split: Branch = { kind: 'branch', children, leaves: 0 }
    const branch = this.#updateBranch(path + head, split, moved, kept)
    assert(branch !== null, 'a split extension leaves a branch')
    return head === '' ? branch : this.#extend(path, head, branch)
  }

  /** `moved` is a child that does not lie in the store at its place yet. */
  #updateBranch(path: string, before: Branch, moved: Moved | null, range: Range): TrieNode | null {
    const { changes, to } = range
    const depth = path.length
    const fresh: Fresh = []
    if (moved !== null) fresh[moved.at] = moved.node
    let keepsShape = true
    for (let start = range.from; start < to; ) {
      const nibble = nibbleAt((changes[start] as LeafChange).key, depth)
      let end = start + 1
      while (end < to && nibbleAt((changes[end] as LeafChange).key, depth) === nibble) end++
      const place = path + HEX_DIGITS[nibble]
      const old = hasChild(before, nibble) ? (fresh[nibble] ?? this.#load(place)) : null
      const child = this.update(place, old, { changes, from: start, to: end })
      if (child === null && old !== null) this.writes.set(place, null)
      if ((child === null) !== (old === null)) keepsShape = false
      fresh[nibble] = child
      start = end
    }
    if (keepsShape && before instanceof PackedBranch) return this.#patch(path, before, fresh)
    return this.#finishBranch(path, before, fresh)
  }

  /** The same children have other hashes. */
  #patch(path: string, before: PackedBranch, fresh: Fresh): TrieNode | null {
    const packed = before.packed.slice()
    for (let i = 0; i < 16; i++) {
      const child = fresh[i] ?? null
      if (child === null) continue
      const ref = this.seal(path + HEX_DIGITS[i], child)
      // Shorter than its hash would be, which takes keys that are no hashes.
      if (ref.length !== 32) return this.#finishBranch(path, before, fresh)
      packed.set(ref, before.placeOf(i))
    }
    const leaves = leavesOf(before, fresh)
    packed[1] = leaves >> 8
    packed[2] = leaves & 0xff
    return new PackedBranch(packed)
  }

  #finishBranch(path: string, before: Branch, fresh: Fresh): TrieNode | null {
    const children = before.children.slice()
    for (let i = 0; i < 16; i++) {
      if (fresh[i] !== undefined) children[i] = fresh[i] === null ? null : PENDING
    }
    const live = children.reduce((count, child) => (child === null ? count : count + 1), 0)
    if (live === 0) return null
    if (live === 1) {
      const at = children.findIndex((child) => child !== null)
      const digit = HEX_DIGITS[at] as string
      return this.#extend(path, digit, fresh[at] ?? this.#load(path + digit))
    }
    for (let i = 0; i < 16; i++) {
      const child = fresh[i] ?? null
      if (child !== null) children[i] = this.seal(path + HEX_DIGITS[i], child)
    }
    return branchOf(children, leavesOf(before, fresh))
  }

  /** What stands at `path` when `nibbles` lead from there to `below` and to nothing else. */
  #extend(path: string, nibbles: string, below: TrieNode): TrieNode {
    const place = path + nibbles
    if (below.kind === 'branch') {
      return { kind: 'extension', nibbles, child: this.seal(place, below) }
    }
    this.writes.set(place, null)
    if (below.kind === 'leaf') return { ...below, stored: false }
    return { ...below, nibbles: nibbles + below.nibbles }
  }

  #load(path: string): TrieNode {
    const node = this.#source.node(path)
    assert(node !== null, 'a node that its parent names exists')
    return node
  }
}

type Moved = { readonly at: number; readonly node: Extension }

/** By nibble: the node that is there now; null: none any more; undefined: as before. */
type Fresh = (TrieNode | null | undefined)[]

/** `leaves` of a branch with some other children. */
function leavesOf(before: Branch, fresh: Fresh): number {
  let { leaves } = before
  for (let i = 0; i < 16; i++) {
    const child = fresh[i]
    if (child === undefined) continue
    leaves = child?.kind === 'leaf' ? leaves | (1 << i) : leaves & ~(1 << i)
  }
  return leaves
}

const NO_CHILDREN: readonly (Ref | null)[] = new Array<Ref | null>(16).fill(null)
const NO_BRANCH: Branch = { kind: 'branch', children: NO_CHILDREN, leaves: 0 }

const hasChild = (branch: Branch, nibble: number): boolean =>
  branch instanceof PackedBranch ? branch.placeOf(nibble) >= 0 : branch.children[nibble] !== null
/** Stands in a branch under construction for a child that is not sealed yet. */
const PENDING: Ref = new Uint8Array(0)

const leafOf = ({ key, preimage, value }: LeafChange): Leaf => ({
  kind: 'leaf',
  key,
  preimage,
  value,
  stored: false,
})

const withValue = ({ key, preimage, stored }: Leaf, value: Uint8Array | null): Leaf | null =>
  value === null ? null : { kind: 'leaf', key, preimage, value, stored }

function withoutDeletions(range: Range): Range {
  const { changes, from, to } = range
  let deletes = false
  for (let i = from; i < to; i++) if ((changes[i] as LeafChange).value === null) deletes = true
  if (!deletes) return range
  const kept = changes.slice(from, to).filter((change) => change.value !== null)
  return { changes: kept, from: 0, to: kept.length }
}

/** The first change whose key is not below `key`. */
function positionOf({ changes, from, to }: Range, key: Uint8Array): number {
  let at = from
  while (at < to && compareKeys((changes[at] as LeafChange).key, key) < 0) at++
  return at
}

const compareKeys = (a: Uint8Array, b: Uint8Array): number => {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number)
  }
  return a.length - b.length
}
const sameKey = (a: Uint8Array, b: Uint8Array): boolean => compareKeys(a, b) === 0

/** Drops deletions of keys that are not there; `shared` is how far all insertions follow the extension. */
function underExtension(
  depth: number,
  nibbles: string,
  range: Range,
): { readonly kept: Range; readonly shared: number } {
  const kept: LeafChange[] = []
  let shared = nibbles.length
  for (let i = range.from; i < range.to; i++) {
    const change = range.changes[i] as LeafChange
    let follows = 0
    while (
      follows < nibbles.length &&
      HEX_DIGITS[nibbleAt(change.key, depth + follows)] === nibbles[follows]
    ) {
      follows++
    }
    if (follows < nibbles.length && change.value === null) continue
    kept.push(change)
    shared = Math.min(shared, follows)
  }
  return { kept: { changes: kept, from: 0, to: kept.length }, shared }
}
