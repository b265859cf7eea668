// What a client reads that believes no node: Ethereum's proofs, whose nodes hang together by hashes.
import { bytes, decode, encode, list } from '../../../core/primitives/codec.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { createGenesisState, createMemoryStore, getProof } from '../../../evm/index.ts'
import { verifyTrieProof } from '../../../rpc/client/trieProof.ts'
import { account, keyNumber, word } from '../../support/evmWorld.ts'
import type { Target } from '../target.ts'

const nodes = list(bytes(4_096), 16)

/** Proofs of accounts and slots, present and absent, in a state of 40 accounts. */
function proofs(): Uint8Array[] {
  const store = createMemoryStore()
  const keys = Array.from({ length: 40 }, (_, i) => keyNumber(i))
  const storage = [1, 2, 300].map((slot) => ({ slot: word(slot), value: word(slot + 1) }))
  const alloc = keys.map(({ address }) => account(address, { balance: 5n, storage }))
  store.apply(
    createGenesisState(alloc, { timestampMs: 1, gasLimit: 30_000_000, baseFeePerGas: 1n }).changes,
  )
  return [keyNumber(0), keyNumber(7), keyNumber(99)].flatMap(({ address }) => {
    const proof = getProof(store, address, [word(1), word(9)])
    return [proof.accountProof, ...proof.storageProof.map((slot) => slot.proof)]
      .filter((one) => one.length > 0)
      .map((one) => encode(nodes, one))
  })
}

export const proofTargets: readonly Target[] = [
  {
    name: 'proof of a trie',
    seeds: proofs(),
    run: (input) => {
      const decoded = decode(nodes, input)
      if (!decoded.ok) return decoded.code
      const [first = new Uint8Array(0)] = decoded.value
      // Of the root that it begins with, so that a change of the first node is read, too.
      const proof = verifyTrieProof(keccak256(first), keyNumber(0).address, decoded.value)
      if (!proof.ok) return proof.code
      return proof.value === null ? 'absent' : 'ok'
    },
  },
]
