import { equalBytes, parseHex, toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { addressOfPrivateKey, signatures } from '../../core/primitives/signature.ts'
import { checksumAddress } from '../../genesis/address.ts'
import { createSecretFile, readSecretFile } from './files.ts'
import { readKeyDocument } from './keyDocument.ts'

export type ValidatorKey = {
  /** 32 bytes. */
  readonly privateKey: Uint8Array
  /** 33 bytes, compressed. */
  readonly publicKey: Uint8Array
  readonly address: Uint8Array
}

const TYPE = 'nexus-validator-key'

/** A key pair of 32 random bytes; asserts nothing about who drew them. Null when they are no key. */
export function validatorKeyOf(privateKey: Uint8Array): ValidatorKey | null {
  if (!signatures.isPrivateKey(privateKey)) return null
  return {
    privateKey,
    publicKey: signatures.publicKeyOf(privateKey),
    address: addressOfPrivateKey(privateKey),
  }
}

/** All but 2^−128 of random strings are keys, so this ends at the first draw. */
export function generateValidatorKey(random: (length: number) => Uint8Array): ValidatorKey {
  for (;;) {
    const key = validatorKeyOf(random(32))
    if (key !== null) return key
  }
}

/** FILE_EXISTS when there is one: a validator that changes its key is another validator. */
export function saveValidatorKey(file: string, key: ValidatorKey): void {
  const document = {
    type: TYPE,
    address: checksumAddress(key.address),
    publicKey: `0x${toHex(key.publicKey)}`,
    privateKey: `0x${toHex(key.privateKey)}`,
  }
  createSecretFile(file, `${JSON.stringify(document, null, 2)}\n`)
}

/** KEY_INVALID when the parts of the file do not belong together, and the codes of `readSecretFile`. */
export function loadValidatorKey(file: string): ValidatorKey {
  const document = readKeyDocument(readSecretFile(file), file, {
    type: TYPE,
    keys: ['address', 'publicKey', 'privateKey'],
  })
  const privateKey = parseHex(document('privateKey'))
  const publicKey = parseHex(document('publicKey'))
  const key = privateKey.ok ? validatorKeyOf(privateKey.value) : null
  if (key === null) throw keyError(file, 'privateKey is not a secp256k1 private key')
  if (!publicKey.ok || !equalBytes(publicKey.value, key.publicKey))
    throw keyError(file, 'publicKey is not the public key of privateKey')
  if (document('address').toLowerCase() !== `0x${toHex(key.address)}`)
    throw keyError(file, 'address is not the address of privateKey')
  return key
}

const keyError = (file: string, reason: string): NexusError =>
  new NexusError({ code: 'KEY_INVALID', path: file, reason }, { message: `${file}: ${reason}` })
