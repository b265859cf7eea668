import type { Constraint } from '../../core/host/coprocessor.ts'
import { rowsInOrder } from './queue.ts'
import { CHAIN, type MessengerSchema } from './schema.ts'

/** The messages' numbers begin at 1 and never come again. */
const numbers: Constraint<MessengerSchema> = {
  name: 'numbers',
  when: 'block',
  check(state) {
    const next = state.chain.columns.nextNonce.get(CHAIN)
    if (next === 0) return 'the next message has no number'
    const waiting = state.messages.count()
    return waiting < next ? null : `${waiting} messages wait, ${next - 1} were ever queued`
  },
}

/** The queue holds every message once, in order. */
const order: Constraint<MessengerSchema> = {
  name: 'order',
  when: 'full',
  check(state) {
    const { rank, nonce, block, priority } = state.messages.columns
    const next = state.chain.columns.nextNonce.get(CHAIN)
    let before = 0
    let count = 0
    for (const row of rowsInOrder(state)) {
      count++
      if (rank.get(row) !== block.get(row) * 256 + 255 - priority.get(row)) {
        return `message ${nonce.get(row)} is at the wrong place`
      }
      if (nonce.get(row) >= next) return `message ${nonce.get(row)} has a number to come`
      if (before !== 0 && comesBefore(row, before))
        return `message ${nonce.get(row)} is out of order`
      before = row
    }
    return count === state.messages.count()
      ? null
      : `${count} of ${state.messages.count()} in order`

    function comesBefore(a: number, b: number): boolean {
      const apart = rank.get(a) - rank.get(b)
      return apart < 0 || (apart === 0 && nonce.get(a) <= nonce.get(b))
    }
  },
}

export const constraints = [numbers, order]
