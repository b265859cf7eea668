import { assert } from '../core/primitives/assert.ts'
import { EMPTY_BYTES } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { type Account, decodeAccount, EMPTY_ACCOUNT } from './account.ts'
import { encodeRlp } from './rlp.ts'
import { type EvmStore, storageKey } from './store.ts'
import {
  branchRlp,
  extensionRlp,
  HEX_DIGITS,
  leafRlp,
  nibbleAt,
  nibblesOf,
  type TrieNode,
} from './trie/node.ts'
import { decodeNode, nodeKey } from './trie/nodeCodec.ts'

export type StorageProof = {
  readonly slot: Uint8Array
  /** Big-endian without leading zeros; zero is empty. */
  readonly value: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/** EIP-1186. Proofs are RLP nodes from the root down; they prove absence, too. */
export type AccountProof = {
  readonly address: Uint8Array
  readonly account: Account
  readonly accountProof: readonly Uint8Array[]
  readonly storageProof: readonly StorageProof[]
}

/** Of the state whose trie the store has. */
export function getProof(
  store: EvmStore,
  address: Uint8Array,
  slots: readonly Uint8Array[],
): AccountProof {
  const bytes = store.get('account', address)
  const valueOfAccount = (preimage: Uint8Array): Uint8Array => {
    const value = store.get('account', preimage)
    assert(value !== undefined, 'an account in the trie is in the flat state')
    return value
  }
  const valueOfSlot = (preimage: Uint8Array): Uint8Array => {
    const value = store.get('storage', storageKey(address, preimage))
    assert(value !== undefined, 'a slot in the trie is in the flat state')
    return encodeRlp(value)
  }
  return {
    address,
    account: bytes === undefined ? EMPTY_ACCOUNT : decodeAccount(bytes),
    accountProof: pathTo(store, null, address, valueOfAccount),
    storageProof: slots.map((slot) => ({
      slot,
      value: store.get('storage', storageKey(address, slot)) ?? EMPTY_BYTES,
      proof: pathTo(store, address, slot, valueOfSlot),
    })),
  }
}

/** A node shorter than 32 bytes is part of its parent and not listed; the root always is. */
function pathTo(
  store: EvmStore,
  owner: Uint8Array | null,
  preimage: Uint8Array,
  leafValue: (preimage: Uint8Array) => Uint8Array,
): Uint8Array[] {
  const key = keccak256(preimage)
  const proof: Uint8Array[] = []
  let path: string | null = ''
  while (path !== null) {
    const bytes = store.get('trieNode', nodeKey(owner, path))
    if (bytes === undefined) break
    const node = decodeNode(bytes)
    const rlp = rlpOf(node, path.length, leafValue)
    if (path === '' || rlp.length >= 32) proof.push(rlp)
    path = next(node, path, key)
  }
  return proof
}

function rlpOf(
  node: TrieNode,
  depth: number,
  leafValue: (preimage: Uint8Array) => Uint8Array,
): Uint8Array {
  if (node.kind === 'branch') return branchRlp(node).slice()
  if (node.kind === 'extension') return extensionRlp(node).slice()
  return leafRlp(node.key, depth, leafValue(node.preimage)).slice()
}

/** Where the walk to `key` goes on, or null at its end. */
function next(node: TrieNode, path: string, key: Uint8Array): string | null {
  const depth = path.length
  if (node.kind === 'leaf') return null
  if (node.kind === 'branch') {
    const nibble = nibbleAt(key, depth)
    return node.children[nibble] === null ? null : path + HEX_DIGITS[nibble]
  }
  const { nibbles } = node
  return nibblesOf(key, depth, depth + nibbles.length) === nibbles ? path + nibbles : null
}
