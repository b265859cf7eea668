import { blockIdCodec, heightCodec } from '../../core/chain/vote.ts'
import {
  bytes,
  type Codec,
  fixedBytes,
  list,
  optional,
  struct,
  u16,
  u32,
} from '../../core/primitives/codec.ts'
import { HASH_LENGTH } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import type { BlockId, Height } from '../../core/primitives/units.ts'
import { frameFormat } from './frames.ts'

/** A decided block and its commit certificate, each in its canonical encoding. */
export type CertifiedBytes = { readonly block: Uint8Array; readonly certificate: Uint8Array }

export type RequestBody =
  | { readonly kind: 'getBatches'; readonly digests: readonly Uint8Array[] }
  | { readonly kind: 'getBlocks'; readonly from: Height; readonly count: number }
  | { readonly kind: 'getBlock'; readonly height: Height; readonly blockId: BlockId }
  /** 0: the latest. */
  | { readonly kind: 'getLightBlock'; readonly height: Height }
  | { readonly kind: 'listSnapshots' }
  /** The snapshot whose manifest has this id. Part 0 is the manifest, part n + 1 its nth part. */
  | { readonly kind: 'getSnapshotPart'; readonly snapshot: Uint8Array; readonly part: number }

export type ResponseBody =
  | { readonly kind: 'batches'; readonly batches: readonly Uint8Array[] }
  | { readonly kind: 'blocks'; readonly blocks: readonly CertifiedBytes[] }
  | { readonly kind: 'block'; readonly block: Uint8Array | null }
  /** lightBlockCodec; null where it is not to be had. */
  | { readonly kind: 'lightBlock'; readonly block: Uint8Array | null }
  | { readonly kind: 'snapshots'; readonly snapshots: readonly OfferedSnapshot[] }
  | { readonly kind: 'snapshotPart'; readonly bytes: Uint8Array | null }
  /** More requests are waiting than this peer serves. */
  | { readonly kind: 'refused' }

/** A snapshot as its holder describes it: a hint, like everything that is not checked yet. */
export type OfferedSnapshot = {
  readonly height: Height
  /** The hash of its manifest. */
  readonly id: Uint8Array
}

/** `id` is chosen by the asker and comes back with the answer. */
type Numbered<T> = T & { readonly id: number }
export type Request = Numbered<RequestBody>
export type Response = Numbered<ResponseBody>

const digestsCodec = list(fixedBytes(HASH_LENGTH), LIMITS.blockBatches)
/** The tag, the id, and fields of fixed size. */
const SMALL_FRAME_BYTES = 64

export const requestFrames = frameFormat<Request>({
  getBatches: {
    tag: 1,
    maxBytes: SMALL_FRAME_BYTES + LIMITS.blockBatches * HASH_LENGTH,
    codec: struct<{ id: number; digests: readonly Uint8Array[] }>({
      id: u32,
      digests: digestsCodec,
    }),
  },
  getBlocks: {
    tag: 2,
    maxBytes: SMALL_FRAME_BYTES,
    codec: struct<{ id: number; from: Height; count: number }>({
      id: u32,
      from: heightCodec,
      count: u16,
    }),
  },
  getBlock: {
    tag: 3,
    maxBytes: SMALL_FRAME_BYTES,
    codec: struct<{ id: number; height: Height; blockId: BlockId }>({
      id: u32,
      height: heightCodec,
      blockId: blockIdCodec,
    }),
  },
  getLightBlock: {
    tag: 4,
    maxBytes: SMALL_FRAME_BYTES,
    codec: struct<{ id: number; height: Height }>({ id: u32, height: heightCodec }),
  },
  listSnapshots: {
    tag: 5,
    maxBytes: SMALL_FRAME_BYTES,
    codec: struct<{ id: number }>({ id: u32 }),
  },
  getSnapshotPart: {
    tag: 6,
    maxBytes: SMALL_FRAME_BYTES,
    codec: struct<{ id: number; snapshot: Uint8Array; part: number }>({
      id: u32,
      snapshot: fixedBytes(HASH_LENGTH),
      part: u32,
    }),
  },
})

const certifiedCodec: Codec<CertifiedBytes> = struct<CertifiedBytes>({
  block: bytes(LIMITS.blockBytes),
  certificate: bytes(LIMITS.certificateFrameBytes),
})

export const responseFrames = frameFormat<Response>({
  batches: {
    tag: 1,
    maxBytes: LIMITS.syncFrameBytes,
    codec: struct<{ id: number; batches: readonly Uint8Array[] }>({
      id: u32,
      batches: list(bytes(LIMITS.batchBytes), LIMITS.blockBatches),
    }),
  },
  blocks: {
    tag: 2,
    maxBytes: LIMITS.syncFrameBytes,
    codec: struct<{ id: number; blocks: readonly CertifiedBytes[] }>({
      id: u32,
      blocks: list(certifiedCodec, LIMITS.syncRequestBlocks),
    }),
  },
  block: {
    tag: 3,
    maxBytes: LIMITS.syncFrameBytes,
    codec: struct<{ id: number; block: Uint8Array | null }>({
      id: u32,
      block: optional(bytes(LIMITS.blockBytes)),
    }),
  },
  lightBlock: {
    tag: 5,
    maxBytes: LIMITS.certificateFrameBytes,
    codec: struct<{ id: number; block: Uint8Array | null }>({
      id: u32,
      block: optional(bytes(LIMITS.certificateFrameBytes)),
    }),
  },
  snapshots: {
    tag: 6,
    maxBytes: SMALL_FRAME_BYTES + LIMITS.snapshotsListed * 48,
    codec: struct<{ id: number; snapshots: readonly OfferedSnapshot[] }>({
      id: u32,
      snapshots: list(
        struct<OfferedSnapshot>({ height: heightCodec, id: fixedBytes(HASH_LENGTH) }),
        LIMITS.snapshotsListed,
      ),
    }),
  },
  snapshotPart: {
    tag: 7,
    maxBytes: LIMITS.syncFrameBytes,
    codec: struct<{ id: number; bytes: Uint8Array | null }>({
      id: u32,
      bytes: optional(bytes(LIMITS.snapshotManifestBytes)),
    }),
  },
  refused: { tag: 4, maxBytes: SMALL_FRAME_BYTES, codec: struct<{ id: number }>({ id: u32 }) },
})

/** Bytes of a response that are not its items: the tag, the id and the count. */
const RESPONSE_OVERHEAD_BYTES = 1 + 4 + 4
const PREFIX_BYTES = 4

/** The longest prefix of `items` whose encoding fits one response; each item is `parts` byte strings. */
export function fittingPrefix<T>(
  items: readonly T[],
  partsOf: (item: T) => readonly Uint8Array[],
): readonly T[] {
  let size = RESPONSE_OVERHEAD_BYTES
  for (const [index, item] of items.entries()) {
    for (const part of partsOf(item)) size += PREFIX_BYTES + part.length
    if (size > LIMITS.syncFrameBytes) return items.slice(0, index)
  }
  return items
}
