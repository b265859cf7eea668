import { assert } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { type Account, decodeAccount } from '../account.ts'
import { GenerationCache } from '../cache.ts'
import { type EvmStore, storageKey } from '../store.ts'
import { keyOf } from './keys.ts'

/** Entries kept in memory; each bound may be exceeded twofold. */
export type StateCacheOptions = {
  readonly cachedAccounts: number
  readonly cachedSlots: number
  /** At most 24 KiB each. */
  readonly cachedCodes: number
}

export type CommittedAccount = {
  readonly account: Account | null
  /** The encoding of `account`. */
  readonly bytes: Uint8Array | null
}

const ABSENT: CommittedAccount = { account: null, bytes: null }

/** The state after the last committed block, read through caches that hold nothing younger. */
export class CommittedState {
  readonly #store: EvmStore
  readonly #accounts: GenerationCache<CommittedAccount>
  readonly #slots: GenerationCache<Uint8Array>
  readonly #codes: GenerationCache<Uint8Array>

  /** `codes`: a cache to share; code does not change under its hash. */
  constructor(
    store: EvmStore,
    options: StateCacheOptions,
    codes: GenerationCache<Uint8Array> = new GenerationCache(options.cachedCodes),
  ) {
    this.#store = store
    this.#accounts = new GenerationCache(options.cachedAccounts)
    this.#slots = new GenerationCache(options.cachedSlots)
    this.#codes = codes
  }

  account(key: string, address: Uint8Array): CommittedAccount {
    const cached = this.#accounts.get(key)
    if (cached !== undefined) return cached
    const bytes = this.#store.get('account', address)
    const entry = bytes === undefined ? ABSENT : { account: decodeAccount(bytes), bytes }
    this.#accounts.set(key, entry)
    return entry
  }

  /** Big-endian without leading zeros; zero is empty. */
  slot(key: string, address: Uint8Array, slot: Uint8Array): Uint8Array {
    const cached = this.#slots.get(key)
    if (cached !== undefined) return cached
    const value = this.#store.get('storage', storageKey(address, slot)) ?? EMPTY_BYTES
    this.#slots.set(key, value)
    return value
  }

  /** The same array for the same code while it is cached, so that what is derived from it can be, too. */
  code(hash: Uint8Array): Uint8Array {
    const key = keyOf(hash)
    const cached = this.#codes.get(key)
    if (cached !== undefined) return cached
    const code = this.#store.get('code', hash)
    assert(code !== undefined, 'the code of an account is stored')
    this.#codes.set(key, code)
    return code
  }

  /** For what has just been committed. */
  learnAccount(key: string, entry: CommittedAccount): void {
    this.#accounts.set(key, entry)
  }
  learnSlot(key: string, value: Uint8Array): void {
    this.#slots.set(key, value)
  }
  learnCode(hash: Uint8Array, code: Uint8Array): void {
    this.#codes.set(keyOf(hash), code)
  }
}
