import { type StateRoots, stateRootsCodec } from '../../core/chain/roots.ts'
import { heightCodec } from '../../core/chain/vote.ts'
import {
  bytes,
  type Codec,
  encode,
  fixedBytes,
  int,
  list,
  mapped,
  struct,
  u16,
  u32,
} from '../../core/primitives/codec.ts'
import { DOMAIN, HASH_LENGTH, hash } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { ADDRESS_LENGTH } from '../../core/primitives/signature.ts'
import type { Height } from '../../core/primitives/units.ts'

/** Raised when parts change their meaning. */
export const SNAPSHOT_FORMAT = 1

/** A subtree of a trie that one part holds whole: its path in hex digits, and the node at its top. */
export type TriePart = { readonly path: string; readonly ref: Uint8Array; readonly bytes: number }

/** A contract whose storage is too large to travel with its account. */
export type ContractParts = {
  readonly address: Uint8Array
  readonly storageRoot: Uint8Array
  readonly parts: readonly TriePart[]
}

/** 1 MiB of an engine's memory that is not all zero. */
export type RunPart = {
  readonly engine: number
  readonly run: number
  readonly hash: Uint8Array
  readonly bytes: number
}

/** So many codes, in the order of their hashes. */
export type CodePart = { readonly count: number; readonly bytes: number }

/**
 * The state after a height, as parts that can each be checked alone: the hashes here rebuild to the
 * roots that the next header commits to. A function of the state, so that all honest nodes make the
 * same one, to the byte.
 */
export type Manifest = {
  readonly format: number
  readonly chainId: number
  readonly height: Height
  readonly roots: StateRoots
  readonly engineRoots: readonly Uint8Array[]
  readonly ethereumHash: Uint8Array
  readonly coreReceipts: Uint8Array
  /** Bytes of the part with the Ethereum headers that BLOCKHASH can ask for, the height's own last. */
  readonly ancestors: number
  readonly accounts: readonly TriePart[]
  readonly runs: readonly RunPart[]
  /** By the hash of the address, as their accounts come. */
  readonly contracts: readonly ContractParts[]
  readonly codes: readonly CodePart[]
}

const { snapshotParts: MAX_PARTS, snapshotPartBytes: MAX_PART_BYTES } = LIMITS
const hash32 = fixedBytes(HASH_LENGTH)

const sizeCodec: Codec<number> = mapped(
  u32,
  (size, reader) => {
    if (size > MAX_PART_BYTES) reader.fail('OUT_OF_RANGE')
    return size
  },
  (size) => size,
)

const pathCodec: Codec<string> = mapped(
  bytes(2 * HASH_LENGTH),
  (nibbles, reader) => {
    if (nibbles.some((nibble) => nibble > 15)) reader.fail('OUT_OF_RANGE')
    return [...nibbles].map((nibble) => nibble.toString(16)).join('')
  },
  (path) => Uint8Array.from(path, (digit) => Number.parseInt(digit, 16)),
)

const triePartCodec: Codec<TriePart> = struct<TriePart>({
  path: pathCodec,
  ref: bytes(HASH_LENGTH),
  bytes: sizeCodec,
})

export const manifestCodec: Codec<Manifest> = struct<Manifest>({
  format: u32,
  chainId: int,
  height: heightCodec,
  roots: stateRootsCodec,
  engineRoots: list(hash32, LIMITS.coprocessors),
  ethereumHash: hash32,
  coreReceipts: hash32,
  ancestors: sizeCodec,
  accounts: list(triePartCodec, MAX_PARTS),
  runs: list(struct<RunPart>({ engine: u16, run: u32, hash: hash32, bytes: sizeCodec }), MAX_PARTS),
  contracts: list(
    struct<ContractParts>({
      address: fixedBytes(ADDRESS_LENGTH),
      storageRoot: hash32,
      parts: list(triePartCodec, MAX_PARTS),
    }),
    MAX_PARTS,
  ),
  codes: list(struct<CodePart>({ count: u32, bytes: sizeCodec }), MAX_PARTS),
})

/** What a snapshot is asked for by: parts of another snapshot of the height do not fit. */
export const manifestIdOf = (manifest: Uint8Array): Uint8Array => hash(DOMAIN.snapshot, manifest)

export const encodeManifest = (manifest: Manifest): Uint8Array => encode(manifestCodec, manifest)

/** One part as the manifest describes it. `index` numbers them in the order in which they can be checked. */
export type Part = {
  readonly index: number
  readonly bytes: number
  /** Its name in a snapshot's directory. */
  readonly file: string
} & (
  | { readonly kind: 'ancestors' }
  | { readonly kind: 'accounts'; readonly part: TriePart }
  | { readonly kind: 'run'; readonly part: RunPart }
  | { readonly kind: 'storage'; readonly contract: ContractParts; readonly part: TriePart }
  | { readonly kind: 'codes'; readonly first: number; readonly count: number }
)

/** All parts. O(parts). */
export function partsOf(manifest: Manifest): readonly Part[] {
  const { ancestors, accounts, runs, contracts, codes } = manifest
  const parts: Part[] = []
  const place = (kind: Part['kind'], nth: number) => ({
    index: parts.length,
    file: partFile(kind, nth),
  })
  parts.push({ kind: 'ancestors', ...place('ancestors', 0), bytes: ancestors })
  for (const [nth, part] of accounts.entries())
    parts.push({ kind: 'accounts', ...place('accounts', nth), bytes: part.bytes, part })
  for (const [nth, part] of runs.entries())
    parts.push({ kind: 'run', ...place('run', nth), bytes: part.bytes, part })
  let nth = 0
  for (const contract of contracts)
    for (const part of contract.parts)
      parts.push({
        kind: 'storage',
        ...place('storage', nth++),
        bytes: part.bytes,
        contract,
        part,
      })
  let first = 0
  for (const [of, { count, bytes: size }] of codes.entries()) {
    parts.push({ kind: 'codes', ...place('codes', of), bytes: size, first, count })
    first += count
  }
  return parts
}

/** The nth of its kind. */
export const partFile = (kind: Part['kind'], nth: number): string => `${kind}-${nth}`

/** O(contracts). */
export const partCountOf = ({ accounts, runs, contracts, codes }: Manifest): number =>
  1 +
  accounts.length +
  runs.length +
  contracts.reduce((sum, { parts }) => sum + parts.length, 0) +
  codes.length
