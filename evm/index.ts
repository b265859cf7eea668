export {
  isTokenAddress as isSystemToken,
  precompileOf as engineAddress,
  tokenAddress as systemTokenAddress,
} from '../core/host/precompile.ts'
export type { AccessListEntry, Authorization } from './accessList.ts'
export { recoverAuthority } from './accessList.ts'
export { type Account, decodeAccount, EMPTY_CODE_HASH, EMPTY_TRIE_ROOT } from './account.ts'
export { BLOB_BASE_FEE, type BlockEnvironment } from './blockEnvironment.ts'
export { contractAddress } from './contractAddress.ts'
export { nextBaseFee } from './fees.ts'
export { transactionGasCap } from './forks.ts'
export {
  createGenesisState,
  type GenesisAlloc,
  type GenesisHeader,
  type GenesisState,
} from './genesis.ts'
export { encodeBlock, encodeHeader } from './header.ts'
export {
  createEvmMachine,
  defaultEvmCacheOptions,
  type EvmBlockCore,
  type EvmBlockInput,
  type EvmBlockResult,
  type EvmCacheOptions,
  type EvmMachine,
  type EvmMachineOptions,
  type EvmTimings,
  type EvmTransactionInput,
  type ExecutionMode,
  type IncludedTransaction,
} from './machine.ts'
export { ENGINE_CODE, engineAccount } from './precompiles.ts'
export { type AccountProof, getProof, type StorageProof } from './proof.ts'
export { encodeReceipt } from './receipts.ts'
export { createSimulator, type Simulator, type SimulatorOptions } from './simulate.ts'
export type { SimulationFailure } from './simulation/blocks.ts'
export type { ReplayRange } from './simulation/replay.ts'
export type {
  AccessListResult,
  CallRequest,
  CallResult,
  EstimateResult,
  SimulationContext,
  SimulationLimits,
  StateOverride,
  StorageEntry,
} from './simulation/request.ts'
export { EDITS_ADDRESS, encodeEdit } from './stateEdits.ts'
export {
  createMemoryStore,
  type EvmChange,
  type EvmNamespace,
  type EvmStore,
  type MemoryStore,
  storageKey,
} from './store.ts'
export { systemContracts } from './systemContracts.ts'
export { systemTokenAccount, totalSupplyOf } from './systemToken.ts'
export { SYSTEM_TOKEN_CODE, TOTAL_SUPPLY_SLOT } from './systemTokenCode.ts'
export { createCallTracer } from './tracers/callTracer.ts'
export { createFourByteTracer } from './tracers/fourByteTracer.ts'
export { createPrestateTracer } from './tracers/prestateTracer.ts'
export { createStructLogger } from './tracers/structLogger.ts'
export { TraceBudget, type TransactionTracer } from './tracers/transactionTracer.ts'
export {
  type DecodedTransaction,
  decodeTransaction,
  type TransactionCode,
  type TransactionRules,
  type TransactionType,
} from './transaction.ts'
export type { StateCode } from './transition.ts'
