import { heightCodec } from '../../core/chain/vote.ts'
import { equalBytes, toHex } from '../../core/primitives/bytes.ts'
import { type Codec, fixedBytes, int, list, struct, u32 } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { HASH_LENGTH } from '../../core/primitives/hash.ts'
import type { Height } from '../../core/primitives/units.ts'
import { type Read, readRecord } from './record.ts'
import { FORMAT_VERSION, META } from './schema.ts'

/** Whose data a database, WAL or state file holds. */
export type ChainIdentity = { readonly chainId: number; readonly genesisHash: Uint8Array }

export type StoredIdentity = ChainIdentity & { readonly formatVersion: number }

export const identityCodec: Codec<StoredIdentity> = struct<StoredIdentity>({
  formatVersion: u32,
  chainId: int,
  genesisHash: fixedBytes(HASH_LENGTH),
})

/** The committed height, and which past heights the state can be read at. */
export type Progress = {
  readonly height: Height
  /** What the database began with: the genesis, or the snapshot it was restored from. Blocks follow it. */
  readonly start: Height
  /** The lowest height with an answer; `height` itself when no history is kept. */
  readonly historyStart: Height
  /** Changesets up to this height are deleted; follows `historyStart` a few heights at a time. */
  readonly prunedTo: Height
}

export const progressCodec: Codec<Progress> = struct<Progress>({
  height: heightCodec,
  start: heightCodec,
  historyStart: heightCodec,
  prunedTo: heightCodec,
})

/** Far more than validators can produce honestly; the oldest make room. */
export const PENDING_EVIDENCE_LIMIT = 1_024

export const pendingListCodec: Codec<readonly Uint8Array[]> = list(
  fixedBytes(HASH_LENGTH),
  PENDING_EVIDENCE_LIMIT,
)

/** Null: the database is empty. Refuses another format, chain or genesis. */
export function checkIdentity(read: Read, expected: ChainIdentity): StoredIdentity | null {
  const stored = readRecord(identityCodec, read, META.identity)
  if (stored === null) return null
  if (stored.formatVersion !== FORMAT_VERSION)
    throw new NexusError(
      { code: 'DATABASE_VERSION', found: stored.formatVersion, expected: FORMAT_VERSION },
      {
        message: `the database has format ${stored.formatVersion}, this program writes ${FORMAT_VERSION}: use the program that made it, or delete the database and sync again`,
      },
    )
  if (stored.chainId !== expected.chainId)
    throw new NexusError(
      { code: 'WRONG_CHAIN', found: stored.chainId, expected: expected.chainId },
      { message: `the database belongs to chain ${stored.chainId}, not ${expected.chainId}` },
    )
  if (!equalBytes(stored.genesisHash, expected.genesisHash)) {
    const [found, wanted] = [toHex(stored.genesisHash), toHex(expected.genesisHash)]
    throw new NexusError(
      { code: 'WRONG_GENESIS', found, expected: wanted },
      { message: `the database belongs to genesis ${found}, the genesis file is ${wanted}` },
    )
  }
  return stored
}
