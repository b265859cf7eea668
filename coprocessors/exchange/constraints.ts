import type { Constraint } from '../../core/host/coprocessor.ts'
import { bestOf } from './bookViews.ts'
import { FLAG_GTT, FLAG_NAMED, holdOf, payerOf } from './orders.ts'
import type { ExchangeSchema, ExchangeState } from './schema.ts'
import { TIMER, timeOf } from './timers.ts'

/** Markets and assets are few by their tables' capacities, whatever the block did. */
export const constraints: readonly Constraint<ExchangeSchema>[] = [
  { name: 'totals', when: 'block', check: totals },
  { name: 'uncrossed', when: 'block', check: uncrossed },
  { name: 'sums', when: 'full', check: sums },
  { name: 'holds', when: 'full', check: holds },
  { name: 'orders', when: 'full', check: orders },
]

/** What accounts have and what fees wait is what the ledger holds for this engine. */
function totals(state: ExchangeState): string | null {
  const { total, users, fees, asset } = state.assets.columns
  for (let row = state.assets.next(0); row !== 0; row = state.assets.next(row)) {
    if (users.get(row) + fees.get(row) === total.get(row)) continue
    return `asset ${asset.get(row)}: accounts and fees are not the total`
  }
  return null
}

function uncrossed(state: ExchangeState): string | null {
  const { byPrice } = state
  for (let market = 0; market < state.markets.count(); market++) {
    const bid = bestOf(state, market * 2)
    const ask = bestOf(state, market * 2 + 1)
    if (bid !== 0 && ask !== 0 && byPrice.priceOf(bid) >= byPrice.priceOf(ask)) {
      return `market ${market}: the best bid reaches the best ask`
    }
  }
  return null
}

/** Balances, one by one, add up to what the asset says. */
function sums(state: ExchangeState): string | null {
  const { available, held, asset } = state.balances.columns
  const found = new Map<number, bigint>()
  for (let row = state.balances.next(0); row !== 0; row = state.balances.next(row)) {
    const before = found.get(asset.get(row)) ?? 0n
    found.set(asset.get(row), before + BigInt(available.get(row)) + BigInt(held.get(row)))
  }
  const assets = state.assets.columns
  for (let row = state.assets.next(0); row !== 0; row = state.assets.next(row)) {
    const sum = found.get(assets.asset.get(row)) ?? 0n
    found.delete(assets.asset.get(row))
    if (sum !== BigInt(assets.users.get(row))) {
      return `asset ${assets.asset.get(row)}: balances add up to ${sum}`
    }
  }
  for (const [of, sum] of found) if (sum !== 0n) return `asset ${of} is not registered`
  return null
}

/** Every balance holds what its open orders need, no more and no less. */
function holds(state: ExchangeState): string | null {
  const { book, price, size } = state.orders.columns
  const needed = new Map<number, number>()
  for (let row = state.orders.next(0); row !== 0; row = state.orders.next(row)) {
    const balance = payerOf(state, row, book.get(row))
    const hold = holdOf(state, book.get(row), price.get(row), size.get(row))
    needed.set(balance, (needed.get(balance) ?? 0) + hold)
  }
  const { held, account, asset } = state.balances.columns
  for (let row = state.balances.next(0); row !== 0; row = state.balances.next(row)) {
    if (held.get(row) === (needed.get(row) ?? 0)) continue
    return `account ${account.get(row)} asset ${asset.get(row)}: held is not what its orders need`
  }
  return null
}

/** Each order is where the indexes say, has its timer, and is counted. */
function orders(state: ExchangeState): string | null {
  const columns = state.orders.columns
  const counted = new Map<number, number>()
  for (let row = state.orders.next(0); row !== 0; row = state.orders.next(row)) {
    const market = columns.market.get(row)
    counted.set(market, (counted.get(market) ?? 0) + 1)
    if (columns.book.get(row) >> 1 !== market) return `order row ${row}: two markets`
    if (columns.size.get(row) === 0) return `order row ${row}: no size`
    const isTimed = (columns.flags.get(row) & FLAG_GTT) !== 0
    if (isTimed !== timeOf(state, TIMER.order, row) > 0) return `order row ${row}: its timer`
    const problem = indexProblem(state, row)
    if (problem !== null) return `order row ${row}: not in the index by ${problem}`
  }
  for (let market = 0; market < state.markets.count(); market++) {
    if (state.markets.columns.openOrders.get(market + 1) !== (counted.get(market) ?? 0)) {
      return `market ${market}: open orders are miscounted`
    }
  }
  return null
}

function indexProblem(state: ExchangeState, row: number): string | null {
  const { owner, clientId, book, price, market, flags } = state.orders.columns
  const { byPrice, byOwner, byClientId } = state
  const level = byPrice.levelAt(book.get(row), price.get(row))
  if (level === 0 || byPrice.levelOf(row) !== level) return 'price'
  const own = byOwner.levelAt(owner.get(row), market.get(row))
  if (own === 0 || byOwner.levelOf(row) !== own) return 'owner'
  const id = clientId.get(row)
  const isNamed = (flags.get(row) & FLAG_NAMED) !== 0
  if (isNamed !== (id !== 0n)) return 'its flags'
  return isNamed && byClientId.find(owner.get(row), id) !== row ? 'client id' : null
}
