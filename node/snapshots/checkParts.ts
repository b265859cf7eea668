import type { ArenaPage } from '../../core/arena/index.ts'
import { arenaShapeOf, hashRun } from '../../core/arena/runs.ts'
import type { Schema } from '../../core/arena/schema.ts'
import type { EthereumHeader } from '../../core/chain/executedBlock.ts'
import { compareBytes, equalBytes, toHex } from '../../core/primitives/bytes.ts'
import { type DecodeCode, decode } from '../../core/primitives/codec.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { type Account, decodeAccount, EMPTY_CODE_HASH, EMPTY_TRIE_ROOT } from '../../evm/account.ts'
import { encodeHeader } from '../../evm/header.ts'
import { encodeRlp } from '../../evm/rlp.ts'
import { type EvmChange, type EvmNamespace, storageKey } from '../../evm/store.ts'
import { nibblesOf } from '../../evm/trie/node.ts'
import { encodeNode, nodeKey } from '../../evm/trie/nodeCodec.ts'
import { type LeafChange, type NodeWrites, subtreeOfLeaves } from '../../evm/trie/update.ts'
import type { ContractParts, RunPart, TriePart } from './manifest.ts'
import {
  ANCESTORS,
  accountsPartCodec,
  ancestorsPartCodec,
  codesPartCodec,
  runPartCodec,
  type SlotItem,
  storagePartCodec,
} from './parts.ts'

export type PartCode =
  | DecodeCode
  | 'PART_WRONG_SIZE'
  | 'PART_WRONG_KEY'
  | 'PART_WRONG_HASH'
  | 'PART_WRONG_STORAGE'
  | 'PART_WRONG_CODE'

/** What the accounts of a part need besides. */
export type AccountNeeds = {
  readonly changes: readonly EvmChange[]
  /** Hashes of codes, in hex. */
  readonly codes: readonly string[]
  /** Addresses in hex whose storage comes in parts of its own; its root was the one that was said. */
  readonly contracts: readonly string[]
}

/** Accounts under a path, whose subtree must hash to what the manifest's does. O(bytes). */
export function checkAccountsPart(
  bytes: Uint8Array,
  part: TriePart,
  contracts: ReadonlyMap<string, ContractParts>,
): Result<AccountNeeds, PartCode> {
  const items = decode(accountsPartCodec, bytes)
  if (!items.ok) return items
  const leaves = items.value.map(({ address, account }) => ({
    key: keccak256(address),
    preimage: address,
    value: account,
  }))
  const built = rebuild(leaves, part)
  if (!built.ok) return built
  const changes = nodeChanges(null, built.value)
  const codes: string[] = []
  const apart: string[] = []
  for (const { address, account: rlp, storage } of items.value) {
    // Its bytes are certified now: an account that our own executor encoded.
    const account = decodeAccount(rlp)
    changes.push(changeOf('account', address, rlp))
    if (!equalBytes(account.codeHash, EMPTY_CODE_HASH)) codes.push(toHex(account.codeHash))
    const contract = contracts.get(toHex(address))
    const slots = storageChanges(address, account, storage, contract)
    if (slots === null) return reject('PART_WRONG_STORAGE')
    for (const change of slots) changes.push(change)
    if (storage === null) apart.push(toHex(address))
  }
  return ok({ changes, codes, contracts: apart })
}

function storageChanges(
  address: Uint8Array,
  { storageRoot }: Account,
  storage: readonly SlotItem[] | null,
  contract: ContractParts | undefined,
): readonly EvmChange[] | null {
  if ((storage === null) !== (contract !== undefined)) return null
  if (contract !== undefined) return equalBytes(contract.storageRoot, storageRoot) ? [] : null
  if (storage === null || storage.length === 0)
    return equalBytes(storageRoot, EMPTY_TRIE_ROOT) ? [] : null
  const built = rebuild(storageLeaves(storage), { path: '', ref: storageRoot })
  return built.ok ? slotChanges(address, storage, built.value) : null
}

/** Slots of one contract under a path. O(bytes). */
export function checkStoragePart(
  bytes: Uint8Array,
  address: Uint8Array,
  part: TriePart,
): Result<readonly EvmChange[], PartCode> {
  const items = decode(storagePartCodec, bytes)
  if (!items.ok) return items
  const built = rebuild(storageLeaves(items.value), part)
  return built.ok ? ok(slotChanges(address, items.value, built.value)) : built
}

/** Exactly the codes with these hashes, in their order. */
export function checkCodesPart(
  bytes: Uint8Array,
  hashes: readonly Uint8Array[],
): Result<readonly EvmChange[], PartCode> {
  const codes = decode(codesPartCodec, bytes)
  if (!codes.ok) return codes
  if (codes.value.length !== hashes.length) return reject('PART_WRONG_CODE')
  const changes: EvmChange[] = []
  for (const [i, code] of codes.value.entries()) {
    const hash = hashes[i] as Uint8Array
    if (!equalBytes(keccak256(code), hash)) return reject('PART_WRONG_CODE')
    changes.push(changeOf('code', hash, code))
  }
  return ok(changes)
}

export function checkRunPart(
  bytes: Uint8Array,
  part: RunPart,
  schema: Schema,
): Result<readonly ArenaPage[], PartCode> {
  const pages = decode(runPartCodec, bytes)
  if (!pages.ok) return pages
  const hash = hashRun(arenaShapeOf(schema), part.run, pages.value)
  if (!hash.ok) return reject('PART_WRONG_KEY')
  return equalBytes(hash.value, part.hash) ? pages : reject('PART_WRONG_HASH')
}

/** A chain of headers that ends at the snapshot's height and reaches as far back as BLOCKHASH does. */
export function checkAncestorsPart(
  bytes: Uint8Array,
  at: { readonly height: number; readonly ethereumHash: Uint8Array },
): Result<readonly EthereumHeader[], PartCode> {
  const headers = decode(ancestorsPartCodec, bytes)
  if (!headers.ok) return headers
  const count = Math.min(ANCESTORS, at.height + 1)
  if (headers.value.length !== count) return reject('PART_WRONG_KEY')
  let expected = at.ethereumHash
  for (let i = count - 1; i >= 0; i--) {
    const header = headers.value[i] as EthereumHeader
    // A size is of the whole block, and no hash covers it.
    if (header.number !== at.height - (count - 1 - i) || header.size !== 0)
      return reject('PART_WRONG_KEY')
    // The stored hash and what is hashed must be one: the hash is what others refer to.
    if (
      !equalBytes(header.hash, expected) ||
      !equalBytes(keccak256(encodeHeader(header)), expected)
    )
      return reject('PART_WRONG_HASH')
    expected = header.parentHash
  }
  return headers
}

const storageLeaves = (items: readonly SlotItem[]): LeafChange[] =>
  items.map(({ slot, value }) => ({
    key: keccak256(slot),
    preimage: slot,
    value: encodeRlp(value),
  }))

function rebuild(
  leaves: readonly (LeafChange & { readonly value: Uint8Array | null })[],
  { path, ref }: Pick<TriePart, 'path' | 'ref'>,
): Result<NodeWrites, PartCode> {
  if (leaves.length === 0) return reject('PART_WRONG_KEY')
  for (const [i, { key }] of leaves.entries()) {
    if (nibblesOf(key, 0, path.length) !== path) return reject('PART_WRONG_KEY')
    const previous = leaves[i - 1]
    if (previous !== undefined && compareBytes(previous.key, key) >= 0)
      return reject('PART_WRONG_KEY')
  }
  const built = subtreeOfLeaves(path, leaves)
  return equalBytes(built.ref, ref) ? ok(built.writes) : reject('PART_WRONG_HASH')
}

const changeOf = (namespace: EvmNamespace, key: Uint8Array, value: Uint8Array): EvmChange => ({
  namespace,
  key,
  value,
  previous: null,
})

function slotChanges(
  address: Uint8Array,
  items: readonly SlotItem[],
  writes: NodeWrites,
): EvmChange[] {
  const changes = nodeChanges(address, writes)
  for (const { slot, value } of items)
    changes.push(changeOf('storage', storageKey(address, slot), value))
  return changes
}

/** Trie nodes of an owner (null: the accounts) as the store keeps them. */
export function nodeChanges(owner: Uint8Array | null, writes: NodeWrites): EvmChange[] {
  const changes: EvmChange[] = []
  for (const [path, node] of writes)
    if (node !== null) changes.push(changeOf('trieNode', nodeKey(owner, path), encodeNode(node)))
  return changes
}
