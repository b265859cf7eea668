import type { ExecutedBlock } from '../../core/chain/executedBlock.ts'
import type { AccessListEntry, AuthorizationTuple, TransactionView } from '../backend.ts'
import { data, quantity, quantityOfBytes } from './hex.ts'

/** A transaction in a block. `gasPrice` is what was paid, whatever the type. */
export function minedTransactionOf(view: TransactionView, block: ExecutedBlock, index: number) {
  const { header } = block
  const paid = block.transactions[index]?.receipt.effectiveGasPrice ?? view.maxFeePerGas
  return {
    blockHash: data(header.hash),
    blockNumber: quantity(header.number),
    blockTimestamp: quantity(header.timestamp),
    transactionIndex: quantity(index),
    ...fieldsOf(view, paid),
  }
}

/** A transaction of the pool: in no block, and priced at its cap. */
export const pendingTransactionOf = (view: TransactionView) => ({
  blockHash: null,
  blockNumber: null,
  blockTimestamp: null,
  transactionIndex: null,
  ...fieldsOf(view, view.maxFeePerGas),
})

const fieldsOf = (view: TransactionView, gasPrice: bigint) =>
  view.system === undefined ? signedFieldsOf(view, gasPrice) : systemFieldsOf(view, view.system)

/** As OP Stack shows a deposit: clients that do not know the type still find what they look for. */
const systemFieldsOf = (
  view: TransactionView,
  { sourceHash, mint }: NonNullable<TransactionView['system']>,
) => ({
  hash: data(view.hash),
  from: data(view.sender),
  type: quantity(view.type),
  nonce: quantity(view.nonce),
  gas: quantity(view.gasLimit),
  gasPrice: '0x0',
  to: view.to === null ? null : data(view.to),
  value: quantity(view.value),
  input: data(view.data),
  sourceHash: data(sourceHash),
  mint: quantity(mint),
  v: '0x0',
  r: '0x0',
  s: '0x0',
})

const signedFieldsOf = (view: TransactionView, gasPrice: bigint) => ({
  hash: data(view.hash),
  from: data(view.sender),
  type: quantity(view.type),
  nonce: quantity(view.nonce),
  gas: quantity(view.gasLimit),
  gasPrice: quantity(gasPrice),
  ...(view.type >= 2
    ? {
        maxFeePerGas: quantity(view.maxFeePerGas),
        maxPriorityFeePerGas: quantity(view.maxPriorityFeePerGas),
      }
    : {}),
  to: view.to === null ? null : data(view.to),
  value: quantity(view.value),
  input: data(view.data),
  chainId: quantity(view.chainId),
  ...(view.type >= 1 ? { accessList: accessListOf(view.accessList) } : {}),
  ...(view.type === 4 ? { authorizationList: view.authorizations.map(authorizationOf) } : {}),
  v: quantity(view.v),
  r: quantityOfBytes(view.r),
  s: quantityOfBytes(view.s),
  ...(view.type >= 1 ? { yParity: quantity(view.v) } : {}),
})

export const accessListOf = (list: readonly AccessListEntry[]) =>
  list.map(({ address, storageKeys }) => ({
    address: data(address),
    storageKeys: storageKeys.map(data),
  }))

const authorizationOf = (tuple: AuthorizationTuple) => ({
  chainId: quantity(tuple.chainId),
  address: data(tuple.address),
  nonce: quantity(tuple.nonce),
  yParity: quantity(tuple.yParity),
  r: quantityOfBytes(tuple.r),
  s: quantityOfBytes(tuple.s),
})
