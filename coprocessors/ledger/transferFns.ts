import { type CallContext, ENGINE, publicFn } from '../../core/host/coprocessor.ts'
import { address, int, u16 } from '../../core/host/fields.ts'
import { isReserved, tokenAddress } from '../../core/host/precompile.ts'
import { ok, reject } from '../../core/primitives/result.ts'
import { moduleOf, recipientOf } from './accounts.ts'
import { isAsset, scaleOf, sendToEvm } from './assets.ts'
import { creditPaid, debit } from './balances.ts'
import { GAS, USDX } from './rules.ts'
import { CHAIN, type LedgerSchema, type LedgerState } from './schema.ts'

const define = publicFn<LedgerSchema>()

/** Uses up its nonce, so that an action signed with the same nonce can no longer run. */
const noop = define({
  id: 0,
  args: {},
  result: {},
  gas: GAS.noop,
  class: 'other',
  authority: 'agent',
  apply: () => ok({}),
})

const transfer = define({
  id: 1,
  args: { to: address, asset: u16, amount: int },
  result: {},
  gas: GAS.transfer,
  class: 'other',
  authority: 'owner',
  apply(state, { to, asset, amount }, context) {
    const objection = take(state, asset, amount, context)
    if (objection !== null) return reject(objection)
    const recipient = recipientOf(state, to, context)
    if (typeof recipient === 'string') return reject(recipient)
    const refused = creditPaid(state, { account: recipient, asset, amount }, context)
    if (refused !== null) return reject(refused)
    context.emit({ kind: 'Transferred', from: context.caller, to: recipient, asset, amount })
    return ok({})
  },
})

/** Moves value to the engine's module account and tells the engine, which may send it back. */
const depositTo = define({
  id: 2,
  args: { engine: u16, asset: u16, amount: int },
  result: {},
  gas: GAS.depositTo,
  class: 'other',
  authority: 'agent',
  spend: ({ asset, amount }) => (asset === USDX ? amount : 0),
  apply(state, { engine, asset, amount }, context) {
    const objection = take(state, asset, amount, context)
    if (objection !== null) return reject(objection)
    const target = moduleOf(state, engine)
    if (target === 0) return reject('UNKNOWN_ENGINE')
    const refused = creditPaid(state, { account: target, asset, amount }, context)
    if (refused !== null) return reject(refused)
    const account = context.caller
    context.post({ target: engine, fn: 'credit', args: { account, asset, amount } })
    context.emit({ kind: 'Deposited', account, engine, asset, amount })
    return ok({})
  },
})

/** Sends value to an EVM address, where it appears in the next block. */
const toEvm = define({
  id: 3,
  args: { asset: u16, amount: int, to: address },
  result: {},
  gas: GAS.toEvm,
  class: 'other',
  authority: 'owner',
  apply(state, { asset, amount, to }, context) {
    const objection = take(state, asset, amount, context)
    if (objection !== null) return reject(objection)
    if (isReserved(to)) return reject('BAD_RECIPIENT')
    // A call to an address without code succeeds and mints nothing.
    if (asset !== USDX && asset >= state.chain.columns.tokens.get(CHAIN)) return reject('NO_TOKEN')
    sendToEvm(state, asset, amount)
    const account = context.caller
    const units = BigInt(amount) * scaleOf(state, asset)
    const token = asset === USDX ? null : tokenAddress(asset)
    const args = { account, asset, amount, to, units, token }
    context.post({ target: ENGINE.messenger, fn: 'toEvm', args })
    context.emit({ kind: 'CrossedToEvm', account, to, asset, amount })
    return ok({})
  },
})

export const transferFns = { noop, transfer, depositTo, toEvm }

export type TakeCode = 'UNKNOWN_ASSET' | 'ZERO_AMOUNT' | 'INSUFFICIENT_BALANCE'

/** Debits the caller, or says why not. */
export function take(
  state: LedgerState,
  asset: number,
  amount: number,
  context: CallContext,
): TakeCode | null {
  if (!isAsset(state, asset)) return 'UNKNOWN_ASSET'
  if (amount === 0) return 'ZERO_AMOUNT'
  return debit(state, context.caller, asset, amount) ? null : 'INSUFFICIENT_BALANCE'
}
