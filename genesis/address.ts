import { parseHex, toHex } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { ok, type Result, reject } from '../core/primitives/result.ts'
import { ADDRESS_LENGTH } from '../core/primitives/signature.ts'

/** `0x` and 40 digits in the mixed case that carries a checksum (EIP-55). */
export function checksumAddress(address: Uint8Array): string {
  const digits = toHex(address)
  const mask = toHex(keccak256(Uint8Array.from(digits, (digit) => digit.charCodeAt(0))))
  const cased = [...digits].map((digit, i) =>
    Number.parseInt(mask[i] as string, 16) >= 8 ? digit.toUpperCase() : digit,
  )
  return `0x${cased.join('')}`
}

/** An address from outside. All lower or all upper case carries no checksum; mixed case must carry the right one. */
export function parseAddress(text: string): Result<Uint8Array, 'BAD_FORMAT' | 'BAD_CHECKSUM'> {
  const parsed = parseHex(text)
  if (!text.startsWith('0x') || !parsed.ok || parsed.value.length !== ADDRESS_LENGTH)
    return reject('BAD_FORMAT')
  const digits = text.slice(2)
  const mixed = digits !== digits.toLowerCase() && digits !== digits.toUpperCase()
  return mixed && checksumAddress(parsed.value) !== text ? reject('BAD_CHECKSUM') : ok(parsed.value)
}
