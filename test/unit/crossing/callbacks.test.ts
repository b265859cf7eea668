import { beforeAll, describe, expect, it } from 'vitest'
import { contractsOf } from '../../support/crossing/artifacts.ts'
import { statusesOf } from '../../support/crossing/coreWorld.ts'
import {
  type BothResults,
  createMachineWorld,
  type Deployed,
  keyOfUser,
  type MachineWorld,
  resultOf,
  UNIT,
} from '../../support/crossing/machineWorld.ts'
import { COIN } from '../../support/evmWorld.ts'

const ALICE = keyOfUser(0)
const FILE = 'test/support/crossing/Callbacks.sol'
const [CALM, REVERTS, ENDLESS] = [0, 1, 2]

type Bids = readonly { readonly price: number; readonly size: number }[]
type Balance = { readonly available: number; readonly held: number }

describe('what Core calls may call Core', () => {
  beforeAll(() => contractsOf(FILE).then(() => {}), 120_000)

  /** A contract with 200 USDX on the exchange, of which one call and its callback will use some. */
  async function start(mood: number): Promise<{ machine: MachineWorld; contract: Deployed }> {
    const machine = await createMachineWorld({ keys: [ALICE], owners: [ALICE.address] })
    const contract = await machine.deploy(FILE)
    const { evm } = await machine.block([
      contract.send('fund', [], { value: 200n * COIN }),
      contract.send('set', [mood]),
    ])
    expect(statusesOf(evm)).toEqual([1, 1])
    return { machine, contract }
  }

  const bidsOf = (machine: MachineWorld): Bids =>
    machine.view<{ bids: Bids }>(2, 'book', { market: 0, depth: 10 }).bids
  const balanceOf = (machine: MachineWorld, { address }: Deployed): Balance => {
    expect(machine.core.checkFull()).toEqual([])
    const account = machine.view<{ id: number }>(1, 'account', { address }).id
    return machine.view<Balance>(2, 'balance', { account, asset: 0 })
  }
  /** The block in which the callback runs; the order that it answers was placed in the one before. */
  async function callBack(machine: MachineWorld, contract: Deployed): Promise<BothResults> {
    await machine.block([contract.send('queue', [900n, 2n])])
    await machine.block([])
    expect(bidsOf(machine)).toMatchObject([{ price: 900, size: 2 }])
    return machine.block([])
  }

  it('onCoreResult reads the book and places another order', async () => {
    const { machine, contract } = await start(CALM)
    const { evm, core, system } = await callBack(machine, contract)
    expect(system).toHaveLength(1)
    expect(statusesOf(evm)).toEqual([1])
    expect(bidsOf(machine)).toMatchObject([
      { price: 901, size: 1 },
      { price: 900, size: 2 },
    ])
    expect(core.record.systemCalls).toMatchObject([{ engine: 2, caller: contract.address }])
    expect(core.calls).toEqual([])
    expect(core.gasByEngine[2]).toBeGreaterThan(0)
    // The order's event is a log of the callback's receipt.
    expect(evm.executed.transactions[0]?.receipt.logs).toHaveLength(1)
    await machine.block([], async () => {
      const { data = new Uint8Array(0) } = contract.send('seenBid')
      const { returnData } = await machine.call(contract.address, data)
      expect(resultOf(contract.abi, 'seenBid', returnData)).toBe(900n)
    })
  })

  it.each([
    ['reverts', REVERTS],
    ['runs out of gas', ENDLESS],
  ])('of onCoreResult that %s nothing stays', async (_how, mood) => {
    const { machine, contract } = await start(mood)
    const before = balanceOf(machine, contract)
    const { evm, core, system } = await callBack(machine, contract)
    expect(system).toHaveLength(1)
    expect(statusesOf(evm)).toEqual([0])
    expect(bidsOf(machine)).toMatchObject([{ price: 900, size: 2 }])
    expect(core.record.systemCalls).toEqual([])
    expect(core.gasByEngine[2]).toBeGreaterThan(0)
    expect(evm.executed.transactions[0]?.receipt.logs).toEqual([])
    const { available, held } = balanceOf(machine, contract)
    expect(available + held).toBe(before.available + before.held)
    // It was the only try.
    expect((await machine.block([])).system).toEqual([])
  })

  it('receive() puts what arrives back on the exchange', async () => {
    const { machine, contract } = await start(CALM)
    await machine.block([contract.send('leave', [BigInt(150 * UNIT)])])
    expect(balanceOf(machine, contract)).toEqual({ available: 50 * UNIT, held: 0 })
    const { evm, core } = await machine.block([])
    expect(statusesOf(evm)).toEqual([1])
    expect(core.record.systemCalls.map(({ engine }) => engine)).toEqual([1, 1])
    expect(evm.nativeDelta).toBe(0n)
    expect(balanceOf(machine, contract)).toEqual({ available: 200 * UNIT, held: 0 })
    expect(machine.world.balance(contract.address)).toBe(0n)
  })

  it('a transfer whose receive() reverts after its deposit returns to the ledger', async () => {
    const { machine, contract } = await start(REVERTS)
    await machine.block([contract.send('leave', [BigInt(150 * UNIT)])])
    const { evm, core } = await machine.block([])
    expect(statusesOf(evm)).toEqual([0])
    expect(core.record.systemCalls).toEqual([])
    expect(balanceOf(machine, contract)).toEqual({ available: 50 * UNIT, held: 0 })
    const owner = contract.address
    expect(machine.view(1, 'balance', { owner, asset: 0 })).toEqual({ amount: 150 * UNIT })
  })
})
