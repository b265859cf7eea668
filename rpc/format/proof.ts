import type { AccountProof } from '../backend.ts'
import type { StorageKey } from '../params/storageKeys.ts'
import { data, quantity, quantityOfBytes } from './hex.ts'

/** EIP-1186. */
export const proofOf = (address: Uint8Array, keys: readonly StorageKey[], proof: AccountProof) => ({
  address: data(address),
  accountProof: proof.accountProof.map(data),
  balance: quantity(proof.balance),
  codeHash: data(proof.codeHash),
  nonce: quantity(proof.nonce),
  storageHash: data(proof.storageHash),
  storageProof: keys.map(({ slot, isWhole }, index) => ({
    key: isWhole ? data(slot) : quantityOfBytes(slot),
    value: quantity(proof.storageProof[index]?.value ?? 0n),
    proof: proof.storageProof[index]?.proof.map(data) ?? [],
  })),
})
