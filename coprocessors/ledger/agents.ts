import type { Authority } from '../../core/host/ledgerPort.ts'
import { type ColumnRuns, columnAt, columnRunsOf } from './columnRuns.ts'
import { RULES } from './rules.ts'
import type { LedgerState } from './schema.ts'

/** A spend limit that is none. The largest value, so that a limit left out is not one forgotten. */
export const NO_SPEND_LIMIT = RULES.balance

export type AgentScope = {
  /** Bit n of `functions` allows function n. */
  readonly engines: readonly { readonly engine: number; readonly functions: number }[]
  /** Empty: every market. */
  readonly markets: readonly { readonly market: number }[]
  /** USDX units over the agent's life, or NO_SPEND_LIMIT. */
  readonly spendLimit: number
}

/** The grant under which an address signs for another at this time, or 0. O(1). */
export function grantOf(state: LedgerState, address: Uint8Array, time: number): number {
  const agent = state.agentByAddress.find(address)
  if (agent === 0) return 0
  const grant = state.agents.columns.grant.get(agent)
  return grant !== 0 && state.grants.columns.expiry.get(grant) >= time ? grant : 0
}

export type ScopeCode = 'NOT_AUTHORIZED' | 'MARKET_NOT_ALLOWED'

/** Why an agent may not make this call, or null. O(size of the scope). */
export function scopeObjection(
  state: LedgerState,
  grant: number,
  call: Authority,
): ScopeCode | null {
  if (call.needs === 'owner') return 'NOT_AUTHORIZED'
  const { engines, markets } = state.grants.columns
  const runs = columnRunsOf(state)
  if (!isAllowed(runs, grant, engines.get(grant), call)) return 'NOT_AUTHORIZED'
  const listed = markets.get(grant)
  if (call.market === null || listed === 0) return null
  for (let i = 0; i < listed; i++) {
    if (columnAt(runs.markets, i).get(grant) === call.market) return null
  }
  return 'MARKET_NOT_ALLOWED'
}

function isAllowed(runs: ColumnRuns, grant: number, length: number, call: Authority): boolean {
  for (let i = 0; i < length; i++) {
    if (columnAt(runs.engines, i).get(grant) !== call.engine) continue
    if (((columnAt(runs.functions, i).get(grant) >>> call.fn) & 1) === 1) return true
  }
  return false
}

/** A new grant at the head of the owner's list. Both tables must have room. */
export function grantTo(
  state: LedgerState,
  owner: number,
  address: Uint8Array,
): number | 'TABLE_FULL' {
  const agent = state.agents.allocate()
  const grant = state.grants.allocate()
  if (agent === 0 || grant === 0) return 'TABLE_FULL'
  state.agents.columns.address.set(agent, address)
  state.agents.columns.grant.set(agent, grant)
  state.agentByAddress.insert(agent)
  const { firstGrant, grants } = state.accounts.columns
  const { columns } = state.grants
  columns.agent.set(grant, agent)
  columns.owner.set(grant, owner)
  columns.next.set(grant, firstGrant.get(owner))
  firstGrant.set(owner, grant)
  grants.add(owner, 1)
  return grant
}

/** What the agent may do from now on, with nothing spent yet. Lists longer than the scope's columns are the caller's fault. */
export function setTerms(
  state: LedgerState,
  grant: number,
  terms: AgentScope & { readonly name: string; readonly expiry: number },
): void {
  const { columns } = state.grants
  const runs = columnRunsOf(state)
  columns.name.set(
    grant,
    Uint8Array.from(terms.name, (letter) => letter.charCodeAt(0)),
  )
  columns.expiry.set(grant, terms.expiry)
  columns.spendLimit.set(grant, terms.spendLimit)
  columns.spent.set(grant, 0)
  columns.engines.set(grant, terms.engines.length)
  for (const [i, { engine, functions }] of terms.engines.entries()) {
    columnAt(runs.engines, i).set(grant, engine)
    columnAt(runs.functions, i).set(grant, functions)
  }
  columns.markets.set(grant, terms.markets.length)
  for (const [i, { market }] of terms.markets.entries())
    columnAt(runs.markets, i).set(grant, market)
}

/** Ends a grant; the address stays known, so that nobody can approve it again. O(grants of the owner). */
export function retire(state: LedgerState, grant: number): void {
  const { columns } = state.grants
  const { firstGrant, grants } = state.accounts.columns
  const owner = columns.owner.get(grant)
  const next = columns.next.get(grant)
  let before = 0
  for (let at = firstGrant.get(owner); at !== grant; at = columns.next.get(at)) before = at
  if (before === 0) firstGrant.set(owner, next)
  else columns.next.set(before, next)
  grants.add(owner, -1)
  state.agents.columns.grant.set(columns.agent.get(grant), 0)
  state.grants.free(grant)
}

/** Retires what expired, so that it does not count towards the limit. O(RULES.agents). */
export function retireExpired(state: LedgerState, owner: number, time: number): void {
  const { columns } = state.grants
  let grant = state.accounts.columns.firstGrant.get(owner)
  while (grant !== 0) {
    const next = columns.next.get(grant)
    if (columns.expiry.get(grant) < time) retire(state, grant)
    grant = next
  }
}

export const agentLimitReached = (state: LedgerState, owner: number): boolean =>
  state.accounts.columns.grants.get(owner) >= RULES.agents
