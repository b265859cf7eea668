import { describe, expect, it } from 'vitest'
import { toHex } from '../../../core/primitives/bytes.ts'
import { defaultCoreGenesis } from '../../../genesis/core.ts'
import { formatGenesis } from '../../../genesis/format.ts'
import { genesisHash } from '../../../genesis/genesis.ts'
import { parseGenesis } from '../../../genesis/parse.ts'
import {
  ADDRESS,
  genesisOf,
  type Json,
  LEDGER,
  problemsOf,
  put,
  textOf,
  validDocument,
  withCore,
} from './fixtures.ts'

type Mistake = readonly [title: string, text: string, ...problems: string[]]
const TOKEN = `0x20${'0'.repeat(36)}01`
const ZERO = `0x${'0'.repeat(40)}`
const changeCore = (path: string, value: Json | undefined): string =>
  textOf(put(withCore(), path === '' ? 'core' : `core.${path}`, value))

const MISTAKES: readonly Mistake[] = [
  ['has an unknown key', changeCore('blockGass', 1), 'UNKNOWN_KEY core.blockGass'],
  ['is a list', changeCore('', []), 'WRONG_TYPE core'],
  [
    'has an unknown key in a market',
    changeCore('exchange.markets.0.tick', 1),
    'UNKNOWN_KEY core.exchange.markets[0].tick',
  ],
  [
    'misses a key of a market',
    changeCore('exchange.markets.0.lotSize', undefined),
    'MISSING_KEY core.exchange.markets[0].lotSize',
  ],
  ['has blocks of nothing', changeCore('blockGas', 0), 'OUT_OF_RANGE core.blockGas'],
  ['gives Core gas away', changeCore('gasRatio', 0), 'OUT_OF_RANGE core.gasRatio'],
  ['burns more than all', changeCore('burnedShare', 1_000_001), 'OUT_OF_RANGE core.burnedShare'],
  [
    'misses a bound of the gas price',
    changeCore('gasPrice.cap', undefined),
    'MISSING_KEY core.gasPrice.cap',
  ],
  [
    'begins below its lowest gas price',
    changeCore('gasPrice.floor', 3),
    'OUT_OF_RANGE core.gasPrice',
  ],
  [
    'begins above its highest gas price',
    changeCore('gasPrice.initial', 11),
    'OUT_OF_RANGE core.gasPrice',
  ],
  ['has no assets', changeCore('assets', []), 'TOO_FEW core.assets'],
  [
    'has another native coin',
    changeCore('assets.0.symbol', 'USDT'),
    'WRONG_NATIVE_ASSET core.assets[0]',
    'UNKNOWN_ASSET core.balances[0].asset',
    'UNKNOWN_ASSET core.exchange.markets[0].quote',
  ],
  [
    'has a native coin of other decimals',
    changeCore('assets.0.evmDecimals', 12),
    'WRONG_NATIVE_ASSET core.assets[0]',
  ],
  [
    'repeats a symbol',
    changeCore('assets.1.symbol', 'USDX'),
    'DUPLICATE_ASSET core.assets[1].symbol',
    'UNKNOWN_ASSET core.exchange.markets[0].base',
  ],
  [
    'has a symbol in lower case',
    changeCore('assets.1.symbol', 'nxs'),
    'BAD_FORMAT core.assets[1].symbol',
  ],
  [
    'has fewer decimals in the EVM',
    changeCore('assets.1.evmDecimals', 5),
    'OUT_OF_RANGE core.assets[1].evmDecimals',
  ],
  [
    'has decimals too far apart',
    changeCore('assets.1.coreDecimals', 5),
    'OUT_OF_RANGE core.assets[1].evmDecimals',
  ],
  [
    'has an asset that anybody issues',
    changeCore('assets.1.issuance', 'anybody'),
    'UNSUPPORTED core.assets[1].issuance',
  ],
  [
    'has a balance of an unknown asset',
    changeCore('balances.0.asset', 'BTC'),
    'UNKNOWN_ASSET core.balances[0].asset',
  ],
  [
    'has a balance of nothing',
    changeCore('balances.0.amount', 0),
    'OUT_OF_RANGE core.balances[0].amount',
  ],
  [
    'has a balance beyond 2^53',
    changeCore('balances.0.amount', 2 ** 53),
    'OUT_OF_RANGE core.balances[0].amount',
  ],
  [
    'repeats a balance',
    changeCore('balances.1', { address: ADDRESS.toLowerCase(), asset: 'USDX', amount: 1 }),
    'DUPLICATE_ACCOUNT core.balances[1]',
  ],
  [
    'has a balance of an engine',
    changeCore('balances.0.address', LEDGER),
    'RESERVED_ADDRESS core.balances[0].address',
  ],
  [
    'has a balance of a system token',
    changeCore('balances.0.address', TOKEN),
    'RESERVED_ADDRESS core.balances[0].address',
  ],
  [
    'has an engine as its treasury',
    changeCore('treasury', LEDGER),
    'RESERVED_ADDRESS core.treasury',
  ],
  ['has nobody as its treasury', changeCore('treasury', ZERO), 'RESERVED_ADDRESS core.treasury'],
  [
    'is run by a system token',
    changeCore('exchange.admin', TOKEN),
    'RESERVED_ADDRESS core.exchange.admin',
  ],
  [
    'has a market of an unknown asset',
    changeCore('exchange.markets.0.base', 'BTC'),
    'UNKNOWN_ASSET core.exchange.markets[0].base',
  ],
  [
    'has a market of an asset in itself',
    changeCore('exchange.markets.0.base', 'USDX'),
    'UNKNOWN_ASSET core.exchange.markets[0].quote',
  ],
  [
    'has a market whose largest order is no exact number',
    changeCore('exchange.markets.0.maxOrder', 2 ** 31),
    'OUT_OF_RANGE core.exchange.markets[0]',
  ],
  [
    'has a market that begins above its highest price',
    changeCore('exchange.markets.0.referencePrice', 100_001),
    'OUT_OF_RANGE core.exchange.markets[0]',
  ],
]

describe('the core of a genesis', () => {
  it('reads the rules of Core, and fills in what is not said', () => {
    const { core } = genesisOf(withCore())
    expect(core.assets[1]).toMatchObject({ coreDecimals: 6, evmDecimals: 18, issuance: 'fixed' })
    expect(core.exchange.markets).toMatchObject([{ base: 'NXS', bandPercent: 95 }])
    expect(core.blockGas).toBe(defaultCoreGenesis.blockGas)
    expect(genesisOf(validDocument()).core).toEqual(defaultCoreGenesis)
  })

  it.each(MISTAKES)('refuses a core that %s', (_, text, ...expected) => {
    expect(problemsOf(text)).toEqual(expected)
  })

  it('is written as it is read', () => {
    const genesis = genesisOf(withCore())
    expect(parseGenesis(formatGenesis(genesis))).toEqual({ ok: true, value: genesis })
  })

  const hashOf = (document: Json): string => toHex(genesisHash(genesisOf(document)))
  const CHANGES: readonly (readonly [string, Json])[] = [
    ['blockGas', 20_000_001],
    ['gasRatio', 6],
    ['gasPrice.cap', 11],
    ['treasury', ADDRESS],
    ['burnedShare', 1],
    ['registrationFee', 1],
    ['assets.1.symbol', 'NX.S'],
    ['assets.1.evmDecimals', 17],
    ['assets.1.issuer', ADDRESS],
    ['assets.1.issuance', 'issuer'],
    ['assets.1.burning', 'holders'],
    ['balances.0.amount', 6],
    ['exchange.admin', ADDRESS],
    ['exchange.markets.0.tickSize', 9_999],
    ['exchange.markets.0.bandPercent', 94],
    ['exchange.markets.0.openOrderLimit', 4_999],
    ['exchange.markets.0.marketOrderLimit', 499_999],
  ]
  it.each(CHANGES)('decides the hash with its %s', (path, value) => {
    const document = put(withCore(), `core.${path}`, value)
    if (value === 'NX.S') put(document, 'core.exchange.markets.0.base', value)
    expect(hashOf(document)).not.toBe(hashOf(withCore()))
  })
})
