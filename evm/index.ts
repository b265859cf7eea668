export { type Account, decodeAccount } from './account.ts'
export { contractAddress } from './contractAddress.ts'
export { nextBaseFee } from './fees.ts'
export {
  createGenesisState,
  type GenesisAlloc,
  type GenesisHeader,
  type GenesisState,
} from './genesis.ts'
export { encodeHeader } from './header.ts'
export {
  createEvmMachine,
  defaultEvmCacheOptions,
  type EvmBlockInput,
  type EvmBlockResult,
  type EvmCacheOptions,
  type EvmMachine,
  type EvmMachineOptions,
  type EvmTimings,
  type EvmTransactionInput,
  type IncludedTransaction,
} from './machine.ts'
export { encodeReceipt } from './receipts.ts'
export {
  createMemoryStore,
  type EvmChange,
  type EvmNamespace,
  type EvmStore,
  type MemoryStore,
  storageKey,
} from './store.ts'
export {
  type DecodedTransaction,
  decodeTransaction,
  type TransactionCode,
  type TransactionRules,
  type TransactionType,
} from './transaction.ts'
export type { StateCode } from './transition.ts'
