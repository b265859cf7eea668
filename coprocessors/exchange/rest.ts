import { assert } from '../../core/primitives/assert.ts'
import { move } from './balances.ts'
import type { Entry, OrderRequest } from './enter.ts'
import { FLAG_NAMED } from './orders.ts'
import type { ExchangeState } from './schema.ts'

/** Writes a new order into its allocated row and links it. The hold is the caller's business. */
export function restOrder(
  state: ExchangeState,
  order: OrderRequest,
  entry: Entry,
  size: number,
  flags: number,
): void {
  assert(size > 0, 'a resting order has a size')
  const columns = state.orders.columns
  const { row } = entry
  columns.sequence.set(row, entry.sequence)
  columns.price.set(row, order.price)
  columns.size.set(row, size)
  columns.market.set(row, order.market)
  columns.owner.set(row, entry.owner)
  columns.baseBalance.set(row, entry.baseBalance)
  columns.book.set(row, entry.book)
  columns.flags.set(row, entry.named ? flags | FLAG_NAMED : flags)
  state.byPrice.insert(row)
  state.byOwner.insert(row)
  if (entry.named) {
    columns.clientId.set(row, order.clientId)
    state.byClientId.insert(row)
  }
  move(state.markets.columns.openOrders, entry.marketRow, 1)
}
