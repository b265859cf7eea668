import type { Pointer } from './changeset.ts'

/** Bytes of a slot: key length u8 | key, at most 53 | shard bits u8 | free | height f64. */
const SLOT_BYTES = 64
const KEY_BYTES = 53
const BITS_AT = 54
const HEIGHT_AT = 56

/**
 * Where the last change of recently used keys is: what a commit must know of every key it changes,
 * and what would cost a read of 2 to 5 µs each. Direct-mapped, whole keys compared, a fixed number
 * of bytes and nothing for the garbage collector.
 */
export class PointerCache {
  readonly #slots: Uint8Array
  readonly #heights: Float64Array
  readonly #mask: number

  /** `slots` is a power of two. */
  constructor(slots: number) {
    this.#slots = new Uint8Array(slots * SLOT_BYTES)
    this.#heights = new Float64Array(this.#slots.buffer)
    this.#mask = slots - 1
  }

  /** `hash` is any fixed hash of the key. */
  get(key: Uint8Array, hash: number): Pointer | null {
    const at = (hash & this.#mask) * SLOT_BYTES
    const slots = this.#slots
    if (slots[at] !== key.length) return null
    for (let i = 0; i < key.length; i++) if (slots[at + 1 + i] !== key[i]) return null
    return {
      height: this.#heights[(at + HEIGHT_AT) >>> 3] as number,
      shardBits: slots[at + BITS_AT] as number,
    }
  }

  set(key: Uint8Array, hash: number, pointer: Pointer): void {
    if (key.length > KEY_BYTES) return
    const at = (hash & this.#mask) * SLOT_BYTES
    this.#slots[at] = key.length
    this.#slots.set(key, at + 1)
    this.#slots[at + BITS_AT] = pointer.shardBits
    this.#heights[(at + HEIGHT_AT) >>> 3] = pointer.height
  }
}
