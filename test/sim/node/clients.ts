// What the clients of a simulation sign, and how nodes read it: for the echo machine next to nothing,
// for the real machines transfers between them and orders that they trade with.
import { createFlow, depositsOf, signCalls } from '../../../bench/orderFlow.ts'
import type { ActionCall } from '../../../core/chain/action.ts'
import { decodeTransaction } from '../../../evm/transaction.ts'
import { type CoreGenesis, defaultCoreGenesis } from '../../../genesis/core.ts'
import { fundedAccount, type GenesisAccount } from '../../../genesis/genesis.ts'
import { devnetCore } from '../../../node/devnet/core.ts'
import { coreRegistry as chainRegistry } from '../../../node/engines/registry.ts'
import type { Pooled } from '../../../node/mempool/action.ts'
import { ActionDecoder } from '../../../node/transactions/actionDecoder.ts'
import { SenderRecovery } from '../../../node/transactions/senderRecovery.ts'
import { authorityAction } from '../../support/authorityChain.ts'
import { coreRegistry as authorityRegistry } from '../../support/engines/chainRegistry.ts'
import { COIN, keyNumber, signTransaction } from '../../support/evmWorld.ts'
import { CHAIN_ID, START_MS } from './chainIdentity.ts'
import { signedAsUser } from './fakeSignatures.ts'
import { CLIENT_BALANCE, clientAddress, echoRecovery, echoTransaction } from './transactions.ts'

export type Clients = {
  readonly recovery: Pick<SenderRecovery, 'decode'>
  readonly accounts: readonly GenesisAccount[]
  readonly core: CoreGenesis
  /** What a client sends as its n-th; null when it has nothing left. */
  item(client: number, number: number, padding: number): Pooled | null
}

const MAX_CLIENTS = 8

export const echoClients: Clients = {
  recovery: echoRecovery,
  accounts: Array.from({ length: MAX_CLIENTS }, (_, client) =>
    fundedAccount(clientAddress(client), CLIENT_BALANCE),
  ),
  core: defaultCoreGenesis,
  item: echoTransaction,
}

const REAL_CLIENTS = 3
const REAL_ITEMS = 24
/** Every third is an envelope, the first of them deposits. */
const isEnvelope = (number: number): boolean => number % 3 === 0
const rules = { chainId: CHAIN_ID, blockGasLimit: 2 ** 32 }
const known = new Map<boolean, Clients>()

/**
 * Signed once for all simulations of a process, with real signatures; before any is replaced by fake ones.
 * Where the authority is among the engines, its admin is who signs for the operator.
 */
export function realClients(hasAuthority: boolean): Clients {
  const clients = known.get(hasAuthority) ?? createRealClients(hasAuthority)
  known.set(hasAuthority, clients)
  return clients
}

const OPERATOR = keyNumber(REAL_CLIENTS)

/** An envelope of the authority, as the operator's n-th. */
export function operatorAction(calls: readonly ActionCall[], number: number): Pooled {
  const { engines } = authorityRegistry
  const decoder = new ActionDecoder({ chainId: CHAIN_ID, engines })
  const options = { chainId: CHAIN_ID, nonce: START_MS + number }
  const { bytes } = signedAsUser(() => authorityAction(OPERATOR, calls, options))
  const decoded = decoder.decode(bytes)
  if (!decoded.ok) throw new Error(decoded.code)
  return decoded.value
}

function createRealClients(hasAuthority: boolean): Clients {
  const { engines } = hasAuthority ? authorityRegistry : chainRegistry
  const keys = Array.from({ length: REAL_CLIENTS }, (_, client) => keyNumber(client))
  const decoder = new ActionDecoder({ chainId: CHAIN_ID, engines })
  const items = keys.map((key, client) => {
    const orders = createFlow(client)
    const to = keys[(client + 1) % REAL_CLIENTS]?.address ?? null
    return Array.from({ length: REAL_ITEMS }, (_, number): Pooled => {
      if (!isEnvelope(number)) {
        const nonce = number - Math.floor(number / 3) - 1
        const bytes = signTransaction({ nonce, to, value: COIN }, key)
        const decoded = decodeTransaction(bytes, rules)
        if (!decoded.ok) throw new Error(decoded.code)
        return decoded.value
      }
      const actions = number === 0 ? depositsOf() : orders(3)
      const { bytes } = signCalls(key, START_MS + number, { chainId: CHAIN_ID, actions })
      const decoded = decoder.decode(bytes)
      if (!decoded.ok) throw new Error(decoded.code)
      return decoded.value
    })
  })
  const core = devnetCore([...keys, OPERATOR].map(({ address }) => address))
  return {
    recovery: new SenderRecovery({
      rules,
      engines,
      threads: 0,
      eager: false,
    }),
    accounts: keys.map(({ address }) => fundedAccount(address, 1_000n * COIN)),
    core: hasAuthority
      ? { ...core, exchange: { ...core.exchange, admin: OPERATOR.address } }
      : core,
    item: (client, number) => items[client]?.[number] ?? null,
  }
}
