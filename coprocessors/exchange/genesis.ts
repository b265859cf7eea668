import { assert } from '../../core/primitives/assert.ts'
import { MILLION } from './limits.ts'
import { type MarketSpec, openMarket } from './markets.ts'
import { type ExchangeState, GLOBAL } from './schema.ts'

export type ExchangeParams = {
  /** Ledger account id; may create markets of any asset and stop them. 0 is nobody. */
  readonly admin: number
  /** Ledger account id; receives what is not burned of the fees. */
  readonly treasury: number
  /** Of every fee, in millionths. */
  readonly burnShare: number
  /** Numbered from 0 in this order. */
  readonly markets: readonly MarketSpec[]
}

/** What is wrong here was not checked by the genesis parser, so it is a fault of the program. */
export function genesis(state: ExchangeState, params: ExchangeParams): void {
  assert(params.burnShare <= MILLION, 'no more than the whole fee is burned')
  assert(params.treasury !== 0, 'somebody receives the fees')
  const row = state.globals.allocate()
  assert(row === GLOBAL, 'genesis begins with nothing')
  state.globals.columns.admin.set(row, params.admin)
  state.globals.columns.treasury.set(row, params.treasury)
  state.globals.columns.burnShare.set(row, params.burnShare)
  for (const spec of params.markets) {
    const opened = openMarket(state, spec)
    assert(opened.ok, 'a market of the genesis is sound')
  }
}
