import type { EthereumHeader } from '../core/chain/executedBlock.ts'
import { concatBytes, EMPTY_BYTES, fromHex } from '../core/primitives/bytes.ts'
import { keccak256, sha256 } from '../core/primitives/hash.ts'
import { EMPTY_TRIE_ROOT } from './account.ts'
import { encodeRlp, headerLength, quantityBytes, writeHeader } from './rlp.ts'

/** Keccak of an empty list's RLP: there have been no ommers since the merge. */
const EMPTY_OMMERS_HASH = keccak256(Uint8Array.of(0xc0))
/** EIP-7685 over no requests. */
export const EMPTY_REQUESTS_HASH = sha256(EMPTY_BYTES)
/** EIP-4895: no withdrawals. */
export const EMPTY_WITHDRAWALS_ROOT = EMPTY_TRIE_ROOT
const ZERO_NONCE = new Uint8Array(8)

/** Everything in a header that is not fixed here. */
export type HeaderFields = Omit<
  EthereumHeader,
  'hash' | 'size' | 'withdrawalsRoot' | 'requestsHash' | 'extraData'
>

/** "nexus": what clients show as extra data. */
export const EXTRA_DATA = fromHex('6e65787573')

/** A Prague header, hashed as every Ethereum client hashes it. */
export function sealHeader(
  fields: HeaderFields,
  transactions: readonly Uint8Array[],
): EthereumHeader {
  const header = {
    ...fields,
    extraData: EXTRA_DATA,
    withdrawalsRoot: EMPTY_WITHDRAWALS_ROOT,
    requestsHash: EMPTY_REQUESTS_HASH,
  }
  const rlp = encodeHeader(header)
  return { ...header, hash: keccak256(rlp), size: blockSize(rlp, transactions) }
}

export const encodeHeader = (header: Omit<EthereumHeader, 'hash' | 'size'>): Uint8Array =>
  encodeRlp([
    header.parentHash,
    EMPTY_OMMERS_HASH,
    header.coinbase,
    header.stateRoot,
    header.transactionsRoot,
    header.receiptsRoot,
    header.logsBloom,
    EMPTY_BYTES, // difficulty, EIP-3675
    quantityBytes(header.number),
    quantityBytes(header.gasLimit),
    quantityBytes(header.gasUsed),
    quantityBytes(header.timestamp),
    header.extraData,
    header.prevRandao,
    ZERO_NONCE,
    quantityBytes(header.baseFeePerGas),
    header.withdrawalsRoot,
    EMPTY_BYTES, // blobGasUsed, EIP-4844
    EMPTY_BYTES, // excessBlobGas
    header.parentBeaconBlockRoot,
    header.requestsHash,
  ])

/** The block as other Ethereum clients exchange it. A typed transaction is a string in the list. */
export const encodeBlock = (
  header: Omit<EthereumHeader, 'hash' | 'size'>,
  transactions: readonly Uint8Array[],
): Uint8Array => {
  const items = transactions.map((bytes) =>
    (bytes[0] as number) < 0xc0 ? encodeRlp(bytes) : bytes,
  )
  return listOf([encodeHeader(header), listOf(items), EMPTY_LIST, EMPTY_LIST])
}

const EMPTY_LIST = Uint8Array.of(0xc0)

/** A list of what is encoded already. */
function listOf(items: readonly Uint8Array[]): Uint8Array {
  const length = items.reduce((sum, item) => sum + item.length, 0)
  const head = new Uint8Array(headerLength(length))
  writeHeader(head, 0, 0xc0, length)
  return concatBytes(head, ...items)
}

/** Bytes of [header, transactions, ommers, withdrawals]; a typed transaction is a string in the list. */
function blockSize(header: Uint8Array, transactions: readonly Uint8Array[]): number {
  let body = 0
  for (const bytes of transactions) {
    body += ((bytes[0] as number) < 0xc0 ? headerLength(bytes.length) : 0) + bytes.length
  }
  const length = header.length + headerLength(body) + body + 2
  return headerLength(length) + length
}
