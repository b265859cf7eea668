import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { compareBytes, fromHex, toHex } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { decodeRlp, encodeRlp, quantityBytes, type RlpItem } from '../../evm/rlp.ts'
import type { TrieNode } from '../../evm/trie/node.ts'
import { type LeafChange, updateTrie } from '../../evm/trie/update.ts'

const folder = new URL('./ethereum-tests/', import.meta.url)
const readJson = (path: string): unknown => JSON.parse(readFileSync(new URL(path, folder), 'utf8'))

type TrieTest = {
  readonly in:
    | readonly (readonly [string, string | null])[]
    | Readonly<Record<string, string | null>>
  readonly root: string
}

const bytesOf = (text: string): Uint8Array =>
  text.startsWith('0x') ? fromHex(text) : new TextEncoder().encode(text)

const entriesOf = (test: TrieTest): readonly (readonly [string, string | null])[] =>
  Array.isArray(test.in) ? test.in : Object.entries(test.in as Record<string, string | null>)

/** One update for each entry: the order of the file, with its deletions. */
function rootAfter(test: TrieTest, keyOf: (key: Uint8Array) => Uint8Array): string {
  const nodes = new Map<string, TrieNode>()
  const values = new Map<string, Uint8Array>()
  let root = ''
  for (const [key, text] of entriesOf(test)) {
    const preimage = bytesOf(key)
    const value = text === null ? null : bytesOf(text)
    const update = updateTrie(
      {
        node: (path) => nodes.get(path) ?? null,
        value: (of) => values.get(toHex(of)) as Uint8Array,
      },
      [{ key: keyOf(preimage), preimage, value }],
    )
    for (const [path, node] of update.writes) {
      if (node === null) nodes.delete(path)
      else nodes.set(path, node.kind === 'leaf' ? { ...node, value: null, stored: true } : node)
    }
    if (value === null) values.delete(toHex(preimage))
    else values.set(toHex(preimage), value)
    root = `0x${toHex(update.root)}`
  }
  return root
}

/** All entries in one update. */
function rootAtOnce(test: TrieTest, keyOf: (key: Uint8Array) => Uint8Array): string {
  const last = new Map(entriesOf(test).map(([key, value]) => [key, value]))
  const changes = [...last].map(([key, value]): LeafChange => {
    const preimage = bytesOf(key)
    return { key: keyOf(preimage), preimage, value: value === null ? null : bytesOf(value) }
  })
  changes.sort((a, b) => compareBytes(a.key, b.key))
  const nothing = { node: () => null, value: () => new Uint8Array(0) }
  return `0x${toHex(updateTrie(nothing, changes).root)}`
}

/** Keys in the state are hashes: none is the prefix of another, and our trie has no values in branches. */
const isPrefixFree = (test: TrieTest): boolean => {
  const keys = [...new Set(entriesOf(test).map(([key]) => toHex(bytesOf(key))))]
  return keys.every((key) => keys.every((other) => key === other || !other.startsWith(key)))
}

describe('TrieTests', () => {
  const secure = [
    'hex_encoded_securetrie_test.json',
    'trieanyorder_secureTrie.json',
    'trietest_secureTrie.json',
  ]
  const plain = ['trieanyorder.json', 'trietest.json']
  const casesOf = (file: string) =>
    Object.entries(readJson(`TrieTests/${file}`) as Record<string, TrieTest>).map(
      ([name, test]) => [`${file} ${name}`, test] as const,
    )

  it.each(secure.flatMap(casesOf))('%s', (_, test) => {
    expect(rootAfter(test, keccak256)).toBe(test.root)
    expect(rootAtOnce(test, keccak256)).toBe(test.root)
  })

  it.each(plain.flatMap(casesOf).filter(([, test]) => isPrefixFree(test)))('%s', (_, test) => {
    const same = (key: Uint8Array): Uint8Array => key
    expect(rootAfter(test, same)).toBe(test.root)
    expect(rootAtOnce(test, same)).toBe(test.root)
  })
})

describe('RLPTests', () => {
  type Value = string | number | readonly Value[]
  type RlpTest = { readonly in: Value; readonly out: string }
  /** Strings that begin with # are large decimal numbers. */
  const itemOf = (value: Value): RlpItem => {
    if (typeof value === 'number') return quantityBytes(value)
    if (typeof value !== 'string') return value.map(itemOf)
    if (value.startsWith('#')) return quantityBytes(BigInt(value.slice(1)))
    return Uint8Array.from(value, (character) => character.charCodeAt(0))
  }
  const tests = (file: string) =>
    Object.entries(readJson(`RLPTests/${file}`) as Record<string, RlpTest>)

  it.each(tests('rlptest.json'))('encodes and decodes %s', (_, test) => {
    const encoded = encodeRlp(itemOf(test.in))
    expect(`0x${toHex(encoded)}`).toBe(test.out)
    expect(decodeRlp(encoded)).toEqual({ ok: true, value: itemOf(test.in) })
  })

  it.each(tests('invalidRLPTest.json'))('refuses %s', (_, test) => {
    expect(decodeRlp(fromHex(test.out)).ok).toBe(false)
  })

  it('takes what is valid', () => {
    for (const file of readdirSync(new URL('RLPTests/RandomRLPTests', folder))) {
      for (const [name, test] of tests(`RandomRLPTests/${file}`)) {
        expect(decodeRlp(fromHex(test.out)).ok, name).toBe(test.in === 'VALID')
      }
    }
  })
})
