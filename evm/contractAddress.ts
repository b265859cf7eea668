import { keccak256 } from '../core/primitives/hash.ts'
import { encodeRlp, quantityBytes } from './rlp.ts'

/** Where a creation by this account at this nonce puts its contract (Yellow Paper §7). */
export const contractAddress = (sender: Uint8Array, nonce: number): Uint8Array =>
  keccak256(encodeRlp([sender, quantityBytes(nonce)])).slice(12)
