import { describe, expect, it } from 'vitest'
import { decodeEvents } from '../../../core/host/eventLog.ts'
import { CoreWorld, type TestCall, userAt } from '../../support/coreWorld.ts'
import { COUNTER } from '../../support/engines/counter.ts'

const deposit = (engine: number, amount: number): TestCall => ({
  engine: 1,
  fn: 'depositTo',
  args: { engine, asset: 0, amount },
})
const withdraw = (amount: number): TestCall => ({
  engine: COUNTER,
  fn: 'withdraw',
  args: { asset: 0, amount },
})

type Rows = {
  balanceByKey: { find(account: number, asset: number): number }
  balances: { columns: { amount: { get(row: number): number } } }
}
const usdx = (world: CoreWorld, address: Uint8Array): number => {
  const { ledger } = world.registry
  const state = world.machine.arenas[1]?.state as never
  const { balanceByKey, balances } = state as Rows
  const row = balanceByKey.find(ledger.idOf(state, address), 0)
  return row === 0 ? 0 : balances.columns.amount.get(row)
}
const module = new Uint8Array(20)
module.set([8, COUNTER], 18)

const kindsOf = (world: CoreWorld, bytes: Uint8Array): unknown[] => {
  const events = decodeEvents(world.registry.engines, bytes)
  if (!events.ok) throw new Error(events.code)
  return events.value.map(({ event }) => event.kind)
}

describe('value between engines', () => {
  it('goes into an engine and out again', async () => {
    const world = new CoreWorld()
    const start = usdx(world, userAt(0))
    const first = await world.block([world.action(0, [deposit(COUNTER, 900)])])
    expect(usdx(world, module)).toBe(900)
    expect(kindsOf(world, first.events)).toEqual(['Deposited'])
    const second = await world.block([world.action(0, [withdraw(300)])])
    expect(kindsOf(world, second.events)).toEqual(['Withdrawn'])
    expect(usdx(world, module)).toBe(600)
    const fees = (first.receipts[0]?.fee ?? 0) + (second.receipts[0]?.fee ?? 0)
    expect(usdx(world, userAt(0))).toBe(start - 600 - fees)
  })

  it('returns to its owner when the engine will not have it', async () => {
    const world = new CoreWorld()
    const start = usdx(world, userAt(0))
    const { events, receipts } = await world.block([world.action(0, [deposit(COUNTER, 1_001)])])
    expect(receipts[0]?.calls[0]?.code).toBeNull()
    expect(kindsOf(world, events)).toEqual(['Deposited', 'PostRefused', 'DepositReturned'])
    expect(usdx(world, module)).toBe(0)
    expect(usdx(world, userAt(0))).toBe(start - (receipts[0]?.fee ?? 0))
  })

  it('stays where it is when a contract asks and the engine will not have it', async () => {
    const world = new CoreWorld()
    await world.open([])
    const before = world.roots()
    expect(world.call(userAt(0), deposit(COUNTER, 1_001)).kind).toBe('revert')
    expect(world.roots()).toEqual(before)
    const good = world.call(userAt(0), deposit(COUNTER, 1_000))
    expect(good).toMatchObject({ kind: 'success', logs: [{}] })
    expect(usdx(world, module)).toBe(1_000)
    // In the same block: what was paid in can be used at once.
    expect(world.call(userAt(0), withdraw(1_000)).kind).toBe('success')
    expect(usdx(world, module)).toBe(0)
  })
})

describe('a chain of posts', () => {
  it('that does not end is a fault, not a hang', async () => {
    const world = new CoreWorld()
    const misbehave = { engine: COUNTER, fn: 'misbehave', args: { how: 'postForEver' } }
    await expect(world.block([world.action(0, [misbehave])])).rejects.toThrow(
      /ends within its rounds/,
    )
  })
})
