import { equalBytes, toHex } from '../../core/primitives/bytes.ts'
import { type Codec, decode, encode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'

/** Something that reads bytes from outside. */
export type Target = {
  readonly name: string
  /** Good inputs, from which the bad ones are made. */
  readonly seeds: readonly Uint8Array[]
  /** What came of it, in a word; the word guides the search. Throws only when the program is wrong. */
  readonly run: (bytes: Uint8Array) => string | Promise<string>
  /** Most changes are to the parsed text. */
  readonly isJson?: boolean
  /** Milliseconds an input may take, and microseconds a byte on top. */
  readonly limit?: { readonly ms: number; readonly microsPerByte: number }
}

/** Whatever decodes must encode to the very same bytes. */
export function codecTarget<T>(name: string, codec: Codec<T>, values: readonly T[]): Target {
  return {
    name,
    seeds: values.map((value) => encode(codec, value)),
    run: (bytes) => {
      const decoded = decode(codec, bytes)
      if (!decoded.ok) return decoded.code
      const again = encode(codec, decoded.value)
      if (!equalBytes(again, bytes))
        throw new Error(`${toHex(bytes)} decodes, and encodes as ${toHex(again)}`)
      return 'ok'
    },
  }
}

/** The code of a planned error; any other is thrown on. */
export function codeOfThrown(error: unknown): string {
  if (error instanceof NexusError) return error.detail.code
  throw error
}
