import { describe, expect, it } from 'vitest'
import { ledgerPort } from '../../../coprocessors/ledger/index.ts'
import { tokenAddress } from '../../../core/host/precompile.ts'
import {
  alice,
  bob,
  carol,
  createLedgerWorld,
  ledgerParams,
  userAddress,
} from '../../support/ledgerWorld.ts'

const SCALE = 10n ** 12n
const EVM = { origin: 'evm' } as const

const supply = (world: ReturnType<typeof createLedgerWorld>, asset: number) => {
  const { core, inFlight, evm, issued, burned } = ledgerPort.supplies(world.state)[asset] ?? {}
  return { core, inFlight, evm, issued, burned }
}

describe('crossing to the EVM', () => {
  it('debits, waits in flight, and arrives', () => {
    const world = createLedgerWorld()
    const before = supply(world, 1)
    expect(world.call('toEvm', { asset: 1, amount: 200, to: carol }, alice)).toBe('ok')
    const account = ledgerPort.idOf(world.state, alice)
    const value = { account, asset: 1, amount: 200 }
    expect(world.last().posts).toEqual([
      {
        target: 0,
        fn: 'toEvm',
        args: { ...value, to: carol, units: 200n * SCALE, token: tokenAddress(1) },
      },
    ])
    expect(supply(world, 1)).toMatchObject({ core: 300n, inFlight: 200n, evm: 0n })
    world.internal('arrived', value)
    expect(supply(world, 1)).toEqual({ ...before, core: 300n, evm: 200n * SCALE })
    expect(world.breaches()).toEqual([])
    expect(() => world.internal('arrived', value)).toThrow('was in flight')
  })

  it.each([
    ['the queue has no place', ['returned']],
    ['the EVM fails', ['arrived', 'recalled']],
  ])('comes back when %s', (_why, fns) => {
    const world = createLedgerWorld()
    const before = supply(world, 0)
    world.call('toEvm', { asset: 0, amount: 200, to: carol }, alice)
    expect(world.last().posts[0]?.args).toMatchObject({ token: null, units: 200n * SCALE })
    const value = { account: ledgerPort.idOf(world.state, alice), asset: 0, amount: 200 }
    for (const fn of fns) world.internal(fn, value)
    expect(world.last().events).toEqual([{ kind: 'CrossingReturned', ...value }])
    expect(supply(world, 0)).toEqual(before)
    expect(world.balance(alice)).toBe(1_000_000_000)
    expect(world.breaches()).toEqual([])
  })

  it('burns what comes back to an account that is full by then', () => {
    const balances = [
      { address: alice, asset: 0, amount: Number.MAX_SAFE_INTEGER },
      { address: bob, asset: 0, amount: 200 },
    ]
    const world = createLedgerWorld({ ...ledgerParams, balances })
    world.call('toEvm', { asset: 0, amount: 200, to: carol }, alice)
    world.call('transfer', { to: alice, asset: 0, amount: 200 }, bob)
    const value = { account: ledgerPort.idOf(world.state, alice), asset: 0, amount: 200 }
    expect(world.internal('returned', value)).toBe('ok')
    expect(world.last().events[0]).toEqual({ kind: 'Burned', ...value })
    expect(world.breaches()).toEqual([])
  })

  it('waits for the asset to have its contract in the EVM', () => {
    const register = {
      symbol: 'GOLD',
      coreDecimals: 6,
      evmDecimals: 18,
      supply: 9,
      issuance: 'fixed',
      burning: 'nobody',
    }
    const send = { asset: 2, amount: 1, to: carol }
    for (const [tokens, answer] of [
      [2, 'NO_TOKEN'],
      [3, 'ok'],
    ] as const) {
      const world = createLedgerWorld({ ...ledgerParams, tokens })
      world.call('registerAsset', register, alice)
      expect(world.call('toEvm', send, alice)).toBe(answer)
      expect(world.call('toEvm', { ...send, asset: 1 }, alice)).toBe('ok')
    }
  })

  it('refuses with a code', () => {
    const world = createLedgerWorld()
    const args = { asset: 0, amount: 1, to: carol }
    expect(world.call('toEvm', { ...args, amount: 0 }, alice)).toBe('ZERO_AMOUNT')
    expect(world.call('toEvm', { ...args, asset: 9 }, alice)).toBe('UNKNOWN_ASSET')
    expect(world.call('toEvm', args, carol)).toBe('INSUFFICIENT_BALANCE')
    expect(world.call('toEvm', { ...args, to: new Uint8Array(20) }, alice)).toBe('BAD_RECIPIENT')
  })
})

describe('crossing from the EVM', () => {
  it('credits native coin to whoever sends it, known or not', () => {
    const world = createLedgerWorld()
    expect(world.call('depositNative', {}, carol, { ...EVM, value: 70 })).toBe('ok')
    expect(world.last().charged()).toBe(7_000)
    expect(world.call('depositNative', {}, carol, { ...EVM, value: 5 })).toBe('ok')
    expect(world.last().charged()).toBe(0)
    expect(world.balance(carol)).toBe(75)
    expect(supply(world, 0).evm).toBe(ledgerParams.evmSupply - 75n * SCALE)
    expect(world.call('depositNative', {}, carol, EVM)).toBe('ZERO_AMOUNT')
    expect(world.breaches()).toEqual([])
  })

  it("credits tokens only at the word of the asset's own contract", () => {
    const world = createLedgerWorld()
    world.call('toEvm', { asset: 1, amount: 300, to: alice }, alice)
    const account = ledgerPort.idOf(world.state, alice)
    world.internal('arrived', { account, asset: 1, amount: 300 })
    const args = { asset: 1, to: carol, amount: 120n * SCALE }
    const from = (token: Uint8Array, change: object = {}) =>
      world.call('creditFromToken', { ...args, ...change }, token, EVM)
    expect(from(alice)).toBe('NOT_TOKEN')
    expect(from(tokenAddress(2))).toBe('NOT_TOKEN')
    expect(from(tokenAddress(0), { asset: 0 })).toBe('UNKNOWN_ASSET')
    expect(from(tokenAddress(1), { amount: 0n })).toBe('ZERO_AMOUNT')
    expect(from(tokenAddress(1), { amount: SCALE + 1n })).toBe('NOT_WHOLE_UNIT')
    expect(from(tokenAddress(1), { amount: SCALE << 53n })).toBe('BALANCE_LIMIT')
    expect(from(tokenAddress(1))).toBe('ok')
    expect(world.balance(carol, 1)).toBe(120)
    expect(supply(world, 1)).toMatchObject({ core: 320n, evm: 180n * SCALE })
    expect(world.breaches()).toEqual([])
    expect(() => from(tokenAddress(1), { amount: 181n * SCALE })).toThrow('was in the EVM')
  })

  it('takes note of what the EVM burns', () => {
    const world = createLedgerWorld()
    ledgerPort.noteEvmBurn(world.state, 12_345n)
    expect(supply(world, 0)).toMatchObject({
      evm: ledgerParams.evmSupply - 12_345n,
      burned: 12_345n,
    })
    expect(world.breaches()).toEqual([])
    expect(() => ledgerPort.noteEvmBurn(world.state, ledgerParams.evmSupply)).toThrow(
      'burns at most',
    )
  })
})

describe('ledger port', () => {
  it('names accounts', () => {
    const { state } = createLedgerWorld()
    const id = ledgerPort.idOf(state, bob)
    expect(ledgerPort.addressOf(state, id)).toEqual(bob)
    expect(ledgerPort.idOf(state, carol)).toBe(0)
    const made = ledgerPort.ensureAccount(state, carol)
    expect(ledgerPort.ensureAccount(state, carol)).toBe(made)
    for (let i = 0; i < 100; i++) ledgerPort.ensureAccount(state, userAddress(500 + i))
    expect(ledgerPort.ensureAccount(state, userAddress(900))).toBe(0)
  })
})
