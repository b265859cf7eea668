import { createMPT, MerklePatriciaTrie } from '@ethereumjs/mpt'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { EMPTY_TRIE_ROOT } from '../../../evm/account.ts'
import { encodeRlp, quantityBytes } from '../../../evm/rlp.ts'
import { StateTrie } from '../../../evm/stateTrie.ts'
import { createMemoryStore, type EvmChange, storageKey } from '../../../evm/store.ts'
import type { TrieNode } from '../../../evm/trie/node.ts'
import { decodeNode, encodeNode, nodeKey } from '../../../evm/trie/nodeCodec.ts'
import { orderedRoot } from '../../../evm/trie/orderedRoot.ts'
import { type LeafChange, type TrieSource, updateTrie } from '../../../evm/trie/update.ts'

/** The trie of the library under the same list of changes, one put or delete at a time. */
class Twin {
  readonly #trie = new MerklePatriciaTrie()
  async apply(changes: readonly LeafChange[]): Promise<string> {
    for (const { key, value } of changes) {
      if (value === null) await this.#trie.del(key)
      else await this.#trie.put(key, value)
    }
    return toHex(this.#trie.root())
  }
}

/** Our pass over nodes kept in a map by path, encoded as in the store. Keys are their own preimages. */
class Subject {
  readonly nodes = new Map<string, Uint8Array>()
  readonly values = new Map<string, Uint8Array>()
  readonly #source: TrieSource = {
    node: (path) => this.#node(path),
    value: (preimage) => this.values.get(toHex(preimage)) as Uint8Array,
  }

  apply(changes: readonly LeafChange[]): string {
    const last = new Map(changes.map((change) => [toHex(change.key), change]))
    const sorted = [...last.values()].sort((a, b) => compareBytes(a.key, b.key))
    const { root, writes } = updateTrie(this.#source, sorted)
    for (const [path, node] of writes) {
      if (node === null) this.nodes.delete(path)
      else this.nodes.set(path, encodeNode(node))
    }
    for (const { preimage, value } of sorted) {
      if (value === null) this.values.delete(toHex(preimage))
      else this.values.set(toHex(preimage), value)
    }
    return toHex(root)
  }

  #node(path: string): TrieNode | null {
    const bytes = this.nodes.get(path)
    if (bytes === undefined) return null
    const node = decodeNode(bytes)
    return node.kind === 'leaf' ? { ...node, key: node.preimage } : node
  }
}

/** Keys of few different bytes share long prefixes: extensions split, merge and vanish. */
const keyOf = (...bytes: readonly number[]) =>
  fc
    .array(fc.constantFrom(...bytes), { minLength: 4, maxLength: 4 })
    .map((list) => Uint8Array.from(list))
const batchesOf = (key: fc.Arbitrary<Uint8Array>) =>
  fc.array(
    fc.array(
      fc
        .tuple(key, fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 }), { freq: 2 }))
        .map(([bytes, value]): LeafChange => ({ key: bytes, preimage: bytes, value })),
      { maxLength: 12 },
    ),
    { maxLength: 8 },
  )
/** The second kind has few keys, so that whole subtrees come and go. */
const batches = fc.oneof(
  batchesOf(keyOf(0x00, 0x01, 0x10, 0x11, 0xff)),
  batchesOf(keyOf(0x00, 0x01)),
)

describe('trie update', () => {
  it('has the root of the library after any list of batches', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (list) => {
        const twin = new Twin()
        const subject = new Subject()
        for (const batch of list) expect(subject.apply(batch)).toBe(await twin.apply(batch))
      }),
      { numRuns: 500 },
    )
  })

  it('leaves exactly the nodes of a trie built at once', () => {
    fc.assert(
      fc.property(batches, (list) => {
        const subject = new Subject()
        for (const batch of list) subject.apply(batch)
        const fresh = new Subject()
        const alive = new Map(list.flat().map((last) => [toHex(last.key), last]))
        fresh.apply([...alive.values()])
        expect([...subject.nodes].sort()).toEqual([...fresh.nodes].sort())
      }),
      { numRuns: 500 },
    )
  })
})

describe('root of an ordered list', () => {
  it('is the root of the library for every length at which keys change width', async () => {
    for (const length of [0, 1, 2, 127, 128, 129, 255, 256, 257, 300]) {
      const values = Array.from({ length }, (_, i) => keccak256(quantityBytes(i)).subarray(i % 31))
      const twin = await createMPT()
      for (const [i, value] of values.entries()) await twin.put(encodeRlp(quantityBytes(i)), value)
      expect(toHex(orderedRoot(values)), `length ${length}`).toBe(toHex(twin.root()))
    }
  })
})

/** Slots whose hashed keys begin alike, up to four digits: extensions split, merge and vanish. */
const neighbours: readonly Uint8Array[] = Array.from({ length: 120_000 }, (_, i) =>
  keccak256(quantityBytes(i + 1)),
).filter((slot) => {
  const [first, second] = keccak256(slot)
  return first === 0xab && (second === 0xcd || second === 0xc1 || second === 0x00)
})
const blocksOfNeighbours = fc.array(
  fc.uniqueArray(
    fc.record({
      slot: fc.constantFrom(...neighbours),
      value: fc.option(
        fc
          .uint8Array({ minLength: 1, maxLength: 32 })
          .map((bytes) => bytes.map((byte) => byte | 1)),
        { freq: 2 },
      ),
      knows: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8, selector: ({ slot }) => toHex(slot) },
  ),
  { maxLength: 10 },
)

const owner = keccak256(Uint8Array.of(7)).slice(12)
type FlatChanges = readonly { readonly preimage: Uint8Array; readonly value: Uint8Array | null }[]

function plainUpdate(store: ReturnType<typeof createMemoryStore>, changes: FlatChanges) {
  const leaves = changes
    .map((change) => ({ ...change, key: keccak256(change.preimage), existed: false }))
    .sort((a, b) => compareBytes(a.key, b.key))
  const source: TrieSource = {
    node: (path) => {
      const bytes = store.get('trieNode', nodeKey(owner, path))
      return bytes === undefined ? null : decodeNode(bytes)
    },
    value: (slot) => encodeRlp(store.get('storage', storageKey(owner, slot)) as Uint8Array),
  }
  return updateTrie(source, leaves)
}

const plainRoot = (store: ReturnType<typeof createMemoryStore>, changes: FlatChanges): Uint8Array =>
  plainUpdate(store, changes).root

const plainNodes = (
  store: ReturnType<typeof createMemoryStore>,
  changes: FlatChanges,
): EvmChange[] =>
  Array.from(plainUpdate(store, changes).writes, ([path, node]) => ({
    namespace: 'trieNode' as const,
    key: nodeKey(owner, path),
    value: node === null ? null : encodeNode(node),
    previous: null,
  }))

describe('state trie', () => {
  const addressOf = (i: number): Uint8Array => keccak256(quantityBytes(i)).slice(12)
  const wordOf = (i: number): Uint8Array => keccak256(quantityBytes(i))

  it('has the roots of the library over blocks, restarts and discarded updates', async () => {
    const store = createMemoryStore()
    const accounts = await createMPT({ useKeyHashing: true })
    const slots = await createMPT({ useKeyHashing: true })
    const owner = addressOf(1)
    let trie = newTrie(store)
    for (let block = 1; block <= 30; block++) {
      const picks = Array.from({ length: 60 }, (_, i) => (i * 37 + block * block * 11) % 400)
      const unique = [...new Set(picks)]
      const newValue = (i: number): Uint8Array | null =>
        (i + block) % 3 === 0 ? null : wordOf(i * block).subarray(0, 1 + (i % 32))
      const changes = unique.map((i) => ({ i, value: newValue(i) }))

      trie.updateAccounts([{ preimage: addressOf(block), value: Uint8Array.of(1) }])
      trie.discard()
      const accountRoot = trie.updateAccounts(
        changes.map(({ i, value }) => ({ preimage: addressOf(i), value })),
      )
      const slotRoot = trie.updateStorage(
        owner,
        changes.map(({ i, value }) => ({
          preimage: wordOf(i),
          value: value === null ? null : encodeRlp(value),
        })),
      )
      for (const { i, value } of changes) {
        if (value === null) {
          await accounts.del(addressOf(i))
          await slots.del(wordOf(i))
        } else {
          await accounts.put(addressOf(i), value)
          await slots.put(wordOf(i), encodeRlp(value))
        }
      }
      expect(toHex(accountRoot)).toBe(toHex(accounts.root()))
      expect(toHex(slotRoot)).toBe(toHex(slots.root()))
      store.apply(trie.changes())
      store.apply(
        changes.flatMap(({ i, value }) => [
          { namespace: 'account' as const, key: addressOf(i), value, previous: null },
          {
            namespace: 'storage' as const,
            key: storageKey(owner, wordOf(i)),
            value,
            previous: null,
          },
        ]),
      )
      trie.commit()
      if (block % 7 === 0) trie = newTrie(store)
    }
  })

  it('has the nodes of the plain update for keys that share long prefixes', async () => {
    await fc.assert(
      fc.asyncProperty(blocksOfNeighbours, async (blocks) => {
        const plain = createMemoryStore()
        const store = createMemoryStore()
        let trie = newTrie(store)
        const twin = await createMPT()
        const alive = new Set<string>()
        for (const [at, block] of blocks.entries()) {
          const changes = block.map(({ slot, value, knows }) => ({
            preimage: slot,
            value: value === null ? null : encodeRlp(value),
            existed: knows && alive.has(toHex(slot)),
          }))
          const root = trie.updateStorage(owner, changes)
          for (const { preimage, value } of changes) {
            if (value === null) await twin.del(keccak256(preimage))
            else await twin.put(keccak256(preimage), value)
          }
          expect(toHex(root)).toBe(toHex(twin.root()))
          const nodes = trie.changes()
          expect(new Set(nodes.map(({ key }) => toHex(key))).size).toBe(nodes.length)
          plain.apply(plainNodes(plain, changes))
          store.apply(nodes)
          for (const { slot, value } of block) {
            const change = { namespace: 'storage' as const, value, previous: null }
            for (const each of [plain, store]) {
              each.apply([{ ...change, key: storageKey(owner, slot) }])
            }
            if (value === null) alive.delete(toHex(slot))
            else alive.add(toHex(slot))
          }
          expect(store.entries()).toEqual(plain.entries())
          trie.commit()
          if (at % 3 === 2) trie = newTrie(store)
        }
      }),
      { numRuns: 150 },
    )
  })

  it('is updated in parts where many keys change', async () => {
    const changes = Array.from({ length: 12_000 }, (_, i) => ({
      preimage: wordOf(i),
      value: encodeRlp(wordOf(i)),
    }))
    const store = createMemoryStore()
    const trie = newTrie(store)
    trie.updateStorage(owner, changes.slice(0, 6_000))
    store.apply(trie.changes())
    for (let i = 0; i < 6_000; i++) {
      const change = { namespace: 'storage' as const, value: wordOf(i), previous: null }
      store.apply([{ ...change, key: storageKey(owner, wordOf(i)) }])
    }
    trie.commit()
    const root = trie.updateStorage(owner, changes.slice(3_000))
    store.apply(trie.changes())
    const plain = createMemoryStore()
    plain.apply(plainNodes(plain, changes))
    expect(toHex(root)).toBe(toHex(plainRoot(plain, changes)))
    const nodesOf = (each: ReturnType<typeof createMemoryStore>) =>
      each.entries().filter(([namespace]) => namespace === 'trieNode')
    expect(nodesOf(store)).toEqual(nodesOf(plain))
  })

  it('reads the records of branches that older versions wrote', () => {
    const store = createMemoryStore()
    const trie = newTrie(store)
    const changes = Array.from({ length: 300 }, (_, i) => ({
      preimage: wordOf(i),
      value: encodeRlp(wordOf(i)),
    }))
    trie.updateStorage(owner, changes)
    const old = trie.changes().map((change) => {
      const { value } = change
      if (value === null || value[0] !== 4) return change
      return { ...change, value: Uint8Array.of(3, ...value.subarray(3)) }
    })
    store.apply(old)
    for (const { preimage } of changes) {
      const change = { namespace: 'storage' as const, value: preimage, previous: null }
      store.apply([{ ...change, key: storageKey(owner, preimage) }])
    }
    const other = changes.map(({ preimage }, i) => ({
      preimage,
      value: i % 2 === 0 ? null : encodeRlp(wordOf(i + 1)),
      existed: true,
    }))
    const root = newTrie(store).updateStorage(owner, other)
    const fresh = newTrie(createMemoryStore()).updateStorage(
      owner,
      other.filter(({ value }) => value !== null).map((change) => ({ ...change, existed: false })),
    )
    expect(toHex(root)).toBe(toHex(fresh))
  })

  it('forgets a trie that was emptied', () => {
    const store = createMemoryStore()
    const trie = newTrie(store)
    const put = (value: Uint8Array | null): string => {
      const root = trie.updateStorage(addressOf(1), [{ preimage: wordOf(1), value }])
      store.apply(trie.changes())
      trie.commit()
      return toHex(root)
    }
    const first = put(Uint8Array.of(5))
    expect(put(null)).toBe(toHex(EMPTY_TRIE_ROOT))
    expect(put(Uint8Array.of(5))).toBe(first)
    put(null)
    const other = trie.updateStorage(addressOf(1), [
      { preimage: wordOf(2), value: Uint8Array.of(5) },
    ])
    const alone = newTrie(createMemoryStore()).updateStorage(addressOf(1), [
      { preimage: wordOf(2), value: Uint8Array.of(5) },
    ])
    expect(toHex(other)).toBe(toHex(alone))
    expect(store.entries()).toEqual([])
  })

  const newTrie = (store: ReturnType<typeof createMemoryStore>): StateTrie =>
    // Too small for everything, so that nodes are read back from the store.
    new StateTrie({ store, cachedNodeBytes: 8_192 })
})
