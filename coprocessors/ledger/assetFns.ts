import { type CallContext, ENGINE, publicFn } from '../../core/host/coprocessor.ts'
import { address, choice, int, text, u8, u16, u256 } from '../../core/host/fields.ts'
import { tokenAddress } from '../../core/host/precompile.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { ok, reject } from '../../core/primitives/result.ts'
import { ensureAccount, moduleOf, recipientOf } from './accounts.ts'
import {
  assetRow,
  BURNING,
  burnFromCore,
  ISSUANCE,
  isAsset,
  issueToCore,
  receiveFromEvm,
  register,
  scaleOf,
} from './assets.ts'
import { creditPaid, debit } from './balances.ts'
import { collect } from './fees.ts'
import { GAS, RULES, USDX } from './rules.ts'
import { CHAIN, type LedgerSchema, type LedgerState } from './schema.ts'
import { take } from './transferFns.ts'

const define = publicFn<LedgerSchema>()

/** Anyone may, for the registration fee; the caller becomes the issuer and holds what is issued at once. */
const registerAsset = define({
  id: 6,
  args: {
    symbol: text(RULES.symbolLength),
    coreDecimals: u8,
    evmDecimals: u8,
    supply: int,
    issuance: choice(...ISSUANCE),
    burning: choice(...BURNING),
  },
  result: { asset: u16 },
  gas: GAS.registerAsset,
  class: 'other',
  authority: 'owner',
  apply(state, { supply, ...terms }, context) {
    const fee = state.chain.columns.registrationFee.get(CHAIN)
    if (context.caller === 0) return reject('UNKNOWN_ACCOUNT')
    if (fee > 0) {
      if (!debit(state, context.caller, USDX, fee)) return reject('INSUFFICIENT_BALANCE')
      collect(state, fee)
    }
    const asset = register(state, terms, context.caller)
    if (typeof asset === 'string') return reject(asset)
    context.emit({ kind: 'AssetRegistered', asset, symbol: terms.symbol, issuer: context.caller })
    tellExchange(state, asset, context)
    if (supply > 0) {
      issueToCore(state, asset, supply)
      const to = { account: context.caller, asset, amount: supply }
      const refused = creditPaid(state, to, context)
      if (refused !== null) return reject(refused)
      context.emit({ kind: 'Issued', to: context.caller, asset, amount: supply })
    }
    return ok({ asset })
  },
})

const issue = define({
  id: 7,
  args: { asset: u16, to: address, amount: int },
  result: {},
  gas: GAS.issue,
  class: 'other',
  authority: 'owner',
  apply(state, { asset, to, amount }, context) {
    if (!isAsset(state, asset)) return reject('UNKNOWN_ASSET')
    if (amount === 0) return reject('ZERO_AMOUNT')
    if (!isIssuer(state, asset, context.caller)) return reject('NOT_ISSUER')
    if (ISSUANCE[state.assets.columns.issuance.get(assetRow(asset))] !== 'issuer') {
      return reject('FIXED_SUPPLY')
    }
    const recipient = recipientOf(state, to, context)
    if (typeof recipient === 'string') return reject(recipient)
    if (!issueToCore(state, asset, amount)) return reject('SUPPLY_LIMIT')
    const refused = creditPaid(state, { account: recipient, asset, amount }, context)
    if (refused !== null) return reject(refused)
    context.emit({ kind: 'Issued', to: recipient, asset, amount })
    return ok({})
  },
})

/** Destroys what the caller holds, where the asset's rules let them. */
const burn = define({
  id: 8,
  args: { asset: u16, amount: int },
  result: {},
  gas: GAS.burn,
  class: 'other',
  authority: 'owner',
  apply(state, { asset, amount }, context) {
    if (!isAsset(state, asset)) return reject('UNKNOWN_ASSET')
    const rule = BURNING[state.assets.columns.burning.get(assetRow(asset))]
    const allowed =
      rule === 'holders' || (rule === 'issuer' && isIssuer(state, asset, context.caller))
    if (!allowed) return reject('BURNING_NOT_ALLOWED')
    const objection = take(state, asset, amount, context)
    if (objection !== null) return reject(objection)
    burnFromCore(state, asset, amount)
    context.emit({ kind: 'Burned', account: context.caller, asset, amount })
    return ok({})
  },
})

/** Native coin sent along by an EVM call becomes the caller's Core balance. */
const depositNative = define({
  id: 9,
  args: {},
  result: {},
  gas: GAS.depositNative,
  class: 'other',
  authority: 'owner',
  payable: true,
  only: 'evm',
  apply(state, _args, context) {
    if (context.value === 0) return reject('ZERO_AMOUNT')
    if (context.caller === 0 && !context.charge(GAS.newAccount)) return reject('OUT_OF_GAS')
    const account = ensureAccount(state, context.callerAddress)
    if (account === 0) return reject('TABLE_FULL')
    receiveFromEvm(state, USDX, context.value)
    const refused = creditPaid(state, { account, asset: USDX, amount: context.value }, context)
    if (refused !== null) return reject(refused)
    context.emit({ kind: 'CrossedFromEvm', account, asset: USDX, amount: context.value })
    return ok({})
  },
})

/** The asset's system ERC-20, and nobody else, reports what it burned; `amount` is in EVM units. */
const creditFromToken = define({
  id: 10,
  args: { asset: u16, to: address, amount: u256 },
  result: {},
  gas: GAS.creditFromToken,
  class: 'other',
  authority: 'owner',
  only: 'evm',
  apply(state, { asset, to, amount }, context) {
    if (!isAsset(state, asset) || asset === USDX) return reject('UNKNOWN_ASSET')
    if (!equalBytes(context.callerAddress, tokenAddress(asset))) return reject('NOT_TOKEN')
    if (amount === 0n) return reject('ZERO_AMOUNT')
    const scale = scaleOf(state, asset)
    if (amount % scale !== 0n) return reject('NOT_WHOLE_UNIT')
    const units = amount / scale
    if (units > BigInt(RULES.balance)) return reject('BALANCE_LIMIT')
    const recipient = recipientOf(state, to, context)
    if (typeof recipient === 'string') return reject(recipient)
    const credited = { account: recipient, asset, amount: Number(units) }
    receiveFromEvm(state, asset, credited.amount)
    const refused = creditPaid(state, credited, context)
    if (refused !== null) return reject(refused)
    context.emit({ kind: 'CrossedFromEvm', ...credited })
    return ok({})
  },
})

export const assetFns = { registerAsset, issue, burn, depositNative, creditFromToken }

/** An issuer may list markets of their asset. */
function tellExchange(state: LedgerState, asset: number, context: CallContext): void {
  if (moduleOf(state, ENGINE.exchange) === 0) return
  const args = { asset, issuer: context.caller }
  context.post({ target: ENGINE.exchange, fn: 'setIssuer', args })
}

const isIssuer = (state: LedgerState, asset: number, account: number): boolean =>
  account !== 0 && state.assets.columns.issuer.get(assetRow(asset)) === account
