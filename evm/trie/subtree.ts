import { keccak256 } from '../../core/primitives/hash.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { EMPTY_TRIE_ROOT } from '../account.ts'
import {
  branchOf,
  branchRlp,
  extensionRlp,
  HEX_DIGITS,
  type Ref,
  refOf,
  type TrieNode,
} from './node.ts'
import type { NodeWrites } from './update.ts'

/** A subtree of a trie by the path of its top: hex digits. At the empty path `ref` is the root. */
export type Subtree = { readonly path: string; readonly ref: Ref }

export type JoinedTrie = { readonly root: Uint8Array; readonly writes: NodeWrites }

/**
 * The root over subtrees that cover a whole trie, and the nodes above them. Paths ascend and none is a prefix
 * of another; a subtree lies right below a branch, or is all of the trie. O(subtrees).
 */
export function joinSubtrees(subtrees: readonly Subtree[]): Result<JoinedTrie, 'BAD_COVER'> {
  const first = subtrees[0]
  const writes: NodeWrites = new Map()
  if (first === undefined) return ok({ root: EMPTY_TRIE_ROOT, writes })
  if (first.path === '') {
    return subtrees.length === 1 ? ok({ root: first.ref, writes }) : reject('BAD_COVER')
  }
  if (!isOrdered(subtrees)) return reject('BAD_COVER')
  const top = nodeOver('', subtrees, writes)
  if (top === null) return reject('BAD_COVER')
  return ok({ root: keccak256(top), writes })
}

const isOrdered = (subtrees: readonly Subtree[]): boolean =>
  subtrees.every(({ path }, i) => {
    const previous = subtrees[i - 1]
    return previous === undefined || (previous.path < path && !path.startsWith(previous.path))
  })

/** RLP of the node at `path` over at least two subtrees; null when they do not make one. */
function nodeOver(
  path: string,
  subtrees: readonly Subtree[],
  writes: NodeWrites,
): Uint8Array | null {
  const last = subtrees[subtrees.length - 1] as Subtree
  const first = subtrees[0] as Subtree
  if (subtrees.length < 2) return null
  let end = path.length
  while (end < first.path.length && first.path[end] === last.path[end]) end++
  const branchPath = first.path.slice(0, end)
  const children = childrenOf(branchPath, subtrees, writes)
  if (children === null) return null
  // What a subtree's top is remains to be seen.
  const branch = branchOf(children, 0)
  writes.set(branchPath, branch)
  const rlp = branchRlp(branch).slice()
  if (end === path.length) return rlp
  const nibbles = branchPath.slice(path.length)
  const extension: TrieNode = { kind: 'extension', nibbles, child: refOf(rlp) }
  writes.set(path, extension)
  return extensionRlp(extension).slice()
}

function childrenOf(
  path: string,
  subtrees: readonly Subtree[],
  writes: NodeWrites,
): (Ref | null)[] | null {
  const children: (Ref | null)[] = []
  let from = 0
  for (const digit of HEX_DIGITS) {
    let to = from
    while (subtrees[to]?.path[path.length] === digit) to++
    const below = subtrees.slice(from, to)
    from = to
    const only = below.length === 1 ? (below[0] as Subtree) : null
    if (below.length === 0) children.push(null)
    else if (only?.path.length === path.length + 1) children.push(only.ref)
    else {
      const node = nodeOver(path + digit, below, writes)
      if (node === null) return null
      children.push(refOf(node))
    }
  }
  return from === subtrees.length ? children : null
}
