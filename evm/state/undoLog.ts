import { assert } from '../../core/primitives/assert.ts'
import type { Account } from '../account.ts'
import type { AccountEntry, SlotEntry } from './entries.ts'
import type { Word } from './word.ts'

const ACCOUNT = 0
const SLOT = 1
const WARM = 2
const TOUCHED = 3
const CREATED = 4
const DESTROYED = 5
const TRANSIENT = 6
const CALL = 7

/**
 * What the writes under a checkpoint have to undo, last first: three items a write, without a
 * closure for each. Nothing is noted outside checkpoints.
 */
export class UndoLog {
  readonly #items: unknown[] = []
  readonly #marks: number[] = []

  start(): void {
    assert(this.#marks.length === 0, 'transactions do not nest')
    this.#items.length = 0
  }
  checkpoint(): void {
    this.#marks.push(this.#items.length)
  }
  commit(): void {
    assert(this.#marks.pop() !== undefined, 'a commit closes a checkpoint')
  }
  revert(): void {
    const mark = this.#marks.pop()
    assert(mark !== undefined, 'a revert closes a checkpoint')
    const items = this.#items
    while (items.length > mark) {
      const previous = items.pop()
      const target = items.pop()
      undo(items.pop() as number, target, previous)
    }
  }
  get isGuarded(): boolean {
    return this.#marks.length > 0
  }

  account(entry: AccountEntry): void {
    if (this.#marks.length > 0) this.#items.push(ACCOUNT, entry, entry.account)
  }
  slot(entry: SlotEntry): void {
    if (this.#marks.length > 0) this.#items.push(SLOT, entry, entry.value)
  }
  warm(entry: AccountEntry | SlotEntry): void {
    if (this.#marks.length > 0) this.#items.push(WARM, entry, 0)
  }
  touched(entry: AccountEntry): void {
    if (this.#marks.length > 0) this.#items.push(TOUCHED, entry, 0)
  }
  created(entry: AccountEntry): void {
    if (this.#marks.length > 0) this.#items.push(CREATED, entry, entry.createdAt)
  }
  destroyed(entry: AccountEntry): void {
    if (this.#marks.length > 0) this.#items.push(DESTROYED, entry, entry.destroyedAt)
  }
  transient(map: Map<string, Word>, key: string): void {
    if (this.#marks.length > 0) this.#items.push(TRANSIENT, map, [key, map.get(key) ?? 0])
  }
  call(run: () => void): void {
    if (this.#marks.length > 0) this.#items.push(CALL, run, 0)
  }
}

function undo(kind: number, target: unknown, previous: unknown): void {
  if (kind === ACCOUNT) {
    ;(target as AccountEntry).account = previous as Account | null
  } else if (kind === SLOT) {
    ;(target as SlotEntry).value = previous as Word
  } else if (kind === WARM) {
    ;(target as AccountEntry | SlotEntry).warmAt = 0
  } else if (kind === TOUCHED) {
    ;(target as AccountEntry).touchedAt = 0
  } else if (kind === CREATED) {
    ;(target as AccountEntry).createdAt = previous as number
  } else if (kind === DESTROYED) {
    ;(target as AccountEntry).destroyedAt = previous as number
  } else if (kind === TRANSIENT) {
    const [key, value] = previous as readonly [string, Word]
    ;(target as Map<string, Word>).set(key, value)
  } else {
    ;(target as () => void)()
  }
}
