const SLAB_BYTES = 32 * 1024

let slab = new Uint8Array(SLAB_BYTES)
let used = 0

/**
 * Zeroed bytes for what lives about as long as its block: arrays above 64 bytes would each be
 * allocated outside V8's heap. Whoever keeps one keeps all of its slab.
 */
export function blockBytes(length: number): Uint8Array {
  if (length > SLAB_BYTES / 8) return new Uint8Array(length)
  if (used + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES)
    used = 0
  }
  used += length
  return slab.subarray(used - length, used)
}

/** Such a copy. */
export function blockCopy(bytes: Uint8Array): Uint8Array {
  const copy = blockBytes(bytes.length)
  copy.set(bytes)
  return copy
}
