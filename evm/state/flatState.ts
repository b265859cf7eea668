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
import { blockCopy } from '../slab.ts'
import type { CommittedState } from './committedState.ts'
import { AccountEntry, SlotEntry } from './entries.ts'
import { keyOf } from './keys.ts'
import { UndoLog } from './undoLog.ts'
import { minimalBytesOf, type Word, wordOfBytes, wordScratch } from './word.ts'

/** The precompile whose touch survives a revert, for a block of 2016 (EIP-161, geth journal.go). */
const RIPEMD = keyOf(Uint8Array.from({ length: 20 }, (_, i) => (i === 19 ? 3 : 0)))

/**
 * The state of the block under way: what it changed, over the committed state. Every write under a
 * checkpoint can be undone.
 */
export class FlatState {
  readonly committed: CommittedState
  readonly #entries = new Map<string, AccountEntry>()
  readonly #written: AccountEntry[] = []
  readonly #codes = new Map<string, Uint8Array>()
  readonly #undo = new UndoLog()
  readonly #transient = new Map<string, Word>()
  #touched: AccountEntry[] = []
  #transaction = 1
  #destroyed = 0n

  constructor(committed: CommittedState) {
    this.committed = committed
  }

  /** The number of the transaction under way: what entries were warmed or touched at. */
  get transaction(): number {
    return this.#transaction
  }

  /** `address` may be a scratch array: it is copied where it is kept. */
  entry(address: Uint8Array): AccountEntry {
    const key = keyOf(address)
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const own = blockCopy(address)
    const entry = new AccountEntry(key, own, this.committed.account(own))
    this.#entries.set(key, entry)
    return entry
  }

  account(address: Uint8Array): Account | null {
    return this.entry(address).account
  }

  setAccount(address: Uint8Array, account: Account | null): void {
    this.write(this.entry(address), account)
  }

  write(entry: AccountEntry, account: Account | null): void {
    this.#undo.account(entry)
    if (!entry.isWritten) {
      entry.isWritten = true
      this.#written.push(entry)
    }
    entry.account = account
  }

  /** Every account that was written, whether or not it changed. */
  get written(): readonly AccountEntry[] {
    return this.#written
  }

  /** EIP-161: removes a touched account that holds nothing. */
  sweep(address: Uint8Array): void {
    this.#sweep(this.entry(address))
  }

  #sweep(entry: AccountEntry): void {
    if (entry.account !== null && isEmptyAccount(entry.account)) this.#delete(entry)
  }

  credit(address: Uint8Array, amount: bigint): void {
    this.creditEntry(this.entry(address), amount)
  }

  creditEntry(entry: AccountEntry, amount: bigint): void {
    if (amount === 0n) this.#sweep(entry)
    else this.addBalance(entry, amount)
  }

  /** `amount` may be negative; the balance stays above zero. */
  addBalance(entry: AccountEntry, amount: bigint): void {
    const { nonce, balance, storageRoot, codeHash } = entry.account ?? EMPTY_ACCOUNT
    this.write(entry, { nonce, balance: balance + amount, storageRoot, codeHash })
  }

  /**
   * Only two kinds of accounts are ever deleted: created by the same transaction (EIP-6780), and
   * empty ones (EIP-161). Neither has storage from earlier blocks: EIP-7610 refuses creation over
   * storage, and genesis refuses storage in empty accounts.
   */
  deleteAccount(address: Uint8Array): void {
    this.#delete(this.entry(address))
  }

  #delete(entry: AccountEntry): void {
    this.clearSlots(entry)
    this.write(entry, null)
  }

  clearStorage(address: Uint8Array): void {
    this.clearSlots(this.entry(address))
  }

  clearSlots(entry: AccountEntry): void {
    const { account } = entry
    assert(account === null || !hasStorage(account), 'no committed storage is ever cleared at once')
    for (const slot of entry.slots()) this.#clear(slot)
  }

  #clear(slot: SlotEntry): void {
    if (slot.value === 0) return
    this.#undo.slot(slot)
    slot.value = 0
  }

  slotEntry(entry: AccountEntry, slot: Word): SlotEntry {
    const bits = typeof slot === 'number' ? slot : Number(BigInt.asUintN(53, slot))
    entry.slotsByBits ??= new Map()
    const known = entry.slotsByBits.get(bits)
    if (known === undefined) {
      const loaded = this.#load(entry, slot)
      entry.slotsByBits.set(bits, loaded)
      return loaded
    }
    return known.slot === slot ? known : this.#otherSlot(entry, slot)
  }

  #otherSlot(entry: AccountEntry, slot: Word): SlotEntry {
    const key = keyOf(wordScratch(slot))
    entry.otherSlots ??= new Map()
    const known = entry.otherSlots.get(key)
    if (known !== undefined) return known
    const loaded = this.#load(entry, slot)
    entry.otherSlots.set(key, loaded)
    return loaded
  }

  #load(entry: AccountEntry, slot: Word): SlotEntry {
    if (entry.hidesStorage) return new SlotEntry(slot, 0)
    const { account } = entry.base
    // Nothing to ask the store for: the account has never had storage.
    if (account === null || !hasStorage(account)) return new SlotEntry(slot, 0)
    return new SlotEntry(slot, this.committed.slot(entry.address, slot))
  }

  writeSlot(entry: AccountEntry, slot: SlotEntry, value: Word): void {
    if (slot.originalAt !== this.#transaction) {
      slot.original = slot.value
      slot.originalAt = this.#transaction
    }
    this.#undo.slot(slot)
    slot.value = value
    if (!entry.isWritten) {
      entry.isWritten = true
      this.#written.push(entry)
    }
  }

  /** EIP-2200's "original": the value at the start of the transaction. */
  originalOf(slot: SlotEntry): Word {
    return slot.originalAt === this.#transaction ? slot.original : slot.value
  }

  /** The three above in bytes. Values are big-endian without leading zeros; zero is empty. */
  slot(address: Uint8Array, slot: Uint8Array): Uint8Array {
    return minimalBytesOf(this.slotEntry(this.entry(address), wordOfBytes(slot)).value)
  }
  setSlot(address: Uint8Array, slot: Uint8Array, value: Uint8Array): void {
    const entry = this.entry(address)
    this.writeSlot(entry, this.slotEntry(entry, wordOfBytes(slot)), wordOfBytes(value))
  }
  originalSlot(address: Uint8Array, slot: Uint8Array): Uint8Array {
    return minimalBytesOf(this.originalOf(this.slotEntry(this.entry(address), wordOfBytes(slot))))
  }

  /** For a simulation that replaces the whole storage of an account. */
  hideStorage(address: Uint8Array): void {
    const entry = this.entry(address)
    entry.hidesStorage = true
    entry.slotsByBits = null
    entry.otherSlots = null
    const { account } = entry
    if (account !== null) this.write(entry, { ...account, storageRoot: EMPTY_TRIE_ROOT })
  }

  code(account: Account): Uint8Array {
    if (!hasCode(account)) return EMPTY_BYTES
    return this.#codes.get(keyOf(account.codeHash)) ?? this.committed.code(account.codeHash)
  }

  setCode(address: Uint8Array, code: Uint8Array): void {
    const entry = this.entry(address)
    const codeHash = code.length === 0 ? EMPTY_CODE_HASH : keccak256(code)
    // Content-addressed, so nothing to undo; only code that an account ends up with is stored.
    if (code.length > 0) this.#codes.set(keyOf(codeHash), code)
    this.write(entry, { ...(entry.account ?? EMPTY_ACCOUNT), codeHash })
  }

  /** EIP-1153; gone when the transaction ends. */
  transient(key: string): Word {
    return this.#transient.get(key) ?? 0
  }
  setTransient(key: string, value: Word): void {
    this.#undo.transient(this.#transient, key)
    this.#transient.set(key, value)
  }

  /** EIP-2929. False if it was warm already. Until the transaction ends, unless undone. */
  warm(entry: AccountEntry | SlotEntry): boolean {
    if (entry.warmAt === this.#transaction) return false
    this.#undo.warm(entry)
    entry.warmAt = this.#transaction
    return true
  }

  /** EIP-161: to be removed at the end of the transaction, should it be empty then. */
  touch(entry: AccountEntry): void {
    if (entry.touchedAt === this.#transaction) return
    if (entry.key !== RIPEMD) this.#undo.touched(entry)
    entry.touchedAt = this.#transaction
    this.#touched.push(entry)
  }

  sweepTouched(): void {
    for (const entry of this.#touched) {
      if (entry.touchedAt === this.#transaction) this.#sweep(entry)
    }
    this.#touched = []
  }

  noteCreated(entry: AccountEntry): void {
    this.#undo.created(entry)
    entry.createdAt = this.#transaction
  }
  noteSelfDestruct(entry: AccountEntry): void {
    this.#undo.destroyed(entry)
    entry.destroyedAt = this.#transaction
  }

  startTransaction(): void {
    this.#undo.start()
    this.#transaction++
    if (this.#transient.size > 0) this.#transient.clear()
    if (this.#touched.length > 0) this.#touched = []
  }

  checkpoint(): void {
    this.#undo.checkpoint()
  }
  commit(): void {
    this.#undo.commit()
  }
  revert(): void {
    this.#undo.revert()
  }

  /** Whether what is done now can be undone. */
  get isGuarded(): boolean {
    return this.#undo.isGuarded
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
  onRevert(undo: () => void): void {
    this.#undo.call(undo)
  }
}
