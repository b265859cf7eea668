import { assert } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { ByteCache } from '../byteCache.ts'
import { GenerationCache } from '../cache.ts'
import { type EvmChange, type EvmStore, storageKey } from '../store.ts'
import { AccountCache, type CommittedAccount } from './accountCache.ts'
import { keyOf } from './keys.ts'
import { storeWord, type Word, wordOfBytes, wordOfRange } from './word.ts'

export type StateCacheOptions = {
  /** Memory for accounts: 40 bytes for one without code and storage. */
  readonly accountBytes: number
  /** Memory for slots: 60 to 90 bytes each. */
  readonly slotBytes: number
  /** Entries, up to twice as many, of at most 24 KiB each. */
  readonly cachedCodes: number
}

const SLOT_BYTES = 70

/** The state after the last committed block, read through caches that hold nothing younger. */
export class CommittedState {
  readonly #store: EvmStore
  readonly #accounts: AccountCache
  readonly #slots: ByteCache
  readonly #codes: GenerationCache<Uint8Array>
  /** The key asked for. */
  readonly #slotKey = storageKey(new Uint8Array(20), new Uint8Array(32))
  readonly #slotView = new DataView(this.#slotKey.buffer)

  /** `codes`: a cache to share; code does not change under its hash. */
  constructor(
    store: EvmStore,
    options: StateCacheOptions,
    codes: GenerationCache<Uint8Array> = new GenerationCache(options.cachedCodes),
  ) {
    this.#store = store
    this.#accounts = new AccountCache(options.accountBytes)
    this.#slots = new ByteCache(options.slotBytes, SLOT_BYTES)
    this.#codes = codes
  }

  account(address: Uint8Array): CommittedAccount {
    return (
      this.#accounts.get(address) ??
      this.#accounts.learn(address, this.#store.get('account', address))
    )
  }

  slot(address: Uint8Array, slot: Word): Word {
    const slots = this.#slots
    const key = this.#slotKey
    key.set(address)
    storeWord(this.#slotView, address.length, slot)
    const at = slots.find(key)
    if (at >= 0) return wordOfRange(slots.bytes, at, slots.length)
    const value = this.#store.get('storage', key.slice()) ?? EMPTY_BYTES
    slots.add(key, key.length, value, 0, value.length)
    return wordOfBytes(value)
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

  /** Takes in what has just been committed. */
  learn(changes: readonly EvmChange[]): void {
    for (const { namespace, key, value } of changes) {
      if (namespace === 'account') this.#accounts.set(key, value)
      else if (namespace === 'storage') {
        this.#slots.set(key, key.length, value ?? EMPTY_BYTES, 0, value?.length ?? 0)
      } else if (namespace === 'code' && value !== null) this.#codes.set(keyOf(key), value)
    }
  }
}
