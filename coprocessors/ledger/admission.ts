import type { Admission, AdmissionCode, Admitted } from '../../core/host/ledgerPort.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { accountOf } from './accounts.ts'
import { grantOf, NO_SPEND_LIMIT, scopeObjection } from './agents.ts'
import { canHold, holdFee } from './fees.ts'
import { ensureSigner, isInWindow, nonceObjection, useNonce } from './nonces.ts'
import type { LedgerState } from './schema.ts'

/** All checks of `admit`, without effect. */
export function wouldAdmit(
  state: LedgerState,
  admission: Admission,
  time: number,
): Result<Admitted, AdmissionCode> {
  const plan = examine(state, admission, time)
  return typeof plan === 'string' ? reject(plan) : ok(admittedOf(state, plan))
}

/** Consumes the nonce, counts the agent's spending and sets `maxFee` aside. On a reject nothing changed. */
export function admit(
  state: LedgerState,
  admission: Admission,
  time: number,
): Result<Admitted, AdmissionCode> {
  const plan = examine(state, admission, time)
  if (typeof plan === 'string') return reject(plan)
  useNonce(state, ensureSigner(state, admission.signer), admission.nonce, time)
  if (plan.spend > 0) state.grants.columns.spent.add(plan.grant, plan.spend)
  holdFee(state, plan.account, admission.maxFee)
  return ok(admittedOf(state, plan))
}

type Plan = {
  readonly account: number
  /** 0: the owner signed. */
  readonly grant: number
  /** What an agent spends of its limit, in USDX units. */
  readonly spend: number
}

function examine(state: LedgerState, admission: Admission, time: number): Plan | AdmissionCode {
  const { signer, nonce, expiresAfter, maxFee, calls } = admission
  if (expiresAfter !== null && expiresAfter < time) return 'EXPIRED'
  if (!isInWindow(nonce, time)) return 'NONCE_OUT_OF_WINDOW'
  const known = state.signerByAddress.find(signer)
  const objection = nonceObjection(state, known, nonce)
  if (objection !== null) return objection
  // An agent signs for its owner even where its own address has an account: a stranger's transfer must not disarm it.
  const grant = grantOf(state, signer, time)
  const account = grant === 0 ? accountOf(state, signer) : state.grants.columns.owner.get(grant)
  if (account === 0) {
    return state.agentByAddress.find(signer) === 0 ? 'UNKNOWN_SIGNER' : 'AGENT_EXPIRED'
  }
  const spend = grant === 0 ? 0 : spendOf(state, grant, calls)
  if (typeof spend === 'string') return spend
  if (!canHold(state, account, maxFee)) return 'INSUFFICIENT_FEE'
  if (known === 0 && state.signers.count() >= state.signers.capacity - 1) return 'TABLE_FULL'
  return { account, grant, spend }
}

function spendOf(
  state: LedgerState,
  grant: number,
  calls: Admission['calls'],
): number | AdmissionCode {
  const { spendLimit, spent } = state.grants.columns
  const limit = spendLimit.get(grant)
  const room = limit - spent.get(grant)
  let spend = 0
  for (const call of calls) {
    const objection = scopeObjection(state, grant, call)
    if (objection !== null) return objection
    if (limit === NO_SPEND_LIMIT) continue
    if (call.spend > room - spend) return 'SPEND_LIMIT'
    spend += call.spend
  }
  return spend
}

const admittedOf = (state: LedgerState, { account }: Plan): Admitted => ({
  account,
  owner: state.accounts.columns.address.get(account),
})
