import type { CallContext, InternalFn } from '../../core/host/coprocessor.ts'
import { assert } from '../../core/primitives/assert.ts'
import { ok, reject } from '../../core/primitives/result.ts'
import { moduleOf } from './accounts.ts'
import { burnFromCore, landInEvm, receiveFromEvm, returnToCore } from './assets.ts'
import { credit, creditOrBurn, debit } from './balances.ts'
import type { LedgerSchema, LedgerState } from './schema.ts'

/** Core units of an asset that belong to an account. */
export type Value = { readonly account: number; readonly asset: number; readonly amount: number }

/** An engine pays out what was deposited in it. Refused, it goes back to the engine. */
const release: InternalFn<LedgerSchema, Value> = (state, { account, asset, amount }, context) => {
  const { source } = context
  leaveModule(state, source, asset, amount)
  const refused = credit(state, account, asset, amount)
  if (refused !== null) return reject(refused)
  context.emit({ kind: 'Withdrawn', account, engine: source, asset, amount })
  return ok(null)
}

/** `engine` would not take a deposit. Never refused: there is nowhere else to go back to. */
const refund: InternalFn<LedgerSchema, Value & { readonly engine: number }> = (
  state,
  { engine, account, asset, amount },
  context,
) => {
  leaveModule(state, engine, asset, amount)
  giveBack(state, { account, asset, amount }, context)
  context.emit({ kind: 'DepositReturned', account, engine, asset, amount })
  return ok(null)
}

/** An engine destroys what it holds: its share of fees. */
const burn: InternalFn<LedgerSchema, Omit<Value, 'account'>> = (
  state,
  { asset, amount },
  context,
) => {
  leaveModule(state, context.source, asset, amount)
  burnFromCore(state, asset, amount)
  const account = moduleOf(state, context.source)
  context.emit({ kind: 'Burned', account, asset, amount })
  return ok(null)
}

/** A crossing to the EVM is about to be minted there. */
const arrived: InternalFn<LedgerSchema, Value> = (state, { asset, amount }) => {
  landInEvm(state, asset, amount)
  return ok(null)
}

/** A crossing that counted as arrived failed in the EVM. Never refused. */
const recalled: InternalFn<LedgerSchema, Value> = (state, { account, asset, amount }, context) => {
  receiveFromEvm(state, asset, amount)
  giveBack(state, { account, asset, amount }, context)
  context.emit({ kind: 'CrossingReturned', account, asset, amount })
  return ok(null)
}

/** A crossing to the EVM found no place in the queue. Never refused. */
const returned: InternalFn<LedgerSchema, Value> = (state, { account, asset, amount }, context) => {
  returnToCore(state, asset, amount)
  giveBack(state, { account, asset, amount }, context)
  context.emit({ kind: 'CrossingReturned', account, asset, amount })
  return ok(null)
}

export const internalFns = { release, refund, burn, arrived, recalled, returned }

function leaveModule(state: LedgerState, engine: number, asset: number, amount: number): void {
  const module = moduleOf(state, engine)
  assert(
    module !== 0 && debit(state, module, asset, amount),
    'an engine pays out at most what it holds',
  )
}

function giveBack(state: LedgerState, value: Value, context: CallContext): void {
  const { account, asset, amount } = value
  const burned = creditOrBurn(state, account, asset, amount)
  if (burned > 0) context.emit({ kind: 'Burned', account, asset, amount: burned })
}
