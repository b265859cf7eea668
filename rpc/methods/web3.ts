import { keccak256 } from '../../core/primitives/hash.ts'
import { data, quantity } from '../format/hex.ts'
import { type MethodModules, type MethodTable, method } from '../method.ts'
import { bytes } from '../params/hex.ts'
import { required } from '../params/parameter.ts'

/** `web3_*`, `net_*`, `rpc_modules`: who is this node, and what does it speak? */
export function web3Methods({ backend }: MethodModules): MethodTable {
  const { identity } = backend
  return {
    web3_clientVersion: method([], () => ({ ok: true, value: identity.clientVersion })),
    web3_sha3: method([required(bytes)], (_, input) => ({
      ok: true,
      value: data(keccak256(input)),
    })),
    net_version: method([], () => ({ ok: true, value: String(identity.chainId) })),
    net_listening: method([], () => ({ ok: true, value: true })),
    net_peerCount: method([], async () => ({
      ok: true,
      value: quantity((await backend.status()).peers.length),
    })),
    rpc_modules: method([], () => ({
      ok: true,
      value: {
        debug: '1.0',
        eth: '1.0',
        net: '1.0',
        nexus: '1.0',
        rpc: '1.0',
        txpool: '1.0',
        web3: '1.0',
      },
    })),
  }
}
