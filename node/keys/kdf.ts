import { pbkdf2, type ScryptOptions, scrypt } from 'node:crypto'
import { scryptAsync } from '@noble/hashes/scrypt.js'
import type { JsonValue } from '../../genesis/json.ts'

export type ScryptParameters = { readonly n: number; readonly r: number; readonly p: number }

/** What a key is derived from a password with, and its salt. The derived key has 32 bytes. */
export type Kdf =
  | ({ readonly kind: 'scrypt'; readonly salt: Uint8Array } & ScryptParameters)
  | { readonly kind: 'pbkdf2'; readonly salt: Uint8Array; readonly c: number }

/** The standard cost of Web3 keystores: 256 MiB and about a second. */
export const STANDARD_SCRYPT: ScryptParameters = { n: 2 ** 18, r: 8, p: 1 }

/** Of the key that both functions derive here; longer ones are in the format, and nobody makes them. */
const DERIVED_LENGTH = 32
/** Twice the standard memory: a file from elsewhere must not take the machine's. */
const MAX_MEMORY = 512 * 1024 * 1024
/** Mixing steps, four times the standard: a few seconds. */
const MAX_WORK = 2 ** 23
/** About ten seconds; files have 262,144. */
const MAX_ITERATIONS = 10_000_000
const MAX_SALT = 64

export type KdfFault = { readonly code: KdfFaultCode; readonly reason: string }
export type KdfFaultCode = 'KEYSTORE_INVALID' | 'KEYSTORE_UNSUPPORTED' | 'KEYSTORE_TOO_COSTLY'

const fault = (code: KdfFaultCode, reason: string): KdfFault => ({ code, reason })

/** The parameters in a keystore, none of them believed beyond its limit. */
export function kdfOf(
  name: JsonValue | undefined,
  parameters: ReadonlyMap<string, JsonValue>,
  hexOf: (value: JsonValue | undefined) => Uint8Array | null,
): Kdf | KdfFault {
  const salt = hexOf(parameters.get('salt'))
  if (salt === null || salt.length > MAX_SALT)
    return fault('KEYSTORE_INVALID', `its salt is not at most ${MAX_SALT} bytes in hex`)
  if (parameters.get('dklen') !== DERIVED_LENGTH)
    return fault('KEYSTORE_UNSUPPORTED', `its dklen is not ${DERIVED_LENGTH}`)
  if (name === 'scrypt') return scryptOf(parameters, salt)
  if (name === 'pbkdf2') return pbkdf2Of(parameters, salt)
  return fault('KEYSTORE_UNSUPPORTED', 'its kdf is neither scrypt nor pbkdf2')
}

function scryptOf(parameters: ReadonlyMap<string, JsonValue>, salt: Uint8Array): Kdf | KdfFault {
  const [n, r, p] = ['n', 'r', 'p'].map((name) => parameters.get(name))
  if (!isCount(n) || !isCount(r) || !isCount(p))
    return fault('KEYSTORE_INVALID', 'n, r and p of its scrypt are not positive integers')
  if (n < 2 || !Number.isInteger(Math.log2(n)))
    return fault('KEYSTORE_INVALID', 'n of its scrypt is not a power of two')
  if (128 * r * (n + p) > MAX_MEMORY || n * r * p > MAX_WORK)
    return fault('KEYSTORE_TOO_COSTLY', `its scrypt asks for n=${n} r=${r} p=${p}`)
  return { kind: 'scrypt', salt, n, r, p }
}

function pbkdf2Of(parameters: ReadonlyMap<string, JsonValue>, salt: Uint8Array): Kdf | KdfFault {
  const c = parameters.get('c')
  if (parameters.get('prf') !== 'hmac-sha256')
    return fault('KEYSTORE_UNSUPPORTED', 'the prf of its pbkdf2 is not hmac-sha256')
  if (!isCount(c)) return fault('KEYSTORE_INVALID', 'c of its pbkdf2 is not a positive integer')
  if (c > MAX_ITERATIONS) return fault('KEYSTORE_TOO_COSTLY', `its pbkdf2 asks for c=${c}`)
  return { kind: 'pbkdf2', salt, c }
}

/** Below 2^31, so that no product of three limits is inexact before it is compared. */
const isCount = (value: JsonValue | undefined): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 31

/** 32 bytes, computed off the main thread where OpenSSL can; the caller wipes them. */
export async function derive(password: Uint8Array, kdf: Kdf): Promise<Uint8Array> {
  if (kdf.kind === 'scrypt' && 16 * kdf.r < 64 && kdf.n >= 2 ** (16 * kdf.r)) {
    // RFC 7914 forbids such a large n for r = 1, and OpenSSL obeys; early wallets did not.
    const { n, r, p, salt } = kdf
    return scryptAsync(password, salt, { N: n, r, p, dkLen: DERIVED_LENGTH, maxmem: MAX_MEMORY })
  }
  return deriveNatively(password, kdf)
}

function deriveNatively(password: Uint8Array, kdf: Kdf): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, key: Buffer): void =>
      error === null ? resolve(key) : reject(error)
    if (kdf.kind === 'pbkdf2')
      return pbkdf2(password, kdf.salt, kdf.c, DERIVED_LENGTH, 'sha256', done)
    const { n, r, p } = kdf
    // OpenSSL counts a few blocks more than the 128·r·(n + p) bytes of the paper.
    const options: ScryptOptions = { N: n, r, p, maxmem: 128 * r * (n + p + 4) + 64 * 1024 }
    return scrypt(password, kdf.salt, DERIVED_LENGTH, options, done)
  })
}

/** The members of a keystore that name the function. */
export function kdfJson(kdf: Kdf): object {
  const salt = Buffer.from(kdf.salt).toString('hex')
  if (kdf.kind === 'scrypt') {
    const { n, r, p } = kdf
    return { kdf: 'scrypt', kdfparams: { dklen: DERIVED_LENGTH, n, p, r, salt } }
  }
  const { c } = kdf
  return { kdf: 'pbkdf2', kdfparams: { c, dklen: DERIVED_LENGTH, prf: 'hmac-sha256', salt } }
}
