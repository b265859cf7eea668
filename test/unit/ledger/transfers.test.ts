import { describe, expect, it } from 'vitest'
import { precompileOf, tokenAddress } from '../../../core/host/precompile.ts'
import { fromHex } from '../../../core/primitives/bytes.ts'
import {
  alice,
  bob,
  carol,
  createLedgerWorld,
  issuer,
  ledgerParams,
  smallCapacities,
  userAddress,
} from '../../support/ledgerWorld.ts'

const MAX = Number.MAX_SAFE_INTEGER
const transfer = (to: Uint8Array, amount: number, asset = 0) => ({ to, asset, amount })

describe('ledger transfers', () => {
  it('moves what the sender has and tells of it', () => {
    const world = createLedgerWorld()
    expect(world.call('transfer', transfer(bob, 400), alice)).toBe('ok')
    expect([world.balance(alice), world.balance(bob)]).toEqual([999_999_600, 1_400])
    const [from, to] = [alice, bob].map((address) => world.state.accountByAddress.find(address))
    expect(world.last().events).toEqual([{ kind: 'Transferred', from, to, asset: 0, amount: 400 }])
    expect(world.last().charged()).toBe(0)
    expect(world.breaches()).toEqual([])
  })

  it('makes an account and a balance for who had none, and charges for both', () => {
    const world = createLedgerWorld()
    const before = world.state.accounts.count()
    expect(world.call('transfer', transfer(carol, 1), alice)).toBe('ok')
    expect(world.state.accounts.count()).toBe(before + 1)
    expect(world.last().charged()).toBe(7_000)
    expect(world.call('transfer', transfer(carol, 1, 1), alice)).toBe('ok')
    expect(world.last().charged()).toBe(2_000)
    const poor = { gasLimit: 6_999 }
    expect(world.call('transfer', transfer(userAddress(9), 1), alice, poor)).toBe('OUT_OF_GAS')
    expect(world.balance(userAddress(9))).toBe(0)
  })

  it('leaves a balance as it was when somebody pays themselves', () => {
    const world = createLedgerWorld()
    expect(world.call('transfer', transfer(bob, 1_000), bob)).toBe('ok')
    expect(world.balance(bob)).toBe(1_000)
    expect(world.call('transfer', transfer(bob, 1_001), bob)).toBe('INSUFFICIENT_BALANCE')
  })

  it('refuses with a code and leaves nothing', () => {
    const world = createLedgerWorld()
    const root = world.arena.root()
    const refused: [string, object, Uint8Array][] = [
      ['ZERO_AMOUNT', transfer(bob, 0), alice],
      ['UNKNOWN_ASSET', transfer(bob, 1, 2), alice],
      ['INSUFFICIENT_BALANCE', transfer(bob, 1_000_000_001), alice],
      ['INSUFFICIENT_BALANCE', transfer(bob, 1, 1), bob],
      ['INSUFFICIENT_BALANCE', transfer(bob, 1), carol],
      ['BAD_RECIPIENT', transfer(precompileOf(2), 1), alice],
      ['BAD_RECIPIENT', transfer(precompileOf(9), 1), alice],
      ['BAD_RECIPIENT', transfer(new Uint8Array(20), 1), alice],
    ]
    for (const [code, args, from] of refused) {
      expect(world.call('transfer', args, from), JSON.stringify(args)).toBe(code)
    }
    expect(world.arena.root()).toEqual(root)
  })

  it('lets a balance reach 2^53 − 1 and not pass it', () => {
    const balances = [
      { address: alice, asset: 0, amount: 10 },
      { address: bob, asset: 0, amount: MAX - 4 },
    ]
    const world = createLedgerWorld({ ...ledgerParams, balances })
    expect(world.call('transfer', transfer(bob, 5), alice)).toBe('BALANCE_LIMIT')
    expect(world.call('transfer', transfer(bob, 4), alice)).toBe('ok')
    expect(world.balance(bob)).toBe(MAX)
    expect(world.breaches()).toEqual([])
  })

  it('says when there is no room for another account or balance', () => {
    // Row 0, the module account, treasury, issuer, alice, bob.
    const accounts = createLedgerWorld(ledgerParams, { ...smallCapacities, accounts: 6 })
    expect(accounts.call('transfer', transfer(carol, 1), alice)).toBe('TABLE_FULL')
    const balances = createLedgerWorld(ledgerParams, { ...smallCapacities, balances: 5 })
    expect(balances.call('transfer', transfer(carol, 1), alice)).toBe('TABLE_FULL')
    expect(balances.call('transfer', transfer(bob, 1), alice)).toBe('ok')
    expect(balances.breaches()).toEqual([])
  })

  it('has addresses for engines and tokens', () => {
    expect(precompileOf(2)).toEqual(fromHex(`${'00'.repeat(18)}0802`))
    expect(tokenAddress(0x1234)).toEqual(fromHex(`20${'00'.repeat(17)}1234`))
  })
})

describe('deposits in engines', () => {
  it('moves value to the module account and tells the engine', () => {
    const world = createLedgerWorld()
    const args = { engine: 2, asset: 0, amount: 300 }
    expect(world.call('depositTo', args, alice)).toBe('ok')
    expect(world.balance(precompileOf(2))).toBe(300)
    const account = world.state.accountByAddress.find(alice)
    expect(world.last().posts).toEqual([
      { target: 2, fn: 'credit', args: { account, asset: 0, amount: 300 } },
    ])
    expect(world.call('depositTo', { ...args, engine: 1 }, alice)).toBe('UNKNOWN_ENGINE')
    expect(world.call('depositTo', { ...args, engine: 40_000 }, alice)).toBe('UNKNOWN_ENGINE')
  })

  it('pays out what an engine releases, and gives back what it refuses', () => {
    const world = createLedgerWorld()
    const account = world.state.accountByAddress.find(bob)
    world.call('depositTo', { engine: 2, asset: 0, amount: 300 }, bob)
    world.internal('release', { account, asset: 0, amount: 100 }, { source: 2 })
    expect(world.balance(bob)).toBe(800)
    world.internal('refund', { engine: 2, account, asset: 0, amount: 200 }, { source: 0 })
    expect(world.balance(bob)).toBe(1_000)
    expect(world.balance(precompileOf(2))).toBe(0)
    expect(world.breaches()).toEqual([])
    const release = { account, asset: 0, amount: 1 }
    expect(() => world.internal('release', release, { source: 2 })).toThrow('pays out at most')
    expect(() => world.internal('release', release, { source: 3 })).toThrow('pays out at most')
  })

  it('burns what an engine destroys of its own', () => {
    const world = createLedgerWorld()
    world.call('depositTo', { engine: 2, asset: 1, amount: 300 }, alice)
    expect(world.internal('burn', { asset: 1, amount: 120 }, { source: 2 })).toBe('ok')
    expect(world.balance(precompileOf(2), 1)).toBe(180)
    const burned = 120n * 10n ** 12n
    expect(world.view('supply', { asset: 1 })).toMatchObject({ core: 380n, burned })
    expect(world.breaches()).toEqual([])
    const more = { asset: 1, amount: 181 }
    expect(() => world.internal('burn', more, { source: 2 })).toThrow('pays out at most')
  })

  it('refuses a release that the account cannot hold, and burns a refund it cannot', () => {
    const balances = [
      { address: alice, asset: 0, amount: MAX },
      { address: bob, asset: 0, amount: 10 },
    ]
    const world = createLedgerWorld({ ...ledgerParams, balances })
    const value = { account: world.state.accountByAddress.find(alice), asset: 0, amount: 10 }
    world.call('depositTo', { engine: 2, asset: 0, amount: 10 }, bob)
    expect(world.internal('release', value, { source: 2 })).toBe('BALANCE_LIMIT')
    expect(world.balance(precompileOf(2))).toBe(10)
    expect(world.internal('refund', { engine: 2, ...value })).toBe('ok')
    expect(world.last().events[0]).toEqual({ kind: 'Burned', ...value })
    expect(world.balance(precompileOf(2))).toBe(0)
    expect(world.breaches()).toEqual([])
  })
})

describe('issuing and burning', () => {
  it('follows the rules of the asset', () => {
    const world = createLedgerWorld()
    const issue = { asset: 1, to: carol, amount: 70 }
    expect(world.call('issue', issue, alice)).toBe('NOT_ISSUER')
    expect(world.call('issue', { ...issue, asset: 0 }, issuer)).toBe('NOT_ISSUER')
    expect(world.call('issue', { ...issue, asset: 5 }, issuer)).toBe('UNKNOWN_ASSET')
    expect(world.call('issue', issue, issuer)).toBe('ok')
    expect(world.balance(carol, 1)).toBe(70)
    expect(world.call('burn', { asset: 1, amount: 20 }, carol)).toBe('ok')
    expect(world.call('burn', { asset: 1, amount: 51 }, carol)).toBe('INSUFFICIENT_BALANCE')
    expect(world.call('burn', { asset: 0, amount: 1 }, alice)).toBe('BURNING_NOT_ALLOWED')
    const scale = 10n ** 12n
    expect(world.view('supply', { asset: 1 })).toEqual({
      core: 550n,
      inFlight: 0n,
      evm: 0n,
      issued: 570n * scale,
      burned: 20n * scale,
    })
    expect(world.breaches()).toEqual([])
  })

  it('registers an asset for a fee, once per symbol', () => {
    const world = createLedgerWorld()
    const terms = {
      symbol: 'GOLD',
      coreDecimals: 3,
      evmDecimals: 15,
      supply: 9_000,
      issuance: 'fixed',
      burning: 'issuer',
    }
    expect(world.call('registerAsset', terms, alice)).toBe('ok')
    expect(world.result()).toEqual({ asset: 2 })
    const owner = world.state.accountByAddress.find(alice)
    expect(world.last().posts).toEqual([
      { target: 2, fn: 'setIssuer', args: { asset: 2, issuer: owner } },
    ])
    expect(world.balance(alice)).toBe(1_000_000_000 - 1_000)
    expect(world.balance(alice, 2)).toBe(9_000)
    expect(world.view('assetBySymbol', { symbol: 'GOLD' })).toMatchObject({
      asset: 2,
      symbol: 'GOLD',
      coreDecimals: 3,
      evmDecimals: 15,
      issuer: alice,
      issuance: 'fixed',
      burning: 'issuer',
      token: tokenAddress(2),
    })
    expect(world.call('issue', { asset: 2, to: bob, amount: 1 }, alice)).toBe('FIXED_SUPPLY')
    world.call('transfer', transfer(bob, 5, 2), alice)
    expect(world.call('burn', { asset: 2, amount: 1 }, bob)).toBe('BURNING_NOT_ALLOWED')
    expect(world.call('burn', { asset: 2, amount: 1 }, alice)).toBe('ok')
    expect(world.call('registerAsset', terms, alice)).toBe('SYMBOL_TAKEN')
    const bad: [string, object][] = [
      ['BAD_SYMBOL', { symbol: '' }],
      ['BAD_SYMBOL', { symbol: 'gold' }],
      ['BAD_SYMBOL', { symbol: '.X' }],
      ['BAD_DECIMALS', { symbol: 'A', evmDecimals: 2 }],
      ['BAD_DECIMALS', { symbol: 'A', evmDecimals: 16 }],
      ['BAD_DECIMALS', { symbol: 'A', coreDecimals: 19, evmDecimals: 19 }],
    ]
    for (const [code, change] of bad) {
      expect(world.call('registerAsset', { ...terms, ...change }, alice)).toBe(code)
    }
    expect(world.call('registerAsset', { ...terms, symbol: 'A' }, carol)).toBe('UNKNOWN_ACCOUNT')
    expect(world.breaches()).toEqual([])
  })
})
