import { ACCOUNT_TAIL, type Account, decodeAccount } from '../account.ts'
import { ByteCache } from '../byteCache.ts'
import { blockBytes } from '../slab.ts'

export type CommittedAccount = {
  readonly account: Account | null
  /** The encoding of `account`. */
  readonly bytes: Uint8Array | null
}

const ABSENT: CommittedAccount = { account: null, bytes: null }
/** A list of 56 to 255 bytes: every account's length. */
const LIST_HEADER = 2
const LONG_LIST = 0xf8
/** Key, header and an account without code or storage. */
const ENTRY_BYTES = 40

/**
 * Encoded accounts by address. Of one without code and storage only nonce and balance are kept, and nothing of one
 * that is known to be absent.
 */
export class AccountCache {
  readonly #cache: ByteCache

  constructor(capacity: number) {
    this.#cache = new ByteCache(capacity, ENTRY_BYTES)
  }

  get(address: Uint8Array): CommittedAccount | undefined {
    const cache = this.#cache
    const at = cache.find(address)
    if (at < 0) return undefined
    const { length } = cache
    if (length === 0) return ABSENT
    if (length > ACCOUNT_TAIL.length) return entryOf(copyOf(cache.bytes, at, length))
    const payload = length + ACCOUNT_TAIL.length
    const bytes = blockBytes(LIST_HEADER + payload)
    bytes[0] = LONG_LIST
    bytes[1] = payload
    for (let i = 0; i < length; i++) bytes[LIST_HEADER + i] = cache.bytes[at + i] as number
    bytes.set(ACCOUNT_TAIL, LIST_HEADER + length)
    return entryOf(bytes)
  }

  set(address: Uint8Array, bytes: Uint8Array | null): void {
    const [from, length] = keptOf(bytes)
    this.#cache.set(address, address.length, bytes ?? address, from, length)
  }

  /** From the store, where `get` has just found nothing: what it gives from now on. */
  learn(address: Uint8Array, bytes: Uint8Array | undefined): CommittedAccount {
    const [from, length] = keptOf(bytes ?? null)
    this.#cache.add(address, address.length, bytes ?? address, from, length)
    return bytes === undefined ? ABSENT : entryOf(bytes)
  }
}

/** The part of an encoding that is kept: where it begins, and its length. */
function keptOf(bytes: Uint8Array | null): readonly [number, number] {
  if (bytes === null) return [0, 0]
  if (!isPlain(bytes)) return [0, bytes.length]
  return [LIST_HEADER, bytes.length - LIST_HEADER - ACCOUNT_TAIL.length]
}

const entryOf = (bytes: Uint8Array): CommittedAccount => ({ account: decodeAccount(bytes), bytes })

function copyOf(source: Uint8Array, at: number, length: number): Uint8Array {
  const bytes = blockBytes(length)
  bytes.set(source.subarray(at, at + length))
  return bytes
}

function isPlain(bytes: Uint8Array): boolean {
  const start = bytes.length - ACCOUNT_TAIL.length
  for (let i = ACCOUNT_TAIL.length - 1; i >= 0; i--) {
    if (bytes[start + i] !== ACCOUNT_TAIL[i]) return false
  }
  return true
}
