import { BURNING, ISSUANCE } from '../coprocessors/ledger/index.ts'
import { compareBytes } from '../core/primitives/bytes.ts'
import { ADDRESS_LENGTH } from '../core/primitives/signature.ts'
import { type Check, defaulted, integer, list, object, oneOf, required, text } from './checks.ts'
import {
  type CoreGenesis,
  defaultCoreGenesis,
  type GenesisAsset,
  type GenesisBalance,
  type GenesisMarket,
} from './core.ts'
import { GENESIS_LIMITS } from './limits.ts'
import { address } from './values.ts'

const symbol = text(
  /^[A-Z0-9][A-Z0-9.]{0,15}$/,
  `1 to ${GENESIS_LIMITS.symbolLength} capital letters, digits and dots`,
)
const MAX = Number.MAX_SAFE_INTEGER
const positive = integer({ min: 1, max: MAX })
const decimals = integer({ min: 0, max: 18 })

const asset: Check<GenesisAsset> = object<GenesisAsset>({
  symbol: required(symbol),
  coreDecimals: defaulted(decimals, 6),
  evmDecimals: defaulted(decimals, 18),
  issuer: defaulted(address, new Uint8Array(ADDRESS_LENGTH)),
  issuance: defaulted(oneOf(ISSUANCE), 'fixed'),
  burning: defaulted(oneOf(BURNING), 'nobody'),
})

const balance: Check<GenesisBalance> = object<GenesisBalance>({
  address: required(address),
  asset: required(symbol),
  amount: required(positive),
})

const market: Check<GenesisMarket> = object<GenesisMarket>({
  base: required(symbol),
  quote: required(symbol),
  tickSize: required(positive),
  lotSize: required(positive),
  minNotional: required(positive),
  maxOrder: required(positive),
  maxPrice: required(integer({ min: 1, max: 2 ** 40 })),
  bandPercent: defaulted(integer({ min: 1, max: 1_000 }), 95),
  referencePrice: required(positive),
  openOrderLimit: defaulted(integer({ min: 1, max: 10_000 }), 5_000),
  marketOrderLimit: defaulted(integer({ min: 1, max: 2 ** 20 }), 500_000),
})

/** The `core` key of the document; a chain without one gets the default. */
export const coreGenesis: Check<CoreGenesis> = object<CoreGenesis>({
  blockGas: defaulted(
    integer({ min: 1_000_000, max: GENESIS_LIMITS.coreBlockGas }),
    defaultCoreGenesis.blockGas,
  ),
  gasRatio: defaulted(integer({ min: 1, max: 10_000 }), defaultCoreGenesis.gasRatio),
  gasPrice: defaulted(
    object<CoreGenesis['gasPrice']>({
      initial: required(integer({ min: 1, max: 2 ** 32 })),
      floor: required(integer({ min: 1, max: 2 ** 32 })),
      cap: required(integer({ min: 1, max: 2 ** 32 })),
    }),
    defaultCoreGenesis.gasPrice,
  ),
  treasury: defaulted(address, defaultCoreGenesis.treasury),
  burnedShare: defaulted(integer({ min: 0, max: 1_000_000 }), defaultCoreGenesis.burnedShare),
  registrationFee: defaulted(
    integer({ min: 0, max: 2 ** 35 - 1 }),
    defaultCoreGenesis.registrationFee,
  ),
  assets: defaulted(list(asset, { min: 1, max: GENESIS_LIMITS.assets }), defaultCoreGenesis.assets),
  balances: defaulted(list(balance, { min: 0, max: GENESIS_LIMITS.accounts }), []),
  exchange: defaulted(
    object<CoreGenesis['exchange']>({
      admin: defaulted(address, defaultCoreGenesis.exchange.admin),
      markets: defaulted(list(market, { min: 0, max: GENESIS_LIMITS.markets }), []),
    }),
    defaultCoreGenesis.exchange,
  ),
})

/** Assets and markets keep their order, which gives them their numbers; balances by address, then symbol. */
export const canonicalCore = (core: CoreGenesis): CoreGenesis => ({
  ...core,
  balances: core.balances.toSorted(
    (a, b) => compareBytes(a.address, b.address) || (a.asset < b.asset ? -1 : 1),
  ),
})
