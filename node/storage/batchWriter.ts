import type { Codec } from '../../core/primitives/codec.ts'
import { crc32c } from './crc32c.ts'
import type { Database, DatabaseBatch } from './database.ts'
import { CHECKSUM_BYTES, sealedRecord, sealInPlace } from './record.ts'

/** Above this a value gets an array of its own. */
const SCRATCH_BYTES = 4_096

/**
 * Arrays of each length over one memory, for as long as the process runs. LevelDB asks where the bytes of an
 * array are, and V8 moves those of a short one, up to 64 bytes, out of its heap to tell: what is put
 * through these was moved once.
 */
class Scratch {
  readonly #memory = new ArrayBuffer(SCRATCH_BYTES)
  readonly #views: (Uint8Array | undefined)[] = []

  /** Holds whatever was there; the next call may return the same bytes. */
  of(length: number): Uint8Array {
    const known = this.#views[length]
    if (known !== undefined) return known
    const fresh = new Uint8Array(this.#memory, 0, length)
    this.#views[length] = fresh
    return fresh
  }

  copyOf(bytes: Uint8Array): Uint8Array {
    const { length } = bytes
    if (length > LONGEST_SHORT) return bytes
    const copy = this.of(length)
    for (let i = 0; i < length; i++) copy[i] = bytes[i] as number
    return copy
  }
}

/** What V8 keeps in its heap. */
const LONGEST_SHORT = 64

const keys = new Scratch()
const values = new Scratch()

/** One atomic write under construction. LevelDB copies keys and values as they come. */
export class BatchWriter {
  readonly #batch: DatabaseBatch

  constructor(database: Database) {
    this.#batch = database.batch()
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const out = this.scratch(value.length + CHECKSUM_BYTES)
    out.set(value)
    this.#batch.put(keys.copyOf(key), sealInPlace(crc32c(key), out))
  }
  /** `capacity` is a guess at the bytes of the encoding. */
  putRecord<T>(codec: Codec<T>, key: Uint8Array, value: T, capacity?: number): void {
    this.#batch.put(keys.copyOf(key), sealedRecord(codec, key, value, capacity))
  }
  /** A value that has its checksum already. */
  putSealed(key: Uint8Array, value: Uint8Array): void {
    this.#batch.put(keys.copyOf(key), value)
  }
  delete(key: Uint8Array): void {
    this.#batch.del(keys.copyOf(key))
  }

  /**
   * An array of this length for a value that is put at once; the next call may return it again, and
   * it holds whatever was there. Arrays above 64 bytes live outside V8's heap: making and collecting
   * a thousand of them costs more than the rest of a commit.
   */
  scratch(length: number): Uint8Array {
    return length > SCRATCH_BYTES ? new Uint8Array(length) : values.of(length)
  }

  /** Durable when it resolves: LevelDB has synced its log. Without `sync`, durable with the next write that has it. */
  async write({ sync } = { sync: true }): Promise<void> {
    await this.#batch.write({ sync })
  }
}
