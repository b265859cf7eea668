import type { ExchangeParams } from '../coprocessors/exchange/index.ts'
import type { LedgerParams } from '../coprocessors/ledger/index.ts'
import { ENGINE } from '../core/host/coprocessor.ts'
import { assert } from '../core/primitives/assert.ts'
import type { Genesis } from './genesis.ts'

/** First parameters by engine name; an engine that refers to accounts asks for their ids, which the ledger gives out. */
export type CoreParamsOf = {
  readonly messenger: () => object
  readonly ledger: () => LedgerParams
  readonly exchange: (accountOf: (address: Uint8Array) => number) => ExchangeParams
}

/** Ids of assets whose addresses are kept for system ERC-20s: more than the ledger has rows for. */
const SYSTEM_TOKENS = 0x1_0000

/** What a parsed genesis gives each engine to begin with. */
export function coreParamsOf({ core, accounts }: Genesis): CoreParamsOf {
  const ids = new Map(core.assets.map(({ symbol }, id) => [symbol, id]))
  const idOf = (symbol: string): number => {
    const id = ids.get(symbol)
    assert(id !== undefined, 'a parsed genesis names assets that it has')
    return id
  }
  return {
    messenger: () => ({}),
    ledger: () => ({
      assets: core.assets.map(({ issuer, ...terms }) => ({
        ...terms,
        issuer: issuer.some((byte) => byte !== 0) ? issuer : null,
      })),
      balances: core.balances.map((balance) => ({ ...balance, asset: idOf(balance.asset) })),
      fees: {
        gasPrice: core.gasPrice,
        treasury: core.treasury,
        burnedShare: core.burnedShare,
        registrationFee: core.registrationFee,
      },
      evmSupply: accounts.reduce((sum, { balance }) => sum + balance, 0n),
      // A token's code is put in its place with the first coins that arrive there.
      tokens: SYSTEM_TOKENS,
      depositEngines: [ENGINE.exchange],
    }),
    exchange: (accountOf) => ({
      admin: accountOf(core.exchange.admin),
      treasury: accountOf(core.treasury),
      burnShare: core.burnedShare,
      markets: core.exchange.markets.map((market) => ({
        ...market,
        base: idOf(market.base),
        quote: idOf(market.quote),
      })),
    }),
  }
}
