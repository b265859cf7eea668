import type { ConsensusParams } from '../core/chain/params.ts'
import { assert } from '../core/primitives/assert.ts'
import { fromHex } from '../core/primitives/bytes.ts'
import { ADDRESS_LENGTH } from '../core/primitives/signature.ts'
import { type Millis, millisOf } from '../core/primitives/units.ts'
import type { CoreGenesis } from './core.ts'
import { formatGenesis } from './format.ts'
import type { EvmParams, Genesis, GenesisAccount, GenesisValidator } from './genesis.ts'
import { MULTICALL_CODE } from './multicallCode.ts'
import { parseGenesis } from './parse.ts'
import { formatProblems } from './problems.ts'

export const WEI_PER_COIN = 10n ** 18n

/** The default chain id of a chain that nobody named. */
export const DEFAULT_CHAIN_ID = 3940

export const defaultConsensusParams: ConsensusParams = {
  // 2 MiB is about 17,000 transfers.
  maxBlockBytes: 2 * 1024 * 1024,
  // 5,700 transfers; EIP-1559 aims at half of it.
  maxBlockGas: 120_000_000,
  emptyBlockIntervalMs: millisOf(1_000),
  // Validators with NTP on ordinary machines and networks (CometBFT's synchrony defaults are 505 ms and 15 s).
  precisionMs: millisOf(500),
  messageDelayMs: millisOf(2_000),
  // Two days, and as many blocks as two idle days make: whichever is longer counts.
  evidenceMaxAgeMs: millisOf(172_800_000),
  evidenceMaxAgeBlocks: 172_800,
  baseFeeRecipient: 'burn',
  tipRecipient: 'proposer',
}

export const defaultEvmParams: EvmParams = {
  hardfork: 'prague',
  baseFeePerGas: 1_000_000_000n,
  treasury: new Uint8Array(ADDRESS_LENGTH),
  faucet: new Uint8Array(ADDRESS_LENGTH),
}

/**
 * The deterministic deployment proxy at 0x4e59b44847b379578588920cA78FbF26c0B4956C
 * (github.com/Arachnid/deterministic-deployment-proxy): Foundry, Hardhat and Safe expect it on
 * every chain and deploy through it with CREATE2.
 */
export const deploymentProxy: GenesisAccount = {
  address: fromHex('4e59b44847b379578588920ca78fbf26c0b4956c'),
  balance: 0n,
  nonce: 1,
  code: fromHex(
    '7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3',
  ),
  storage: [],
}

/** Where Multicall3 is on every chain: a contract with its functions, for the tools that batch their reads through it. */
export const multicall: GenesisAccount = {
  address: fromHex('ca11bde05977b3631167028862be2a173976ca11'),
  balance: 0n,
  nonce: 1,
  code: MULTICALL_CODE,
  storage: [],
}

export type NewGenesis = {
  readonly chainId: number
  readonly genesisTime: Millis
  readonly validators: readonly GenesisValidator[]
  readonly accounts: readonly GenesisAccount[]
  readonly consensus: ConsensusParams
  readonly evm: EvmParams
  readonly core: CoreGenesis
}

export type CreateOutcome =
  | { readonly ok: true; readonly value: Genesis; readonly text: string }
  | { readonly ok: false; readonly code: 'INVALID_GENESIS'; readonly problems: string }

/**
 * A genesis from its parts, and its document. It goes through the parser like any other, so
 * that what a tool writes is what every node accepts.
 */
export function createGenesis(parts: NewGenesis): CreateOutcome {
  const parsed = parseGenesis(formatGenesis(parts))
  if (!parsed.ok) return { ok: false, code: parsed.code, problems: formatProblems(parsed.problems) }
  const text = formatGenesis(parsed.value)
  assert(parseGenesis(text).ok, 'a formatted genesis parses')
  return { ok: true, value: parsed.value, text }
}
