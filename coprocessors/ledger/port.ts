import { ENGINE } from '../../core/host/coprocessor.ts'
import type { AssetSupply, LedgerPort } from '../../core/host/ledgerPort.ts'
import { tokenAddress } from '../../core/host/precompile.ts'
import { assert } from '../../core/primitives/assert.ts'
import { accountOf, ensureAccount } from './accounts.ts'
import { admit, wouldAdmit } from './admission.ts'
import { assetRow } from './assets.ts'
import { gasPriceOf, settleFee, updateGasPrice } from './fees.ts'
import { USDX } from './rules.ts'
import type { LedgerSchema, LedgerState } from './schema.ts'
import { supplyOf } from './viewFields.ts'

export const ledgerPort: LedgerPort<LedgerSchema> = {
  engine: ENGINE.ledger,
  idOf: accountOf,
  addressOf: (state, account) => state.accounts.columns.address.get(account),
  ensureAccount,
  wouldAdmit,
  admit,
  settleFee,
  gasPrice: gasPriceOf,
  updateGasPrice,
  supplies: (state) =>
    Array.from({ length: state.assets.count() }, (_, asset) => assetSupplyOf(state, asset)),
  noteEvmBurn(state, wei) {
    const { evm, burned } = state.assets.columns
    const usdx = assetRow(USDX)
    assert(wei >= 0n && wei <= evm.get(usdx), 'the EVM burns at most what it has')
    evm.set(usdx, evm.get(usdx) - wei)
    burned.set(usdx, burned.get(usdx) + wei)
  },
}

function assetSupplyOf(state: LedgerState, asset: number): AssetSupply {
  const { coreDecimals, evmDecimals } = state.assets.columns
  return {
    asset,
    ...supplyOf(state, asset),
    coreDecimals: coreDecimals.get(assetRow(asset)),
    evmDecimals: evmDecimals.get(assetRow(asset)),
    token: asset === USDX ? null : tokenAddress(asset),
  }
}
