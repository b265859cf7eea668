import type { CallContext } from '../../core/host/coprocessor.ts'
import { isReserved, precompileOf } from '../../core/host/precompile.ts'
import { GAS } from './rules.ts'
import type { LedgerState } from './schema.ts'

/** Dense id of an account, 0 when it does not exist. O(1). */
export const accountOf = (state: LedgerState, address: Uint8Array): number =>
  state.accountByAddress.find(address)

/** Account of an engine that takes deposits, 0 for any other. */
export const moduleOf = (state: LedgerState, engine: number): number =>
  accountOf(state, precompileOf(engine))

/** Makes the account if need be; 0 when the table is full. */
export function ensureAccount(state: LedgerState, address: Uint8Array): number {
  const known = accountOf(state, address)
  if (known !== 0) return known
  const made = state.accounts.allocate()
  if (made === 0) return 0
  state.accounts.columns.address.set(made, address)
  state.accountByAddress.insert(made)
  return made
}

export type RecipientCode = 'BAD_RECIPIENT' | 'OUT_OF_GAS' | 'TABLE_FULL'

/** The account that is about to receive something, made and paid for if need be, or why it cannot. */
export function recipientOf(
  state: LedgerState,
  address: Uint8Array,
  context: CallContext,
): number | RecipientCode {
  const known = accountOf(state, address)
  if (known !== 0) return state.accounts.columns.isModule.get(known) === 1 ? 'BAD_RECIPIENT' : known
  if (isReserved(address)) return 'BAD_RECIPIENT'
  if (!context.charge(GAS.newAccount)) return 'OUT_OF_GAS'
  const made = ensureAccount(state, address)
  return made === 0 ? 'TABLE_FULL' : made
}
