import { type CallContext, ENGINE } from '../../core/host/coprocessor.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { assetRowOf, findBalance, homeOf, move, openAsset, openBalance, USDX } from './balances.ts'
import { shareDown } from './fees.ts'
import { END_BLOCK_PAYOUTS } from './limits.ts'
import { type ExchangeState, GLOBAL } from './schema.ts'

const fromLedger = (context: CallContext): boolean =>
  context.origin === 'engine' && context.source === ENGINE.ledger

/**
 * The ledger moved `amount` to this engine for the account. All units of one asset here stay within 2^53 − 1, so
 * no later trade can overflow a balance.
 */
export function credit(
  state: ExchangeState,
  args: { readonly account: number; readonly asset: number; readonly amount: number },
  context: CallContext,
): Result<null, string> {
  if (!fromLedger(context)) return reject('NOT_AUTHORIZED')
  const { account, asset, amount } = args
  const assetRow = openAsset(state, asset)
  const home = openBalance(state, account, USDX)
  const balance = home === 0 ? 0 : openBalance(state, account, asset)
  if (assetRow === 0 || balance === 0) return reject('TABLE_FULL')
  const { total, users } = state.assets.columns
  if (!total.add(assetRow, amount)) return reject('BALANCE_LIMIT')
  move(users, assetRow, amount)
  move(state.balances.columns.available, balance, amount)
  context.emit({ kind: 'Credited', account, asset, amount })
  return ok(null)
}

/** Who may list markets of this asset beside the admin. */
export function setIssuer(
  state: ExchangeState,
  args: { readonly asset: number; readonly issuer: number },
  context: CallContext,
): Result<null, string> {
  if (!fromLedger(context)) return reject('NOT_AUTHORIZED')
  const assetRow = openAsset(state, args.asset)
  if (assetRow === 0) return reject('TABLE_FULL')
  state.assets.columns.issuer.set(assetRow, args.issuer)
  return ok(null)
}

/** Back to the caller's ledger balance. Held amounts are not available. */
export function withdraw(
  state: ExchangeState,
  { asset, amount }: { readonly asset: number; readonly amount: number },
  context: CallContext,
): Result<Record<never, never>, string> {
  if (amount < 1) return reject('BAD_AMOUNT')
  const assetRow = assetRowOf(state, asset)
  const row = findBalance(state, context.caller, asset)
  if (assetRow === 0 || row === 0) return reject('INSUFFICIENT_BALANCE')
  const { available } = state.balances.columns
  if (!available.add(row, -amount)) return reject('INSUFFICIENT_BALANCE')
  move(state.assets.columns.users, assetRow, -amount)
  move(state.assets.columns.total, assetRow, -amount)
  closeIfEmpty(state, context.caller, row)
  context.emit({ kind: 'Withdrawn', account: context.caller, asset, amount })
  context.post({
    target: ENGINE.ledger,
    fn: 'release',
    args: { account: context.caller, asset, amount },
  })
  return ok({})
}

/** An open order may still be paid into the row; the home row also keeps the volumes and the switch. */
function closeIfEmpty(state: ExchangeState, account: number, row: number): void {
  const { available, held } = state.balances.columns
  const home = homeOf(state, account)
  if (row === home || available.get(row) !== 0 || held.get(row) !== 0) return
  if (state.byOwner.lowest(home) !== 0) return
  state.byAccount.remove(row)
  state.balances.free(row)
}

/** Sends collected fees to the treasury and to be burned, a few assets a block in turn. */
export function payOutFees(state: ExchangeState, context: CallContext): void {
  const { fees, total, asset } = state.assets.columns
  const { payoutCursor, treasury, burnShare } = state.globals.columns
  const rows = state.assets.count()
  const start = payoutCursor.get(GLOBAL)
  let paid = 0
  let last = start
  for (let i = 0; i < rows && paid < END_BLOCK_PAYOUTS; i++) {
    const row = ((start + i) % rows) + 1
    const amount = fees.get(row)
    if (amount === 0) continue
    const burned = shareDown(amount, burnShare.get(GLOBAL))
    fees.set(row, 0)
    move(total, row, -amount)
    postPayout(context, asset.get(row), amount - burned, burned, treasury.get(GLOBAL))
    last = row % rows
    paid++
  }
  if (paid === END_BLOCK_PAYOUTS) payoutCursor.set(GLOBAL, last)
}

function postPayout(
  context: CallContext,
  asset: number,
  kept: number,
  burned: number,
  treasury: number,
): void {
  const target = ENGINE.ledger
  if (kept > 0)
    context.post({ target, fn: 'release', args: { account: treasury, asset, amount: kept } })
  if (burned > 0) context.post({ target, fn: 'burn', args: { asset, amount: burned } })
  context.emit({ kind: 'FeesPaid', asset, treasury: kept, burned })
}
