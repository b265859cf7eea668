import { parseHex, toHex } from '../../core/primitives/bytes.ts'
import { checksumAddress } from '../../core/primitives/checksumAddress.ts'
import {
  addressOfPrivateKey,
  addressOfPublicKey,
  signatures,
} from '../../core/primitives/signature.ts'
import { readTextFile } from './files.ts'
import { type KeyKind, keyInvalid, membersOf } from './keyDocument.ts'
import { KeyFiles, type Password } from './keyFile.ts'
import { decryptSecret, parseKeystore } from './keystore.ts'

export type ValidatorKey = {
  /** 32 bytes. */
  readonly privateKey: Uint8Array
  /** 33 bytes, compressed. */
  readonly publicKey: Uint8Array
  readonly address: Uint8Array
}

const validatorKeyKind: KeyKind<ValidatorKey> = {
  type: 'nexus-validator-key',
  what: 'a secp256k1 private key',
  publicOf: ({ address, publicKey }) => ({
    address: checksumAddress(address),
    publicKey: `0x${toHex(publicKey)}`,
  }),
  // Wallets write an address without its prefix and in lower case.
  keystoreForm: (name, value) => {
    const lower = value.toLowerCase()
    return name === 'address' && lower.startsWith('0x') ? lower.slice(2) : lower
  },
  secretOf: ({ privateKey }) => privateKey,
  formatSecret: (secret) => `0x${toHex(secret)}`,
  parseSecret: (text) => {
    const parsed = parseHex(text)
    return parsed.ok ? parsed.value : null
  },
  decode: (secret) => validatorKeyOf(secret),
}

/** The key files of validators; FILE_EXISTS on saving, since a validator that changes its key is another one. */
export const validatorKeyFiles = new KeyFiles(validatorKeyKind, ['address', 'publicKey'])

/** The key pair of 32 bytes; null when they are no key. */
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

export const saveValidatorKey = (file: string, key: ValidatorKey): void =>
  validatorKeyFiles.save(file, key)

/** Of a file that is not encrypted. KEY_ENCRYPTED, KEY_INVALID, and the codes of `readSecretFile`. */
export const loadValidatorKey = (file: string): ValidatorKey => validatorKeyFiles.load(file)

/** What others may know of a key. */
export type ValidatorIdentity = Pick<ValidatorKey, 'publicKey' | 'address'>

/** Of any file, without a password; an encrypted one is believed, and checked when it is opened. */
export function validatorIdentityIn(
  file: string,
): ValidatorIdentity & { readonly encrypted: boolean } {
  const { encrypted, publicMembers } = validatorKeyFiles.inspect(file)
  const parsed = parseHex(publicMembers.get('publicKey') ?? '')
  if (!parsed.ok || !signatures.isPublicKey(parsed.value))
    throw keyInvalid(file, 'publicKey is not a compressed secp256k1 public key')
  const publicKey = parsed.value
  const address = addressOfPublicKey(signatures.expand(publicKey))
  const { keystoreForm } = validatorKeyKind
  const found = keystoreForm('address', publicMembers.get('address') ?? '')
  if (found !== toHex(address)) throw keyInvalid(file, 'address is not that of publicKey')
  return { publicKey, address, encrypted }
}

/** A keystore as geth, ethers and other wallets write it. The codes of `parseKeystore`, KEYSTORE_PASSWORD, KEY_INVALID. */
export async function readWalletKeystore(file: string, password: Password): Promise<ValidatorKey> {
  const keystore = parseKeystore(membersOf(readTextFile(file), file), file)
  const key = validatorKeyOf(await decryptSecret(keystore, await password(), file))
  if (key === null) throw keyInvalid(file, `its secret is not ${validatorKeyKind.what}`)
  return key
}
