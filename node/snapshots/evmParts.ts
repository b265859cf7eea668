import { assert } from '../../core/primitives/assert.ts'
import { equalBytes, toHex } from '../../core/primitives/bytes.ts'
import { encode } from '../../core/primitives/codec.ts'
import { decodeAccount, EMPTY_TRIE_ROOT, hasCode, hasStorage } from '../../evm/account.ts'
import { type EvmStore, storageKey } from '../../evm/store.ts'
import type { TrieNode } from '../../evm/trie/node.ts'
import { decodeNode, nodeKey } from '../../evm/trie/nodeCodec.ts'
import { latestEvmStore } from '../storage/evmState.ts'
import type { Read } from '../storage/record.ts'
import { coverTrie, type Gathered } from './cover.ts'
import type { ContractParts, TriePart } from './manifest.ts'
import {
  type AccountItem,
  accountBytes,
  accountsPartCodec,
  INLINE_STORAGE_BYTES,
  type SlotItem,
  slotBytes,
  storagePartCodec,
} from './parts.ts'
import type { SnapshotWriter } from './snapshotFiles.ts'

export type WrittenEvm = {
  readonly accounts: readonly TriePart[]
  readonly contracts: readonly ContractParts[]
  /** In hex, each once. */
  readonly codes: ReadonlySet<string>
}

/** Writes the accounts of the latest state with their storage, from left to right through the trie. */
export class EvmParts {
  readonly #store: EvmStore
  readonly #writer: SnapshotWriter
  readonly #contracts: ContractParts[] = []
  readonly #codes = new Set<string>()

  constructor(read: Read, writer: SnapshotWriter) {
    this.#store = latestEvmStore(read)
    this.#writer = writer
  }

  /** `root` is that of the accounts. */
  writeAll(root: Uint8Array): WrittenEvm {
    const accounts: TriePart[] = []
    const emit = (path: string, ref: Uint8Array, { items }: Gathered<AccountItem>): void => {
      const bytes = this.#writer.write('accounts', encode(accountsPartCodec, items))
      accounts.push({ path, ref, bytes })
    }
    if (!equalBytes(root, EMPTY_TRIE_ROOT)) {
      const whole = coverTrie<AccountItem>({
        node: (path) => this.#node(null, path),
        item: (address) => this.#account(address),
        emit,
      })
      if (whole !== null) emit('', root, whole)
    }
    return { accounts, contracts: this.#contracts, codes: this.#codes }
  }

  #account(address: Uint8Array): { readonly item: AccountItem; readonly bytes: number } {
    const rlp = this.#existing('account', address)
    const account = decodeAccount(rlp)
    if (hasCode(account)) this.#codes.add(toHex(account.codeHash))
    const storage = hasStorage(account) ? this.#storage(address, account.storageRoot) : []
    const item = { address, account: rlp.slice(), storage }
    return { item, bytes: accountBytes(item) }
  }

  /** Null: it was written as parts of its own. */
  #storage(address: Uint8Array, storageRoot: Uint8Array): readonly SlotItem[] | null {
    const parts: TriePart[] = []
    const emit = (path: string, ref: Uint8Array, { items }: Gathered<SlotItem>): void => {
      const bytes = this.#writer.write('storage', encode(storagePartCodec, items))
      parts.push({ path, ref, bytes })
    }
    const whole = coverTrie<SlotItem>({
      node: (path) => this.#node(address, path),
      item: (slot) => {
        const value = this.#existing('storage', storageKey(address, slot))
        const item = { slot, value: value.slice() }
        return { item, bytes: slotBytes(item) }
      },
      emit,
    })
    if (whole !== null && whole.bytes <= INLINE_STORAGE_BYTES) return whole.items
    if (whole !== null) emit('', storageRoot, whole)
    this.#contracts.push({ address, storageRoot, parts })
    return null
  }

  #node(owner: Uint8Array | null, path: string): TrieNode {
    return decodeNode(this.#existing('trieNode', nodeKey(owner, path)))
  }

  #existing(namespace: Parameters<EvmStore['get']>[0], key: Uint8Array): Uint8Array {
    const value = this.#store.get(namespace, key)
    assert(value !== undefined, 'what the state names is stored')
    return value
  }
}
