import { HASH_LENGTH } from '../core/primitives/hash.ts'
import { KeccakBatch } from '../core/primitives/keccakBatch.ts'
import { paddedLength } from '../core/primitives/keccakPadding.ts'

let batch: KeccakBatch | null = null

/** One memory for each thread: whoever uses it is done with it when it returns. */
export function sharedBatch(): KeccakBatch {
  batch ??= new KeccakBatch()
  return batch
}

/** As much is hashed at a time, which bounds the memory. */
const CHUNK_BYTES = 1024 * 1024

/** Keccak-256 of each message, one behind the other. */
export function keccakMany(messages: readonly Uint8Array[]): Uint8Array {
  const hashes = new Uint8Array(messages.length * HASH_LENGTH)
  for (let from = 0; from < messages.length; ) {
    let size = 0
    let to = from
    while (to < messages.length && (to === from || size < CHUNK_BYTES)) {
      size += paddedLength((messages[to] as Uint8Array).length) + HASH_LENGTH
      to++
    }
    hashChunk(messages, from, to, size, hashes)
    from = to
  }
  return hashes
}

function hashChunk(
  messages: readonly Uint8Array[],
  from: number,
  to: number,
  size: number,
  hashes: Uint8Array,
): void {
  const shared = sharedBatch()
  const outs = shared.start
  shared.reserve(outs + size)
  let at = outs + (to - from) * HASH_LENGTH
  for (let i = from; i < to; i++) {
    const message = messages[i] as Uint8Array
    shared.bytes.set(message, at)
    shared.add(at, message.length, outs + (i - from) * HASH_LENGTH)
    at += paddedLength(message.length)
  }
  shared.flush()
  const done = shared.bytes.subarray(outs, outs + (to - from) * HASH_LENGTH)
  hashes.set(done, from * HASH_LENGTH)
}
