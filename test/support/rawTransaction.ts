import { type Hex, keccak256, type LocalAccount, parseSignature, toRlp } from 'viem'

type AccessList = readonly { readonly address: Hex; readonly storageKeys: readonly Hex[] }[]

export type RpcTransaction = {
  readonly hash: Hex
  readonly from: Hex
  readonly type: Hex
  readonly chainId?: Hex | null
  readonly nonce: Hex
  readonly gas: Hex
  readonly gasPrice?: Hex
  readonly maxFeePerGas?: Hex
  readonly maxPriorityFeePerGas?: Hex
  readonly to: Hex | null
  readonly value: Hex
  readonly input: Hex
  readonly accessList?: AccessList
  readonly authorizationList?: readonly {
    readonly chainId: Hex
    readonly address: Hex
    readonly nonce: Hex
    readonly yParity: Hex
    readonly r: Hex
    readonly s: Hex
  }[]
  readonly v: Hex
  readonly yParity?: Hex
  readonly r: Hex
  readonly s: Hex
}

type Rlp = Hex | Rlp[]

/** An integer in RLP: big-endian without leading zeros, zero as the empty string. */
export function quantity(value: Hex | bigint | number): Hex {
  const digits = BigInt(value).toString(16)
  if (digits === '0') return '0x'
  return `0x${digits.length % 2 === 0 ? digits : `0${digits}`}`
}

/** The bytes that were signed, rebuilt from what JSON-RPC shows of a transaction. */
export function rawTransactionOf(transaction: RpcTransaction): Hex {
  const type = Number(transaction.type)
  const body = toRlp([...fieldsOf(transaction, type), ...signatureOf(transaction, type)])
  return type === 0 ? body : `0x0${type}${body.slice(2)}`
}

/** Signs any fields, also those that no wallet library would; `chainId` null makes an unprotected legacy transaction. */
export async function signFields(
  account: LocalAccount,
  fields: Omit<RpcTransaction, 'hash' | 'from' | 'v' | 'r' | 's'>,
): Promise<Hex> {
  const type = Number(fields.type)
  const unsigned = fieldsOf(fields, type)
  const chainId = BigInt(fields.chainId ?? 0)
  const isProtected = type === 0 && chainId !== 0n
  const body = toRlp(isProtected ? [...unsigned, quantity(chainId), '0x', '0x'] : unsigned)
  const hash = keccak256(type === 0 ? body : `0x0${type}${body.slice(2)}`)
  if (account.sign === undefined) throw new Error('the account can sign a hash')
  const { r, s, yParity } = parseSignature(await account.sign({ hash }))
  const legacy = isProtected ? 35n + 2n * chainId : 27n
  const v: Hex = `0x${(type === 0 ? legacy + BigInt(yParity) : BigInt(yParity)).toString(16)}`
  const signed = toRlp([...unsigned, quantity(v), quantity(r), quantity(s)])
  return type === 0 ? signed : `0x0${type}${signed.slice(2)}`
}

function fieldsOf(
  transaction: Omit<RpcTransaction, 'hash' | 'from' | 'v' | 'r' | 's'>,
  type: number,
): Rlp[] {
  const { nonce, gas, to, value, input } = transaction
  const call: Rlp[] = [quantity(gas), to ?? '0x', quantity(value), input]
  const accessList: Rlp = (transaction.accessList ?? []).map(({ address, storageKeys }) => [
    address,
    [...storageKeys],
  ])
  if (type === 0) return [quantity(nonce), quantity(transaction.gasPrice ?? 0), ...call]
  const start = [quantity(transaction.chainId ?? 0), quantity(nonce)]
  if (type === 1) return [...start, quantity(transaction.gasPrice ?? 0), ...call, accessList]
  const fees = [
    quantity(transaction.maxPriorityFeePerGas ?? 0),
    quantity(transaction.maxFeePerGas ?? 0),
  ]
  if (type === 2) return [...start, ...fees, ...call, accessList]
  const authorizations: Rlp = (transaction.authorizationList ?? []).map((authorization) => [
    quantity(authorization.chainId),
    authorization.address,
    quantity(authorization.nonce),
    quantity(authorization.yParity),
    quantity(authorization.r),
    quantity(authorization.s),
  ])
  return [...start, ...fees, ...call, accessList, authorizations]
}

function signatureOf({ v, yParity, r, s }: RpcTransaction, type: number): Rlp[] {
  return [quantity(type === 0 ? v : (yParity ?? v)), quantity(r), quantity(s)]
}
