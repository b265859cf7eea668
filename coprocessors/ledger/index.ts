export { type AssetTerms, BURNING, ISSUANCE } from './assets.ts'
export { ledger, ledgerTable } from './engine.ts'
export type { LedgerParams } from './genesis.ts'
export { ledgerPort } from './port.ts'
export {
  type LedgerCapacities,
  type LedgerSchema,
  type LedgerState,
  ledgerSchemaOf,
} from './schema.ts'
