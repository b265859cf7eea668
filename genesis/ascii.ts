import { bytes, type Codec, mapped } from '../core/primitives/codec.ts'

/** Printable ASCII of at most `max` characters. */
export const ascii = (max: number): Codec<string> =>
  mapped(
    bytes(max),
    (raw, reader) => {
      if (raw.some((byte) => byte < 0x20 || byte > 0x7e)) reader.fail('OUT_OF_RANGE')
      return String.fromCharCode(...raw)
    },
    (text) => Uint8Array.from(text, (character) => character.charCodeAt(0)),
  )
