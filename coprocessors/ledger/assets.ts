import { assert } from '../../core/primitives/assert.ts'
import { RULES } from './rules.ts'
import type { LedgerState } from './schema.ts'

/** Who may make more of an asset after its registration. */
export const ISSUANCE = ['fixed', 'issuer'] as const
/** Who may destroy what they hold. */
export const BURNING = ['nobody', 'issuer', 'holders'] as const

export type AssetTerms = {
  readonly symbol: string
  readonly coreDecimals: number
  readonly evmDecimals: number
  readonly issuance: (typeof ISSUANCE)[number]
  readonly burning: (typeof BURNING)[number]
}

export type AssetCode = 'BAD_SYMBOL' | 'BAD_DECIMALS' | 'SYMBOL_TAKEN' | 'TABLE_FULL'

export const isAsset = (state: LedgerState, asset: number): boolean => asset < state.assets.count()

/** Assets are never freed, so rows are dense and an id is its row minus one. */
export const assetRow = (asset: number): number => asset + 1

/** Registers with nothing issued. The new id, or why not. O(1). */
export function register(
  state: LedgerState,
  terms: AssetTerms,
  issuer: number,
): number | AssetCode {
  const { symbol, coreDecimals, evmDecimals } = terms
  if (!/^[A-Z0-9][A-Z0-9.]*$/.test(symbol) || symbol.length > RULES.symbolLength) {
    return 'BAD_SYMBOL'
  }
  const apart = evmDecimals - coreDecimals
  if (coreDecimals > RULES.coreDecimals || apart < 0 || apart > RULES.decimalsApart) {
    return 'BAD_DECIMALS'
  }
  const key = symbolKey(symbol)
  if (state.assetBySymbol.find(key) !== 0) return 'SYMBOL_TAKEN'
  const row = state.assets.allocate()
  if (row === 0) return 'TABLE_FULL'
  assert(row === state.assets.count(), 'asset rows are dense')
  const { columns } = state.assets
  columns.symbol.set(row, key)
  columns.coreDecimals.set(row, coreDecimals)
  columns.evmDecimals.set(row, evmDecimals)
  columns.issuance.set(row, ISSUANCE.indexOf(terms.issuance))
  columns.burning.set(row, BURNING.indexOf(terms.burning))
  columns.issuer.set(row, issuer)
  columns.scale.set(row, Number(10n ** BigInt(apart)))
  state.assetBySymbol.insert(row)
  return row - 1
}

/** The asset's id, or -1. */
export function assetBySymbol(state: LedgerState, symbol: string): number {
  return symbol.length > RULES.symbolLength ? -1 : state.assetBySymbol.find(symbolKey(symbol)) - 1
}

export function symbolOf(state: LedgerState, asset: number): string {
  const key = state.assets.columns.symbol.get(assetRow(asset))
  return String.fromCharCode(...key.filter((code) => code !== 0))
}

/** EVM units in a Core unit. */
export const scaleOf = (state: LedgerState, asset: number): bigint =>
  BigInt(state.assets.columns.scale.get(assetRow(asset)))

/** New units on the Core side. False, and nothing changed, when all ever issued would pass a u128. */
export function issueToCore(state: LedgerState, asset: number, amount: number): boolean {
  const { core, issued } = state.assets.columns
  const row = assetRow(asset)
  const total = issued.get(row) + BigInt(amount) * scaleOf(state, asset)
  if (total >= 1n << 128n) return false
  issued.set(row, total)
  core.set(row, core.get(row) + BigInt(amount))
  return true
}

/** Units that already left every balance. */
export function burnFromCore(state: LedgerState, asset: number, amount: number): void {
  const { core, burned } = state.assets.columns
  const row = assetRow(asset)
  core.set(row, core.get(row) - BigInt(amount))
  burned.set(row, burned.get(row) + BigInt(amount) * scaleOf(state, asset))
}

/** Units that already left every balance set out for the EVM. */
export function sendToEvm(state: LedgerState, asset: number, amount: number): void {
  const { core, inFlight } = state.assets.columns
  const row = assetRow(asset)
  core.set(row, core.get(row) - BigInt(amount))
  inFlight.set(row, inFlight.get(row) + BigInt(amount))
}

/** Units in flight are being minted in the EVM. */
export function landInEvm(state: LedgerState, asset: number, amount: number): void {
  const { inFlight, evm } = state.assets.columns
  const row = assetRow(asset)
  assert(inFlight.get(row) >= BigInt(amount), 'what arrives was in flight')
  inFlight.set(row, inFlight.get(row) - BigInt(amount))
  evm.set(row, evm.get(row) + BigInt(amount) * scaleOf(state, asset))
}

/** Units in flight come back; the caller credits them. */
export function returnToCore(state: LedgerState, asset: number, amount: number): void {
  const { inFlight, core } = state.assets.columns
  const row = assetRow(asset)
  assert(inFlight.get(row) >= BigInt(amount), 'what returns was in flight')
  inFlight.set(row, inFlight.get(row) - BigInt(amount))
  core.set(row, core.get(row) + BigInt(amount))
}

/** Units were burned in the EVM to cross; the caller credits them. */
export function receiveFromEvm(state: LedgerState, asset: number, amount: number): void {
  const { evm, core } = state.assets.columns
  const row = assetRow(asset)
  const units = BigInt(amount) * scaleOf(state, asset)
  assert(evm.get(row) >= units, 'what crosses was in the EVM')
  evm.set(row, evm.get(row) - units)
  core.set(row, core.get(row) + BigInt(amount))
}

function symbolKey(symbol: string): Uint8Array {
  const key = new Uint8Array(32)
  for (let i = 0; i < symbol.length; i++) key[i] = symbol.charCodeAt(i)
  return key
}
