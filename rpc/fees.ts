import {
  type EthereumHeader,
  type ExecutedBlock,
  type Receipt,
  SYSTEM_TRANSACTION_TYPE,
} from '../core/chain/executedBlock.ts'
import type { RpcBackend } from './backend.ts'
import { quantity } from './format/hex.ts'

/** geth's gas price oracle: blocks looked at, and which share of them a tip should outbid. */
const ORACLE_BLOCKS = 20
const ORACLE_PERCENTILE = 60
/** Cheapest tips taken of one block. */
const TIPS_PER_BLOCK = 3

/** Suggests a tip from what recent blocks were paid; computed once a height. */
export class FeeOracle {
  readonly #backend: RpcBackend
  readonly #minimum: bigint
  /** By header, which a height may have another one of after the chain went back: what a block adds to the sample. */
  readonly #samples = new WeakMap<EthereumHeader, readonly bigint[]>()
  #known: { readonly header: EthereumHeader; readonly tip: bigint } | null = null

  constructor(backend: RpcBackend, minimum: bigint) {
    this.#backend = backend
    this.#minimum = minimum
  }

  /** Wei per gas. */
  tip(): bigint {
    const height = this.#backend.height()
    const header = this.#backend.header(height)
    if (header !== null && this.#known?.header === header) return this.#known.tip
    const tips: bigint[] = []
    const first = Math.max(1, height - ORACLE_BLOCKS + 1)
    for (let at = first; at <= height; at++) tips.push(...this.#sample(at))
    tips.sort(ascending)
    const wanted = tips[Math.floor(((tips.length - 1) * ORACLE_PERCENTILE) / 100)] ?? 0n
    const tip = wanted > this.#minimum ? wanted : this.#minimum
    this.#known = header === null ? null : { header, tip }
    return tip
  }

  #sample(height: number): readonly bigint[] {
    const header = this.#backend.header(height)
    const known = header === null ? undefined : this.#samples.get(header)
    if (known !== undefined) return known
    const block = this.#backend.block(height)
    const sample = block === null ? [] : tipsOf(block).sort(ascending).slice(0, TIPS_PER_BLOCK)
    if (header !== null) this.#samples.set(header, sample)
    return sample
  }
}

/** With percentiles every block is read whole, so a call reaches less far. */
const MAX_REWARD_BLOCKS = 128

type FeeQuery = {
  readonly count: number
  readonly newest: number
  readonly wanted: readonly number[]
}

/** The answer of eth_feeHistory for blocks up to `newest`; the base fee of the one after it is included. */
export function feeHistoryOf(backend: RpcBackend, { count, newest, wanted }: FeeQuery) {
  const most = wanted.length === 0 ? count : Math.min(count, MAX_REWARD_BLOCKS)
  const blocks = Math.min(most, newest + 1)
  if (blocks === 0) return { oldestBlock: '0x0', gasUsedRatio: [] }
  const oldest = newest - blocks + 1
  const baseFees: bigint[] = []
  const ratios: number[] = []
  const rewards: string[][] = []
  for (let height = oldest; height <= newest; height++) {
    const header = backend.header(height)
    if (header === null) break
    baseFees.push(header.baseFeePerGas)
    ratios.push(header.gasLimit === 0 ? 0 : header.gasUsed / header.gasLimit)
    if (wanted.length === 0) continue
    const block = backend.block(height)
    if (block !== null) rewards.push(rewardsOf(block, wanted).map(quantity))
  }
  baseFees.push(backend.nextBaseFee(newest))
  return {
    oldestBlock: quantity(oldest),
    baseFeePerGas: baseFees.map(quantity),
    gasUsedRatio: ratios,
    baseFeePerBlobGas: baseFees.map(() => '0x1'),
    blobGasUsedRatio: ratios.map(() => 0),
    ...(wanted.length === 0 ? {} : { reward: rewards }),
  }
}

/** Tips by percentile of the gas used: half the gas of the block paid no more than the 50th. */
function rewardsOf(block: ExecutedBlock, wanted: readonly number[]): bigint[] {
  const { baseFeePerGas, gasUsed } = block.header
  const paid = feePaying(block)
    .map((receipt) => ({
      gas: receipt.gasUsed,
      tip: receipt.effectiveGasPrice - baseFeePerGas,
    }))
    .sort((a, b) => ascending(a.tip, b.tip))
  if (paid.length === 0) return wanted.map(() => 0n)
  let index = 0
  let gas = paid[0]?.gas ?? 0
  return wanted.map((percentile) => {
    const threshold = (gasUsed * percentile) / 100
    while (gas < threshold && index < paid.length - 1) {
      index++
      gas += paid[index]?.gas ?? 0
    }
    return paid[index]?.tip ?? 0n
  })
}

const tipsOf = (block: ExecutedBlock): bigint[] =>
  feePaying(block).map((receipt) => receipt.effectiveGasPrice - block.header.baseFeePerGas)

/** System transactions pay nothing, and say nothing about what others should. */
const feePaying = (block: ExecutedBlock): Receipt[] =>
  block.transactions
    .map(({ receipt }) => receipt)
    .filter(({ type }) => type !== SYSTEM_TRANSACTION_TYPE)

const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)
