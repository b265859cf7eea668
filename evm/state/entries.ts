import type { Account } from '../account.ts'
import type { Code } from '../vm/code.ts'
import type { CommittedAccount } from './accountCache.ts'
import { type Word, wordOfBytes } from './word.ts'

/** A storage slot as the block under way sees it. */
export class SlotEntry {
  readonly slot: Word
  /** Before the block. */
  readonly base: Word
  value: Word
  /** At the start of transaction `originalAt` (EIP-2200); of any other, `value` is. */
  original: Word
  originalAt = 0
  /** The transaction in which it is warm (EIP-2929). */
  warmAt = 0

  constructor(slot: Word, base: Word) {
    this.slot = slot
    this.base = base
    this.value = base
    this.original = base
  }
}

/** An account as the block under way sees it, found once and carried. */
export class AccountEntry {
  readonly key: string
  readonly address: Uint8Array
  /** Before the block. */
  readonly base: CommittedAccount
  account: Account | null
  isWritten = false
  /** Its committed storage does not count: a simulation replaced it. */
  hidesStorage = false
  /** By the low 53 bits of their number: the keys of maps that cost least. Null: none yet, as in most accounts. */
  slotsByBits: Map<number, SlotEntry> | null = null
  /** By bytes: those that share these bits with another, which whoever chooses numbers can make happen. */
  otherSlots: Map<string, SlotEntry> | null = null
  /** Transactions in which it is warm, touched (EIP-161), created and destroyed (EIP-6780). */
  warmAt = 0
  touchedAt = 0
  createdAt = 0
  destroyedAt = 0
  /** What answers at the address, as the interpreter found out; null: not asked yet. */
  role: 'code' | 'precompile' | 'engine' | null = null
  /** The code of the account whose `codeHash` is this very array. */
  codeHash: Uint8Array | null = null
  code: Code | null = null

  #word: Word | null = null

  constructor(key: string, address: Uint8Array, base: CommittedAccount) {
    this.key = key
    this.address = address
    this.base = base
    this.account = base.account
  }

  /** Every slot that was asked for. */
  *slots(): Generator<SlotEntry> {
    if (this.slotsByBits !== null) yield* this.slotsByBits.values()
    if (this.otherSlots !== null) yield* this.otherSlots.values()
  }

  /** The address as a word. */
  get word(): Word {
    this.#word ??= wordOfBytes(this.address)
    return this.#word
  }
}
