import { hashIndex, type StateOf, table } from '../../core/arena/schema.ts'
import { RULES } from './rules.ts'

export type LedgerCapacities = {
  readonly accounts: number
  readonly assets: number
  readonly balances: number
  readonly signers: number
  readonly agents: number
  readonly grants: number
}

/**
 * Rows of 64 bytes except `signers` (448) and `grants` (192). Assets are few, since conservation is
 * checked for each of them after every block. `agents` keeps every address that ever was an agent.
 */
export const ledgerCapacities: LedgerCapacities = {
  accounts: 2 ** 20,
  assets: 2 ** 10,
  balances: 2 ** 21,
  signers: 2 ** 17,
  agents: 2 ** 19,
  grants: 2 ** 17,
}

/** A run of columns of one kind: `nonce0`, `nonce1`, … */
type Run<Name extends string, Kind extends 'u16' | 'u32'> = {
  readonly [K in `${Name}${number}`]: Kind
}

const run = <Name extends string, Kind extends 'u16' | 'u32'>(
  name: Name,
  kind: Kind,
  length: number,
): Run<Name, Kind> =>
  Object.fromEntries(Array.from({ length }, (_, i) => [`${name}${i}`, kind])) as Run<Name, Kind>

const chainColumns = {
  /** Millionths of a USDX unit per 1,000 gas. */
  gasPrice: 'int',
  gasFloor: 'int',
  gasCap: 'int',
  /** Average share of the block's gas that was used, in 10^−9. */
  fullness: 'int',
  treasury: 'u32',
  /** Millionths. */
  burnedShare: 'u32',
  registrationFee: 'int',
  /** Debited at admission and not yet settled: zero between blocks. */
  feesHeld: 'int',
  /** Paid and not yet divided. */
  feesCollected: 'int',
  feesPaid: 'u128',
  feesBurned: 'u128',
  sweep: 'u32',
  /** Assets below this id have their system ERC-20 in the EVM. */
  tokens: 'u32',
} as const

/** Asset ids are row numbers minus one: asset 0 is USDX. */
const assetColumns = {
  /** ASCII, zeros behind. */
  symbol: 'bytes32',
  coreDecimals: 'u8',
  evmDecimals: 'u8',
  issuance: 'u8',
  burning: 'u8',
  /** 0: nobody. */
  issuer: 'u32',
  /** EVM units in a Core unit. */
  scale: 'int',
  core: 'u128',
  inFlight: 'u128',
  evm: 'u128',
  issued: 'u128',
  burned: 'u128',
} as const

const accountColumns = {
  address: 'bytes20',
  /** 1: holds what users deposited in an engine. */
  isModule: 'u8',
  /** Grants in the list that begins at `firstGrant`. */
  grants: 'u8',
  firstGrant: 'u32',
  firstBalance: 'u32',
} as const

const balanceColumns = { account: 'u32', asset: 'u16', amount: 'int', next: 'u32' } as const

/** A ring of nonces in rising order from `start`, by their low 32 bits; `newest` has the rest. */
const signerColumns = {
  address: 'bytes20',
  start: 'u8',
  count: 'u8',
  newest: 'int',
  ...run('nonce', 'u32', RULES.noncesKept),
} as const

/** Never freed. `grant` is 0 once the agent was revoked or removed after its expiry. */
const agentColumns = { address: 'bytes20', grant: 'u32' } as const

const grantColumns = {
  agent: 'u32',
  owner: 'u32',
  next: 'u32',
  expiry: 'int',
  spendLimit: 'int',
  spent: 'int',
  name: { blob: RULES.agentNameLength },
  engines: 'u8',
  markets: 'u8',
  ...run('engine', 'u16', RULES.scopeEngines),
  ...run('functions', 'u32', RULES.scopeEngines),
  ...run('market', 'u32', RULES.scopeMarkets),
} as const

/** The ledger's memory with room for other numbers of rows; the functions work on any. */
export function ledgerSchemaOf(capacities: LedgerCapacities) {
  const assets = table({ capacity: capacities.assets, columns: assetColumns })
  const accounts = table({ capacity: capacities.accounts, columns: accountColumns })
  const balances = table({ capacity: capacities.balances, columns: balanceColumns })
  const signers = table({ capacity: capacities.signers, columns: signerColumns })
  const agents = table({ capacity: capacities.agents, columns: agentColumns })
  return {
    chain: table({ capacity: 2, columns: chainColumns }),
    assets,
    accounts,
    balances,
    signers,
    agents,
    grants: table({ capacity: capacities.grants, columns: grantColumns }),
    assetBySymbol: hashIndex(assets, ['symbol']),
    accountByAddress: hashIndex(accounts, ['address']),
    balanceByKey: hashIndex(balances, ['account', 'asset']),
    signerByAddress: hashIndex(signers, ['address']),
    agentByAddress: hashIndex(agents, ['address']),
  }
}

export const ledgerSchema = ledgerSchemaOf(ledgerCapacities)
export type LedgerSchema = typeof ledgerSchema
export type LedgerState = StateOf<LedgerSchema>

/** The only row of `chain`. */
export const CHAIN = 1
