import { MerklePatriciaTrie } from '@ethereumjs/mpt'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { encodeRlp } from '../../../evm/rlp.ts'
import { StateTrie } from '../../../evm/stateTrie.ts'
import { createMemoryStore, type EvmChange, storageKey } from '../../../evm/store.ts'
import type { TrieNode } from '../../../evm/trie/node.ts'
import { orderedRoot } from '../../../evm/trie/orderedRoot.ts'
import { type LeafChange, type TrieSource, updateTrie } from '../../../evm/trie/update.ts'

/** The trie of the library under the same list of changes, one put or delete at a time. */
class Twin {
  readonly #trie = new MerklePatriciaTrie()
  async apply(changes: readonly LeafChange[]): Promise<void> {
    for (const { key, value } of changes) {
      if (value === null) await this.#trie.del(key)
      else await this.#trie.put(key, value)
    }
  }
  root(): string {
    return toHex(this.#trie.root())
  }
}

/** Our pass over nodes kept in a map, as the store keeps them. */
class Subject {
  readonly nodes = new Map<string, TrieNode>()
  readonly values = new Map<string, Uint8Array>()
  readonly #source: TrieSource = {
    node: (path) => this.nodes.get(path) ?? null,
    value: (preimage) => this.values.get(toHex(preimage)) as Uint8Array,
  }
  apply(changes: readonly LeafChange[]): string {
    const last = new Map(changes.map((change) => [toHex(change.key), change]))
    const sorted = [...last.values()].sort((a, b) => compareBytes(a.key, b.key))
    const { root, writes } = updateTrie(this.#source, sorted)
    for (const [path, node] of writes) {
      if (node === null) this.nodes.delete(path)
      else
        this.nodes.set(path, node.kind === 'leaf' ? { ...node, value: null, stored: true } : node)
    }
    for (const { preimage, value } of sorted) {
      if (value === null) this.values.delete(toHex(preimage))
      else this.values.set(toHex(preimage), value)
    }
    return toHex(root)
  }
}

/** Keys from few bytes, so that they share long prefixes and extensions split, merge and vanish. */
const keyOfPick = (pick: readonly number[]): Uint8Array =>
  Uint8Array.from(
    [...pick, ...pick].slice(0, 4),
    (value) => [0x00, 0x01, 0x10, 0x11, 0xff][value] ?? 0,
  )
const change = fc
  .tuple(
    fc.array(fc.nat({ max: 4 }), { minLength: 4, maxLength: 4 }),
    fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 }), { freq: 2 }),
  )
  .map(([pick, value]): LeafChange => {
    const key = keyOfPick(pick)
    return { key, preimage: key, value }
  })

describe('trie update', () => {
  it('has the root of the library after any list of batches', async () => {
    const batches = fc.array(fc.array(change, { maxLength: 12 }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(batches, async (list) => {
        const twin = new Twin()
        const subject = new Subject()
        for (const batch of list) {
          await twin.apply(batch)
          expect(subject.apply(batch)).toBe(twin.root())
        }
      }),
      { numRuns: 400 },
    )
  })

  it('keeps exactly the nodes that a trie built at once has', () => {
    const batches = fc.array(fc.array(change, { maxLength: 12 }), { maxLength: 8 })
    fc.assert(
      fc.property(batches, (list) => {
        const subject = new Subject()
        for (const batch of list) subject.apply(batch)
        const fresh = new Subject()
        fresh.apply(
          [...subject.values].map(([hex, value]) => {
            const key = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
            return { key, preimage: key, value }
          }),
        )
        expect([...subject.nodes.keys()].sort()).toEqual([...fresh.nodes.keys()].sort())
      }),
      { numRuns: 300 },
    )
  })
})
