import type { Pooled, PooledAction } from './action.ts'
import { LENGTH_PREFIX_BYTES } from './selection.ts'
import type { PooledTransaction } from './transaction.ts'

/** What a list of a block may take, and what it should: nothing is added once `targetBytes` are reached. */
export type Room = {
  readonly maxBytes: number
  readonly maxCount: number
  readonly targetBytes: number
}

export type Lanes = {
  readonly core: (room: Room) => PooledAction[]
  readonly evm: (room: Room) => PooledTransaction[]
}

/**
 * Divides a block between the lanes: each has half for certain, in bytes and in count, and all that
 * the other leaves. Core chooses first and keeps what it would take alone, up to its half; the EVM
 * chooses from the rest; then Core gets what that left, if it wanted more.
 */
export function shareBlock(room: Room, { core, evm }: Lanes): Pooled[] {
  const wanted = core(room)
  const beside = (whole: number, taken: number): number =>
    whole - Math.min(taken, Math.floor(whole / 2))
  const transactions = evm({
    maxBytes: beside(room.maxBytes, bytesOf(wanted)),
    maxCount: beside(room.maxCount, wanted.length),
    targetBytes: beside(room.targetBytes, bytesOf(wanted)),
  })
  const left = {
    maxBytes: room.maxBytes - bytesOf(transactions),
    maxCount: room.maxCount - transactions.length,
    // The last one chosen may go far beyond a small target; that costs the other lane nothing of its half.
    targetBytes: beside(room.targetBytes, bytesOf(transactions)),
  }
  const fits =
    bytesOf(wanted) <= Math.min(left.maxBytes, left.targetBytes) && wanted.length <= left.maxCount
  return [...(fits ? wanted : core(left)), ...transactions]
}

const bytesOf = (items: readonly Pooled[]): number =>
  items.reduce((sum, { bytes }) => sum + bytes.length + LENGTH_PREFIX_BYTES, 0)
