import { type CoreGenesis, defaultCoreGenesis } from '../../genesis/index.ts'

/** Of every test account: a million USDX, and coins worth about as much in each market. */
const BALANCES = [
  ['USDX', 1_000_000_000_000],
  ['NXS', 1_000_000_000_000],
  ['BTC', 20_000_000],
  ['ETH', 400_000_000],
] as const

const coin = (symbol: string, issuer: Uint8Array): CoreGenesis['assets'][number] => ({
  symbol,
  coreDecimals: 6,
  evmDecimals: 18,
  issuer,
  issuance: 'issuer',
  burning: 'issuer',
})

type Market = CoreGenesis['exchange']['markets'][number]

/** Ticks of 0.001 USDX a lot, so that orders of a million lots at 8,000,000 ticks are exact. */
const market = (base: string, lotSize: number, referencePrice: number): Market => ({
  base,
  quote: 'USDX',
  tickSize: 1_000,
  lotSize,
  minNotional: 1_000_000,
  maxOrder: 1_000_000,
  maxPrice: 8_000_000,
  bandPercent: 95,
  referencePrice,
  openOrderLimit: 10_000,
  marketOrderLimit: 1_000_000,
})

/** A chain to try things on: three markets against USDX, run by the first test account, and coins for all of them. */
export function devnetCore(accounts: readonly Uint8Array[]): CoreGenesis {
  const [first] = accounts
  if (first === undefined) return defaultCoreGenesis
  return {
    ...defaultCoreGenesis,
    assets: [...defaultCoreGenesis.assets, coin('BTC', first), coin('ETH', first)],
    balances: accounts.flatMap((address) =>
      BALANCES.map(([asset, amount]) => ({ address, asset, amount })),
    ),
    exchange: {
      admin: first,
      markets: [
        // 0.001 BTC at 1 USDX a tick and coin; 0.01 ETH at 0.1; 1 NXS at 0.001.
        market('BTC', 1_000, 60_000),
        market('ETH', 10_000, 30_000),
        market('NXS', 1_000_000, 1_000),
      ],
    },
  }
}
