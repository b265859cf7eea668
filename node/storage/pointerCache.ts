import type { Pointer } from './changeset.ts'

/** Bytes of a slot: key length u8 | key, at most 53 | shard bits u8 | free | height f64. */
const SLOT_BYTES = 64
const KEY_BYTES = 53
const BITS_AT = 54
const HEIGHT_AT = 56
/** Slots in which a key may be: with as many keys as slots nearly all still find a place. */
const WAYS = 4

/**
 * Where the last change of recently used keys is: what a commit must know of every key it changes,
 * and what would cost a read of 2 to 5 µs each. Whole keys are compared; a fixed number of bytes
 * and nothing for the garbage collector.
 */
export class PointerCache {
  readonly #slots: Uint8Array
  readonly #heights: Float64Array
  readonly #mask: number
  #victim = 0

  /** `slots` is a power of two, at least four. */
  constructor(slots: number) {
    this.#slots = new Uint8Array(slots * SLOT_BYTES)
    this.#heights = new Float64Array(this.#slots.buffer)
    this.#mask = slots / WAYS - 1
  }

  /** `hash` is any fixed hash of the key. */
  get(key: Uint8Array, hash: number): Pointer | null {
    const at = this.#find(key, hash)
    if (at < 0) return null
    return {
      height: this.#heights[(at + HEIGHT_AT) >>> 3] as number,
      shardBits: this.#slots[at + BITS_AT] as number,
    }
  }

  set(key: Uint8Array, hash: number, pointer: Pointer): void {
    if (key.length > KEY_BYTES) return
    let at = this.#find(key, hash)
    if (at < 0) {
      at = this.#freeSlot(hash)
      this.#slots[at] = key.length
      this.#slots.set(key, at + 1)
    }
    this.#slots[at + BITS_AT] = pointer.shardBits
    this.#heights[(at + HEIGHT_AT) >>> 3] = pointer.height
  }

  #find(key: Uint8Array, hash: number): number {
    const bucket = (hash & this.#mask) * WAYS * SLOT_BYTES
    for (let at = bucket; at < bucket + WAYS * SLOT_BYTES; at += SLOT_BYTES)
      if (this.#slots[at] === key.length && this.#holds(at + 1, key)) return at
    return -1
  }

  #holds(at: number, key: Uint8Array): boolean {
    for (let i = 0; i < key.length; i++) if (this.#slots[at + i] !== key[i]) return false
    return true
  }

  /** An empty slot of the bucket, else one of them in turn. */
  #freeSlot(hash: number): number {
    const bucket = (hash & this.#mask) * WAYS * SLOT_BYTES
    for (let way = 0; way < WAYS; way++)
      if (this.#slots[bucket + way * SLOT_BYTES] === 0) return bucket + way * SLOT_BYTES
    this.#victim = (this.#victim + 1) % WAYS
    return bucket + this.#victim * SLOT_BYTES
  }
}
