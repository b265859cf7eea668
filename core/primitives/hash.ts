import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { createSHA256, type IHasher } from 'hash-wasm'
import { assert } from './assert.ts'
import { concatBytes, equalBytes } from './bytes.ts'
import { createKeccak } from './keccak.ts'

/** Hashes are 32 bytes everywhere in Nexus. */
export const HASH_LENGTH = 32
export const ZERO_HASH = new Uint8Array(HASH_LENGTH)

/**
 * What a hash is a hash of. The number is the first byte hashed and never changes, so a value of
 * one kind can never be passed off as a value of another.
 */
export const DOMAIN = {
  header: 0x30,
  validator: 0x31,
  evidence: 0x32,
  consensusParams: 0x33,
  stateRoot: 0x34,
  receiptsRoot: 0x35,
  genesis: 0x36,
  batch: 0x37,
  payloadItem: 0x38,
  payload: 0x39,
  treeNode: 0x3a,
  treeEmpty: 0x3b,
  consensusState: 0x3c,
  randomness: 0x3d,
  coreRoot: 0x3e,
  queueRoot: 0x3f,
  arenaRoot: 0x40,
  coreReceipts: 0x41,
  snapshot: 0x48,
} as const

const hasherOf = async (create: () => Promise<IHasher>): Promise<IHasher | null> => {
  try {
    return await create()
  } catch {
    return null
  }
}
const wasmKeccak = createKeccak()
const wasmSha256 = await hasherOf(() => createSHA256())

/** Keccak-256 as Ethereum uses it. 0.6 µs for 200 bytes in wasm; pure JavaScript where wasm is missing. */
export const keccak256: (bytes: Uint8Array) => Uint8Array =
  wasmKeccak === null ? (bytes) => keccak_256(bytes) : (bytes) => wasmKeccak.hashOf(bytes)

/** The hash of a range of bytes, for who reads it at once: the view's 32 bytes hold until the next hash. */
export function keccakView(bytes: Uint8Array, start = 0, stop = bytes.length): DataView {
  if (wasmKeccak === null) return new DataView(keccak_256(bytes.subarray(start, stop)).buffer)
  wasmKeccak.hash(bytes, start, stop)
  return wasmKeccak.digest
}

const portableSha256: (bytes: Uint8Array) => Uint8Array =
  wasmSha256 === null
    ? (bytes) => nobleSha256(bytes)
    : (bytes) => wasmSha256.init().update(bytes).digest('binary')

/** From here on the call into native code is paid back by its speed: 1.3 µs against 4 ns a byte. */
const LONG = 512
let longSha256 = portableSha256

export const sha256 = (bytes: Uint8Array): Uint8Array =>
  bytes.length < LONG ? portableSha256(bytes) : longSha256(bytes)

/** Takes the platform's SHA-256 for long inputs, after comparing it; per thread, before anything is hashed. */
export function useNativeSha256(native: (bytes: Uint8Array) => Uint8Array): void {
  for (const length of [LONG, LONG + 1, 4_095]) {
    const input = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 0xff)
    assert(equalBytes(native(input), nobleSha256(input)), 'native sha256 agrees with the reference')
  }
  longSha256 = native
}

/**
 * Making memory costs more than hashing a tree's node; and copies of batches, made to be hashed, would be collected
 * as often as the batches themselves. Grows to the longest input that is not rare.
 */
let scratch = new Uint8Array(LONG)
const MAX_SCRATCH_BYTES = 2 ** 19

/** SHA-256 over the domain byte and the canonical bytes of a value. */
export function hash(domain: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 1
  for (const part of parts) length += part.length
  if (length > MAX_SCRATCH_BYTES) return sha256(concatBytes(Uint8Array.of(domain), ...parts))
  if (length > scratch.length) scratch = new Uint8Array(2 ** Math.ceil(Math.log2(length)))
  scratch[0] = domain
  let at = 1
  for (const part of parts) {
    scratch.set(part, at)
    at += part.length
  }
  return sha256(scratch.subarray(0, length))
}

/**
 * Binary Merkle root over leaves in order, each a hash under a domain of its own; an odd node is
 * carried up unchanged (RFC 6962 §2.1 shape). Leaves and inner nodes differ by domain, so no two
 * lists share a root.
 */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return hash(DOMAIN.treeEmpty)
  for (const leaf of leaves) assert(leaf.length === HASH_LENGTH, 'a leaf is a hash')
  let level = leaves
  while (level.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i + 1 < level.length; i += 2) {
      above.push(hash(DOMAIN.treeNode, level[i] as Uint8Array, level[i + 1] as Uint8Array))
    }
    if (level.length % 2 === 1) above.push(level[level.length - 1] as Uint8Array)
    level = above
  }
  return level[0] as Uint8Array
}

/** Compares the hashes in use with the reference on inputs around every block boundary. */
export function assertHashesAgree(): void {
  for (const length of [0, 1, 31, 32, 55, 56, 63, 64, 65, 135, 136, 137, 272, 1000]) {
    const input = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 0xff)
    assert(equalBytes(keccak256(input), keccak_256(input)), 'keccak256 agrees with the reference')
    assert(equalBytes(sha256(input), nobleSha256(input)), 'sha256 agrees with the reference')
  }
}
