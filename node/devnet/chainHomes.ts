import type { ConsensusParams } from '../../core/chain/params.ts'
import { assert } from '../../core/primitives/assert.ts'
import { compareBytes } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { millisOf } from '../../core/primitives/units.ts'
import {
  createGenesis,
  defaultConsensusParams,
  defaultEvmParams,
  deploymentProxy,
  fundedAccount,
  type Genesis,
  multicall,
} from '../../genesis/index.ts'
import type { HomePaths } from '../config/paths.ts'
import { formatConfig } from '../config.ts'
import { ensureNodeKey, makeHome, randomBytesOf } from '../home.ts'
import { readTextFileIfPresent, writeFileAtomic } from '../keys/files.ts'
import { accountsOf, TEST_MNEMONIC } from '../keys/mnemonic.ts'
import { peerIdOf } from '../keys/nodeKey.ts'
import { generateValidatorKey, type ValidatorKey, validatorKeyFiles } from '../keys/validatorKey.ts'
import { devnetCore } from './core.ts'

export type MemberHome = { readonly moniker: string; readonly paths: HomePaths }

export type NewChain = {
  readonly chainId: number
  /** Milliseconds since the Unix epoch. */
  readonly genesisTime: number
  readonly blockTimeMs: number
  /** Over the defaults. */
  readonly consensus?: Partial<ConsensusParams>
  /** Test accounts, whose keys everybody knows, and what each has in wei. */
  readonly accounts: number
  readonly balance: bigint
  /** Marks the chain as one of `nexus devnet`, whose node gives coins to whoever asks. */
  readonly faucet?: Pick<Genesis['accounts'][number], 'address' | 'balance'>
  /** In the order of the validator set, which is that of the addresses their keys will have. */
  readonly validators: readonly (MemberHome & { readonly power: number })[]
  readonly observers: readonly MemberHome[]
  /** Encrypts the validators' keys. Null: they are protected by their permissions alone. */
  readonly password: Uint8Array | null
}

export type MadeHome = MemberHome & {
  readonly peerId: string
  /** Null: an observer. */
  readonly key: ValidatorKey | null
}

/** Keys, one genesis and homes of a new chain; ports and peers are for `writeMemberConfig`. */
export async function createHomes(
  chain: NewChain,
): Promise<{ readonly genesis: string; readonly homes: readonly MadeHome[] }> {
  const keys = chain.validators
    .map(() => generateValidatorKey(randomBytesOf))
    .sort((a, b) => compareBytes(a.address, b.address))
  const homes: MadeHome[] = []
  for (const [i, member] of [...chain.validators, ...chain.observers].entries()) {
    const { moniker, paths } = member
    makeHome(paths)
    const peerId = peerIdOf(await ensureNodeKey(paths))
    const key = keys[i] ?? null
    if (key !== null && chain.password !== null)
      await validatorKeyFiles.saveEncrypted(paths.validatorKey, key, chain.password)
    else if (key !== null) validatorKeyFiles.save(paths.validatorKey, key)
    homes.push({ moniker, paths, peerId, key })
  }
  const genesis = genesisOf(chain, keys)
  for (const { paths } of homes) writeFileAtomic(paths.genesis, genesis)
  return { genesis, homes }
}

function genesisOf(chain: NewChain, keys: readonly ValidatorKey[]): string {
  const accounts = testAccounts(chain.accounts)
  const created = createGenesis({
    chainId: chain.chainId,
    genesisTime: millisOf(chain.genesisTime),
    validators: chain.validators.map(({ moniker, power }, i) => ({
      name: moniker,
      publicKey: (keys[i] as ValidatorKey).publicKey,
      power,
    })),
    accounts: [
      deploymentProxy,
      ...accounts.map(({ address }) => fundedAccount(address, chain.balance)),
      ...(chain.faucet === undefined
        ? []
        : [multicall, fundedAccount(chain.faucet.address, chain.faucet.balance)]),
    ],
    consensus: {
      ...defaultConsensusParams,
      emptyBlockIntervalMs: millisOf(chain.blockTimeMs),
      ...chain.consensus,
    },
    evm: { ...defaultEvmParams, faucet: chain.faucet?.address ?? defaultEvmParams.faucet },
    core: devnetCore(accounts.map(({ address }) => address)),
  })
  if (!created.ok) throw new NexusError({ code: created.code }, { message: created.problems })
  return created.text
}

/** The funded accounts, with keys that everybody knows. */
export function testAccounts(count: number) {
  const accounts = accountsOf(TEST_MNEMONIC, count)
  assert(accounts.ok, 'the test mnemonic is a mnemonic')
  return accounts.value
}

/** What the others dial, without the peer id. */
export type Reachable = { readonly address: string; readonly peerId: string }

/** The addresses of everybody but one, as its configuration names them. */
export const peersOf = (members: readonly Reachable[], own: number): readonly string[] =>
  members
    .filter((_, other) => other !== own)
    .map(({ address, peerId }) => `${address}/p2p/${peerId}`)

/** Writes settings into a home's configuration; every other one that a person put there is kept. */
export function writeMemberConfig(paths: HomePaths, own: Tree): void {
  const before: unknown = JSON.parse(readTextFileIfPresent(paths.config) ?? '{}')
  const text = formatConfig(overlay(before, own))
  if (text !== readTextFileIfPresent(paths.config)) writeFileAtomic(paths.config, text)
}

type Tree = { readonly [key: string]: unknown }
const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function overlay(below: unknown, above: Tree): Tree {
  const merged: { [key: string]: unknown } = isTree(below) ? { ...below } : {}
  for (const [key, value] of Object.entries(above))
    merged[key] = isTree(value) ? overlay(merged[key], value) : value
  return merged
}
