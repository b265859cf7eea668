import type { Codec } from '../../core/primitives/codec.ts'
import type { Database } from './database.ts'
import { sealed, sealedRecord } from './record.ts'

/** One atomic write under construction; LevelDB copies keys and values as they come. */
export class BatchWriter {
  readonly #batch: ReturnType<Database['batch']> & object

  constructor(database: Database) {
    this.#batch = database.batch()
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#batch.put(key, sealed(key, value))
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

  /** Durable when it resolves: LevelDB has synced its log. */
  async write(): Promise<void> {
    await this.#batch.write({ sync: true })
  }
}
