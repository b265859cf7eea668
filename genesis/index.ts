export { checksumAddress } from '../core/primitives/checksumAddress.ts'
export { parseAddress } from './address.ts'
export { type CoreGenesis, defaultCoreGenesis } from './core.ts'
export {
  createGenesis,
  DEFAULT_CHAIN_ID,
  defaultConsensusParams,
  defaultEvmParams,
  deploymentProxy,
  multicall,
  WEI_PER_COIN,
} from './create.ts'
export {
  faucetOf,
  fundedAccount,
  type Genesis,
  genesisHash,
  trustedGenesis,
  validatorSetOf,
} from './genesis.ts'
export { parseGenesis } from './parse.ts'
export { formatProblems } from './problems.ts'
