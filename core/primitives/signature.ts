import { secp256k1 as noble } from '@noble/curves/secp256k1.js'
import type { Secp256k1 } from 'secp256k1/bindings.js'
import { assert } from './assert.ts'
import { bigintToBytes, concatBytes, equalBytes } from './bytes.ts'
import { keccak256 } from './hash.ts'

/** Compact form: r ‖ s, 32 bytes each, s in the lower half of the order. */
export const SIGNATURE_LENGTH = 64
/** Compressed SEC1 point. */
export const PUBLIC_KEY_LENGTH = 33
export const PRIVATE_KEY_LENGTH = 32
export const ADDRESS_LENGTH = 20

export type RecoverableSignature = {
  readonly signature: Uint8Array
  /** 0 or 1: the parity of R's y, Ethereum's `v − 27`. */
  readonly recovery: number
}

/**
 * ECDSA over secp256k1 on 32-byte digests. Verification and recovery take any bytes of the right
 * length from outside and never throw; a high s, a zero or an overflowing scalar, and a point off
 * the curve are invalid.
 */
export type SignatureScheme = {
  readonly name: 'native' | 'noble'
  sign(digest: Uint8Array, privateKey: Uint8Array): RecoverableSignature
  verify(signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean
  /** The uncompressed public key without its 0x04 prefix (64 bytes), or null. */
  recover(signature: Uint8Array, recovery: number, digest: Uint8Array): Uint8Array | null
  /** Compressed. */
  publicKeyOf(privateKey: Uint8Array): Uint8Array
  isPrivateKey(bytes: Uint8Array): boolean
  isPublicKey(bytes: Uint8Array): boolean
  /** Compressed to uncompressed without prefix (64 bytes). */
  expand(publicKey: Uint8Array): Uint8Array
}

// The package's main entry silently falls back to slow JavaScript; its binding either loads or does not.
const binding = await import('secp256k1/bindings.js').catch(() => null)

const HALF_ORDER = noble.Point.Fn.ORDER >> 1n
const half = bigintToBytes(HALF_ORDER, 32)

/** s ≤ n / 2, compared as big-endian bytes. */
function isLowS(signature: Uint8Array): boolean {
  for (let i = 0; i < 32; i++) {
    const difference = (signature[32 + i] as number) - (half[i] as number)
    if (difference !== 0) return difference < 0
  }
  return true
}

const wellFormed = (signature: Uint8Array, digest: Uint8Array): boolean =>
  signature.length === SIGNATURE_LENGTH && digest.length === 32 && isLowS(signature)

function attempt<T>(run: () => T, otherwise: T): T {
  try {
    return run()
  } catch {
    return otherwise
  }
}

function createNativeScheme(native: Secp256k1): SignatureScheme {
  return {
    name: 'native',
    sign(digest, privateKey) {
      const { signature, recid } = native.ecdsaSign(digest, privateKey)
      return { signature, recovery: recid }
    },
    verify: (signature, digest, publicKey) =>
      wellFormed(signature, digest) &&
      publicKey.length === PUBLIC_KEY_LENGTH &&
      attempt(() => native.ecdsaVerify(signature, digest, publicKey), false),
    recover: (signature, recovery, digest) =>
      wellFormed(signature, digest) && (recovery === 0 || recovery === 1)
        ? attempt(() => native.ecdsaRecover(signature, recovery, digest, false).slice(1), null)
        : null,
    publicKeyOf: (privateKey) => native.publicKeyCreate(privateKey, true),
    isPrivateKey: (bytes) => bytes.length === PRIVATE_KEY_LENGTH && native.privateKeyVerify(bytes),
    isPublicKey: (bytes) => bytes.length === PUBLIC_KEY_LENGTH && native.publicKeyVerify(bytes),
    expand: (publicKey) => native.publicKeyConvert(publicKey, false).slice(1),
  }
}

/** The reference: audited pure JavaScript, about 25 times slower. */
export const nobleScheme: SignatureScheme = {
  name: 'noble',
  sign(digest, privateKey) {
    const signed = noble.sign(digest, privateKey, { prehash: false, format: 'recovered' })
    return { signature: signed.slice(1), recovery: signed[0] as number }
  },
  verify: (signature, digest, publicKey) =>
    wellFormed(signature, digest) &&
    publicKey.length === PUBLIC_KEY_LENGTH &&
    attempt(() => noble.verify(signature, digest, publicKey, { prehash: false }), false),
  recover: (signature, recovery, digest) =>
    wellFormed(signature, digest) && (recovery === 0 || recovery === 1)
      ? attempt(() => {
          const recovered = concatBytes(Uint8Array.of(recovery), signature)
          const point = noble.recoverPublicKey(recovered, digest, { prehash: false })
          return noble.Point.fromBytes(point).toBytes(false).slice(1)
        }, null)
      : null,
  publicKeyOf: (privateKey) => noble.getPublicKey(privateKey, true),
  isPrivateKey: (bytes) =>
    bytes.length === PRIVATE_KEY_LENGTH && noble.utils.isValidSecretKey(bytes),
  isPublicKey: (bytes) =>
    bytes.length === PUBLIC_KEY_LENGTH && attempt(() => noble.utils.isValidPublicKey(bytes), false),
  expand: (publicKey) => noble.Point.fromBytes(publicKey).toBytes(false).slice(1),
}

/** The implementation in use. Both give the same bytes for the same input: RFC 6979 nonces, low s. */
export const signatures: SignatureScheme =
  binding === null ? nobleScheme : createNativeScheme(binding.default)

/** Compares the scheme in use with the reference. Run once at start, before any key is touched. */
export function assertSignaturesAgree(scheme: SignatureScheme = signatures): void {
  for (let i = 1; i <= 4; i++) {
    const privateKey = keccak256(Uint8Array.of(i))
    const digest = keccak256(Uint8Array.of(i, i))
    const publicKey = scheme.publicKeyOf(privateKey)
    const signed = scheme.sign(digest, privateKey)
    const expected = nobleScheme.sign(digest, privateKey)
    assert(equalBytes(publicKey, nobleScheme.publicKeyOf(privateKey)), 'public keys agree')
    assert(equalBytes(signed.signature, expected.signature), 'signatures agree')
    assert(signed.recovery === expected.recovery, 'recovery ids agree')
    assert(scheme.verify(signed.signature, digest, publicKey), 'a signature verifies')
    const wrong = keccak256(digest)
    assert(!scheme.verify(signed.signature, wrong, publicKey), 'another digest does not verify')
    const recovered = scheme.recover(signed.signature, signed.recovery, digest)
    assert(recovered !== null, 'the signer is recovered')
    assert(equalBytes(recovered, scheme.expand(publicKey)), 'the recovered signer is the signer')
  }
}

/** The Ethereum address of an uncompressed key without prefix (64 bytes). */
export function addressOfPublicKey(uncompressed: Uint8Array): Uint8Array {
  assert(uncompressed.length === 64, 'an uncompressed key without prefix')
  return keccak256(uncompressed).slice(12)
}

export const addressOfPrivateKey = (privateKey: Uint8Array): Uint8Array =>
  addressOfPublicKey(signatures.expand(signatures.publicKeyOf(privateKey)))

/** The address that signed a digest, or null. About 57 µs native. */
export function recoverAddress(
  signature: Uint8Array,
  recovery: number,
  digest: Uint8Array,
): Uint8Array | null {
  const publicKey = signatures.recover(signature, recovery, digest)
  return publicKey === null ? null : addressOfPublicKey(publicKey)
}
