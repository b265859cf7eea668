import { compareBytes } from '../../core/primitives/bytes.ts'
import { ByteCache } from '../byteCache.ts'
import { encodeRlp, quantityBytes } from '../rlp.ts'
import type { EvmStore } from '../store.ts'
import { BatchUpdate } from './batchUpdate.ts'
import { TrieNodes } from './trieNodes.ts'
import { type LeafChange, rootOfLeaves } from './update.ts'

const NOTHING: EvmStore = { get: () => undefined }
const NO_NODES = new TrieNodes(NOTHING, new ByteCache(0, 1), null)
const noValue = (): Uint8Array => new Uint8Array(0)

/** Root of the trie from RLP-encoded positions to values: transactions and receipts of a block. */
export function orderedRoot(values: readonly Uint8Array[]): Uint8Array {
  const leaves: LeafChange[] = []
  for (const { index, key } of inOrder(values.length)) {
    leaves.push({ key, preimage: key, value: values[index] as Uint8Array })
  }
  return new BatchUpdate(NO_NODES, noValue).rootOf(leaves) ?? rootOfLeaves(leaves)
}

type Position = { readonly index: number; readonly key: Uint8Array }

const positions: Position[] = []
let ordered: readonly Position[] = []

/** The first positions, by their RLP. What is kept only grows to the longest block seen. */
function inOrder(length: number): readonly Position[] {
  if (ordered.length === length) return ordered
  for (let index = positions.length; index < length; index++) {
    positions.push({ index, key: encodeRlp(quantityBytes(index)) })
  }
  ordered = positions.slice(0, length).sort((a, b) => compareBytes(a.key, b.key))
  return ordered
}
