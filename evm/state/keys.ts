import { assert } from '../../core/primitives/assert.ts'

/** Two bytes per character: the fastest map key of a short byte string (90 ns for an address, 230 as hex digits' code points). */
export function keyOf(bytes: Uint8Array): string {
  if (bytes.length === 20) return addressKey(bytes)
  assert(bytes.length === 32, 'a key is an address or a word')
  return wordKey(bytes)
}

const pair = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) | ((bytes[at + 1] as number) << 8)

function addressKey(bytes: Uint8Array): string {
  return String.fromCharCode(
    pair(bytes, 0),
    pair(bytes, 2),
    pair(bytes, 4),
    pair(bytes, 6),
    pair(bytes, 8),
    pair(bytes, 10),
    pair(bytes, 12),
    pair(bytes, 14),
    pair(bytes, 16),
    pair(bytes, 18),
  )
}

/** In one call: two parts would be joined by V8 only when the map hashes them. */
function wordKey(bytes: Uint8Array): string {
  return String.fromCharCode(
    pair(bytes, 0),
    pair(bytes, 2),
    pair(bytes, 4),
    pair(bytes, 6),
    pair(bytes, 8),
    pair(bytes, 10),
    pair(bytes, 12),
    pair(bytes, 14),
    pair(bytes, 16),
    pair(bytes, 18),
    pair(bytes, 20),
    pair(bytes, 22),
    pair(bytes, 24),
    pair(bytes, 26),
    pair(bytes, 28),
    pair(bytes, 30),
  )
}

/** The bytes a key was made from. */
export function bytesOfKey(key: string): Uint8Array {
  const bytes = new Uint8Array(key.length * 2)
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    bytes[2 * i] = unit & 0xff
    bytes[2 * i + 1] = unit >> 8
  }
  return bytes
}
