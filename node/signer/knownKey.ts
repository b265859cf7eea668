import { fromHex, toHex } from '../../core/primitives/bytes.ts'
import { signatures } from '../../core/primitives/signature.ts'
import { readTextFileIfPresent, writeFileAtomic } from '../keys/files.ts'
import type { Logger } from '../observability/logger.ts'

/**
 * The public key that a node's signer had when it was last there; null: never, or the file says nothing. It
 * only lets a node know which validator it is before the signer says so: what is signed is the signer's decision.
 */
export function readKnownKey(file: string, log: Logger): Uint8Array | null {
  const text = readTextFileIfPresent(file)
  if (text === null) return null
  const hex = /^0x((?:[0-9a-f]{2}){1,128})\n?$/.exec(text)?.[1]
  const key = hex === undefined ? null : fromHex(hex)
  if (key !== null && signatures.isPublicKey(key)) return key
  log.warn('The key that the signer had is not known: its file holds none', { path: file })
  return null
}

/** Durable when it returns. */
export const writeKnownKey = (file: string, publicKey: Uint8Array): void =>
  writeFileAtomic(file, `0x${toHex(publicKey)}\n`)
