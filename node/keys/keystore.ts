import {
  createCipheriv,
  createDecipheriv,
  randomBytes,
  randomUUID,
  timingSafeEqual,
} from 'node:crypto'
import { concatBytes, parseHex, toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import type { JsonValue } from '../../genesis/json.ts'
import {
  derive,
  type Kdf,
  type KdfFaultCode,
  kdfJson,
  kdfOf,
  type ScryptParameters,
  STANDARD_SCRYPT,
} from './kdf.ts'

/** The encrypted part of a Web3 Secret Storage file, version 3, read and within its limits. */
export type Keystore = {
  readonly kdf: Kdf
  /** 16 bytes. */
  readonly iv: Uint8Array
  readonly ciphertext: Uint8Array
  /** 32 bytes. */
  readonly mac: Uint8Array
}

export type KeystoreFault = KdfFaultCode | 'KEYSTORE_VERSION' | 'KEYSTORE_PASSWORD'

const CIPHER = 'aes-128-ctr'
const VERSION = 3
/** A secret is a key of 32 bytes, or a node key in protobuf of 68. */
const MAX_SECRET = 256

/** Whether a parsed document claims to be a keystore of any version. */
export const isKeystore = (members: ReadonlyMap<string, JsonValue>): boolean =>
  members.has('crypto') || members.has('Crypto')

/**
 * Encrypts a secret: scrypt, AES-128-CTR and a Keccak-256 MAC. Returns the members of the file;
 * takes about a second and 256 MiB at the standard cost.
 */
export async function encryptSecret(
  secret: Uint8Array,
  password: Uint8Array,
  cost: ScryptParameters = STANDARD_SCRYPT,
): Promise<{ readonly version: number; readonly id: string; readonly crypto: object }> {
  const kdf: Kdf = { kind: 'scrypt', salt: randomBytes(32), ...cost }
  const iv = randomBytes(16)
  const key = await derive(normalized(password), kdf)
  try {
    const cipher = createCipheriv(CIPHER, key.subarray(0, 16), iv)
    const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()])
    const crypto = {
      cipher: CIPHER,
      cipherparams: { iv: toHex(iv) },
      ciphertext: toHex(ciphertext),
      ...kdfJson(kdf),
      mac: toHex(macOf(key, ciphertext)),
    }
    return { version: VERSION, id: randomUUID(), crypto }
  } finally {
    key.fill(0)
  }
}

/** Throws KEYSTORE_INVALID, KEYSTORE_VERSION, KEYSTORE_UNSUPPORTED, KEYSTORE_TOO_COSTLY; repeats nothing that is secret. */
export function parseKeystore(members: ReadonlyMap<string, JsonValue>, file: string): Keystore {
  if (members.get('version') !== VERSION)
    throw keystoreError('KEYSTORE_VERSION', file, `it is not a keystore of version ${VERSION}`)
  const crypto = mapAt(members, 'crypto', 'Crypto')
  if (crypto.get('cipher') !== CIPHER)
    throw keystoreError('KEYSTORE_UNSUPPORTED', file, `its cipher is not ${CIPHER}`)
  const iv = hexOf(mapAt(crypto, 'cipherparams').get('iv'))
  const ciphertext = hexOf(crypto.get('ciphertext'))
  const mac = hexOf(crypto.get('mac'))
  const invalid = (what: string): NexusError => keystoreError('KEYSTORE_INVALID', file, what)
  if (iv?.length !== 16) throw invalid('its iv is not 16 bytes in hex')
  if (mac?.length !== 32) throw invalid('its mac is not 32 bytes in hex')
  if (ciphertext === null || ciphertext.length === 0 || ciphertext.length > MAX_SECRET)
    throw invalid(`its ciphertext is not 1 to ${MAX_SECRET} bytes in hex`)
  const kdf = kdfOf(crypto.get('kdf'), mapAt(crypto, 'kdfparams'), hexOf)
  if ('code' in kdf) throw keystoreError(kdf.code, file, kdf.reason)
  return { kdf, iv, ciphertext, mac }
}

/** The secret, which the caller wipes. KEYSTORE_PASSWORD: a wrong password and a changed file look the same. */
export async function decryptSecret(
  { kdf, iv, ciphertext, mac }: Keystore,
  password: Uint8Array,
  file: string,
): Promise<Uint8Array> {
  const key = await derive(normalized(password), kdf)
  try {
    if (!timingSafeEqual(macOf(key, ciphertext), mac))
      throw keystoreError(
        'KEYSTORE_PASSWORD',
        file,
        'the password is wrong, or the file is damaged',
      )
    const decipher = createDecipheriv(CIPHER, key.subarray(0, 16), iv)
    const first = decipher.update(ciphertext)
    const secret = Uint8Array.from(first)
    first.fill(0)
    return secret
  } finally {
    key.fill(0)
  }
}

export const keystoreError = (code: KeystoreFault, file: string, reason: string): NexusError =>
  new NexusError({ code, path: file, reason }, { message: `${file}: ${reason}` })

const macOf = (key: Uint8Array, ciphertext: Uint8Array): Uint8Array =>
  keccak256(concatBytes(key.subarray(16, 32), ciphertext))

/**
 * NFKC, as ethers and other wallets do, so that the same password typed on two systems is the same
 * bytes. ASCII is its own normal form and is never made a string, which could not be wiped.
 */
function normalized(password: Uint8Array): Uint8Array {
  if (password.every((byte) => byte < 0x80)) return password
  return Buffer.from(Buffer.from(password).toString('utf8').normalize('NFKC'))
}

function mapAt(
  members: ReadonlyMap<string, JsonValue>,
  ...names: readonly string[]
): ReadonlyMap<string, JsonValue> {
  for (const name of names) {
    const value = members.get(name)
    if (value instanceof Map) return value
  }
  return new Map()
}

function hexOf(value: JsonValue | undefined): Uint8Array | null {
  if (typeof value !== 'string') return null
  const parsed = parseHex(value)
  return parsed.ok ? parsed.value : null
}
