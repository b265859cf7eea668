import type { CallContext } from '../../core/host/coprocessor.ts'
import { burnFromCore } from './assets.ts'
import { GAS } from './rules.ts'
import type { LedgerState } from './schema.ts'

/** Core units; 0 for what does not exist. O(1). */
export function balanceOf(state: LedgerState, account: number, asset: number): number {
  const row = state.balanceByKey.find(account, asset)
  return row === 0 ? 0 : state.balances.columns.amount.get(row)
}

/** False, and nothing changed, when the account holds less. */
export function debit(state: LedgerState, account: number, asset: number, amount: number): boolean {
  const row = state.balanceByKey.find(account, asset)
  return row !== 0 && state.balances.columns.amount.add(row, -amount)
}

export type CreditCode = 'BALANCE_LIMIT' | 'TABLE_FULL'

/** Null on success; otherwise why not, and nothing changed. */
export function credit(
  state: LedgerState,
  account: number,
  asset: number,
  amount: number,
): CreditCode | null {
  const known = state.balanceByKey.find(account, asset)
  const row = known === 0 ? openBalance(state, account, asset) : known
  if (row === 0) return 'TABLE_FULL'
  return state.balances.columns.amount.add(row, amount) ? null : 'BALANCE_LIMIT'
}

/** `credit` where the caller pays for a row that must be made. */
export function creditPaid(
  state: LedgerState,
  credited: { readonly account: number; readonly asset: number; readonly amount: number },
  context: CallContext,
): CreditCode | 'OUT_OF_GAS' | null {
  const { account, asset, amount } = credited
  const known = state.balanceByKey.find(account, asset)
  if (known !== 0) return state.balances.columns.amount.add(known, amount) ? null : 'BALANCE_LIMIT'
  return context.charge(GAS.newBalance) ? credit(state, account, asset, amount) : 'OUT_OF_GAS'
}

/**
 * For value that has nowhere else to go: what would pass the bound of a balance is burned, so that no
 * balance of 2^53 − 1 can stop a block. Returns what was burned, in Core units.
 */
export function creditOrBurn(
  state: LedgerState,
  account: number,
  asset: number,
  amount: number,
): number {
  if (credit(state, account, asset, amount) === null) return 0
  burnFromCore(state, asset, amount)
  return amount
}

function openBalance(state: LedgerState, account: number, asset: number): number {
  const row = state.balances.allocate()
  if (row === 0) return 0
  const { columns } = state.balances
  const { firstBalance } = state.accounts.columns
  columns.account.set(row, account)
  columns.asset.set(row, asset)
  columns.next.set(row, firstBalance.get(account))
  firstBalance.set(account, row)
  state.balanceByKey.insert(row)
  return row
}
