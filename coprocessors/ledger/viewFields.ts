import {
  account,
  address,
  choice,
  int,
  list,
  text,
  u8,
  u16,
  u32,
  u128,
  type Values,
} from '../../core/host/fields.ts'
import { tokenAddress } from '../../core/host/precompile.ts'
import { accountOf } from './accounts.ts'
import { assetRow, BURNING, ISSUANCE, symbolOf } from './assets.ts'
import { columnAt, columnRunsOf } from './columnRuns.ts'
import { RULES, USDX } from './rules.ts'
import type { LedgerState } from './schema.ts'

const NO_ADDRESS = new Uint8Array(20)

export const assetFields = {
  asset: u16,
  symbol: text(RULES.symbolLength),
  coreDecimals: u8,
  evmDecimals: u8,
  /** Zeros: nobody. */
  issuer: address,
  issuance: choice(...ISSUANCE),
  burning: choice(...BURNING),
  /** The system ERC-20; zeros for the native coin. */
  token: address,
} as const

export function assetOf(state: LedgerState, asset: number): Values<typeof assetFields> {
  const { columns } = state.assets
  const row = assetRow(asset)
  const issuer = columns.issuer.get(row)
  return {
    asset,
    symbol: symbolOf(state, asset),
    coreDecimals: columns.coreDecimals.get(row),
    evmDecimals: columns.evmDecimals.get(row),
    issuer: issuer === 0 ? NO_ADDRESS : state.accounts.columns.address.get(issuer),
    issuance: ISSUANCE[columns.issuance.get(row)] ?? 'fixed',
    burning: BURNING[columns.burning.get(row)] ?? 'nobody',
    token: asset === USDX ? NO_ADDRESS : tokenAddress(asset),
  }
}

export const supplyFields = {
  /** Core units. */
  core: u128,
  inFlight: u128,
  /** EVM units. */
  evm: u128,
  issued: u128,
  burned: u128,
} as const

export function supplyOf(state: LedgerState, asset: number): Values<typeof supplyFields> {
  const { core, inFlight, evm, issued, burned } = state.assets.columns
  const row = assetRow(asset)
  return {
    core: core.get(row),
    inFlight: inFlight.get(row),
    evm: evm.get(row),
    issued: issued.get(row),
    burned: burned.get(row),
  }
}

export const balanceFields = { asset: u16, amount: int } as const

/** All balances that an address ever had, also those that are zero now; newest first. */
export function balancesOf(
  state: LedgerState,
  owner: Uint8Array,
): readonly Values<typeof balanceFields>[] {
  const { asset, amount, next } = state.balances.columns
  const found: Values<typeof balanceFields>[] = []
  const account = accountOf(state, owner)
  if (account === 0) return found
  for (let row = state.accounts.columns.firstBalance.get(account); row !== 0; row = next.get(row)) {
    found.push({ asset: asset.get(row), amount: amount.get(row) })
  }
  return found
}

export const agentFields = {
  agent: address,
  owner: account,
  name: text(RULES.agentNameLength),
  expiry: int,
  spendLimit: int,
  spent: int,
  engines: list({ engine: u16, functions: u32 }, RULES.scopeEngines),
  markets: list({ market: u32 }, RULES.scopeMarkets),
} as const

export function agentOf(state: LedgerState, grant: number): Values<typeof agentFields> {
  const { columns } = state.grants
  const runs = columnRunsOf(state)
  const engines = Array.from({ length: columns.engines.get(grant) }, (_, i) => ({
    engine: columnAt(runs.engines, i).get(grant),
    functions: columnAt(runs.functions, i).get(grant),
  }))
  const markets = Array.from({ length: columns.markets.get(grant) }, (_, i) => ({
    market: columnAt(runs.markets, i).get(grant),
  }))
  return {
    agent: state.agents.columns.address.get(columns.agent.get(grant)),
    owner: columns.owner.get(grant),
    name: String.fromCharCode(...columns.name.get(grant)),
    expiry: columns.expiry.get(grant),
    spendLimit: columns.spendLimit.get(grant),
    spent: columns.spent.get(grant),
    engines,
    markets,
  }
}

/** Those that may sign at this time. */
export function agentsOf(
  state: LedgerState,
  owner: Uint8Array,
  time: number,
): readonly Values<typeof agentFields>[] {
  const { next, expiry } = state.grants.columns
  const account = accountOf(state, owner)
  const found: Values<typeof agentFields>[] = []
  if (account === 0) return found
  for (let row = state.accounts.columns.firstGrant.get(account); row !== 0; row = next.get(row)) {
    if (expiry.get(row) >= time) found.push(agentOf(state, row))
  }
  return found
}
