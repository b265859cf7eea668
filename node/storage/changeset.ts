import { assert } from '../../core/primitives/assert.ts'
import { bytes, type Codec, list, struct, u8 } from '../../core/primitives/codec.ts'
import { CHECKSUM_BYTES } from './record.ts'

/**
 * Where the value before the current one is: the height of the last change (0: none that is kept)
 * and how many bits of the key's hash choose the shard in that height's changeset. Eight bytes:
 * height u48 | shard bits u8 | present u8. A record without a value is a key that was deleted but
 * still has history.
 */
export type Pointer = { readonly height: number; readonly shardBits: number }

export const POINTER_BYTES = 8

export function writePointer(
  out: Uint8Array,
  at: number,
  { height, shardBits }: Pointer,
  present: boolean,
): void {
  assert(height < 2 ** 48, 'a height fits 48 bits')
  let rest = height
  for (let i = at + 5; i >= at; i--) {
    out[i] = rest % 256
    rest = (rest - (rest % 256)) / 256
  }
  out[at + 6] = shardBits
  out[at + 7] = present ? 1 : 0
}

export function pointerAt(bytes: Uint8Array, at: number): Pointer & { readonly present: boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return {
    height: view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2),
    shardBits: bytes[at + 6] as number,
    present: bytes[at + 7] === 1,
  }
}

/** Of each height with changes, so that pruning knows what to delete without reading the shards. */
export type ChangesetIndex = {
  readonly shardBits: number
  /** Whole keys of the EVM columns whose value the height deleted. */
  readonly deleted: readonly Uint8Array[]
}

export const changesetIndexCodec: Codec<ChangesetIndex> = struct<ChangesetIndex>({
  shardBits: u8,
  deleted: list(bytes(64), 0xffffffff),
})

/** One record per about 32 changes: a look-up reads some kilobytes, a commit writes few records. */
const CHANGES_PER_SHARD = 32
const MAX_SHARD_BITS = 8

export function shardBitsFor(changes: number): number {
  let bits = 0
  while (bits < MAX_SHARD_BITS && CHANGES_PER_SHARD << bits < changes) bits++
  return bits
}

/** `hash` is crc32c of the key. */
export const shardOf = (hash: number, shardBits: number): number => hash & ((1 << shardBits) - 1)

/** A key's value before a height and the pointer to the change before that one. */
export type ChangeBefore = {
  readonly pointer: Pointer
  /** Null: the key did not exist. */
  readonly value: Uint8Array | null
}

/** A key of an EVM column with what it was before a height. */
export type ChangedKey = ChangeBefore & { readonly key: Uint8Array }

/** Bytes of an entry beside its key and value: key length u8 | key | pointer 8 | value length u32 | value. */
const ENTRY_BYTES = 1 + POINTER_BYTES + 4

/** Collects the entries of one height by shard. */
export class ChangesetWriter {
  readonly shardBits: number
  readonly #shards: ChangedKey[][]
  readonly #sizes: number[]

  constructor(changes: number) {
    this.shardBits = shardBitsFor(changes)
    this.#shards = Array.from({ length: 1 << this.shardBits }, () => [])
    this.#sizes = this.#shards.map(() => 0)
  }

  /** `hash` is crc32c of the key. */
  add(key: Uint8Array, hash: number, { pointer, value }: ChangeBefore): void {
    const shard = shardOf(hash, this.shardBits)
    this.#shards[shard]?.push({ key, pointer, value })
    const size = ENTRY_BYTES + key.length + (value?.length ?? 0)
    this.#sizes[shard] = (this.#sizes[shard] as number) + size
  }

  /** The shards that are not empty, each with free bytes at its end for its checksum. */
  *shards(): Generator<{ readonly shard: number; readonly value: Uint8Array }> {
    for (const [shard, entries] of this.#shards.entries()) {
      if (entries.length === 0) continue
      const value = new Uint8Array((this.#sizes[shard] as number) + CHECKSUM_BYTES)
      const view = new DataView(value.buffer)
      let at = 0
      for (const entry of entries) at = writeEntry(value, view, at, entry)
      yield { shard, value }
    }
  }
}

function writeEntry(out: Uint8Array, view: DataView, at: number, entry: ChangedKey): number {
  const { key, pointer, value } = entry
  const keyEnd = at + 1 + key.length
  const valueStart = keyEnd + POINTER_BYTES + 4
  out[at] = key.length
  out.set(key, at + 1)
  writePointer(out, keyEnd, pointer, value !== null)
  view.setUint32(keyEnd + POINTER_BYTES, value?.length ?? 0)
  if (value !== null) out.set(value, valueStart)
  return valueStart + (value?.length ?? 0)
}

/** Where the entry at `at` ends; −1: it is not whole. Most entries are only passed over, so nothing is made of them. */
function entryEnd(shard: Uint8Array, view: DataView, at: number): number {
  const keyEnd = at + 1 + (shard[at] as number)
  const valueStart = keyEnd + POINTER_BYTES + 4
  if (valueStart > shard.length) return -1
  const end = valueStart + view.getUint32(keyEnd + POINTER_BYTES)
  return end > shard.length ? -1 : end
}

/** What a whole entry says; the value shares the shard's memory. */
function beforeAt(shard: Uint8Array, keyEnd: number, end: number): ChangeBefore {
  const { present, ...pointer } = pointerAt(shard, keyEnd)
  return { pointer, value: present ? shard.subarray(keyEnd + POINTER_BYTES + 4, end) : null }
}

/** All entries of a shard; null: it is not what ChangesetWriter writes. */
export function changesIn(shard: Uint8Array): readonly ChangedKey[] | null {
  const view = new DataView(shard.buffer, shard.byteOffset, shard.byteLength)
  const changes: ChangedKey[] = []
  for (let at = 0; at < shard.length; ) {
    const end = entryEnd(shard, view, at)
    if (end < 0) return null
    const keyEnd = at + 1 + (shard[at] as number)
    changes.push({ key: shard.subarray(at + 1, keyEnd), ...beforeAt(shard, keyEnd, end) })
    at = end
  }
  return changes
}

/** The entry of a key in a shard; null: not there, or the shard is not what ChangesetWriter writes. */
export function findChange(shard: Uint8Array, key: Uint8Array): ChangeBefore | null {
  const view = new DataView(shard.buffer, shard.byteOffset, shard.byteLength)
  for (let at = 0; at < shard.length; ) {
    const end = entryEnd(shard, view, at)
    if (end < 0) return null
    if (shard[at] === key.length && matches(shard, at + 1, key))
      return beforeAt(shard, at + 1 + key.length, end)
    at = end
  }
  return null
}

function matches(bytes: Uint8Array, at: number, key: Uint8Array): boolean {
  for (let i = 0; i < key.length; i++) if (bytes[at + i] !== key[i]) return false
  return true
}
