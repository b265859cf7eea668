import { parseHex } from '../core/primitives/bytes.ts'
import { checksumAddress } from '../core/primitives/checksumAddress.ts'
import { ok, type Result, reject } from '../core/primitives/result.ts'
import { ADDRESS_LENGTH } from '../core/primitives/signature.ts'

/** An address from outside. All lower or all upper case carries no checksum; mixed case must carry the right one. */
export function parseAddress(text: string): Result<Uint8Array, 'BAD_FORMAT' | 'BAD_CHECKSUM'> {
  const parsed = parseHex(text)
  if (!text.startsWith('0x') || !parsed.ok || parsed.value.length !== ADDRESS_LENGTH)
    return reject('BAD_FORMAT')
  const digits = text.slice(2)
  const mixed = digits !== digits.toLowerCase() && digits !== digits.toUpperCase()
  return mixed && checksumAddress(parsed.value) !== text ? reject('BAD_CHECKSUM') : ok(parsed.value)
}
