export { ledger, ledgerTable } from './engine.ts'
export type { GenesisAsset, LedgerParams } from './genesis.ts'
export { ledgerPort } from './port.ts'
export {
  type LedgerCapacities,
  type LedgerSchema,
  type LedgerState,
  ledgerCapacities,
  ledgerSchema,
  ledgerSchemaOf,
} from './schema.ts'
