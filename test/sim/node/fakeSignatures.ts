// Signatures that cost nothing and that nobody can make but the holder of the key: one is valid only
// if it was made by `sign` in this simulation.
import { SIGNATURE_LENGTH, signatures } from '../../../core/primitives/signature.ts'

const keyOf = ({ buffer, byteOffset, length }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, length).toString('latin1')

const publicKeys = new Map<string, Uint8Array>()
function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  const name = keyOf(privateKey)
  const known = publicKeys.get(name)
  if (known !== undefined) return known
  const publicKey = signatures.publicKeyOf(privateKey)
  publicKeys.set(name, publicKey)
  return publicKey
}

/** Digest ‖ 0x01 ‖ 31 bytes of the public key; the one in the middle keeps the upper half low, as real ones are. */
function signatureOf(digest: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const out = new Uint8Array(SIGNATURE_LENGTH)
  out.set(digest)
  out[32] = 1
  out.set(publicKey.subarray(2, 33), 33)
  return out
}

function isOf(signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_LENGTH || signature[32] !== 1) return false
  for (let i = 0; i < 32; i++) if (signature[i] !== digest[i]) return false
  for (let i = 33; i < SIGNATURE_LENGTH; i++) if (signature[i] !== publicKey[i - 31]) return false
  return true
}

const { sign: realSign } = signatures

/** For users, whose signatures are real whatever those of the validators are. */
export function signedAsUser<T>(sign: () => T): T {
  const { sign: current } = signatures
  signatures.sign = realSign
  try {
    return sign()
  } finally {
    signatures.sign = current
  }
}

/** Replaces signing and verifying in this process until the result is called. Users' transactions are recovered as ever. */
export function useFakeSignatures(): () => void {
  const { sign, verify } = signatures
  const signed = new Set<string>()
  signatures.sign = (digest, privateKey) => {
    const signature = signatureOf(digest, publicKeyOf(privateKey))
    signed.add(keyOf(signature))
    return { signature, recovery: 0 }
  }
  signatures.verify = (signature, digest, publicKey) =>
    isOf(signature, digest, publicKey) && signed.has(keyOf(signature))
  return () => {
    signatures.sign = sign
    signatures.verify = verify
  }
}
