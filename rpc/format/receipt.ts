import type { ExecutedBlock, Log } from '../../core/chain/executedBlock.ts'
import { assert } from '../../core/primitives/assert.ts'
import type { RpcBackend } from '../backend.ts'
import { data, quantity } from './hex.ts'

export type LogPlace = {
  readonly block: ExecutedBlock
  readonly transactionIndex: number
  /** Among all logs of the block. */
  readonly logIndex: number
}

export function logOf(log: Log, { block, transactionIndex, logIndex }: LogPlace) {
  const transaction = block.transactions[transactionIndex]
  assert(transaction !== undefined, 'a log is of a transaction of its block')
  return {
    address: data(log.address),
    topics: log.topics.map(data),
    data: data(log.data),
    blockHash: data(block.header.hash),
    blockNumber: quantity(block.header.number),
    blockTimestamp: quantity(block.header.timestamp),
    transactionHash: data(transaction.hash),
    transactionIndex: quantity(transactionIndex),
    logIndex: quantity(logIndex),
    removed: false,
  }
}

export type LogView = ReturnType<typeof logOf>

/** The receipt of a transaction of a block. */
export function receiptOf(block: ExecutedBlock, index: number, backend: RpcBackend) {
  const transaction = block.transactions[index]
  assert(transaction !== undefined, 'a receipt is of a transaction of its block')
  const { receipt, hash, sender } = transaction
  const { to } = backend.transaction(transaction)
  const firstLog = firstLogIndexes(block)[index] as number
  return {
    type: quantity(receipt.type),
    status: quantity(receipt.status),
    transactionHash: data(hash),
    transactionIndex: quantity(index),
    blockHash: data(block.header.hash),
    blockNumber: quantity(block.header.number),
    from: data(sender),
    to: to === null ? null : data(to),
    contractAddress: receipt.contractAddress === null ? null : data(receipt.contractAddress),
    cumulativeGasUsed: quantity(receipt.cumulativeGasUsed),
    gasUsed: quantity(receipt.gasUsed),
    effectiveGasPrice: quantity(receipt.effectiveGasPrice),
    logs: receipt.logs.map((log, i) =>
      logOf(log, { block, transactionIndex: index, logIndex: firstLog + i }),
    ),
    logsBloom: data(receipt.logsBloom),
  }
}

/** Kept with the block as long as that is cached: thousands of clients ask for one receipt each. */
const firstLogs = new WeakMap<ExecutedBlock, Uint32Array>()

/** For each transaction, how many logs come before its own in the block. */
export function firstLogIndexes(block: ExecutedBlock): Uint32Array {
  const known = firstLogs.get(block)
  if (known !== undefined) return known
  const indexes = new Uint32Array(block.transactions.length)
  let count = 0
  for (const [index, { receipt }] of block.transactions.entries()) {
    indexes[index] = count
    count += receipt.logs.length
  }
  firstLogs.set(block, indexes)
  return indexes
}
