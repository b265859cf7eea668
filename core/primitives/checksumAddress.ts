import { toHex } from './bytes.ts'
import { keccak256 } from './hash.ts'

/** `0x` and 40 digits in the mixed case that carries a checksum (EIP-55). */
export function checksumAddress(address: Uint8Array): string {
  const digits = toHex(address)
  const mask = toHex(keccak256(Uint8Array.from(digits, (digit) => digit.charCodeAt(0))))
  const cased = [...digits].map((digit, i) =>
    Number.parseInt(mask[i] as string, 16) >= 8 ? digit.toUpperCase() : digit,
  )
  return `0x${cased.join('')}`
}
