import { bytesToBigint } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { recoverAddress } from '../core/primitives/signature.ts'
import { encodeRlp, quantityBytes, type RlpItem } from './rlp.ts'

/** EIP-2930. */
export type AccessListEntry = {
  readonly address: Uint8Array
  readonly storageKeys: readonly Uint8Array[]
}

/** EIP-7702: an account allows its code to be a pointer to `address`. Not yet checked. */
export type Authorization = {
  readonly chainId: bigint
  readonly address: Uint8Array
  readonly nonce: bigint
  readonly parity: bigint
  readonly r: Uint8Array
  readonly s: Uint8Array
}

const isBytes = (item: RlpItem | undefined, length: number): item is Uint8Array =>
  item instanceof Uint8Array && item.length === length
const isQuantity = (item: RlpItem | undefined, maxBytes: number): item is Uint8Array =>
  item instanceof Uint8Array && item.length <= maxBytes && item[0] !== 0

/** Null when the item has another form. */
export function readAccessList(item: RlpItem | undefined): readonly AccessListEntry[] | null {
  if (item === undefined || item instanceof Uint8Array) return null
  const entries: AccessListEntry[] = []
  for (const pair of item) {
    if (pair instanceof Uint8Array || pair.length !== 2) return null
    const [address, keys] = pair
    if (!isBytes(address, 20) || keys === undefined || keys instanceof Uint8Array) return null
    const storageKeys: Uint8Array[] = []
    for (const key of keys) {
      if (!isBytes(key, 32)) return null
      storageKeys.push(key)
    }
    entries.push({ address, storageKeys })
  }
  return entries
}

/** Null when the item has another form. Field widths are EIP-7702's assertions, which make the whole transaction invalid. */
export function readAuthorizations(item: RlpItem | undefined): readonly Authorization[] | null {
  if (item === undefined || item instanceof Uint8Array) return null
  const list: Authorization[] = []
  for (const tuple of item) {
    if (tuple instanceof Uint8Array || tuple.length !== 6) return null
    const [chainId, address, nonce, parity, r, s] = tuple
    if (!isQuantity(chainId, 32) || !isBytes(address, 20) || !isQuantity(nonce, 8)) return null
    if (!isQuantity(parity, 1) || !isQuantity(r, 32) || !isQuantity(s, 32)) return null
    list.push({
      chainId: bytesToBigint(chainId),
      address,
      nonce: bytesToBigint(nonce),
      parity: bytesToBigint(parity),
      r,
      s,
    })
  }
  return list
}

/** EIP-7702's domain byte. */
const AUTHORIZATION_MAGIC = 0x05

/** Who signed an authorization, or null. About 60 µs native. */
export function recoverAuthority(authorization: Authorization): Uint8Array | null {
  const { chainId, address, nonce, parity, r, s } = authorization
  if (parity > 1n) return null
  const payload = encodeRlp([quantityBytes(chainId), address, quantityBytes(nonce)])
  const message = new Uint8Array(payload.length + 1)
  message[0] = AUTHORIZATION_MAGIC
  message.set(payload, 1)
  const signature = new Uint8Array(64)
  signature.set(r, 32 - r.length)
  signature.set(s, 64 - s.length)
  return recoverAddress(signature, Number(parity), keccak256(message))
}
