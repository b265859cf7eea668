import { toHex } from '../../core/primitives/bytes.ts'
import {
  type Codec,
  type Decoder,
  decode,
  KEPT_BYTES,
  Writer,
  written,
} from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { crc32c } from './crc32c.ts'
import { columnOf } from './schema.ts'

/** Reads one stored value by its whole key; undefined when there is none. */
export type Read = (key: Uint8Array) => Uint8Array | undefined

/** Room for the checksum at the end of every stored value. */
export const CHECKSUM_BYTES = 4

/**
 * Fills the last four bytes of `out` with the checksum of key ‖ value, so that neither bit rot nor a
 * value under another's key passes. `keyCrc` is crc32c(key).
 */
export function sealInPlace(keyCrc: number, out: Uint8Array): Uint8Array {
  const end = out.length - CHECKSUM_BYTES
  const crc = crc32c(out, keyCrc, end)
  out[end] = crc >>> 24
  out[end + 1] = crc >>> 16
  out[end + 2] = crc >>> 8
  out[end + 3] = crc
  return out
}

/** The value under a key without its checksum, or null. Throws STORAGE_CORRUPT. */
export function readValue(read: Read, key: Uint8Array): Uint8Array | null {
  const stored = read(key)
  if (stored === undefined) return null
  const end = stored.length - CHECKSUM_BYTES
  if (end < 0) throw corrupt(key, 'TOO_SHORT')
  // LevelDB hands out a Buffer; its slice() would share memory, which codecs do not expect.
  const value = new Uint8Array(stored.buffer, stored.byteOffset, end)
  const expected =
    (((stored[end] as number) << 24) |
      ((stored[end + 1] as number) << 16) |
      ((stored[end + 2] as number) << 8) |
      (stored[end + 3] as number)) >>>
    0
  if (crc32c(value, crc32c(key)) !== expected) throw corrupt(key, 'CHECKSUM')
  return value
}

export function readRecord<T>(codec: Decoder<T>, read: Read, key: Uint8Array): T | null {
  const value = readValue(read, key)
  if (value === null) return null
  const decoded = decode(codec, value)
  if (!decoded.ok) throw corrupt(key, decoded.code)
  return decoded.value
}

/** A record that must exist because another one says so. */
export function readExisting<T>(codec: Decoder<T>, read: Read, key: Uint8Array): T {
  const record = readRecord(codec, read, key)
  if (record === null) throw corrupt(key, 'MISSING')
  return record
}

/** `capacity` is a guess at the bytes of the value. */
export function sealedRecord<T>(
  codec: Codec<T>,
  key: Uint8Array,
  value: T,
  capacity = 256,
): Uint8Array {
  const write = (writer: Writer): void => {
    codec.write(writer, value)
    writer.u32(0)
  }
  return sealInPlace(crc32c(key), capacity > KEPT_BYTES ? large(capacity, write) : written(write))
}

/** Where the usual memory would have to grow. */
function large(capacity: number, write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(capacity + CHECKSUM_BYTES)
  write(writer)
  return writer.finish()
}

/** Fatal: the node must not go on with a database that lost or changed what it stored. */
export function corrupt(key: Uint8Array, reason: string): NexusError {
  const column = columnOf(key)
  return new NexusError(
    { code: 'STORAGE_CORRUPT', column, key: toHex(key), reason },
    {
      message: `the database is damaged (${column} record, ${reason}): restore it from a copy or delete it and sync again`,
    },
  )
}
