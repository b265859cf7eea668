import { genesisHash } from '../genesis/index.ts'
import { defaultNetworkOptions, type NetworkOptions } from './network/options.ts'
import type { StartNodeOptions } from './nodeTypes.ts'
import { readVersion } from './version.ts'

/** Who a node is on its network, and whom it dials; `listen` is empty for one that only asks. */
export const networkOptionsOf = (
  { config, genesis, nodeKey }: Pick<StartNodeOptions, 'config' | 'genesis' | 'nodeKey'>,
  listen: readonly string[],
): NetworkOptions => ({
  ...defaultNetworkOptions,
  privateKey: nodeKey,
  listen,
  peers: config.p2p.peers,
  maxPeers: config.p2p.maxPeers,
  chainId: genesis.chainId,
  genesisHash: genesisHash(genesis),
  softwareVersion: readVersion().nexus,
  moniker: config.moniker,
})
