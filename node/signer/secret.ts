import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { parseHex, toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { createSecretFile, readSecretFile } from '../keys/files.ts'

const SECRET_LENGTH = 32

/** FILE_EXISTS: the other side has a copy of the one there is. */
export function createSignerSecret(file: string): void {
  createSecretFile(file, `${toHex(randomBytes(SECRET_LENGTH))}\n`)
}

/** 32 random bytes that a node and its signer share. SIGNER_SECRET, and the codes of `readSecretFile`. */
export function loadSignerSecret(file: string): Uint8Array {
  if (!existsSync(file)) throw secretError(file, 'does not exist')
  const parsed = parseHex(readSecretFile(file).trim())
  if (parsed.ok && parsed.value.length === SECRET_LENGTH) return parsed.value
  throw secretError(file, `is not ${2 * SECRET_LENGTH} hex digits`)
}

const secretError = (file: string, reason: string): NexusError =>
  new NexusError({ code: 'SIGNER_SECRET', path: file }, { message: `${file} ${reason}` })
