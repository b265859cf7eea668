import { compareBytes } from '../../core/primitives/bytes.ts'
import type { AccessListEntry } from '../accessList.ts'
import type { AccountEntry, SlotEntry } from '../state/entries.ts'
import { bytesOfWord } from '../state/word.ts'

/** What code warmed, for an access list. What reverts stays in it. */
export class AccessReport {
  readonly #accounts = new Map<AccountEntry, Set<SlotEntry>>()

  account(entry: AccountEntry): void {
    if (!this.#accounts.has(entry)) this.#accounts.set(entry, new Set())
  }
  slot(entry: AccountEntry, slot: SlotEntry): void {
    this.account(entry)
    this.#accounts.get(entry)?.add(slot)
  }

  /** Sorted. */
  list(): AccessListEntry[] {
    return [...this.#accounts]
      .map(([{ address }, slots]) => ({
        address,
        storageKeys: [...slots].map(({ slot }) => bytesOfWord(slot)).sort(compareBytes),
      }))
      .sort((a, b) => compareBytes(a.address, b.address))
  }
}
