import { bigintToBytes, bytesToBigint } from '../primitives/bytes.ts'
import {
  bytes,
  type Codec,
  fixedBytes,
  int,
  list,
  mapped,
  optional,
  struct,
  u8,
  u32,
} from '../primitives/codec.ts'
import { HASH_LENGTH } from '../primitives/hash.ts'
import { LIMITS } from '../primitives/limits.ts'
import { ADDRESS_LENGTH } from '../primitives/signature.ts'
import type { BlockId } from '../primitives/units.ts'
import { blockIdCodec } from './vote.ts'

/** The Ethereum block that one Nexus block produced, after execution: what JSON-RPC shows. */
export type EthereumHeader = {
  readonly hash: Uint8Array
  readonly parentHash: Uint8Array
  readonly coinbase: Uint8Array
  readonly stateRoot: Uint8Array
  readonly transactionsRoot: Uint8Array
  readonly receiptsRoot: Uint8Array
  readonly logsBloom: Uint8Array
  readonly number: number
  readonly gasLimit: number
  readonly gasUsed: number
  /** Seconds: the consensus time, rounded down. */
  readonly timestamp: number
  readonly extraData: Uint8Array
  readonly prevRandao: Uint8Array
  readonly baseFeePerGas: bigint
  readonly withdrawalsRoot: Uint8Array
  readonly parentBeaconBlockRoot: Uint8Array
  readonly requestsHash: Uint8Array
  /** Bytes of the RLP block. */
  readonly size: number
}

export type Log = {
  readonly address: Uint8Array
  readonly topics: readonly Uint8Array[]
  readonly data: Uint8Array
}

/** First byte, and receipt type, of what Core runs in the EVM: OP Stack's deposit transactions have it. */
export const SYSTEM_TRANSACTION_TYPE = 0x7e

export type Receipt = {
  readonly type: number
  readonly status: number
  readonly gasUsed: number
  readonly cumulativeGasUsed: number
  readonly effectiveGasPrice: bigint
  readonly contractAddress: Uint8Array | null
  readonly logs: readonly Log[]
  readonly logsBloom: Uint8Array
}

export type ExecutedTransaction = {
  readonly hash: Uint8Array
  readonly sender: Uint8Array
  /** What the user signed: RLP, with the type byte where there is one. */
  readonly bytes: Uint8Array
  readonly receipt: Receipt
}

/** A transaction of the payload that was invalid when its turn came; it changed nothing. */
export type SkippedTransaction = { readonly hash: Uint8Array; readonly code: string }

export type ExecutedBlock = {
  readonly blockId: BlockId
  readonly header: EthereumHeader
  readonly transactions: readonly ExecutedTransaction[]
  readonly skipped: readonly SkippedTransaction[]
}

/** What is asked for most: no receipts and nothing of what users signed. */
export type BlockOutline = {
  readonly header: EthereumHeader
  /** Of the transactions, in their order. */
  readonly hashes: readonly Uint8Array[]
}

export const outlineOf = ({ header, transactions }: ExecutedBlock): BlockOutline => ({
  header,
  hashes: transactions.map(({ hash }) => hash),
})

const hash32 = fixedBytes(HASH_LENGTH)
const address = fixedBytes(ADDRESS_LENGTH)
const bloom = fixedBytes(256)
const u256: Codec<bigint> = mapped(fixedBytes(32), bytesToBigint, (value) =>
  bigintToBytes(value, 32),
)
const ascii: Codec<string> = mapped(
  bytes(64),
  (raw) => String.fromCharCode(...raw),
  (text) => Uint8Array.from(text, (character) => character.charCodeAt(0)),
)
/** Gas bounds a log's data: 8 gas a byte of a block's at most 2^32 gas. */
const LOG_DATA_BYTES = LIMITS.blockGas / 8

const logCodec: Codec<Log> = struct<Log>({
  address,
  topics: list(hash32, 4),
  data: bytes(LOG_DATA_BYTES),
})

export const receiptCodec: Codec<Receipt> = struct<Receipt>({
  type: u8,
  status: u8,
  gasUsed: int,
  cumulativeGasUsed: int,
  effectiveGasPrice: u256,
  contractAddress: optional(address),
  logs: list(logCodec, 0xffffffff),
  logsBloom: bloom,
})

export const ethereumHeaderCodec: Codec<EthereumHeader> = struct<EthereumHeader>({
  hash: hash32,
  parentHash: hash32,
  coinbase: address,
  stateRoot: hash32,
  transactionsRoot: hash32,
  receiptsRoot: hash32,
  logsBloom: bloom,
  number: int,
  gasLimit: int,
  gasUsed: int,
  timestamp: int,
  extraData: bytes(32),
  prevRandao: hash32,
  baseFeePerGas: u256,
  withdrawalsRoot: hash32,
  parentBeaconBlockRoot: hash32,
  requestsHash: hash32,
  size: u32,
})

export const executedBlockCodec: Codec<ExecutedBlock> = struct<ExecutedBlock>({
  blockId: blockIdCodec,
  header: ethereumHeaderCodec,
  transactions: list(
    struct<ExecutedTransaction>({
      hash: hash32,
      sender: address,
      bytes: bytes(LIMITS.transactionBytes),
      receipt: receiptCodec,
    }),
    LIMITS.executedTransactions,
  ),
  skipped: list(
    struct<SkippedTransaction>({ hash: hash32, code: ascii }),
    LIMITS.blockTransactions,
  ),
})
