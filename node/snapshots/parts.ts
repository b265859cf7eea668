import type { ArenaPage } from '../../core/arena/index.ts'
import { PAGE_BYTES, RUN_PAGES } from '../../core/arena/runs.ts'
import { type EthereumHeader, ethereumHeaderCodec } from '../../core/chain/executedBlock.ts'
import {
  bytes,
  type Codec,
  fixedBytes,
  list,
  optional,
  struct,
  u32,
} from '../../core/primitives/codec.ts'
import { HASH_LENGTH } from '../../core/primitives/hash.ts'
import { ADDRESS_LENGTH } from '../../core/primitives/signature.ts'

/** A part grows to this and is then cut at the next branch below. */
export const PART_TARGET_BYTES = 1024 * 1024
/** Storage up to this travels with its account. */
export const INLINE_STORAGE_BYTES = 256 * 1024
/** BLOCKHASH reaches so far (EIP-210's number, and Ethereum's). */
export const ANCESTORS = 256

/** Big-endian without leading zeros, never empty. */
export type SlotItem = { readonly slot: Uint8Array; readonly value: Uint8Array }

/** `account` is the RLP in the state trie. `storage` null: it has parts of its own. */
export type AccountItem = {
  readonly address: Uint8Array
  readonly account: Uint8Array
  readonly storage: readonly SlotItem[] | null
}

/** An account is at most 2 + 9 + 33 + 33 + 33 bytes of RLP. */
const ACCOUNT_BYTES = 110
/** More than any part of its size can hold. */
const MAX_ITEMS = 1 << 20

const slotCodec: Codec<SlotItem> = struct<SlotItem>({
  slot: fixedBytes(HASH_LENGTH),
  value: bytes(HASH_LENGTH),
})
export const storagePartCodec: Codec<readonly SlotItem[]> = list(slotCodec, MAX_ITEMS)
export const accountsPartCodec: Codec<readonly AccountItem[]> = list(
  struct<AccountItem>({
    address: fixedBytes(ADDRESS_LENGTH),
    account: bytes(ACCOUNT_BYTES),
    storage: optional(storagePartCodec),
  }),
  MAX_ITEMS,
)
/** EIP-170 allows 24 KiB; a genesis may place more. */
const CODE_BYTES = 1024 * 1024
export const codesPartCodec: Codec<readonly Uint8Array[]> = list(bytes(CODE_BYTES), MAX_ITEMS)

export const runPartCodec: Codec<readonly ArenaPage[]> = list(
  struct<ArenaPage>({ index: u32, bytes: fixedBytes(PAGE_BYTES) }),
  RUN_PAGES,
)
/** Ascending. */
export const ancestorsPartCodec: Codec<readonly EthereumHeader[]> = list(
  ethereumHeaderCodec,
  ANCESTORS,
)

/** Bytes of an item in its part. */
export const slotBytes = ({ value }: SlotItem): number => HASH_LENGTH + 4 + value.length
export const accountBytes = ({ account, storage }: AccountItem): number =>
  ADDRESS_LENGTH +
  4 +
  account.length +
  (storage === null ? 1 : 5 + storage.reduce((sum, item) => sum + slotBytes(item), 0))
