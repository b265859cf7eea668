import { assert } from '../core/primitives/assert.ts'
import { EMPTY_BYTES, equalBytes } from '../core/primitives/bytes.ts'
import { type Account, encodeAccount, hasCode } from './account.ts'
import { blockBytes } from './slab.ts'
import type { AccountEntry, SlotEntry } from './state/entries.ts'
import type { FlatState } from './state/flatState.ts'
import { minimalBytesOf, wordScratch } from './state/word.ts'
import type { FlatChange, StateTrie } from './stateTrie.ts'
import type { EvmChange } from './store.ts'

/** What a block leaves behind: kept until it is committed or dropped. */
export type BlockState = {
  readonly stateRoot: Uint8Array
  /** Σ of new − old balances, in wei. */
  readonly nativeDelta: bigint
  readonly changes: readonly EvmChange[]
}

/** Brings the changes of a block into the tries, and lists them against the committed state. */
export function finishBlockState(flat: FlatState, trie: StateTrie): BlockState {
  const changes: EvmChange[] = []
  const codes = new Map<string, readonly [Uint8Array, Uint8Array]>()
  const leaves: FlatChange[] = []
  let nativeDelta = 0n
  for (const entry of flat.written) {
    const root = finishStorage(entry, trie, changes)
    const { address, base: before } = entry
    const account = withRoot(entry.account, root)
    const bytes = account === null ? null : encodeAccount(account)
    if (sameBytes(before.bytes, bytes)) continue
    leaves.push({ preimage: address, value: bytes, existed: before.bytes !== null })
    nativeDelta += (account?.balance ?? 0n) - (before.account?.balance ?? 0n)
    changes.push({ namespace: 'account', key: address, value: bytes, previous: before.bytes })
    noteCode(flat, codes, before.account, account)
  }
  for (const [hash, code] of codes.values()) {
    changes.push({ namespace: 'code', key: hash, value: code, previous: null })
  }
  const stateRoot = trie.updateAccounts(leaves)
  trie.addChanges(changes)
  return { stateRoot, nativeDelta, changes }
}

/** The account's new storage root, or null if no slot has another value than before the block. */
function finishStorage(
  entry: AccountEntry,
  trie: StateTrie,
  changes: EvmChange[],
): Uint8Array | null {
  if (entry.slotsByBits === null) return null
  const leaves: FlatChange[] = []
  const { address } = entry
  const finish = ({ slot: number, base, value }: SlotEntry): void => {
    if (value === base) return
    const key = blockBytes(address.length + WORD_BYTES)
    key.set(address)
    key.set(wordScratch(number), address.length)
    const bytes = minimalBytesOf(value)
    leaves.push({
      preimage: key.subarray(address.length),
      value: value === 0 ? null : leafOf(bytes),
      existed: base !== 0,
    })
    changes.push({
      namespace: 'storage',
      key,
      value: value === 0 ? null : bytes,
      previous: base === 0 ? null : minimalBytesOf(base),
    })
  }
  for (const slot of entry.slots()) finish(slot)
  return leaves.length === 0 ? null : trie.updateStorage(address, leaves)
}

const WORD_BYTES = 32

/** The RLP of a slot's value. */
function leafOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 1 && (bytes[0] as number) < 0x80) return bytes
  const leaf = blockBytes(1 + bytes.length)
  leaf[0] = 0x80 + bytes.length
  leaf.set(bytes, 1)
  return leaf
}

function withRoot(account: Account | null, storageRoot: Uint8Array | null): Account | null {
  if (storageRoot === null) return account
  assert(account !== null, 'an account with storage exists')
  return { ...account, storageRoot }
}

function noteCode(
  flat: FlatState,
  codes: Map<string, readonly [Uint8Array, Uint8Array]>,
  before: Account | null,
  after: Account | null,
): void {
  if (after === null || !hasCode(after)) return
  if (before !== null && equalBytes(before.codeHash, after.codeHash)) return
  const id = String.fromCharCode(...after.codeHash)
  if (!codes.has(id)) codes.set(id, [after.codeHash, flat.code(after)])
}

const sameBytes = (a: Uint8Array | null, b: Uint8Array | null): boolean =>
  equalBytes(a ?? EMPTY_BYTES, b ?? EMPTY_BYTES)
