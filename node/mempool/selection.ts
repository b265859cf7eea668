import { Heap } from './heap.ts'
import type { Entry, SenderQueue } from './senderQueue.ts'
import { type PooledTransaction, priorityOf } from './transaction.ts'

export type SelectionLimits = {
  /** Of the block being made, in wei: a sender's queue ends at the first fee cap below it. */
  readonly baseFee: bigint
  /** Sum of the transactions' gas limits, not of the gas they will use. */
  readonly gasLimit: number
  /** Of the encoded list of transactions, without its own count. */
  readonly maxBytes: number
  readonly maxCount: number
}

/** The length prefix of a transaction inside a block or a batch. */
export const LENGTH_PREFIX_BYTES = 4

type Candidate = {
  readonly queue: SenderQueue
  index: number
  entry: Entry
  priority: number
}

/**
 * What a block should hold: the highest effective tip first, nonces of a sender in order, the
 * earlier arrival among equals. A transaction that does not fit ends its sender's turn, not the
 * selection. O(senders + n · log senders).
 */
export function selectTransactions(
  queues: Iterable<SenderQueue>,
  limits: SelectionLimits,
): PooledTransaction[] {
  const heap = new Heap(comesFirst, candidatesOf(queues, limits.baseFee))
  const selected: PooledTransaction[] = []
  let [gas, bytes] = [limits.gasLimit, limits.maxBytes]
  while (selected.length < limits.maxCount) {
    const candidate = heap.top
    if (candidate === undefined) break
    const { transaction } = candidate.entry
    const size = transaction.bytes.length + LENGTH_PREFIX_BYTES
    const fits = transaction.gasLimit <= gas && size <= bytes
    if (fits) {
      selected.push(transaction)
      gas -= transaction.gasLimit
      bytes -= size
    }
    if (fits && advance(candidate, limits.baseFee)) heap.settleTop()
    else heap.pop()
  }
  return selected
}

function candidatesOf(queues: Iterable<SenderQueue>, baseFee: bigint): Candidate[] {
  const candidates: Candidate[] = []
  for (const queue of queues) {
    const entry = queue.executable > 0 ? queue.entries[0] : undefined
    if (entry === undefined || entry.transaction.maxFeePerGas < baseFee) continue
    candidates.push({ queue, index: 0, entry, priority: priorityOf(entry.transaction, baseFee) })
  }
  return candidates
}

/** Moves on to the sender's next transaction; false when there is none for this block. */
function advance(candidate: Candidate, baseFee: bigint): boolean {
  const index = candidate.index + 1
  const entry = index < candidate.queue.executable ? candidate.queue.entries[index] : undefined
  if (entry === undefined || entry.transaction.maxFeePerGas < baseFee) return false
  candidate.index = index
  candidate.entry = entry
  candidate.priority = priorityOf(entry.transaction, baseFee)
  return true
}

const comesFirst = (a: Candidate, b: Candidate): boolean =>
  a.priority > b.priority || (a.priority === b.priority && a.entry.sequence < b.entry.sequence)
