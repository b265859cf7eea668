import type { Codec } from '../../core/primitives/codec.ts'
import { crc32c } from './crc32c.ts'
import type { Database, DatabaseBatch } from './database.ts'
import { CHECKSUM_BYTES, sealedRecord, sealInPlace } from './record.ts'

/** Above this a value gets an array of its own. */
const SCRATCH_BYTES = 4_096

/** One atomic write under construction. LevelDB copies keys and values as they come. */
export class BatchWriter {
  readonly #batch: DatabaseBatch
  readonly #scratch: (Uint8Array | undefined)[] = []

  constructor(database: Database) {
    this.#batch = database.batch()
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const out = this.scratch(value.length + CHECKSUM_BYTES)
    out.set(value)
    this.#batch.put(key, sealInPlace(crc32c(key), out))
  }
  /** `capacity` is a guess at the bytes of the encoding. */
  putRecord<T>(codec: Codec<T>, key: Uint8Array, value: T, capacity?: number): void {
    this.#batch.put(key, sealedRecord(codec, key, value, capacity))
  }
  /** A value that has its checksum already. */
  putSealed(key: Uint8Array, value: Uint8Array): void {
    this.#batch.put(key, value)
  }
  delete(key: Uint8Array): void {
    this.#batch.del(key)
  }

  /**
   * An array of this length for a value that is put at once; the next call may return it again, and
   * it holds whatever was there. Arrays above 64 bytes live outside V8's heap: making and collecting
   * a thousand of them costs more than the rest of a commit.
   */
  scratch(length: number): Uint8Array {
    if (length > SCRATCH_BYTES) return new Uint8Array(length)
    const known = this.#scratch[length]
    if (known !== undefined) return known
    const fresh = new Uint8Array(length)
    this.#scratch[length] = fresh
    return fresh
  }

  /** Durable when it resolves: LevelDB has synced its log. Without `sync`, durable with the next write that has it. */
  async write({ sync } = { sync: true }): Promise<void> {
    await this.#batch.write({ sync })
  }
}
