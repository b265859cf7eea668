import { assert } from '../../core/primitives/assert.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import {
  type Branch,
  HEX_DIGITS,
  PACKED_TAG,
  PackedBranch,
  packedBytes,
  type Ref,
  type TrieNode,
} from './node.ts'

/**
 * Key of a node in the `trieNode` namespace: an owner tag (0: accounts; 1: storage, then the
 * address), then one byte per nibble of its path. A new node replaces the old one at its path, so
 * the store never holds more than the latest trie.
 */
export function nodeKey(owner: Uint8Array | null, path: string): Uint8Array {
  const start = owner === null ? 1 : 21
  const key = new Uint8Array(start + path.length)
  if (owner !== null) {
    key[0] = 1
    key.set(owner, 1)
  }
  for (let i = 0; i < path.length; i++) key[start + i] = HEX_DIGITS.indexOf(path[i] as string)
  return key
}

/**
 * Of packed branches the RLP, of the others not: a leaf is stored as its preimage alone, because its value lies in
 * the flat state. Older databases hold branches without `leaves`, too.
 */
export const TAG = {
  leaf: 0,
  extension: 1,
  oldBranch: 2,
  oldPacked: 3,
  packed: PACKED_TAG,
  branch: 5,
} as const

/** The array may be the node's own: it is not to be changed. */
export function encodeNode(node: TrieNode): Uint8Array {
  if (node.kind === 'leaf') return prefixed(TAG.leaf, node.preimage)
  if (node.kind === 'extension') {
    const { nibbles, child } = node
    const out = new Uint8Array(2 + nibbles.length + child.length)
    out[0] = TAG.extension
    out[1] = nibbles.length
    for (let i = 0; i < nibbles.length; i++) out[2 + i] = HEX_DIGITS.indexOf(nibbles[i] as string)
    out.set(child, 2 + nibbles.length)
    return out
  }
  if (node instanceof PackedBranch) return node.packed
  let size = LENGTHS_AT + 16
  for (const child of node.children) size += child?.length ?? 0
  const out = new Uint8Array(size)
  out[0] = TAG.branch
  out[1] = node.leaves >> 8
  out[2] = node.leaves & 0xff
  let at = LENGTHS_AT + 16
  for (let i = 0; i < 16; i++) {
    const child = node.children[i] ?? null
    if (child === null) continue
    out[LENGTHS_AT + i] = child.length
    out.set(child, at)
    at += child.length
  }
  return out
}

/** Of bytes this program wrote: asserts. */
export function decodeNode(bytes: Uint8Array): TrieNode {
  const tag = bytes[0]
  if (tag === TAG.leaf) {
    const preimage = bytes.slice(1)
    return { kind: 'leaf', key: keccak256(preimage), preimage, value: null, stored: true }
  }
  if (tag === TAG.extension) {
    const length = bytes[1] as number
    let nibbles = ''
    for (let i = 0; i < length; i++) nibbles += HEX_DIGITS[bytes[2 + i] as number]
    return { kind: 'extension', nibbles, child: bytes.slice(2 + length) }
  }
  if (tag === TAG.packed) return new PackedBranch(bytes.slice())
  if (tag === TAG.oldPacked) return new PackedBranch(packedBytes(bytes.subarray(1), 0))
  if (tag === TAG.oldBranch) return branchAt(bytes, 1, 0)
  assert(tag === TAG.branch, 'a stored trie node has a known tag')
  return branchAt(bytes, LENGTHS_AT, ((bytes[1] as number) << 8) | (bytes[2] as number))
}

/** Sixteen lengths of references, behind the tag and `leaves`; then the references. */
const LENGTHS_AT = 3

function branchAt(bytes: Uint8Array, lengthsAt: number, leaves: number): Branch {
  const children: (Ref | null)[] = []
  let at = lengthsAt + 16
  for (let i = 0; i < 16; i++) {
    const length = bytes[lengthsAt + i] as number
    children.push(length === 0 ? null : bytes.slice(at, at + length))
    at += length
  }
  return { kind: 'branch', children, leaves }
}

function prefixed(tag: number, bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + 1)
  out[0] = tag
  out.set(bytes, 1)
  return out
}
