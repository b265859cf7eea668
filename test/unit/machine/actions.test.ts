import { describe, expect, it } from 'vitest'
import { ledgerPort } from '../../../coprocessors/ledger/index.ts'
import { decodeEvents } from '../../../core/host/eventLog.ts'
import { decodeResult } from '../../../core/host/fieldCodec.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import {
  BLOCK_GAS,
  CoreWorld,
  engineOf,
  rawActionOf,
  START_TIME,
  STRANGER,
  type TestCall,
  userAt,
} from '../../support/coreWorld.ts'
import { COUNTER, counter } from '../../support/engines/counter.ts'

const add = (amount: number): TestCall => ({ engine: COUNTER, fn: 'add', args: { amount } })
const reset: TestCall = { engine: COUNTER, fn: 'reset', args: {} }
const work = (steps: number): TestCall => ({ engine: COUNTER, fn: 'work', args: { steps } })
const transfer = (amount: number): TestCall => ({
  engine: 1,
  fn: 'transfer',
  args: { to: userAt(7), asset: 0, amount },
})
const codes = (calls: readonly { readonly code: string | null }[]) => calls.map(({ code }) => code)

/** USDX of an account in the ledger, 0 where it has none. */
function balance(world: CoreWorld, address: Uint8Array): number {
  const state = world.machine.arenas[1]?.state as never
  const { balanceByKey, balances } = state as {
    balanceByKey: { find(account: number, asset: number): number }
    balances: { columns: { amount: { get(row: number): number } } }
  }
  const row = balanceByKey.find(ledgerPort.idOf(state, address), 0)
  return row === 0 ? 0 : balances.columns.amount.get(row)
}

describe('order of a block', () => {
  it('runs cancels, then post-only, then the rest, each in payload order', async () => {
    const world = new CoreWorld()
    await world.block([world.action(0, [add(1)]), world.action(1, [add(1)])])
    const { events, receipts } = await world.block([
      world.action(0, [add(5)]),
      world.action(1, [add(8)]),
      world.action(0, [add(10), reset]),
      world.action(1, [add(3)]),
    ])
    const decoded = decodeEvents(world.registry.engines, events)
    if (!decoded.ok) throw new Error(decoded.code)
    const amounts = decoded.value.map(({ event }) => event.amount)
    expect(amounts).toEqual([8, 10, 5, 3])
    const before = decodeResult(
      counter.publicFns.reset?.result ?? {},
      receipts[2]?.calls[1]?.result ?? new Uint8Array(),
    )
    expect(before).toEqual({ before: 1 })
  })

  it('runs the ledger before the others, and their posts in between', async () => {
    const world = new CoreWorld()
    const deposit = { engine: 1, fn: 'depositTo', args: { engine: COUNTER, asset: 0, amount: 50 } }
    const withdraw = { engine: COUNTER, fn: 'withdraw', args: { asset: 0, amount: 50 } }
    const { receipts } = await world.block([
      world.action(0, [withdraw]),
      world.action(0, [deposit]),
    ])
    expect(receipts.map(({ calls }) => codes(calls))).toEqual([[null], [null]])
  })

  it('runs an atomic envelope as one, and reverts all of it', async () => {
    const world = new CoreWorld()
    const { receipts } = await world.block([
      world.action(0, [add(4), add(999_999), add(4)], { atomic: true }),
      world.action(1, [add(4), add(6)], { atomic: true }),
      world.action(2, [add(4), transfer(1)], { atomic: true }),
      world.action(3, [add(4), add(999_999), add(6)]),
    ])
    expect(receipts.map(({ calls }) => codes(calls))).toEqual([
      ['ATOMIC_REVERTED', 'TOO_MUCH', 'ATOMIC_REVERTED'],
      [null, null],
      [],
      [null, 'TOO_MUCH', null],
    ])
    expect(receipts[2]?.code).toBe('ATOMIC_MANY_ENGINES')
    expect(receipts[0]?.calls.map((call) => call.gasUsed)).toEqual([100, 100, 0])
  })
})

describe('an envelope', () => {
  it('is refused as a whole where nobody could be charged', async () => {
    const world = new CoreWorld()
    const good = world.action(0, [add(1)])
    const { receipts } = await world.block([
      { bytes: new Uint8Array([0xa0, 1, 2]), signer: userAt(0) },
      { ...good, signer: null },
      { ...good, signer: userAt(1) },
      rawActionOf({ signer: userAt(0), nonce: START_TIME, actions: [], chainId: 1 }),
      rawActionOf({
        signer: userAt(0),
        nonce: START_TIME,
        actions: [{ engine: COUNTER, fn: 1, args: new Uint8Array() }],
        chainId: 1,
      }),
      world.action(0, [add(1)], { maxFee: 0 }),
      rawActionOf({
        signer: STRANGER,
        nonce: START_TIME,
        actions: [{ engine: COUNTER, fn: 1, args: new Uint8Array() }],
      }),
      good,
      good,
    ])
    expect(codes(receipts)).toEqual([
      'MALFORMED',
      'BAD_SIGNATURE',
      'BAD_SIGNATURE',
      'MALFORMED',
      'WRONG_CHAIN',
      'INSUFFICIENT_FEE',
      'UNKNOWN_SIGNER',
      null,
      'NONCE_USED',
    ])
    expect(receipts.slice(0, 7).map(({ fee }) => fee)).toEqual([0, 0, 0, 0, 0, 0, 0])
  })

  it('pays for calls that name nothing, and they leave the rest alone', async () => {
    const world = new CoreWorld()
    const args = new Uint8Array()
    const { receipts } = await world.block([
      world.rawAction(0, [
        { engine: 9, fn: 0, args },
        { engine: COUNTER, fn: 31, args },
        { engine: COUNTER, fn: 6, args },
        { engine: COUNTER, fn: 0, args },
        { engine: COUNTER, fn: 0, args: new Uint8Array([0, 0, 0, 1]) },
        { engine: COUNTER, fn: 3, args: new Uint8Array([...STRANGER, 0, 0, 0, 0]) },
      ]),
    ])
    expect(codes(receipts[0]?.calls ?? [])).toEqual([
      'UNKNOWN_ENGINE',
      'UNKNOWN_FUNCTION',
      'EVM_ONLY',
      'BAD_ARGUMENTS',
      null,
      'UNKNOWN_ACCOUNT',
    ])
    expect(receipts[0]?.fee).toBe(Math.ceil(((5 * 100 + 100) * 10) / 1_000))
  })
})

describe('gas', () => {
  it('costs what was used, rounded up, and never more than the maximum', async () => {
    const world = new CoreWorld()
    const before = balance(world, userAt(0))
    const { receipts } = await world.block([
      world.action(0, [work(7)], { maxFee: 500 }),
      world.action(1, [work(1_000)], { maxFee: 50 }),
    ])
    expect(receipts[0]).toMatchObject({ fee: 2, calls: [{ code: null, gasUsed: 120 }] })
    expect(receipts[1]).toMatchObject({ fee: 50, calls: [{ code: 'OUT_OF_GAS', gasUsed: 5_000 }] })
    expect(balance(world, userAt(0))).toBe(before - 2)
  })

  it('of one envelope is shared by its calls, on each engine a part', async () => {
    const world = new CoreWorld()
    const { receipts } = await world.block([
      // 30 USDX units buy 3,000 gas: 100 for the base gas, and what work leaves of the rest.
      world.action(0, [work(200), work(200), work(1)], { maxFee: 30 }),
    ])
    expect(receipts[0]?.calls).toMatchObject([
      { code: null, gasUsed: 2_050 },
      { code: 'OUT_OF_GAS', gasUsed: 950 },
      { code: 'OUT_OF_GAS', gasUsed: 0 },
    ])
    expect(receipts[0]?.fee).toBe(30)
  })

  it('of a block has an end, the same for everybody', async () => {
    const params = { chainId: 7_777, blockGas: 1_000, gasRatio: 10 }
    const world = new CoreWorld({ params })
    const { receipts, gasUsed } = await world.block([
      world.action(0, [work(60)]),
      world.action(1, [work(60)]),
      world.action(2, [work(60)]),
      world.action(
        3,
        Array.from({ length: 9 }, () => add(1)),
      ),
    ])
    expect(receipts.map(({ code, calls }) => code ?? codes(calls))).toEqual([
      [null],
      // It could pay for more than the block has left.
      ['BLOCK_FULL'],
      ['BLOCK_FULL'],
      'BLOCK_FULL',
    ])
    expect(gasUsed).toBe(1_000)
  })

  it('moves the price with the use of blocks', async () => {
    const world = new CoreWorld({ params: { chainId: 7_777, blockGas: 10_000, gasRatio: 10 } })
    const priceOf = () => ledgerPort.gasPrice(world.machine.arenas[1]?.state as never)
    const before = priceOf()
    for (let i = 0; i < 60; i++) await world.block([world.action(0, [work(900)])])
    expect(priceOf()).toBeGreaterThan(before)
    for (let i = 0; i < 200; i++) await world.block()
    expect(priceOf()).toBeLessThan(before)
    expect(BLOCK_GAS).toBeGreaterThan(10_000)
  })
})

describe('accounts', () => {
  it('are addresses outside and ids inside, in arguments, results and lists', async () => {
    const world = new CoreWorld()
    const copyTo = {
      engine: COUNTER,
      fn: 'copyTo',
      args: { to: userAt(3), also: [{ who: userAt(4) }] },
    }
    const { receipts } = await world.block([world.action(0, [add(7), copyTo])])
    const bytes = receipts[0]?.calls[1]?.result ?? new Uint8Array()
    const result = decodeResult(counter.publicFns.copyTo?.result ?? {}, bytes)
    expect(result).toEqual({
      from: userAt(0),
      to: userAt(3),
      nobody: new Uint8Array(20),
      all: [{ who: userAt(4) }],
    })
    expect(toHex(receipts[0]?.owner ?? new Uint8Array())).toBe(toHex(userAt(0)))
    expect(engineOf(world.registry, COUNTER).name).toBe('counter')
  })
})
