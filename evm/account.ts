import { assert } from '../core/primitives/assert.ts'
import { bytesToBigint, EMPTY_BYTES, equalBytes } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { decodeRlp, encodeRlp, quantityBytes } from './rlp.ts'

/** An Ethereum account. Values are never changed in place. `nonce` stays below 2^53: a sender cannot live long enough. */
export type Account = {
  readonly nonce: number
  readonly balance: bigint
  /** After the block before; the block under way is not in it. */
  readonly storageRoot: Uint8Array
  readonly codeHash: Uint8Array
}

export const EMPTY_CODE_HASH = keccak256(EMPTY_BYTES)
/** Root of a trie without entries: the hash of the empty string's RLP. */
export const EMPTY_TRIE_ROOT = keccak256(Uint8Array.of(0x80))

export const EMPTY_ACCOUNT: Account = {
  nonce: 0,
  balance: 0n,
  storageRoot: EMPTY_TRIE_ROOT,
  codeHash: EMPTY_CODE_HASH,
}

export const hasCode = (account: Account): boolean =>
  account.codeHash !== EMPTY_CODE_HASH && !equalBytes(account.codeHash, EMPTY_CODE_HASH)

export const hasStorage = (account: Account): boolean =>
  account.storageRoot !== EMPTY_TRIE_ROOT && !equalBytes(account.storageRoot, EMPTY_TRIE_ROOT)

/** EIP-161: such an account is removed when a transaction touches it. */
export const isEmptyAccount = (account: Account): boolean =>
  account.nonce === 0 && account.balance === 0n && !hasCode(account)

/** The value of the `account` namespace, which is also the value in the state trie (Yellow Paper §4.1). */
export const encodeAccount = (account: Account): Uint8Array =>
  encodeRlp([
    quantityBytes(account.nonce),
    quantityBytes(account.balance),
    account.storageRoot,
    account.codeHash,
  ])

/** Of bytes this program wrote: asserts. */
export function decodeAccount(bytes: Uint8Array): Account {
  const decoded = decodeRlp(bytes)
  assert(decoded.ok, 'a stored account is RLP')
  const [nonce, balance, storageRoot, codeHash] = decoded.value as readonly Uint8Array[]
  assert(nonce && balance && storageRoot && codeHash, 'a stored account has four fields')
  return {
    nonce: Number(bytesToBigint(nonce)),
    balance: bytesToBigint(balance),
    storageRoot: equalBytes(storageRoot, EMPTY_TRIE_ROOT) ? EMPTY_TRIE_ROOT : storageRoot.slice(),
    codeHash: equalBytes(codeHash, EMPTY_CODE_HASH) ? EMPTY_CODE_HASH : codeHash.slice(),
  }
}
