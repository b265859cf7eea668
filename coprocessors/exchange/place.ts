import type { CallContext } from '../../core/host/coprocessor.ts'
import { type Result, reject } from '../../core/primitives/result.ts'
import { homeOf, openBalance, USDX } from './balances.ts'
import { enterOrder, mayRest, type OrderRequest, type Placed } from './enter.ts'
import { heldFor } from './fees.ts'
import { bookOf, marketRowOf, nextSequence, orderIdOf } from './orders.ts'
import type { ExchangeState } from './schema.ts'
import { orderProblem } from './validate.ts'

/** O(log levels), and what `match` costs. */
export function placeOrder(
  state: ExchangeState,
  order: OrderRequest,
  context: CallContext,
): Result<Placed, string> {
  const marketRow = marketRowOf(state, order.market)
  if (marketRow === 0) return reject('UNKNOWN_MARKET')
  const problem = orderProblem(state, marketRow, order, context.time)
  if (problem !== null) return reject(problem)
  const home = homeOf(state, context.caller)
  if (home === 0) return reject('INSUFFICIENT_BALANCE')
  const columns = state.markets.columns
  const tickSize = columns.tickSize.get(marketRow)
  const lotSize = columns.lotSize.get(marketRow)
  const baseBalance = balanceFor(state, home, context.caller, columns.base.get(marketRow))
  const quoteBalance = balanceFor(state, home, context.caller, columns.quote.get(marketRow))
  if (baseBalance === 0 || quoteBalance === 0) return reject('TABLE_FULL')
  const buys = order.side === 'buy'
  const payer = buys ? quoteBalance : baseBalance
  const needs = buys ? heldFor(order.price * order.size * tickSize) : order.size * lotSize
  if (state.balances.columns.available.get(payer) < needs) return reject('INSUFFICIENT_BALANCE')
  const named = order.clientId !== 0n
  if (named && state.byClientId.find(home, order.clientId) !== 0) {
    return reject('DUPLICATE_CLIENT_ID')
  }
  let row = 0
  if (mayRest(order.timeInForce)) {
    row = state.orders.allocate()
    if (row === 0) return reject('TABLE_FULL')
  }
  const book = bookOf(order.market, order.side)
  const sequence = nextSequence(state, order.market)
  return enterOrder(state, context, order, {
    marketRow,
    tickSize,
    lotSize,
    book,
    row,
    sequence,
    orderId: orderIdOf(sequence, row),
    owner: home,
    baseBalance,
    quoteBalance,
    named,
  })
}

/** The row that the order pays from or is paid into; 0 when the table is full. */
const balanceFor = (state: ExchangeState, home: number, account: number, asset: number): number =>
  asset === USDX ? home : openBalance(state, account, asset)
