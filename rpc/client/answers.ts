import { parseHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'

/** A whole number that is not negative. Throws BAD_ANSWER. */
export function integerIn(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new NexusError({ code: 'BAD_ANSWER' })
  return value as number
}

/** Hex, of exactly `length` bytes where given. Throws BAD_ANSWER. */
export function bytesIn(value: unknown, length?: number): Uint8Array {
  const parsed = parseHex(String(value))
  if (!parsed.ok || (length !== undefined && parsed.value.length !== length))
    throw new NexusError({ code: 'BAD_ANSWER' })
  return parsed.value
}

/** Null unless an answer has its form. */
export function answerOf<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}
