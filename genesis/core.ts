import type { MarketSpec } from '../coprocessors/exchange/index.ts'
import { type AssetTerms, BURNING, ISSUANCE } from '../coprocessors/ledger/index.ts'
import {
  type Codec,
  fixedBytes,
  int,
  list,
  mapped,
  struct,
  u8,
  u16,
  u32,
} from '../core/primitives/codec.ts'
import { ADDRESS_LENGTH } from '../core/primitives/signature.ts'
import { ascii } from './ascii.ts'
import { GENESIS_LIMITS } from './limits.ts'

/** An asset's id is its place in the list; the first is USDX, the second NXS. */
export type GenesisAsset = AssetTerms & {
  /** Who may issue more and burn; the zero address is nobody. */
  readonly issuer: Uint8Array
}

export type GenesisBalance = {
  readonly address: Uint8Array
  /** Symbol of an asset. */
  readonly asset: string
  /** Core units. */
  readonly amount: number
}

/** Prices in ticks, sizes in lots (spec/core §4). Base and quote are symbols. */
export type GenesisMarket = Omit<MarketSpec, 'base' | 'quote'> & {
  readonly base: string
  readonly quote: string
}

/** NexusCore's rules and first state. */
export type CoreGenesis = {
  /** Core gas per block. */
  readonly blockGas: number
  /** EVM gas that a contract pays for one Core gas. */
  readonly gasRatio: number
  /** USDX units per 1,000 Core gas. */
  readonly gasPrice: { readonly initial: number; readonly floor: number; readonly cap: number }
  /** Gets what is not burned of Core's fees. */
  readonly treasury: Uint8Array
  /** Millionths of every fee. */
  readonly burnedShare: number
  /** USDX units, for registering an asset. */
  readonly registrationFee: number
  readonly assets: readonly GenesisAsset[]
  readonly balances: readonly GenesisBalance[]
  readonly exchange: {
    /** May open markets and halt them. */
    readonly admin: Uint8Array
    readonly markets: readonly GenesisMarket[]
  }
}

/** Somebody must own what is not burned; nobody has this address's key. */
const NOBODY = Uint8Array.from({ length: ADDRESS_LENGTH }, () => 0xfe)

const asset = (symbol: string, evmDecimals: number): GenesisAsset => ({
  symbol,
  coreDecimals: 6,
  evmDecimals,
  issuer: new Uint8Array(ADDRESS_LENGTH),
  issuance: 'fixed',
  burning: 'nobody',
})

/** The native coin and the staking coin, and no market. */
export const defaultCoreGenesis: CoreGenesis = {
  // A unit of gas is about 10 ns of one core: 40 ms, so that a full block does not make the next ones wait.
  blockGas: 4_000_000,
  gasRatio: 5,
  gasPrice: { initial: 2, floor: 1, cap: 1_000_000 },
  treasury: NOBODY,
  burnedShare: 500_000,
  registrationFee: 100_000_000,
  assets: [asset('USDX', 18), asset('NXS', 18)],
  balances: [],
  exchange: { admin: NOBODY, markets: [] },
}

const choiceOf = <T extends string>(choices: readonly T[]): Codec<T> =>
  mapped(
    u8,
    (tag, reader) => {
      const choice = choices[tag]
      if (choice === undefined) reader.fail('BAD_TAG')
      return choice ?? (choices[0] as T)
    },
    (choice) => choices.indexOf(choice),
  )

const address = fixedBytes(ADDRESS_LENGTH)
const symbol = ascii(GENESIS_LIMITS.symbolLength)

/** The part of the genesis hash that is Core's. */
export const coreGenesisCodec: Codec<CoreGenesis> = struct<CoreGenesis>({
  blockGas: int,
  gasRatio: u32,
  gasPrice: struct<CoreGenesis['gasPrice']>({ initial: int, floor: int, cap: int }),
  treasury: address,
  burnedShare: u32,
  registrationFee: int,
  assets: list(
    struct<GenesisAsset>({
      symbol,
      coreDecimals: u8,
      evmDecimals: u8,
      issuer: address,
      issuance: choiceOf(ISSUANCE),
      burning: choiceOf(BURNING),
    }),
    GENESIS_LIMITS.assets,
  ),
  balances: list(
    struct<GenesisBalance>({ address, asset: symbol, amount: int }),
    GENESIS_LIMITS.accounts,
  ),
  exchange: struct<CoreGenesis['exchange']>({
    admin: address,
    markets: list(
      struct<GenesisMarket>({
        base: symbol,
        quote: symbol,
        tickSize: int,
        lotSize: int,
        minNotional: int,
        maxOrder: int,
        maxPrice: int,
        bandPercent: u16,
        referencePrice: int,
        openOrderLimit: u32,
        marketOrderLimit: u32,
      }),
      GENESIS_LIMITS.markets,
    ),
  }),
})
