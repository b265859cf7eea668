import { assert } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import {
  type Account,
  EMPTY_ACCOUNT,
  EMPTY_CODE_HASH,
  EMPTY_TRIE_ROOT,
  hasCode,
  hasStorage,
  isEmptyAccount,
} from '../account.ts'
import type { CommittedState } from './committedState.ts'
import { keyOf } from './keys.ts'

type Slots = Map<string, Uint8Array>
type Undo = () => void
/** An account and its key. */
export type Owner = { readonly key: string; readonly address: Uint8Array }

/**
 * The state of the block under way: what it changed, over the committed state. Every write under a
 * checkpoint can be undone. Values are big-endian without leading zeros; zero is empty.
 */
export class FlatState {
  readonly committed: CommittedState
  readonly accounts = new Map<string, Account | null>()
  readonly storage = new Map<string, Slots>()
  readonly codes = new Map<string, Uint8Array>()
  readonly #undo: Undo[] = []
  readonly #checkpoints: number[] = []
  /** Accounts whose committed storage does not count: a simulation replaced it. */
  readonly #hidden = new Set<string>()
  /** Values at the start of the transaction of the slots it changed (EIP-2200's "original"). */
  readonly #original = new Map<string, Uint8Array>()
  readonly #transient = new Map<string, bigint>()
  #destroyed = 0n

  constructor(committed: CommittedState) {
    this.committed = committed
  }

  account(address: Uint8Array): Account | null {
    const key = keyOf(address)
    const changed = this.accounts.get(key)
    return changed === undefined ? this.committed.account(key, address).account : changed
  }

  setAccount(address: Uint8Array, account: Account | null): void {
    this.#put(this.accounts, keyOf(address), account)
  }

  /** EIP-161: removes a touched account that holds nothing. */
  sweep(address: Uint8Array): void {
    const account = this.account(address)
    if (account !== null && isEmptyAccount(account)) this.deleteAccount(address)
  }

  credit(address: Uint8Array, amount: bigint): void {
    const account = this.account(address) ?? EMPTY_ACCOUNT
    if (amount === 0n) this.sweep(address)
    else this.setAccount(address, { ...account, balance: account.balance + amount })
  }

  /**
   * Only two kinds of accounts are ever deleted: created by the same transaction (EIP-6780), and
   * empty ones (EIP-161). Neither has storage from earlier blocks: EIP-7610 refuses creation over
   * storage, and genesis refuses storage in empty accounts.
   */
  deleteAccount(address: Uint8Array): void {
    this.clearStorage(address)
    this.setAccount(address, null)
  }

  clearStorage(address: Uint8Array): void {
    const key = keyOf(address)
    const account = this.account(address)
    assert(account === null || !hasStorage(account), 'no committed storage is ever cleared at once')
    if (this.storage.has(key)) this.#put<Slots | undefined>(this.storage, key, undefined)
  }

  slot(address: Uint8Array, slot: Uint8Array): Uint8Array {
    return this.slotAt({ key: keyOf(address), address }, keyOf(slot), slot)
  }

  setSlot(address: Uint8Array, slot: Uint8Array, value: Uint8Array): void {
    this.setSlotAt({ key: keyOf(address), address }, keyOf(slot), slot, value)
  }

  originalSlot(address: Uint8Array, slot: Uint8Array): Uint8Array {
    return this.originalSlotAt({ key: keyOf(address), address }, keyOf(slot), slot)
  }

  /** The three above for who has the keys already. `slot` may be a scratch word. */
  slotAt({ key, address }: Owner, slotKey: string, slot: Uint8Array): Uint8Array {
    const changed = this.storage.get(key)?.get(slotKey)
    if (changed !== undefined) return changed
    if (this.#hidden.size > 0 && this.#hidden.has(key)) return EMPTY_BYTES
    return this.committed.slot(key + slotKey, address, slot)
  }

  originalSlotAt(owner: Owner, slotKey: string, slot: Uint8Array): Uint8Array {
    return this.#original.get(owner.key + slotKey) ?? this.slotAt(owner, slotKey, slot)
  }

  /** `value` has no leading zeros. */
  setSlotAt(owner: Owner, slotKey: string, slot: Uint8Array, value: Uint8Array): void {
    const { key } = owner
    const original = key + slotKey
    if (!this.#original.has(original)) {
      this.#original.set(original, this.slotAt(owner, slotKey, slot))
    }
    let slots = this.storage.get(key)
    if (slots === undefined) {
      slots = new Map()
      this.#put(this.storage, key, slots)
    }
    this.#put(slots, slotKey, value)
  }

  /** For a simulation that replaces the whole storage of an account. */
  hideStorage(address: Uint8Array): void {
    this.#hidden.add(keyOf(address))
    const account = this.account(address)
    if (account !== null) this.setAccount(address, { ...account, storageRoot: EMPTY_TRIE_ROOT })
  }

  code(account: Account): Uint8Array {
    if (!hasCode(account)) return EMPTY_BYTES
    return this.codes.get(keyOf(account.codeHash)) ?? this.committed.code(account.codeHash)
  }

  setCode(address: Uint8Array, code: Uint8Array): void {
    const codeHash = code.length === 0 ? EMPTY_CODE_HASH : keccak256(code)
    const account = this.account(address) ?? EMPTY_ACCOUNT
    // Content-addressed, so nothing to undo; only code that an account ends up with is stored.
    if (code.length > 0) this.codes.set(keyOf(codeHash), code)
    this.setAccount(address, { ...account, codeHash })
  }

  /** EIP-1153; gone when the transaction ends. */
  transient(key: string): bigint {
    return this.#transient.get(key) ?? 0n
  }
  setTransient(key: string, value: bigint): void {
    this.#put(this.#transient, key, value)
  }

  startTransaction(): void {
    assert(this.#checkpoints.length === 0, 'transactions do not nest')
    this.#original.clear()
    this.#transient.clear()
    this.#undo.length = 0
  }

  checkpoint(): void {
    this.#checkpoints.push(this.#undo.length)
  }

  commit(): void {
    const mark = this.#checkpoints.pop()
    assert(mark !== undefined, 'a commit closes a checkpoint')
  }

  revert(): void {
    const mark = this.#checkpoints.pop()
    assert(mark !== undefined, 'a revert closes a checkpoint')
    while (this.#undo.length > mark) this.#undo.pop()?.()
  }

  /** Whether what is done now can be undone. */
  get isGuarded(): boolean {
    return this.#checkpoints.length > 0
  }

  /** Wei that contracts destroyed in this block (SELFDESTRUCT), and that no account holds any more. */
  get destroyed(): bigint {
    return this.#destroyed
  }

  /** Counts coins that the caller takes out of an account, or out of one about to be deleted. */
  noteDestroyed(amount: bigint): void {
    this.#destroyed += amount
    this.onRevert(() => {
      this.#destroyed -= amount
    })
  }

  /** Undoes something beside the state together with it. */
  onRevert(undo: Undo): void {
    if (this.#checkpoints.length > 0) this.#undo.push(undo)
  }

  /** Undefined removes the entry, so that the committed state shows again. */
  #put<V>(map: Map<string, V>, key: string, value: V): void {
    if (this.#checkpoints.length > 0) {
      const had = map.has(key)
      const previous = map.get(key)
      this.#undo.push(() => {
        if (had) map.set(key, previous as V)
        else map.delete(key)
      })
    }
    if (value === undefined) map.delete(key)
    else map.set(key, value)
  }
}
