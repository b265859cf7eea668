import { ENGINE } from '../core/host/coprocessor.ts'
import type { GenesisAlloc } from '../evm/genesis.ts'
import { engineAccount } from '../evm/precompiles.ts'
import { systemContracts } from '../evm/systemContracts.ts'
import { systemTokenAccount } from '../evm/systemToken.ts'
import type { Genesis } from './genesis.ts'

/** The EVM's first accounts: those of the document, what stands for the engines and for the assets of Core, and Ethereum's system contracts. */
export function evmAccountsOf({ accounts, core }: Genesis): readonly GenesisAlloc[] {
  const engines = Object.values(ENGINE).map(engineAccount)
  const tokens = core.assets.map((_, id) => systemTokenAccount({ id })).slice(1)
  return [...accounts, ...engines, ...tokens, ...systemContracts]
}
