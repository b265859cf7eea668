import type { BlockOutline, EthereumHeader, ExecutedBlock } from '../../core/chain/executedBlock.ts'
import type { RpcBackend } from '../backend.ts'
import { data, quantity } from './hex.ts'
import { minedTransactionOf } from './transaction.ts'

/** keccak256(rlp([])): a BFT chain has no uncles. */
const EMPTY_UNCLES = '0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347'
const ZERO_NONCE = '0x0000000000000000'

/** A header as geth shows it after Prague; what proof of work and blobs left behind is zero. */
export const headerOf = (header: EthereumHeader) => ({
  hash: data(header.hash),
  parentHash: data(header.parentHash),
  sha3Uncles: EMPTY_UNCLES,
  miner: data(header.coinbase),
  stateRoot: data(header.stateRoot),
  transactionsRoot: data(header.transactionsRoot),
  receiptsRoot: data(header.receiptsRoot),
  logsBloom: data(header.logsBloom),
  difficulty: '0x0',
  number: quantity(header.number),
  gasLimit: quantity(header.gasLimit),
  gasUsed: quantity(header.gasUsed),
  timestamp: quantity(header.timestamp),
  extraData: data(header.extraData),
  mixHash: data(header.prevRandao),
  nonce: ZERO_NONCE,
  baseFeePerGas: quantity(header.baseFeePerGas),
  withdrawalsRoot: data(header.withdrawalsRoot),
  blobGasUsed: '0x0',
  excessBlobGas: '0x0',
  parentBeaconBlockRoot: data(header.parentBeaconBlockRoot),
  requestsHash: data(header.requestsHash),
})

export const blockOf = (
  { header }: Pick<BlockOutline, 'header'>,
  transactions: readonly unknown[],
) => ({
  ...headerOf(header),
  size: quantity(header.size),
  transactions,
  uncles: [],
  withdrawals: [],
})

export const transactionHashesOf = ({ hashes }: BlockOutline): readonly string[] => hashes.map(data)

export const fullTransactionsOf = (block: ExecutedBlock, backend: RpcBackend) =>
  block.transactions.map((transaction, index) =>
    minedTransactionOf(backend.transaction(transaction), block, index),
  )
