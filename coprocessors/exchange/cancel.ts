import type { CallContext } from '../../core/host/coprocessor.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { homeOf } from './balances.ts'
import type { CancelReason } from './events.ts'
import { ALL_MARKETS, GAS, MIN_CANCEL_DELAY_MS } from './limits.ts'
import { cancelOrder, findOrder, marketRowOf } from './orders.ts'
import type { ExchangeState } from './schema.ts'
import { endTimer, startTimer, TIMER } from './timers.ts'
import { mayCancel } from './validate.ts'

/** The caller's own resting order, or why not. */
export function ownOrder(
  state: ExchangeState,
  context: CallContext,
  named: { readonly market: number; readonly orderId: number; readonly clientId: bigint },
): Result<number, string> {
  const marketRow = marketRowOf(state, named.market)
  if (marketRow === 0) return reject('UNKNOWN_MARKET')
  if (!mayCancel(state, marketRow)) return reject('MARKET_NOT_OPEN')
  if (named.orderId === 0) return ownByClientId(state, context, named)
  const row = findOrder(state, named.market, named.orderId)
  if (row === 0) return reject('UNKNOWN_ORDER')
  const owner = state.orders.columns.owner.get(row)
  const isOwner = state.balances.columns.account.get(owner) === context.caller
  return isOwner ? ok(row) : reject('NOT_OWNER')
}

function ownByClientId(
  state: ExchangeState,
  context: CallContext,
  named: { readonly market: number; readonly clientId: bigint },
): Result<number, string> {
  const home = homeOf(state, context.caller)
  if (home === 0 || named.clientId === 0n) return reject('UNKNOWN_ORDER')
  const row = state.byClientId.find(home, named.clientId)
  if (row === 0 || state.orders.columns.market.get(row) !== named.market) {
    return reject('UNKNOWN_ORDER')
  }
  return ok(row)
}

/** O(1), O(log levels) when its level becomes empty. */
export function cancel(
  state: ExchangeState,
  named: { readonly market: number; readonly orderId: number; readonly clientId: bigint },
  context: CallContext,
): Result<{ readonly size: number }, string> {
  const found = ownOrder(state, context, named)
  if (!found.ok) return found
  const size = state.orders.columns.size.get(found.value)
  cancelOrder(state, context, found.value, 'user')
  return ok({ size })
}

/** Every order of the caller in one market, or in all that are not halted. O(own orders). */
export function cancelAll(
  state: ExchangeState,
  { market }: { readonly market: number },
  context: CallContext,
): Result<{ readonly cancelled: number }, string> {
  if (market !== ALL_MARKETS) {
    const marketRow = marketRowOf(state, market)
    if (marketRow === 0) return reject('UNKNOWN_MARKET')
    if (!mayCancel(state, marketRow)) return reject('MARKET_NOT_OPEN')
  }
  const home = homeOf(state, context.caller)
  if (home === 0) return ok({ cancelled: 0 })
  let cancelled = 0
  let level =
    market === ALL_MARKETS ? state.byOwner.lowest(home) : state.byOwner.levelAt(home, market)
  while (level !== 0) {
    const after = market === ALL_MARKETS ? state.byOwner.higher(level) : 0
    if (mayCancel(state, state.byOwner.priceOf(level) + 1)) {
      let row = state.byOwner.firstOf(level)
      while (row !== 0) {
        if (!context.charge(GAS.cancel)) return reject('OUT_OF_GAS')
        const next = state.byOwner.nextOf(row)
        cancelOrder(state, context, row, 'user')
        cancelled++
        row = next
      }
    }
    level = after
  }
  return ok({ cancelled })
}

/** Cancels up to `budget` orders of the account in every market, halted or not; returns how many. */
export function cancelOwn(
  state: ExchangeState,
  context: CallContext,
  home: number,
  budget: number,
  reason: CancelReason,
): number {
  let cancelled = 0
  while (cancelled < budget) {
    const level = state.byOwner.lowest(home)
    if (level === 0) break
    cancelOrder(state, context, state.byOwner.firstOf(level), reason)
    cancelled++
  }
  return cancelled
}

/** Sets the dead-man switch to a time in milliseconds; 0 takes it away. */
export function scheduleCancel(
  state: ExchangeState,
  { time }: { readonly time: number },
  context: CallContext,
): Result<Record<never, never>, string> {
  if (time !== 0 && time < context.time + MIN_CANCEL_DELAY_MS) return reject('TOO_SOON')
  const home = homeOf(state, context.caller)
  if (home === 0) return reject('UNKNOWN_ACCOUNT')
  endTimer(state, TIMER.account, home)
  if (time !== 0 && !startTimer(state, TIMER.account, home, time)) return reject('TABLE_FULL')
  context.emit({ kind: 'CancelScheduled', account: context.caller, time })
  return ok({})
}
