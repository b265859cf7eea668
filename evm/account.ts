import { assert } from '../core/primitives/assert.ts'
import { bytesToBigint, EMPTY_BYTES, equalBytes } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { encodeRlp, quantityBytes } from './rlp.ts'
import { blockBytes } from './slab.ts'

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

/** How the encoding of an account without storage and code ends: in two strings of 32 bytes. */
export const ACCOUNT_TAIL = encodeRlp([EMPTY_TRIE_ROOT, EMPTY_CODE_HASH]).subarray(2)
const HASH_STRING = 0xa0
const LONG_LIST = 0xf8

/**
 * The value of the `account` namespace, which is also the value in the state trie (Yellow Paper §4.1). Written by
 * hand, as is the decoder: a block of transfers does each two thousand times.
 */
export function encodeAccount(account: Account): Uint8Array {
  const { nonce, balance, storageRoot, codeHash } = account
  const nonceBytes = lengthOf(nonce)
  const isSmall = balance < SMALL
  const large = isSmall ? EMPTY_BYTES : quantityBytes(balance)
  const low = isSmall ? Number(BigInt.asUintN(48, balance)) : 0
  const high = isSmall ? Number(balance >> 48n) : 0
  const balanceBytes = isSmall ? (high > 0 ? 6 + lengthOf(high) : lengthOf(low)) : large.length
  const isNonceByte = nonce > 0 && nonce < 0x80
  const isBalanceByte = balanceBytes === 1 && low < 0x80
  const payload =
    (isNonceByte ? 1 : 1 + nonceBytes) +
    (isBalanceByte ? 1 : 1 + balanceBytes) +
    ACCOUNT_TAIL.length
  const bytes = blockBytes(2 + payload)
  bytes[0] = LONG_LIST
  bytes[1] = payload
  let at = 2
  if (!isNonceByte) bytes[at++] = 0x80 + nonceBytes
  writeBytes(bytes, at, nonce, nonceBytes)
  at += nonceBytes
  if (!isBalanceByte) bytes[at++] = 0x80 + balanceBytes
  if (!isSmall) bytes.set(large, at)
  else if (high === 0) writeBytes(bytes, at, low, balanceBytes)
  else {
    writeBytes(bytes, at, high, balanceBytes - 6)
    writeBytes(bytes, at + balanceBytes - 6, low, 6)
  }
  at += balanceBytes
  if (storageRoot === EMPTY_TRIE_ROOT && codeHash === EMPTY_CODE_HASH) bytes.set(ACCOUNT_TAIL, at)
  else {
    bytes[at] = HASH_STRING
    bytes.set(storageRoot, at + 1)
    bytes[at + 33] = HASH_STRING
    bytes.set(codeHash, at + 34)
  }
  return bytes
}

/** Two numbers hold it exactly. */
const SMALL = 1n << 96n

/** Bytes of a number without leading zeros; none of zero. */
function lengthOf(value: number): number {
  let bytes = 0
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes++
  return bytes
}

function writeBytes(out: Uint8Array, at: number, value: number, length: number): void {
  for (let i = length - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) {
    out[at + i] = rest % 256
  }
}

function readBytes(bytes: Uint8Array, at: number, length: number): number {
  let value = 0
  for (let i = 0; i < length; i++) value = value * 256 + (bytes[at + i] as number)
  return value
}

/** Of bytes this program wrote: asserts. */
export function decodeAccount(bytes: Uint8Array): Account {
  assert(
    bytes[0] === LONG_LIST && bytes.length === 2 + (bytes[1] as number),
    'a stored account is a list',
  )
  const nonceAt = bytes[2] as number
  const nonceBytes = nonceAt < 0x80 ? 1 : nonceAt - 0x80
  const nonceStart = nonceAt < 0x80 ? 2 : 3
  const balanceAt = nonceStart + nonceBytes
  const first = bytes[balanceAt] as number
  const balanceBytes = first < 0x80 ? 1 : first - 0x80
  const balanceStart = first < 0x80 ? balanceAt : balanceAt + 1
  const tail = balanceStart + balanceBytes
  const isWhole = nonceBytes <= 7 && tail + ACCOUNT_TAIL.length === bytes.length
  assert(
    isWhole && bytes[tail] === HASH_STRING && bytes[tail + 33] === HASH_STRING,
    'a stored account has four fields',
  )
  return {
    nonce: readBytes(bytes, nonceStart, nonceBytes),
    balance: bigintAt(bytes, balanceStart, balanceBytes),
    storageRoot: hashAt(bytes, tail + 1, EMPTY_TRIE_ROOT),
    codeHash: hashAt(bytes, tail + 34, EMPTY_CODE_HASH),
  }
}

function bigintAt(bytes: Uint8Array, at: number, length: number): bigint {
  if (length <= 6) return BigInt(readBytes(bytes, at, length))
  if (length > 12) return bytesToBigint(bytes.subarray(at, at + length))
  const high = BigInt(readBytes(bytes, at, length - 6))
  return (high << 48n) | BigInt(readBytes(bytes, at + length - 6, 6))
}

/** The same array wherever the hash is the one of nothing. */
function hashAt(bytes: Uint8Array, at: number, empty: Uint8Array): Uint8Array {
  for (let i = 0; i < empty.length; i++) {
    if (bytes[at + i] !== empty[i]) return bytes.slice(at, at + empty.length)
  }
  return empty
}
