import { toHex } from '../../core/primitives/bytes.ts'

/** Any decoded record as JSON: bytes as hexadecimal digits, big integers as decimal digits. */
export function plainJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return `0x${toHex(value)}`
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return value.map(plainJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => typeof member !== 'function')
      .map(([name, member]) => [name, plainJson(member)]),
  )
}
