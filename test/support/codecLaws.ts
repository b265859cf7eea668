import { expect } from 'vitest'
import { equalBytes, toHex } from '../../core/primitives/bytes.ts'
import {
  type Codec,
  type DecodeCode,
  type Decoder,
  decode,
  encode,
} from '../../core/primitives/codec.ts'

const CODES: Record<DecodeCode, true> = {
  TRUNCATED: true,
  TRAILING_BYTES: true,
  OUT_OF_RANGE: true,
  TOO_LONG: true,
  BAD_TAG: true,
  NOT_SORTED: true,
}

/** Decodes to the value it came from and encodes to the same bytes again. */
export function expectRoundTrip<T>(codec: Codec<T>, value: T): Uint8Array {
  const bytes = encode(codec, value)
  const decoded = decode(codec, bytes)
  expect(decoded).toEqual({ ok: true, value })
  if (decoded.ok) expect(toHex(encode(codec, decoded.value))).toBe(toHex(bytes))
  return bytes
}

/** Either refused with a code of the codec, or a value whose only encoding is these bytes. */
export function expectCanonical<T>(codec: Codec<T>, bytes: Uint8Array): void {
  const decoded = decode(codec, bytes)
  if (!decoded.ok) {
    if (CODES[decoded.code] !== true) expect.fail(`unknown code ${decoded.code}`)
    return
  }
  const again = encode(codec, decoded.value)
  if (!equalBytes(again, bytes)) expect.fail(`${toHex(bytes)} decoded, encodes as ${toHex(again)}`)
}

export function expectEveryTruncationFails<T>(codec: Decoder<T>, bytes: Uint8Array): void {
  for (let length = 0; length < bytes.length; length++) {
    const decoded = decode(codec, bytes.subarray(0, length))
    if (decoded.ok) expect.fail(`${length} of ${bytes.length} bytes decoded`)
  }
}

export function expectTrailingBytesFail<T>(codec: Codec<T>, bytes: Uint8Array): void {
  for (let extra = 0; extra < 256; extra++) {
    const decoded = decode(codec, Uint8Array.of(...bytes, extra))
    if (decoded.ok || decoded.code !== 'TRAILING_BYTES') expect.fail(`trailing ${extra} accepted`)
  }
}

/** Every byte is replaced by the given other values (all 255 when none are given). */
export function expectMutationsCanonical<T>(
  codec: Codec<T>,
  bytes: Uint8Array,
  flips: readonly number[] = ALL_FLIPS,
): void {
  const mutated = bytes.slice()
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of flips) {
      mutated[at] = (bytes[at] as number) ^ flip
      expectCanonical(codec, mutated)
    }
    mutated[at] = bytes[at] as number
  }
}

const ALL_FLIPS = Array.from({ length: 255 }, (_, i) => i + 1)
