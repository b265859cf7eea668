import { createMPT } from '@ethereumjs/mpt'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { nibblesOf, type TrieNode } from '../../../evm/trie/node.ts'
import { joinSubtrees, type Subtree } from '../../../evm/trie/subtree.ts'
import {
  type LeafChange,
  type NodeWrites,
  subtreeOfLeaves,
  updateTrie,
} from '../../../evm/trie/update.ts'
import { coverTrie } from '../../../node/snapshots/cover.ts'
import { PART_TARGET_BYTES } from '../../../node/snapshots/parts.ts'

type Entry = readonly [preimage: Uint8Array, value: Uint8Array]
const leavesOf = (entries: readonly Entry[]): LeafChange[] =>
  entries
    .map(([preimage, value]) => ({ key: keccak256(preimage), preimage, value }))
    .sort((a, b) => compareBytes(a.key, b.key))

const entries = fc.uniqueArray(
  fc.tuple(
    fc.uint8Array({ minLength: 1, maxLength: 4 }),
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
  ),
  { minLength: 1, maxLength: 60, selector: ([key]) => toHex(key) },
)

async function twinRoot(leaves: readonly LeafChange[]): Promise<string> {
  const trie = await createMPT()
  for (const { key, value } of leaves) await trie.put(key, value)
  return toHex(trie.root())
}

/** Cut as if a part held only so many leaves. */
function cut(leaves: readonly LeafChange[], perPart: number) {
  const { root, writes } = updateTrie({ node: () => null, value: () => new Uint8Array(0) }, leaves)
  const parts: (Subtree & { readonly preimages: readonly Uint8Array[] })[] = []
  const weight = Math.ceil(PART_TARGET_BYTES / perPart)
  const whole = coverTrie<Uint8Array>({
    node: (path) => writes.get(path) as TrieNode,
    item: (preimage) => ({ item: preimage, bytes: weight }),
    emit: (path, ref, { items }) => void parts.push({ path, ref, preimages: items }),
  })
  if (whole !== null) parts.push({ path: '', ref: root, preimages: whole.items })
  return { root, writes, parts }
}

const live = (writes: NodeWrites): [string, TrieNode][] =>
  [...writes].flatMap(([path, node]): [string, TrieNode][] => (node === null ? [] : [[path, node]]))

describe('subtrees', () => {
  it('of a trie are rebuilt from their leaves alone, and join to its root and nodes', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.integer({ min: 1, max: 10 }), async (some, perPart) => {
        const leaves = leavesOf(some)
        const { root, writes, parts } = cut(leaves, perPart)
        expect(toHex(root)).toBe(await twinRoot(leaves))
        const rebuilt = new Map<string, TrieNode>()
        let seen = 0
        for (const { path, ref, preimages } of parts) {
          const own = leaves.filter(({ key }) => nibblesOf(key, 0, path.length) === path)
          expect(own.map(({ preimage }) => toHex(preimage))).toEqual(preimages.map(toHex))
          expect(own.length).toBeLessThanOrEqual(perPart)
          const built = subtreeOfLeaves(path, own)
          expect(toHex(built.ref)).toBe(toHex(ref))
          for (const [at, node] of live(built.writes)) rebuilt.set(at, node)
          seen += own.length
        }
        expect(seen).toBe(leaves.length)
        const joined = joinSubtrees(parts)
        if (!joined.ok) throw new Error(joined.code)
        expect(toHex(joined.value.root)).toBe(toHex(root))
        for (const [at, node] of live(joined.value.writes)) rebuilt.set(at, node)
        expect([...rebuilt.keys()].sort()).toEqual(
          live(writes)
            .map(([at]) => at)
            .sort(),
        )
      }),
      { numRuns: 60 },
    )
  })

  it('do not join with one left out, twice, or out of order', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (some, at) => {
        const { root, parts } = cut(leavesOf(some), 2)
        if (parts.length < 2) return
        const index = at % parts.length
        const without = parts.filter((_, i) => i !== index)
        const twice = [...parts.slice(0, index + 1), ...parts.slice(index)]
        for (const wrong of [without, twice, parts.toReversed()]) {
          const joined = joinSubtrees(wrong)
          if (joined.ok) expect(toHex(joined.value.root)).not.toBe(toHex(root))
        }
      }),
      { numRuns: 60 },
    )
  })
})
