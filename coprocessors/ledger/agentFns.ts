import { publicFn } from '../../core/host/coprocessor.ts'
import { address, int, list, text, u16, u32 } from '../../core/host/fields.ts'
import { isReserved } from '../../core/host/precompile.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { ok, reject } from '../../core/primitives/result.ts'
import { accountOf } from './accounts.ts'
import { agentLimitReached, grantOf, grantTo, retire, retireExpired, setTerms } from './agents.ts'
import { GAS, RULES } from './rules.ts'
import type { LedgerSchema, LedgerState } from './schema.ts'

const define = publicFn<LedgerSchema>()

/**
 * Lets another key sign for the caller, or gives an agent of the caller's new terms and a spending of zero.
 * `engines` must name at least one; no `markets` means every market.
 */
const approveAgent = define({
  id: 4,
  args: {
    agent: address,
    name: text(RULES.agentNameLength),
    expiry: int,
    engines: list({ engine: u16, functions: u32 }, RULES.scopeEngines),
    markets: list({ market: u32 }, RULES.scopeMarkets),
    spendLimit: int,
  },
  result: {},
  gas: GAS.approveAgent,
  class: 'other',
  authority: 'owner',
  apply(state, args, context) {
    const { agent, name, expiry } = args
    const { caller, time } = context
    if (caller === 0) return reject('UNKNOWN_ACCOUNT')
    if (expiry <= time || expiry > time + RULES.agentLifeMs) return reject('BAD_EXPIRY')
    if (args.engines.length === 0) return reject('EMPTY_SCOPE')
    const grant = grantFor(state, caller, agent, time)
    if (typeof grant === 'string') return reject(grant)
    setTerms(state, grant, args)
    context.emit({ kind: 'AgentApproved', owner: caller, agent, name, expiry })
    return ok({})
  },
})

/**
 * By the owner, or by the agent's own address through the EVM: whoever was made an agent against their
 * will frees their address that way.
 */
const revokeAgent = define({
  id: 5,
  args: { agent: address },
  result: {},
  gas: GAS.revokeAgent,
  class: 'other',
  authority: 'owner',
  apply(state, { agent }, context) {
    const grant = grantOf(state, agent, context.time)
    if (grant === 0) return reject('UNKNOWN_AGENT')
    const owner = state.grants.columns.owner.get(grant)
    if (owner !== context.caller && !equalBytes(agent, context.callerAddress)) {
      return reject('NOT_OWNER')
    }
    retire(state, grant)
    context.emit({ kind: 'AgentRevoked', owner, agent })
    return ok({})
  },
})

export const agentFns = { approveAgent, revokeAgent }

function grantFor(
  state: LedgerState,
  owner: number,
  agent: Uint8Array,
  time: number,
): number | 'AGENT_KNOWN' | 'AGENT_IS_ACCOUNT' | 'TOO_MANY_AGENTS' | 'TABLE_FULL' {
  const held = grantOf(state, agent, time)
  if (held !== 0 && state.grants.columns.owner.get(held) === owner) return held
  if (state.agentByAddress.find(agent) !== 0) return 'AGENT_KNOWN'
  // Whoever owns something signs for themselves, and must not find that they sign for a stranger.
  if (accountOf(state, agent) !== 0 || isReserved(agent)) return 'AGENT_IS_ACCOUNT'
  retireExpired(state, owner, time)
  return agentLimitReached(state, owner) ? 'TOO_MANY_AGENTS' : grantTo(state, owner, agent)
}
