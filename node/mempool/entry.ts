import type { SenderQueue } from './senderQueue.ts'
import { costOf, type PooledTransaction } from './transaction.ts'

/** A transaction of the pool with what is asked of it again and again. */
export type Entry = {
  readonly transaction: PooledTransaction
  readonly key: string
  readonly queue: SenderQueue
  /** The most it can take from the sender, in wei. */
  readonly cost: bigint
  /** Both fees in wei per gas, rounded to doubles, which compare ten times faster: exact below 2^53. */
  readonly feeCap: number
  readonly tipCap: number
  readonly gasLimit: number
  /** Signed bytes. */
  readonly size: number
  /** Arrival order in this pool. */
  readonly sequence: number
  /** Milliseconds on the caller's clock. */
  readonly addedAt: number
  /** Place in the eviction order; see `EvictionOrder`. */
  rank: number
  /** Blocks that tried the transaction and found it invalid. */
  skips: number
}

export const createEntry = (
  transaction: PooledTransaction,
  place: Pick<Entry, 'key' | 'queue' | 'sequence' | 'addedAt'>,
): Entry => ({
  transaction,
  key: place.key,
  queue: place.queue,
  cost: costOf(transaction),
  feeCap: Number(transaction.maxFeePerGas),
  tipCap: Number(transaction.maxPriorityFeePerGas),
  gasLimit: transaction.gasLimit,
  size: transaction.bytes.length,
  sequence: place.sequence,
  addedAt: place.addedAt,
  rank: 0,
  skips: 0,
})

/** The base fee of a block, in wei, and the same as a double. */
export type BaseFee = { readonly exact: bigint; readonly rounded: number }

export const baseFeeOf = (exact: bigint): BaseFee => ({ exact, rounded: Number(exact) })

/** Whether the fee cap covers the base fee; exact, since rounding never turns an order around. */
export const isAffordable = ({ feeCap, transaction }: Entry, baseFee: BaseFee): boolean =>
  feeCap > baseFee.rounded ||
  (feeCap === baseFee.rounded && transaction.maxFeePerGas >= baseFee.exact)

/**
 * What the proposer earns per gas (EIP-1559), negative when the cap is below the base fee. Tips above
 * 2^53 wei that differ by less than rounding come out equal: order is a proposer's choice, so no
 * node depends on it.
 */
export const effectiveTipOf = ({ feeCap, tipCap }: Entry, baseFee: BaseFee): number =>
  Math.min(tipCap, feeCap - baseFee.rounded)
