import { assert } from '../../core/primitives/assert.ts'
import type { Entry } from './entry.ts'

/** The committed state of an account. */
export type Account = { readonly nonce: number; readonly balance: bigint }

/**
 * The transactions of one sender by nonce. The first `executable` of them follow the account's nonce
 * without a gap; the others wait for what is missing.
 */
export class SenderQueue {
  readonly key: string
  readonly address: Uint8Array
  /** Whether the next block could hold its first transaction; kept by the pool. */
  isReady = false
  #account: Account
  /** Which commit the account is of. */
  #accountAt: number
  readonly #entries: Entry[] = []
  #executable = 0
  #cost = 0n

  constructor(key: string, address: Uint8Array, account: Account, accountAt: number) {
    this.key = key
    this.address = address
    this.#account = account
    this.#accountAt = accountAt
  }

  get entries(): readonly Entry[] {
    return this.#entries
  }
  get length(): number {
    return this.#entries.length
  }
  get executable(): number {
    return this.#executable
  }
  get account(): Account {
    return this.#account
  }
  get accountAt(): number {
    return this.#accountAt
  }
  /** Sum over all entries, in wei. */
  get cost(): bigint {
    return this.#cost
  }
  /** The first nonce that is neither used nor taken by an executable transaction. */
  get pendingNonce(): number {
    return this.#account.nonce + this.#executable
  }
  get tail(): Entry | undefined {
    return this.#entries[this.#entries.length - 1]
  }

  find(nonce: number): Entry | undefined {
    const entry = this.#entries[this.#position(nonce)]
    return entry?.transaction.nonce === nonce ? entry : undefined
  }

  insert(entry: Entry): void {
    const { nonce } = entry.transaction
    const at = this.#position(nonce)
    assert(this.#entries[at]?.transaction.nonce !== nonce, 'a nonce is held once')
    if (at === this.#entries.length) this.#entries.push(entry)
    else this.#entries.splice(at, 0, entry)
    this.#cost += entry.cost
    if (at === this.#executable) this.#extend()
  }

  remove(entry: Entry): void {
    const at = this.#position(entry.transaction.nonce)
    assert(this.#entries[at] === entry, 'an entry is in its queue')
    if (at === this.#entries.length - 1) this.#entries.pop()
    else this.#entries.splice(at, 1)
    this.#cost -= entry.cost
    this.#executable = Math.min(this.#executable, at)
  }

  /** Takes a newer account over; the entries whose nonce is used by now are removed and returned. */
  advance(account: Account, accountAt: number): readonly Entry[] {
    assert(account.nonce >= this.#account.nonce, 'a committed nonce never decreases')
    this.#account = account
    this.#accountAt = accountAt
    const used = this.#entries.splice(0, this.#position(account.nonce))
    for (const entry of used) this.#cost -= entry.cost
    this.#executable = 0
    this.#extend()
    return used
  }

  #extend(): void {
    const { nonce } = this.#account
    while (this.#entries[this.#executable]?.transaction.nonce === nonce + this.#executable)
      this.#executable++
  }

  /** Index of the first entry with this nonce or a higher one. */
  #position(nonce: number): number {
    const entries = this.#entries
    const last = entries[entries.length - 1]
    if (last === undefined || last.transaction.nonce < nonce) return entries.length
    const direct = nonce - this.#account.nonce
    if (direct >= 0 && direct < this.#executable) return direct
    let [low, high] = [0, entries.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((entries[middle] as Entry).transaction.nonce < nonce) low = middle + 1
      else high = middle
    }
    return low
  }
}
