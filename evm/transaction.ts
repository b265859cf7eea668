import { bytesToBigint, concatBytes } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { LIMITS } from '../core/primitives/limits.ts'
import { ok, type Result, reject } from '../core/primitives/result.ts'
import { ADDRESS_LENGTH, recoverAddress } from '../core/primitives/signature.ts'
import {
  type AccessListEntry,
  type Authorization,
  readAccessList,
  readAuthorizations,
} from './accessList.ts'
import { intrinsicGasOf, MAX_INITCODE_BYTES } from './intrinsicGas.ts'
import { decodeRlp, quantityBytes, type RlpItem, rlpSpan, writeHeader } from './rlp.ts'

export type TransactionCode =
  | 'TRANSACTION_TOO_LARGE'
  | 'BAD_RLP'
  | 'BAD_FIELD'
  | 'UNKNOWN_TRANSACTION_TYPE'
  | 'BLOB_TRANSACTIONS_UNSUPPORTED'
  | 'UNPROTECTED_TRANSACTION'
  | 'WRONG_CHAIN_ID'
  | 'BAD_SIGNATURE'
  | 'NONCE_OVERFLOW'
  | 'GAS_LIMIT_TOO_HIGH'
  | 'INTRINSIC_GAS_TOO_LOW'
  | 'TIP_ABOVE_FEE_CAP'
  | 'INITCODE_TOO_LARGE'
  | 'EMPTY_AUTHORIZATION_LIST'
  | 'MISSING_RECIPIENT'

/** 0 legacy, 1 EIP-2930, 2 EIP-1559, 4 EIP-7702. */
export type TransactionType = 0 | 1 | 2 | 4

/** A transaction whose form, chain, gas and signature are right. What the state says about it is another matter. */
export type DecodedTransaction = {
  readonly hash: Uint8Array
  readonly sender: Uint8Array
  /** Nobody signed it: see `TransactionRules`. */
  readonly isImpersonated: boolean
  readonly type: TransactionType
  readonly nonce: number
  readonly gasLimit: number
  /** In wei per gas; both are the gas price of types 0 and 1. */
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
  readonly value: bigint
  /** Null creates a contract. */
  readonly to: Uint8Array | null
  readonly data: Uint8Array
  readonly accessList: readonly AccessListEntry[]
  readonly authorizations: readonly Authorization[]
  readonly intrinsicGas: number
  readonly floorGas: number
  readonly bytes: Uint8Array
  readonly size: number
}

export type TransactionRules = {
  readonly chainId: number
  /** A larger gas limit never fits a block, or is above the fork's cap for a transaction. */
  readonly blockGasLimit: number
  /**
   * On a development network: parity 0, s 0 and r a number stand for the sender whose address that number
   * is. No ECDSA signature has an s of zero. Absent or false: they are a bad signature.
   */
  readonly impersonates?: boolean
}

/** What an earlier step already computed; null computes it here. */
export type Known = { readonly sender: Uint8Array | null; readonly hash: Uint8Array | null }

const NOTHING_KNOWN: Known = { sender: null, hash: null }

/**
 * The one strict decoder of signed transactions. Views of `bytes` stay in the result. About 65 µs
 * for a transfer, of which 57 µs recover the signer.
 */
export function decodeTransaction(
  bytes: Uint8Array,
  rules: TransactionRules,
  known: Known = NOTHING_KNOWN,
): Result<DecodedTransaction, TransactionCode> {
  if (bytes.length > LIMITS.transactionBytes) return reject('TRANSACTION_TOO_LARGE')
  const layout = layoutOf(bytes)
  if (!layout.ok) return layout
  const fields = readFields(bytes, layout.value)
  if (!fields.ok) return fields
  const checked = check(fields.value, rules)
  if (checked !== null) return reject(checked)
  const named = rules.impersonates === true ? impersonated(fields.value.signature) : null
  const sender = named ?? known.sender ?? recoverSender(bytes, layout.value, fields.value)
  if (sender === null) return reject('BAD_SIGNATURE')
  const { chainId: _, signature: __, ...transaction } = fields.value
  return ok({
    ...transaction,
    hash: known.hash ?? keccak256(bytes),
    sender,
    isImpersonated: named !== null,
    bytes,
    size: bytes.length,
  })
}

/** The address that stands in the place of a signature; null: none does. */
function impersonated({ r, s, parity }: Signature): Uint8Array | null {
  if (parity !== 0 || s.length > 0 || r.length === 0 || r.length > ADDRESS_LENGTH) return null
  const address = new Uint8Array(ADDRESS_LENGTH)
  address.set(r, ADDRESS_LENGTH - r.length)
  return address
}

type Layout = {
  readonly type: TransactionType
  /** Positions in the list of items. */
  readonly chainId: number
  readonly nonce: number
  readonly tip: number
  readonly fee: number
  readonly call: number
  readonly accessList: number
  readonly authorizations: number
  readonly signature: number
}

/** EIP-155; −1: the type has no such field. */
const LEGACY: Layout = {
  type: 0,
  chainId: -1,
  nonce: 0,
  tip: 1,
  fee: 1,
  call: 2,
  accessList: -1,
  authorizations: -1,
  signature: 6,
}
const EIP2930: Layout = {
  type: 1,
  chainId: 0,
  nonce: 1,
  tip: 2,
  fee: 2,
  call: 3,
  accessList: 7,
  authorizations: -1,
  signature: 8,
}
const EIP1559: Layout = {
  type: 2,
  chainId: 0,
  nonce: 1,
  tip: 2,
  fee: 3,
  call: 4,
  accessList: 8,
  authorizations: -1,
  signature: 9,
}
const EIP7702: Layout = { ...EIP1559, type: 4, authorizations: 9, signature: 10 }

function layoutOf(bytes: Uint8Array): Result<Layout, TransactionCode> {
  const first = bytes[0]
  if (first === undefined) return reject('BAD_RLP')
  if (first >= 0xc0) return ok(LEGACY)
  if (first === 1) return ok(EIP2930)
  if (first === 2) return ok(EIP1559)
  if (first === 3) return reject('BLOB_TRANSACTIONS_UNSUPPORTED')
  if (first === 4) return ok(EIP7702)
  return reject('UNKNOWN_TRANSACTION_TYPE')
}

type Signature = {
  readonly r: Uint8Array
  readonly s: Uint8Array
  /** −1: no parity that a signature can have. */
  readonly parity: number
}

type Fields = Omit<DecodedTransaction, 'hash' | 'sender' | 'isImpersonated' | 'bytes' | 'size'> & {
  /** −1: more than a number holds; null: an unprotected legacy transaction. */
  readonly chainId: number | null
  readonly signature: Signature
}

function readFields(bytes: Uint8Array, layout: Layout): Result<Fields, TransactionCode> {
  const decoded = decodeRlp(layout.type === 0 ? bytes : bytes.subarray(1))
  if (!decoded.ok) return reject('BAD_RLP')
  const items = decoded.value
  if (items instanceof Uint8Array || items.length !== layout.signature + 3) return reject('BAD_RLP')
  const { call } = layout
  const to = items[call + 1]
  const data = items[call + 3]
  const nonce = numberOf(items[layout.nonce])
  const gasLimit = numberOf(items[call])
  const maxFeePerGas = wordOf(items[layout.fee])
  const maxPriorityFeePerGas = layout.tip === layout.fee ? maxFeePerGas : wordOf(items[layout.tip])
  const value = wordOf(items[call + 2])
  const accessList = layout.accessList < 0 ? [] : readAccessList(items[layout.accessList])
  const authorizations =
    layout.authorizations < 0 ? [] : readAuthorizations(items[layout.authorizations])
  const signed = readSignature(items, layout)
  if (!(to instanceof Uint8Array && (to.length === 0 || to.length === 20)))
    return reject('BAD_FIELD')
  if (!(data instanceof Uint8Array) || signed === null) return reject('BAD_FIELD')
  if (nonce === null || gasLimit === null || value === null) return reject('BAD_FIELD')
  if (maxFeePerGas === null || maxPriorityFeePerGas === null) return reject('BAD_FIELD')
  if (accessList === null || authorizations === null) return reject('BAD_FIELD')
  const gas = intrinsicGasOf({
    data,
    isCreation: to.length === 0,
    accessAddresses: accessList.length,
    accessSlots: accessList.reduce((sum, entry) => sum + entry.storageKeys.length, 0),
    authorizations: authorizations.length,
  })
  return ok({
    type: layout.type,
    ...signed,
    nonce,
    gasLimit,
    maxFeePerGas,
    maxPriorityFeePerGas,
    value,
    to: to.length === 0 ? null : to,
    data,
    accessList,
    authorizations,
    intrinsicGas: gas.intrinsic,
    floorGas: gas.floor,
  })
}

function readSignature(
  items: readonly RlpItem[],
  layout: Layout,
): Pick<Fields, 'chainId' | 'signature'> | null {
  const r = items[layout.signature + 1]
  const s = items[layout.signature + 2]
  if (!isQuantity(r, 32) || !isQuantity(s, 32)) return null
  const parity = numberOf(items[layout.signature])
  if (layout.type !== 0) {
    const chainId = numberOf(items[layout.chainId])
    if (parity === null || chainId === null) return null
    return { chainId, signature: { r, s, parity: parity <= 1 ? parity : -1 } }
  }
  // `parity` is v here: 27 or 28 without a chain, 35 + 2 · chain + parity with one.
  if (parity === null) return null
  const v = parity
  if (v >= 0 && v < 35) return { chainId: null, signature: { r, s, parity: -1 } }
  const chainId = v < 0 ? -1 : Math.floor((v - 35) / 2)
  return { chainId, signature: { r, s, parity: v < 0 ? -1 : (v - 35) % 2 } }
}

/** Cheap checks first: the signature comes last. */
function check(fields: Fields, rules: TransactionRules): TransactionCode | null {
  if (fields.chainId === null) return 'UNPROTECTED_TRANSACTION'
  if (fields.chainId !== rules.chainId) return 'WRONG_CHAIN_ID'
  // EIP-2681 stops at 2^64 − 2; a nonce above 2^53 cannot have been counted up to either.
  if (fields.nonce < 0) return 'NONCE_OVERFLOW'
  if (fields.gasLimit < 0 || fields.gasLimit > rules.blockGasLimit) return 'GAS_LIMIT_TOO_HIGH'
  if (fields.maxPriorityFeePerGas > fields.maxFeePerGas) return 'TIP_ABOVE_FEE_CAP'
  if (fields.to === null && fields.data.length > MAX_INITCODE_BYTES) return 'INITCODE_TOO_LARGE'
  if (fields.type === 4 && fields.to === null) return 'MISSING_RECIPIENT'
  if (fields.type === 4 && fields.authorizations.length === 0) return 'EMPTY_AUTHORIZATION_LIST'
  if (fields.gasLimit < Math.max(fields.intrinsicGas, fields.floorGas))
    return 'INTRINSIC_GAS_TOO_LOW'
  return null
}

function recoverSender(bytes: Uint8Array, layout: Layout, fields: Fields): Uint8Array | null {
  const { r, s, parity } = fields.signature
  if (parity < 0) return null
  const signature = new Uint8Array(64)
  signature.set(r, 32 - r.length)
  signature.set(s, 64 - s.length)
  return recoverAddress(signature, parity, signingHash(bytes, layout, fields))
}

/** The signed list is the transaction's own list without its last three items, with EIP-155's three in the legacy case. */
function signingHash(bytes: Uint8Array, layout: Layout, fields: Fields): Uint8Array {
  const body = layout.type === 0 ? bytes : bytes.subarray(1)
  const start = rlpSpan(body)?.start ?? 0
  const { r, s } = fields.signature
  const end = body.length - stringLength(r) - stringLength(s) - stringLength(lastOf(fields, layout))
  const suffix = layout.type === 0 ? chainSuffix(fields.chainId ?? 0) : NO_SUFFIX
  const header = new Uint8Array(5)
  const headerEnd = writeHeader(header, 0, 0xc0, end - start + suffix.length)
  const prefix = layout.type === 0 ? NO_SUFFIX : Uint8Array.of(layout.type)
  return keccak256(
    concatBytes(prefix, header.subarray(0, headerEnd), body.subarray(start, end), suffix),
  )
}

const NO_SUFFIX = new Uint8Array(0)

/** The v or parity field as it is encoded. */
const lastOf = ({ signature, chainId }: Fields, layout: Layout): Uint8Array =>
  quantityBytes(layout.type === 0 ? 35 + 2 * (chainId ?? 0) + signature.parity : signature.parity)

const chainSuffix = (chainId: number): Uint8Array => {
  const chain = quantityBytes(chainId)
  const out = new Uint8Array(stringLength(chain) + 2).fill(0x80)
  if (chain.length === 1 && (chain[0] as number) < 0x80) out[0] = chain[0] as number
  else out.set(chain, writeHeader(out, 0, 0x80, chain.length))
  return out
}

/** Encoded length of a string below 56 bytes. */
const stringLength = (value: Uint8Array): number =>
  value.length === 1 && (value[0] as number) < 0x80 ? 1 : value.length + 1

const isQuantity = (item: RlpItem | undefined, maxBytes: number): item is Uint8Array =>
  item instanceof Uint8Array && item.length <= maxBytes && item[0] !== 0

/** Null: not an integer of at most 8 bytes; −1: one above 2^53 − 1. */
function numberOf(item: RlpItem | undefined): number | null {
  if (!isQuantity(item, 8)) return null
  let value = 0
  for (let i = 0; i < item.length; i++) value = value * 256 + (item[i] as number)
  return value <= Number.MAX_SAFE_INTEGER ? value : -1
}

const wordOf = (item: RlpItem | undefined): bigint | null =>
  isQuantity(item, 32) ? bytesToBigint(item) : null
