import { assert } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { CHAIN, KIND, type MessengerState } from './schema.ts'

export type NewMessage = {
  readonly kind: keyof typeof KIND
  readonly block: number
  readonly priority: number
  readonly source: Uint8Array
  readonly target: Uint8Array
  readonly gasLimit: number
  readonly data?: Uint8Array
  readonly callbackGas?: number
  readonly status?: number
  readonly messageId?: number
  readonly asset?: number
  readonly account?: number
  readonly amount?: number
  readonly units?: bigint
}

/** Priorities are below this: within a block high ones come first. */
const PRIORITIES = 256

/** The nonce of the new message, or 0 when the queue is full. O(log blocks waiting). */
export function enqueue(state: MessengerState, message: NewMessage): number {
  const row = state.messages.allocate()
  if (row === 0) return 0
  const { columns } = state.messages
  const nonce = state.chain.columns.nextNonce.get(CHAIN)
  state.chain.columns.nextNonce.set(CHAIN, nonce + 1)
  const { block, priority } = message
  columns.kind.set(row, KIND[message.kind])
  columns.block.set(row, block)
  columns.priority.set(row, priority)
  columns.rank.set(row, block * PRIORITIES + (PRIORITIES - 1 - priority))
  columns.nonce.set(row, nonce)
  columns.source.set(row, message.source)
  columns.target.set(row, message.target)
  columns.gasLimit.set(row, message.gasLimit)
  columns.data.set(row, message.data ?? EMPTY_BYTES)
  columns.callbackGas.set(row, message.callbackGas ?? 0)
  columns.status.set(row, message.status ?? 0)
  columns.messageId.set(row, message.messageId ?? nonce)
  columns.asset.set(row, message.asset ?? 0)
  columns.account.set(row, message.account ?? 0)
  columns.amount.set(row, message.amount ?? 0)
  columns.units.set(row, message.units ?? 0n)
  state.byNonce.insert(row)
  state.inOrder.insert(row)
  return nonce
}

export function dequeue(state: MessengerState, row: number): void {
  state.inOrder.remove(row)
  state.byNonce.remove(row)
  state.messages.free(row)
}

export function rowOf(state: MessengerState, nonce: number): number {
  const row = state.byNonce.find(nonce)
  assert(row !== 0, 'the message waits')
  return row
}

/** Rows in order: block, priority high first, nonce. */
export function* rowsInOrder(state: MessengerState): Generator<number> {
  const { inOrder } = state
  for (let level = inOrder.lowest(0); level !== 0; level = inOrder.higher(level)) {
    for (let row = inOrder.firstOf(level); row !== 0; row = inOrder.nextOf(row)) yield row
  }
}
