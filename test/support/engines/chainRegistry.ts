// The engines of the real chain and the authority: takes the place of `node/engines/registry.ts`,
// in this process as `openExecutor`'s option, in whole nodes by `withAuthority.ts`.
import { asEngine, type Registry } from '../../../core/host/registry.ts'
import type { GenesisParams } from '../../../core/machine/index.ts'
import type { Genesis } from '../../../genesis/index.ts'
import {
  genesisParamsOf as chainParamsOf,
  coreRegistry as chainRegistry,
} from '../../../node/engines/registry.ts'
import { type AuthorityParams, authority } from './authority.ts'

export const coreRegistry: Registry = {
  ...chainRegistry,
  engines: [...chainRegistry.engines, asEngine(authority)],
}

/** The exchange's admin is the authority's, too: a genesis has no word for a test engine. */
export const genesisParamsOf = (genesis: Genesis): GenesisParams => ({
  ...chainParamsOf(genesis),
  authority: (accountOf: (address: Uint8Array) => number): AuthorityParams => ({
    admin: accountOf(genesis.core.exchange.admin),
    validators: genesis.validators,
  }),
})
