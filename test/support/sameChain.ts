import { createMPT } from '@ethereumjs/mpt'
import { bytesToHex, type Hex, hexToBytes, keccak256, toRlp } from 'viem'
import { askMany, call } from './jsonRpc.ts'
import { quantity, type RpcTransaction, rawTransactionOf } from './rawTransaction.ts'

export type RpcBlock = {
  readonly number: Hex
  readonly hash: Hex
  readonly parentHash: Hex
  readonly stateRoot: Hex
  readonly transactionsRoot: Hex
  readonly receiptsRoot: Hex
  readonly logsBloom: Hex
  readonly gasUsed: Hex
  readonly timestamp: Hex
  readonly baseFeePerGas: Hex
  readonly transactions: readonly RpcTransaction[]
} & Readonly<Record<string, unknown>>

type RpcLog = { readonly address: Hex; readonly topics: readonly Hex[]; readonly data: Hex }

export type RpcReceipt = {
  readonly transactionHash: Hex
  readonly blockHash: Hex
  readonly type: Hex
  readonly status: Hex
  readonly cumulativeGasUsed: Hex
  readonly gasUsed: Hex
  readonly logsBloom: Hex
  readonly logs: readonly RpcLog[]
} & Readonly<Record<string, unknown>>

export type BlockWithReceipts = {
  readonly block: RpcBlock
  readonly receipts: readonly RpcReceipt[]
}

const PER_BATCH = 20

export const headOf = async (url: string): Promise<number> =>
  Number(await call<Hex>(url, 'eth_blockNumber'))

/** Blocks with their transactions and receipts, both ends included. */
export async function readChain(
  url: string,
  from: number,
  to: number,
): Promise<BlockWithReceipts[]> {
  const out: BlockWithReceipts[] = []
  for (let first = from; first <= to; first += PER_BATCH) {
    const heights = Array.from(
      { length: Math.min(PER_BATCH, to - first + 1) },
      (_, i): Hex => `0x${(first + i).toString(16)}`,
    )
    const answers = await askMany(url, [
      ...heights.map((height) => ['eth_getBlockByNumber', [height, true]] as const),
      ...heights.map((height) => ['eth_getBlockReceipts', [height]] as const),
    ])
    heights.forEach((height, i) => {
      const [block, receipts] = [answers[i], answers[heights.length + i]]
      if (block?.kind !== 'result' || receipts?.kind !== 'result' || block.result === null)
        throw new Error(`${url} has no block ${height}: ${JSON.stringify([block, receipts])}`)
      out.push({ block: block.result as RpcBlock, receipts: receipts.result as RpcReceipt[] })
    })
  }
  return out
}

/**
 * What is wrong with a chain as one node tells it, seen with nothing but the Ethereum
 * specification: links, header hashes, and both roots of every block. Empty when all is well.
 */
export async function faultsOf(chain: readonly BlockWithReceipts[]): Promise<string[]> {
  const faults: string[] = []
  for (const [i, { block, receipts }] of chain.entries()) {
    const say = (what: string) => faults.push(`block ${Number(block.number)}: ${what}`)
    const previous = chain[i - 1]?.block
    if (previous !== undefined) {
      if (previous.hash !== block.parentHash) say('its parent is another block')
      if (BigInt(block.timestamp) < BigInt(previous.timestamp)) say('its time runs backwards')
    }
    if (headerHashOf(block) !== block.hash) say('its hash is not that of its header')
    if (receipts.length !== block.transactions.length) say('receipts and transactions differ')
    if ((await rootOf(block.transactions.map(rawTransactionOf))) !== block.transactionsRoot)
      say('its transactions root is wrong')
    if ((await rootOf(receipts.map(receiptBytesOf))) !== block.receiptsRoot)
      say('its receipts root is wrong')
    const used = receipts.at(-1)?.cumulativeGasUsed ?? '0x0'
    if (BigInt(used) !== BigInt(block.gasUsed)) say('its gas is not the sum of its receipts')
  }
  return faults
}

/** Field order of the Ethereum header up to Prague (EIP-7685 last). */
const HEADER_BYTES = ['parentHash', 'sha3Uncles', 'miner', 'stateRoot', 'transactionsRoot'] as const
const HEADER_QUANTITIES = new Set(
  'difficulty number gasLimit gasUsed timestamp baseFeePerGas blobGasUsed excessBlobGas'.split(' '),
)
const HEADER_FIELDS = [
  ...HEADER_BYTES,
  ...'receiptsRoot logsBloom difficulty number gasLimit gasUsed timestamp extraData mixHash'.split(
    ' ',
  ),
  ...'nonce baseFeePerGas withdrawalsRoot blobGasUsed excessBlobGas'.split(' '),
  ...'parentBeaconBlockRoot requestsHash'.split(' '),
]

function headerHashOf(block: RpcBlock): Hex {
  const fields = HEADER_FIELDS.filter((name) => block[name] !== undefined && block[name] !== null)
  return keccak256(
    toRlp(
      fields.map((name) => {
        const value = block[name] as Hex
        return HEADER_QUANTITIES.has(name) ? quantity(value) : value
      }),
    ),
  )
}

function receiptBytesOf(receipt: RpcReceipt): Hex {
  const logs = receipt.logs.map(({ address, topics, data }) => [address, topics, data] as const)
  const body = toRlp([
    quantity(receipt.status),
    quantity(receipt.cumulativeGasUsed),
    receipt.logsBloom,
    logs.map(([address, topics, data]) => [address, [...topics], data]),
  ])
  return Number(receipt.type) === 0
    ? body
    : `0x${Number(receipt.type).toString(16).padStart(2, '0')}${body.slice(2)}`
}

async function rootOf(items: readonly Hex[]): Promise<Hex> {
  const trie = await createMPT()
  for (const [i, item] of items.entries())
    await trie.put(hexToBytes(toRlp(quantity(i))), hexToBytes(item))
  return bytesToHex(trie.root())
}
