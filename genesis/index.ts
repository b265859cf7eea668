export { checksumAddress, parseAddress } from './address.ts'
export {
  createGenesis,
  DEFAULT_CHAIN_ID,
  defaultConsensusParams,
  defaultEvmParams,
  deploymentProxy,
  type NewGenesis,
  WEI_PER_COIN,
} from './create.ts'
export { formatGenesis } from './format.ts'
export {
  type EvmParams,
  encodeGenesis,
  fundedAccount,
  type Genesis,
  type GenesisAccount,
  type GenesisValidator,
  genesisHash,
  type Hardfork,
  type StorageSlot,
  validatorSetOf,
} from './genesis.ts'
export { type GenesisOutcome, parseGenesis } from './parse.ts'
export { formatProblems, type Problem, type ProblemCode } from './problems.ts'
export { addressOfValidator } from './validator.ts'
