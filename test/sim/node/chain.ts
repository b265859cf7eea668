// The chain of a simulation: its validators' keys and its genesis.

import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import { equalBytes } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import { millisOf } from '../../../core/primitives/units.ts'
import { createGenesis, defaultConsensusParams, defaultEvmParams } from '../../../genesis/create.ts'
import type { Genesis } from '../../../genesis/genesis.ts'
import { genesisHash, validatorSetOf } from '../../../genesis/index.ts'
import type { Random } from '../random.ts'
import { ActedMembership } from './actedMembership.ts'
import { CHAIN_ID, START_MS } from './chainIdentity.ts'
import { type Clients, echoClients, operatorAction, realClients } from './clients.ts'
import { Membership, MembershipDraw } from './membership.ts'
import type { SimOptions } from './options.ts'

export type SimChain = {
  readonly genesis: Genesis
  readonly genesisText: string
  readonly identity: { readonly chainId: number; readonly genesisHash: Uint8Array }
  readonly validators: ValidatorSet
  /** Of each node; none: it observes. The first is the one it starts with. */
  readonly keysOf: (node: number) => readonly Uint8Array[]
  /** What the echo machine asks for; null: the set stays what it is. */
  readonly membership: Membership | null
  /** The same for the real machines. */
  readonly acted: ActedMembership | null
  readonly clients: Clients
}

const keyOf = (number: number): Uint8Array => keccak256(Uint8Array.of(0x51, number))
const publicKeys: Uint8Array[] = []
function publicKeyOf(number: number): Uint8Array {
  publicKeys[number] ??= signatures.publicKeyOf(keyOf(number))
  return publicKeys[number]
}
/** Of a validator of any simulation. */
export function privateKeyOf(publicKey: Uint8Array): Uint8Array {
  const number = publicKeys.findIndex((one) => one !== undefined && equalBytes(one, publicKey))
  return keyOf(number)
}
/** A node's second key, by the number of its first. */
const SECOND = 128

export function createChain(options: SimOptions, random: Random): SimChain {
  const clients =
    options.machines === 'real' ? realClients(options.membershipEveryHeights > 0) : echoClients
  const { powers, emptyBlockIntervalMs, precisionMs } = options
  const created = createGenesis({
    chainId: CHAIN_ID,
    genesisTime: millisOf(START_MS - 1_000),
    validators: powers.map((power, index) => ({
      ...{ name: `v${index}`, publicKey: publicKeyOf(index), power },
    })),
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
  return {
    ...{ genesis, genesisText: created.text, identity, validators, clients },
    keysOf: (node) => keyNumbersOf(node, options).map(keyOf),
    ...membershipOf(validators, options, random),
  }
}

/** A twin has the first key of another. */
function keyNumbersOf(node: number, options: SimOptions): number[] {
  const { powers, spares, observers, twins, secondKeys } = options
  const twin = twins[node - powers.length - spares - observers]
  if (twin !== undefined) return [twin]
  if (node >= powers.length + spares) return []
  return secondKeys.includes(node) ? [node, SECOND + node] : [node]
}

function membershipOf(
  validators: ValidatorSet,
  options: SimOptions,
  random: Random,
): Pick<SimChain, 'membership' | 'acted'> {
  const { powers, spares, membershipEveryHeights: everyHeights } = options
  if (everyHeights === 0) return { membership: null, acted: null }
  const numbers = Array.from({ length: powers.length + spares }, (_, node) =>
    keyNumbersOf(node, options),
  ).flat()
  const draw = new MembershipDraw({
    ...{ random, nodeOf: (number) => number % SECOND },
    publicKeys: new Map(numbers.map((number) => [number, publicKeyOf(number)])),
    faulty: new Set([...options.expendable, ...options.twins, ...options.liars]),
  })
  const first = new Map(powers.entries())
  return options.machines === 'echo'
    ? { membership: new Membership(validators, first, draw, everyHeights), acted: null }
    : {
        membership: null,
        acted: new ActedMembership(validators, first, { draw, everyHeights, sign: operatorAction }),
      }
}
