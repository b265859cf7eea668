import type { CallContext } from '../../core/host/coprocessor.ts'
import { cancelOwn } from './cancel.ts'
import { END_BLOCK_ORDERS } from './limits.ts'
import { payOutFees } from './money.ts'
import { cancelOrder } from './orders.ts'
import type { ExchangeState } from './schema.ts'
import { endTimer, firstDue, TIMER } from './timers.ts'

/** Orders whose time is over, then due dead-man switches, together at most `END_BLOCK_ORDERS`; then the fees. */
export function endBlock(state: ExchangeState, context: CallContext): void {
  cancelScheduled(state, context, expireOrders(state, context, END_BLOCK_ORDERS))
  payOutFees(state, context)
}

function expireOrders(state: ExchangeState, context: CallContext, budget: number): number {
  let left = budget
  while (left > 0) {
    const row = firstDue(state, TIMER.order, context.time)
    if (row === 0) break
    cancelOrder(state, context, row, 'expired')
    left--
  }
  return left
}

/** A switch stays until all orders of its account are gone, over as many blocks as that takes. */
function cancelScheduled(state: ExchangeState, context: CallContext, budget: number): void {
  let left = budget
  while (left > 0) {
    const home = firstDue(state, TIMER.account, context.time)
    if (home === 0) break
    left -= cancelOwn(state, context, home, left, 'scheduled')
    if (state.byOwner.lowest(home) === 0) {
      endTimer(state, TIMER.account, home)
      left--
    }
  }
}
