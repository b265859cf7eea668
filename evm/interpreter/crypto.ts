import type { CustomCrypto } from '@ethereumjs/common'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { assert } from '../../core/primitives/assert.ts'
import { bigintToBytes, bytesToBigint, concatBytes } from '../../core/primitives/bytes.ts'
import { keccak256, sha256 } from '../../core/primitives/hash.ts'
import { signatures } from '../../core/primitives/signature.ts'
import { kzg } from './kzg.ts'

const ORDER = secp256k1.Point.Fn.ORDER

/** The native primitives, in the form the EVM asks for. */
export const customCrypto: CustomCrypto = {
  keccak256,
  sha256,
  kzg,
  ecrecover: (digest, v, r, s) => {
    const publicKey = recoverAnyS(digest, v === 28n ? 1 : 0, r, s)
    assert(publicKey !== null, NO_KEY)
    return publicKey
  },
}

/** The precompile answers a failed recovery with empty output: this never reaches the top. */
const NO_KEY = 'the precompile catches a failed recovery'

/**
 * The precompile also takes a high s, which our signatures refuse: (r, s, parity) and
 * (r, n − s, 1 − parity) are signatures of the same key.
 */
function recoverAnyS(
  digest: Uint8Array,
  parity: number,
  r: Uint8Array,
  s: Uint8Array,
): Uint8Array | null {
  const value = bytesToBigint(s)
  if (value >= ORDER) return null
  if (value <= ORDER >> 1n) return signatures.recover(concatBytes(r, s), parity, digest)
  return signatures.recover(concatBytes(r, bigintToBytes(ORDER - value, 32)), 1 - parity, digest)
}
