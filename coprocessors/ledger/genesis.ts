import { isReserved, precompileOf } from '../../core/host/precompile.ts'
import { assert } from '../../core/primitives/assert.ts'
import { ensureAccount } from './accounts.ts'
import { type AssetTerms, assetRow, issueToCore, register } from './assets.ts'
import { credit } from './balances.ts'
import { type FeeParams, setFees } from './fees.ts'
import { USDX } from './rules.ts'
import { CHAIN, type LedgerState } from './schema.ts'

export type GenesisAsset = AssetTerms & {
  /** Null: nobody. */
  readonly issuer: Uint8Array | null
}

/** Checked by the genesis parser; what is wrong here is a fault of the program. */
export type LedgerParams = {
  /** By id. The first is USDX. */
  readonly assets: readonly GenesisAsset[]
  /** Core units. */
  readonly balances: readonly {
    readonly address: Uint8Array
    readonly asset: number
    readonly amount: number
  }[]
  readonly fees: FeeParams
  /** Native coin on the EVM's side, in wei. */
  readonly evmSupply: bigint
  /** Assets below this id have their system ERC-20 in the EVM from the start, registered yet or not; those of `assets` where absent. */
  readonly tokens?: number
  /** Ids of the engines that take deposits. */
  readonly depositEngines: readonly number[]
}

export function genesis(state: LedgerState, params: LedgerParams): void {
  assert(state.chain.allocate() === CHAIN, 'genesis begins with nothing')
  state.chain.columns.tokens.set(CHAIN, params.tokens ?? params.assets.length)
  for (const engine of params.depositEngines) {
    state.accounts.columns.isModule.set(accountFor(state, precompileOf(engine)), 1)
  }
  setFees(state, params.fees, accountFor(state, params.fees.treasury))
  for (const { issuer, ...terms } of params.assets) {
    const asset = register(state, terms, issuer === null ? 0 : accountFor(state, issuer))
    assert(typeof asset === 'number', `asset ${terms.symbol} of the genesis can be registered`)
  }
  for (const { address, asset, amount } of params.balances) {
    assert(
      asset < params.assets.length && !isReserved(address),
      "a balance is of an asset, somebody's",
    )
    const credited = credit(state, accountFor(state, address), asset, amount)
    assert(credited === null && issueToCore(state, asset, amount), 'a genesis balance fits')
  }
  const { evm, issued } = state.assets.columns
  const usdx = assetRow(USDX)
  evm.set(usdx, params.evmSupply)
  issued.set(usdx, issued.get(usdx) + params.evmSupply)
}

function accountFor(state: LedgerState, address: Uint8Array): number {
  const account = ensureAccount(state, address)
  assert(account !== 0, 'the genesis fits the ledger')
  return account
}
