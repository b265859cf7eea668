import { createBlockFromRLP, createBlockHeaderFromRLP } from '@ethereumjs/block'
import { createCustomCommon, Mainnet } from '@ethereumjs/common'
import { createMPT } from '@ethereumjs/mpt'
import { Bloom } from '@ethereumjs/vm'
import {
  decodeRlp as ethersDecodeRlp,
  encodeRlp as ethersEncodeRlp,
  getBytes,
  hexlify,
  toBeHex,
} from 'ethers'
import { describe, expect, it } from 'vitest'
import type { Receipt } from '../../../core/chain/executedBlock.ts'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { EMPTY_TRIE_ROOT } from '../../../evm/account.ts'
import { baseFeeBefore } from '../../../evm/fees.ts'
import { encodeHeader, nextBaseFee } from '../../../evm/index.ts'
import { bloomOf, encodeReceipt } from '../../../evm/receipts.ts'
import { encodeRlp, quantityBytes } from '../../../evm/rlp.ts'
import {
  account,
  CHAIN_ID,
  createWorld,
  funded,
  GWEI,
  keyNumber,
  signTransaction,
} from '../../support/evmWorld.ts'

const [alice, bob] = [keyNumber(1), keyNumber(2)]
const LOGGER = fromHex('00000000000000000000000000000000c0de0001')
/** One log of the word 42 with topics 1 and 2. */
const LOGS = fromHex('602a60005260026001602060 00a200'.replaceAll(' ', ''))
const common = createCustomCommon({ chainId: CHAIN_ID }, Mainnet, { hardfork: 'prague' })

async function blockWithEverything() {
  const world = await createWorld([...funded([alice, bob]), account(LOGGER, { code: LOGS })])
  const transactions = [
    signTransaction({ type: 0, nonce: 0, to: bob.address, value: 1n }, alice),
    signTransaction({ type: 1, nonce: 1, to: LOGGER, gasLimit: 90_000 }, alice),
    signTransaction({ type: 2, nonce: 2, to: LOGGER, gasLimit: 21_010 }, alice),
    ...Array.from({ length: 130 }, (_, i) =>
      signTransaction({ nonce: i, to: alice.address, value: 1n }, bob),
    ),
  ]
  return { world, transactions, result: await world.block(transactions) }
}

describe('the Ethereum block', () => {
  it('has the hash, the transactions root and the size that ethereumjs computes', async () => {
    const { transactions, result } = await blockWithEverything()
    const { header } = result.executed
    const read = createBlockHeaderFromRLP(encodeHeader(header), { common })
    expect(toHex(read.hash())).toBe(toHex(header.hash))
    const body = transactions.map((bytes) => {
      // A typed transaction is a string in the body, a legacy one a list.
      return (bytes[0] as number) < 0xc0 ? hexlify(bytes) : ethersDecodeRlp(bytes)
    })
    const block = getBytes(
      ethersEncodeRlp([ethersDecodeRlp(encodeHeader(header)), body, [], []] as never),
    )
    expect(block.length).toBe(header.size)
    const parsed = createBlockFromRLP(block, { common })
    expect(await parsed.transactionsTrieIsValid()).toBe(true)
    expect(await parsed.withdrawalsTrieIsValid()).toBe(true)
    expect(toHex(parsed.hash())).toBe(toHex(header.hash))
  })

  it('has the receipts root and the bloom of receipts that ethers encodes', async () => {
    const { result } = await blockWithEverything()
    const { header, transactions } = result.executed
    const trie = await createMPT()
    const bloom = new Uint8Array(256)
    for (const [index, { receipt }] of transactions.entries()) {
      await trie.put(encodeRlp(quantityBytes(index)), ethersReceipt(receipt))
      for (let i = 0; i < 256; i++) bloom[i] = (bloom[i] ?? 0) | (receipt.logsBloom[i] ?? 0)
    }
    expect(transactions.map(({ receipt }) => receipt.status).slice(0, 3)).toEqual([1, 1, 0])
    expect(toHex(header.receiptsRoot)).toBe(toHex(trie.root()))
    expect(toHex(header.logsBloom)).toBe(toHex(bloom))
    expect(transactions.at(-1)?.receipt.cumulativeGasUsed).toBe(header.gasUsed)
  })

  it('continues its parent', async () => {
    const { world } = await blockWithEverything()
    const parent = world.head
    const { executed } = await world.block([])
    expect(executed.header).toMatchObject({
      parentHash: parent.hash,
      number: 2,
      gasUsed: 0,
      transactionsRoot: EMPTY_TRIE_ROOT,
      receiptsRoot: EMPTY_TRIE_ROOT,
      stateRoot: parent.stateRoot,
    })
  })
})

function ethersReceipt(receipt: Receipt): Uint8Array {
  const quantity = (value: number): string => (value === 0 ? '0x' : toBeHex(value))
  const body = ethersEncodeRlp([
    quantity(receipt.status),
    quantity(receipt.cumulativeGasUsed),
    hexlify(receipt.logsBloom),
    receipt.logs.map(({ address, topics, data }) => [
      hexlify(address),
      topics.map((topic) => hexlify(topic)),
      hexlify(data),
    ]),
  ])
  return getBytes(receipt.type === 0 ? body : `0x0${receipt.type}${body.slice(2)}`)
}

describe('receipts', () => {
  it.each([0, 1, 31, 55, 56, 57, 300, 70_000])('encode logs of %i bytes as ethers does', (size) => {
    const logs = [
      { address: alice.address, topics: [], data: new Uint8Array(size).fill(0x7f) },
      { address: bob.address, topics: Array(4).fill(new Uint8Array(32)), data: new Uint8Array(0) },
    ]
    const receipt: Receipt = {
      type: 2,
      status: 1,
      gasUsed: 1,
      cumulativeGasUsed: 2 ** 33 + 5,
      effectiveGasPrice: 0n,
      contractAddress: null,
      logs,
      logsBloom: bloomOf(logs),
    }
    expect(toHex(encodeReceipt(receipt))).toBe(toHex(ethersReceipt(receipt)))
  })

  it('have the bloom that ethereumjs computes', () => {
    const items = Array.from({ length: 40 }, (_, i) => keccak256(quantityBytes(i)))
    const expected = new Bloom()
    for (const item of items) expected.add(item)
    const logs = items.map((topic) => ({ address: topic, topics: [topic], data: topic }))
    expect(toHex(bloomOf(logs))).toBe(toHex(expected.bitvector))
  })
})

describe('base fee', () => {
  const header = (gasUsed: number, baseFeePerGas: bigint) => ({
    gasLimit: 30_000_000,
    gasUsed,
    baseFeePerGas,
  })
  it.each([
    [15_000_000, 1_000_000_000n, 1_000_000_000n],
    [30_000_000, 1_000_000_000n, 1_125_000_000n],
    [0, 1_000_000_000n, 875_000_000n],
    [20_000_000, 1_000_000_000n, 1_041_666_666n],
    [15_000_001, 7n, 8n],
    [0, 7n, 7n],
  ])('after %i gas at %i is %i (EIP-1559)', (gasUsed, fee, next) => {
    expect(nextBaseFee(header(gasUsed, fee))).toBe(next)
  })

  it('of block 1 is what genesis says', async () => {
    for (const fee of [0n, 1n, 7n, 8n, 999n, GWEI, 12_345_678_901n]) {
      expect(nextBaseFee(header(0, baseFeeBefore(fee)))).toBe(fee)
    }
    const world = await createWorld([], { baseFeePerGas: 777n })
    expect(nextBaseFee(world.head)).toBe(777n)
  })
})
