// The chain of a simulation: its validators' keys and its genesis.

import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import { millisOf } from '../../../core/primitives/units.ts'
import { createGenesis, defaultConsensusParams, defaultEvmParams } from '../../../genesis/create.ts'
import type { Genesis } from '../../../genesis/genesis.ts'
import { genesisHash, validatorSetOf } from '../../../genesis/index.ts'
import { CHAIN_ID, START_MS } from './chainIdentity.ts'
import { type Clients, echoClients, realClients } from './clients.ts'
import type { SimOptions } from './options.ts'

export type SimChain = {
  readonly genesis: Genesis
  readonly genesisText: string
  readonly identity: { readonly chainId: number; readonly genesisHash: Uint8Array }
  readonly validators: ValidatorSet
  /** By validator number of the options, which is not the index in the set. */
  readonly keys: readonly Uint8Array[]
  readonly clients: Clients
}

const keyOf = (validator: number): Uint8Array => keccak256(Uint8Array.of(0x51, validator))
const publicKeys: Uint8Array[] = []

export function createChain(options: SimOptions): SimChain {
  const clients = options.machines === 'real' ? realClients() : echoClients
  const { powers, emptyBlockIntervalMs, precisionMs } = options
  const keys = powers.map((_, validator) => keyOf(validator))
  const created = createGenesis({
    chainId: CHAIN_ID,
    genesisTime: millisOf(START_MS - 1_000),
    validators: powers.map((power, index) => {
      publicKeys[index] ??= signatures.publicKeyOf(keys[index] as Uint8Array)
      return { name: `v${index}`, publicKey: publicKeys[index], power }
    }),
    accounts: clients.accounts,
    consensus: {
      ...defaultConsensusParams,
      emptyBlockIntervalMs: millisOf(emptyBlockIntervalMs),
      precisionMs: millisOf(precisionMs),
    },
    evm: defaultEvmParams,
    core: clients.core,
  })
  if (!created.ok) throw new Error(created.problems)
  const genesis = created.value
  const identity = { chainId: CHAIN_ID, genesisHash: genesisHash(genesis) }
  const validators = validatorSetOf(genesis)
  return { genesis, genesisText: created.text, identity, validators, keys, clients }
}
