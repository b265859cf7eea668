import { SYSTEM_TRANSACTION_TYPE } from '../../core/chain/executedBlock.ts'
import { assert } from '../../core/primitives/assert.ts'
import { bytesToBigint, EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { readAccessList, readAuthorizations } from '../../evm/accessList.ts'
import { decodeRlp, type RlpItem } from '../../evm/rlp.ts'
import type { SignedTransaction, TransactionView } from '../../rpc/index.ts'

type SignedType = Exclude<TransactionView['type'], typeof SYSTEM_TRANSACTION_TYPE>

/** Where a type keeps its fields. Absent ones are −1. */
type Places = {
  readonly chainId: number
  readonly nonce: number
  readonly tip: number
  readonly fee: number
  readonly gas: number
  readonly accessList: number
  readonly authorizations: number
  readonly v: number
}

/** `gas` is followed by recipient, value and data; `v` by r and s. */
const PLACES: { readonly [T in SignedType]: Places } = {
  0: { chainId: -1, nonce: 0, tip: 1, fee: 1, gas: 2, accessList: -1, authorizations: -1, v: 6 },
  1: { chainId: 0, nonce: 1, tip: 2, fee: 2, gas: 3, accessList: 7, authorizations: -1, v: 8 },
  2: { chainId: 0, nonce: 1, tip: 2, fee: 3, gas: 4, accessList: 8, authorizations: -1, v: 9 },
  4: { chainId: 0, nonce: 1, tip: 2, fee: 3, gas: 4, accessList: 8, authorizations: 9, v: 10 },
}

/** A transaction that was accepted once, field by field, for display: nothing is checked again. */
export function transactionViewOf({ hash, sender, bytes }: SignedTransaction): TransactionView {
  const first = bytes[0] as number
  if (first === SYSTEM_TRANSACTION_TYPE) return systemViewOf({ hash, sender, bytes })
  const type = (first >= 0xc0 ? 0 : first) as SignedType
  const places = PLACES[type]
  const decoded = decodeRlp(type === 0 ? bytes : bytes.subarray(1))
  assert(places !== undefined && decoded.ok, 'an accepted transaction decodes')
  const items = decoded.value
  const bytesAt = (index: number): Uint8Array => {
    const item = (items as readonly RlpItem[])[index]
    assert(item instanceof Uint8Array, 'an accepted transaction has its fields')
    return item
  }
  const numberAt = (index: number): bigint => bytesToBigint(bytesAt(index))
  const listAt = (index: number): RlpItem | undefined => (items as readonly RlpItem[])[index]
  const { gas } = places
  const to = bytesAt(gas + 1)
  const v = numberAt(places.v)
  return {
    hash,
    sender,
    type,
    chainId: type === 0 ? legacyChainId(v) : numberAt(places.chainId),
    nonce: Number(numberAt(places.nonce)),
    gasLimit: Number(numberAt(gas)),
    maxFeePerGas: numberAt(places.fee),
    maxPriorityFeePerGas: numberAt(places.tip),
    to: to.length === 0 ? null : to,
    value: numberAt(gas + 2),
    data: bytesAt(gas + 3),
    accessList: places.accessList < 0 ? [] : (readAccessList(listAt(places.accessList)) ?? []),
    authorizations: authorizationsOf(listAt(places.authorizations)),
    v,
    r: bytesAt(places.v + 1),
    s: bytesAt(places.v + 2),
  }
}

/** Written by this program (evm/systemTransaction.ts), so in its layout. */
function systemViewOf({ hash, sender, bytes }: SignedTransaction): TransactionView {
  const decoded = decodeRlp(bytes.subarray(1))
  assert(decoded.ok, 'a system transaction decodes')
  const [sourceHash, , to, mint, value, gasLimit, , data] = decoded.value as readonly Uint8Array[]
  assert(sourceHash && to && mint && value && gasLimit && data, 'a system transaction is complete')
  return {
    hash,
    sender,
    type: SYSTEM_TRANSACTION_TYPE,
    chainId: 0n,
    nonce: 0,
    gasLimit: Number(bytesToBigint(gasLimit)),
    maxFeePerGas: 0n,
    maxPriorityFeePerGas: 0n,
    to,
    value: bytesToBigint(value),
    data,
    accessList: [],
    authorizations: [],
    v: 0n,
    r: EMPTY_BYTES,
    s: EMPTY_BYTES,
    system: { sourceHash, mint: bytesToBigint(mint) },
  }
}

/** EIP-155: v = 35 + 2 · chain + parity. */
const legacyChainId = (v: bigint): bigint => (v < 35n ? 0n : (v - 35n) / 2n)

const authorizationsOf = (item: RlpItem | undefined): TransactionView['authorizations'] =>
  item === undefined
    ? []
    : (readAuthorizations(item) ?? []).map(({ parity, ...tuple }) => ({
        ...tuple,
        yParity: parity,
      }))
