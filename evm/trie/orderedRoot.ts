import { compareBytes } from '../../core/primitives/bytes.ts'
import { encodeRlp, quantityBytes } from '../rlp.ts'
import { type LeafChange, rootOfLeaves } from './update.ts'

/** Root of the trie from RLP-encoded positions to values: transactions and receipts of a block. */
export function orderedRoot(values: readonly Uint8Array[]): Uint8Array {
  const leaves = values.map((value, index): LeafChange => {
    const key = indexKey(index)
    return { key, preimage: key, value }
  })
  return rootOfLeaves(leaves.sort((a, b) => compareBytes(a.key, b.key)))
}

const keys: Uint8Array[] = []

/** RLP of the position. The list only grows to the longest block seen. */
function indexKey(index: number): Uint8Array {
  for (let next = keys.length; next <= index; next++) keys.push(encodeRlp(quantityBytes(next)))
  return keys[index] as Uint8Array
}
