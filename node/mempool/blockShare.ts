import type { Pooled, PooledAction } from './action.ts'
import { LENGTH_PREFIX_BYTES } from './selection.ts'
import type { PooledTransaction } from './transaction.ts'

/** What a list of a block may take. */
export type Room = { readonly maxBytes: number; readonly maxCount: number }

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
  const transactions = evm({
    maxBytes: room.maxBytes - Math.min(bytesOf(wanted), Math.floor(room.maxBytes / 2)),
    maxCount: room.maxCount - Math.min(wanted.length, Math.floor(room.maxCount / 2)),
  })
  const left = {
    maxBytes: room.maxBytes - bytesOf(transactions),
    maxCount: room.maxCount - transactions.length,
  }
  const fits = bytesOf(wanted) <= left.maxBytes && wanted.length <= left.maxCount
  return [...(fits ? wanted : core(left)), ...transactions]
}

const bytesOf = (items: readonly Pooled[]): number =>
  items.reduce((sum, { bytes }) => sum + bytes.length + LENGTH_PREFIX_BYTES, 0)
