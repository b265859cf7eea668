import { toHex } from '../core/primitives/bytes.ts'
import { checksumAddress } from '../core/primitives/checksumAddress.ts'
import { isReservedAddress } from '../evm/reserved.ts'
import type { CoreGenesis, GenesisMarket } from './core.ts'
import { elementPath, memberPath, type ProblemCode } from './problems.ts'

type Report = (path: string, code: ProblemCode, expected: string, found: string) => void

/** What the parts of Core's genesis owe each other. */
export function checkCore(core: CoreGenesis, report: Report): void {
  checkOwners(core, report)
  checkGasPrice(core, report)
  checkAssets(core, report)
  checkBalances(core, report)
  checkMarkets(core, report)
}

/** Who receives or decides must be somebody. */
function checkOwners({ treasury, exchange }: CoreGenesis, report: Report): void {
  const owners = [
    ['core.treasury', treasury],
    ['core.exchange.admin', exchange.admin],
  ] as const
  for (const [path, owner] of owners)
    if (isReservedAddress(owner))
      report(path, 'RESERVED_ADDRESS', "somebody's address", checksumAddress(owner))
}

function checkGasPrice({ gasPrice }: CoreGenesis, report: Report): void {
  const { initial, floor, cap } = gasPrice
  if (floor <= initial && initial <= cap) return
  const found = `${floor}, ${initial}, ${cap}`
  report('core.gasPrice', 'OUT_OF_RANGE', 'floor ≤ initial ≤ cap', found)
}

function checkAssets({ assets }: CoreGenesis, report: Report): void {
  const seen = new Set<string>()
  for (const [index, { symbol, coreDecimals, evmDecimals }] of assets.entries()) {
    const path = elementPath('core.assets', index)
    if (seen.has(symbol))
      report(memberPath(path, 'symbol'), 'DUPLICATE_ASSET', 'each symbol once', symbol)
    seen.add(symbol)
    const apart = evmDecimals - coreDecimals
    if (apart < 0 || apart > 12)
      report(
        memberPath(path, 'evmDecimals'),
        'OUT_OF_RANGE',
        '0 to 12 more than coreDecimals',
        `${apart}`,
      )
  }
  const native = assets[0]
  if (native?.symbol !== 'USDX' || native.coreDecimals !== 6 || native.evmDecimals !== 18)
    report(
      'core.assets[0]',
      'WRONG_NATIVE_ASSET',
      'USDX with 6 and 18 decimals',
      `${native?.symbol}`,
    )
}

function checkBalances({ assets, balances }: CoreGenesis, report: Report): void {
  const symbols = new Set(assets.map(({ symbol }) => symbol))
  const seen = new Set<string>()
  for (const [index, { address, asset }] of balances.entries()) {
    const path = elementPath('core.balances', index)
    if (!symbols.has(asset))
      report(memberPath(path, 'asset'), 'UNKNOWN_ASSET', 'a symbol of core.assets', asset)
    if (isReservedAddress(address))
      report(
        memberPath(path, 'address'),
        'RESERVED_ADDRESS',
        'an account',
        checksumAddress(address),
      )
    const key = `${toHex(address)} ${asset}`
    if (seen.has(key))
      report(
        path,
        'DUPLICATE_ACCOUNT',
        'each address and asset once',
        `${checksumAddress(address)} ${asset}`,
      )
    seen.add(key)
  }
}

function checkMarkets({ assets, exchange }: CoreGenesis, report: Report): void {
  const symbols = new Set(assets.map(({ symbol }) => symbol))
  for (const [index, market] of exchange.markets.entries()) {
    const path = elementPath('core.exchange.markets', index)
    for (const side of ['base', 'quote'] as const)
      if (!symbols.has(market[side]))
        report(memberPath(path, side), 'UNKNOWN_ASSET', 'a symbol of core.assets', market[side])
    if (market.base === market.quote)
      report(
        memberPath(path, 'quote'),
        'UNKNOWN_ASSET',
        'another asset than the base',
        market.quote,
      )
    if (!isExact(market))
      report(
        path,
        'OUT_OF_RANGE',
        'a largest order (maxPrice × maxOrder × tickSize, and maxOrder × lotSize) below 2^53, a reference price up to maxPrice',
        `${market.maxPrice} × ${market.maxOrder} × ${market.tickSize}`,
      )
  }
}

/** With the largest fee (0.07 %) on top, which a buy holds too. */
function isExact(market: GenesisMarket): boolean {
  const { maxPrice, maxOrder, tickSize, lotSize, referencePrice } = market
  const notional = BigInt(maxPrice) * BigInt(maxOrder) * BigInt(tickSize)
  const limit = BigInt(Number.MAX_SAFE_INTEGER)
  return (
    notional + notional / 1_000n + 1n <= limit &&
    BigInt(maxOrder) * BigInt(lotSize) <= limit &&
    referencePrice <= maxPrice
  )
}
