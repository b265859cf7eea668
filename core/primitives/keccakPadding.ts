import { RATE } from './keccakRounds.ts'

/** Bytes that a message takes in memory with its padding. */
export const paddedLength = (length: number): number => (Math.floor(length / RATE) + 1) * RATE

/** Writes Keccak's own padding behind the message at `at`; returns the blocks that both take. */
export function pad(bytes: Uint8Array, at: number, length: number): number {
  const end = at + paddedLength(length)
  bytes.fill(0, at + length, end)
  // One byte if there is room for no more.
  bytes[at + length] = 1
  bytes[end - 1] = (bytes[end - 1] as number) | 0x80
  return (end - at) / RATE
}
