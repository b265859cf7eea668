import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ledger, ledgerPort } from '../../../coprocessors/ledger/index.ts'
import { createContext } from '../../support/callContext.ts'
import {
  alice,
  bob,
  createLedgerWorld,
  ledgerParams,
  NOW,
  treasury,
} from '../../support/ledgerWorld.ts'

const MAX = Number.MAX_SAFE_INTEGER

function pay(
  world: ReturnType<typeof createLedgerWorld>,
  from: Uint8Array,
  max: number,
  fee: number,
) {
  const { state } = world
  const account = ledgerPort.idOf(state, from)
  const nonce = NOW + pay.count++
  const admission = { signer: from, nonce, expiresAfter: null, maxFee: max, calls: [] }
  expect(ledgerPort.admit(state, admission, NOW).ok).toBe(true)
  ledgerPort.settleFee(state, account, max, fee)
}
pay.count = 0

const endBlock = (world: ReturnType<typeof createLedgerWorld>) =>
  ledger.endBlock?.(world.state, createContext({ time: NOW, origin: 'block' }))

describe('fees', () => {
  it('are divided between treasury and burning when the block ends, rounded up for the treasury', () => {
    const world = createLedgerWorld({
      ...ledgerParams,
      fees: { ...ledgerParams.fees, burnedShare: 333_333 },
    })
    const before = world.view('supply', { asset: 0 }) as { core: bigint; burned: bigint }
    pay(world, alice, 1_000, 600)
    pay(world, bob, 1_000, 401)
    expect(world.balance(treasury)).toBe(0)
    endBlock(world)
    expect([world.balance(alice), world.balance(bob)]).toEqual([999_999_400, 599])
    expect(world.balance(treasury)).toBe(668)
    const after = world.view('supply', { asset: 0 }) as { core: bigint; burned: bigint }
    expect(after.core).toBe(before.core - 333n)
    expect(after.burned).toBe(before.burned + 333n * 10n ** 12n)
    expect(world.view('fees', {})).toMatchObject({ paid: 1_001n, burned: 333n })
    expect(world.breaches()).toEqual([])
  })

  it('never stop a block, even where treasury and payer hold all they can', () => {
    const balances = [
      { address: alice, asset: 0, amount: MAX },
      { address: bob, asset: 0, amount: 50 },
      { address: treasury, asset: 0, amount: MAX },
    ]
    const world = createLedgerWorld({ ...ledgerParams, balances })
    const { state } = world
    const account = ledgerPort.idOf(state, alice)
    const admission = { signer: alice, nonce: NOW, expiresAfter: null, maxFee: 100, calls: [] }
    ledgerPort.admit(state, admission, NOW)
    expect(world.call('transfer', { to: alice, asset: 0, amount: 50 }, bob)).toBe('ok')
    ledgerPort.settleFee(state, account, 100, 20)
    endBlock(world)
    expect([world.balance(alice), world.balance(treasury)]).toEqual([MAX, MAX])
    expect(world.view('fees', {})).toMatchObject({ paid: 50n, burned: 50n })
    expect(world.breaches()).toEqual([])
  })

  it('are at most what was set aside, once', () => {
    const { state } = createLedgerWorld()
    const account = ledgerPort.idOf(state, alice)
    expect(() => ledgerPort.settleFee(state, account, 10, 11)).toThrow('at most what was set aside')
    expect(() => ledgerPort.settleFee(state, account, 10, 5)).toThrow('settled once')
  })
})

describe('gas price', () => {
  const priceAfter = (blocks: readonly number[], limit = 1_000_000): number[] => {
    const { state } = createLedgerWorld()
    return blocks.map((used) => {
      ledgerPort.updateGasPrice(state, used, limit)
      return ledgerPort.gasPrice(state)
    })
  }

  it('stays when blocks are half full, rises slowly when they fill, falls to its floor when they are empty', () => {
    expect(priceAfter(Array(50).fill(500_000))).toEqual(Array(50).fill(100))
    const rising = priceAfter(Array(100).fill(1_000_000))
    expect(rising[0]).toBeLessThan(102)
    expect(rising[99]).toBeGreaterThan(10_000)
    expect(priceAfter(Array(400).fill(1_000_000)).at(-1)).toBe(1_000_000)
    expect(priceAfter(Array(200).fill(0)).at(-1)).toBe(10)
  })

  it('moves by at most a sixteenth a block and stays within its bounds, whatever the use', () => {
    const use = fc.array(fc.integer({ min: 0, max: 3_000_000 }), { maxLength: 200 })
    fc.assert(
      fc.property(use, (blocks) => {
        let last = 100
        for (const price of priceAfter(blocks)) {
          expect(price).toBeGreaterThanOrEqual(10)
          expect(price).toBeLessThanOrEqual(1_000_000)
          expect(Math.abs(price - last)).toBeLessThanOrEqual(last / 16 + 1)
          last = price
        }
      }),
      { numRuns: 50 },
    )
  })
})
