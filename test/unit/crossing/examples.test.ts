import type { Abi } from 'viem'
import { beforeAll, describe, expect, it } from 'vitest'
import { rejectedError } from '../../../core/host/abi.ts'
import { contractsOf } from '../../support/crossing/artifacts.ts'
import { statusesOf } from '../../support/crossing/coreWorld.ts'
import {
  createMachineWorld,
  type Deployed,
  deployedAt,
  EXCHANGE,
  hexOf,
  keyOfUser,
  LEDGER,
  MARKET,
  type MachineWorld,
  NXS,
  NXS_TOKEN,
  resultOf,
  type Send,
  UNIT,
} from '../../support/crossing/machineWorld.ts'
import { COIN } from '../../support/evmWorld.ts'

const ALICE = keyOfUser(0)
const MAKER = keyOfUser(1)
const example = (name: string): string => `contracts/examples/${name}.sol`

type Interfaces = {
  readonly ledger: Deployed
  readonly exchange: Deployed
  readonly token: Deployed
}
type Balance = { readonly available: number; readonly held: number }
type Book = { readonly bids: Level[]; readonly asks: Level[] }
type Level = { readonly price: number; readonly size: number; readonly orders: number }

describe('the Solidity examples', () => {
  let known: Interfaces
  beforeAll(async () => {
    const abiOf = async (path: string, name: string): Promise<Abi> =>
      (await contractsOf(path))(name).abi
    known = {
      ledger: deployedAt(LEDGER, await abiOf('contracts/interfaces/ILedger.sol', 'ILedger')),
      exchange: deployedAt(
        EXCHANGE,
        await abiOf('contracts/interfaces/IExchange.sol', 'IExchange'),
      ),
      token: deployedAt(
        NXS_TOKEN,
        await abiOf('contracts/system/ISystemToken.sol', 'ISystemToken'),
      ),
    }
  }, 120_000)

  const start = (): Promise<MachineWorld> =>
    createMachineWorld({ keys: [ALICE, MAKER], owners: [ALICE.address, MAKER.address] })
  const place = (side: 0 | 1, price: number, size: number): Send =>
    known.exchange.send('placeOrder', [0, side, BigInt(price), BigInt(size), 0, 0n, 0n, 0], {
      from: MAKER,
    })
  const deposit = (asset: number, units: number): Send =>
    known.ledger.send('depositTo', [2, asset, BigInt(units)], { from: MAKER })
  const bookOf = (machine: MachineWorld): Book =>
    machine.view<Book>(2, 'book', { market: 0, depth: 10 })
  const held = (machine: MachineWorld, owner: Uint8Array, asset: number): Balance => {
    const { core } = machine
    const account = machine.view<{ id: number }>(1, 'account', { address: owner }).id
    expect(core.checkFull()).toEqual([])
    return machine.view<Balance>(2, 'balance', { account, asset })
  }
  const returned = async (machine: MachineWorld, to: Deployed, name: string, args: unknown[]) => {
    const { data = new Uint8Array(0) } = to.send(name, args)
    return resultOf(to.abi, name, (await machine.call(to.address, data)).returnData)
  }

  it('PlaceAndCancel rests an order and takes it off, in two transactions or one', async () => {
    const machine = await start()
    const contract = await machine.deploy(example('PlaceAndCancel'))
    const funded = await machine.block([
      contract.send('fund', [], { value: 100n * COIN }),
      contract.send('place', [0, 900n, 4n]),
    ])
    expect(statusesOf(funded.evm)).toEqual([1, 1])
    expect(bookOf(machine).bids).toEqual([{ price: 900, size: 4, orders: 1 }])
    expect(held(machine, contract.address, 0).held).toBeGreaterThanOrEqual(36 * UNIT)
    const log = funded.evm.executed.transactions[1]?.receipt.logs.at(-1)?.data ?? new Uint8Array(0)
    const id = BigInt(`0x${Buffer.from(log).toString('hex')}`)
    const off = await machine.block([
      contract.send('cancel', [0, id]),
      contract.send('placeAndCancel', [0, 950n, 3n]),
      contract.send('cancel', [0, id]),
      contract.send('cancel', [0, id], { from: MAKER }),
    ])
    expect(statusesOf(off.evm)).toEqual([1, 1, 0, 0])
    expect(bookOf(machine).bids).toEqual([])
    expect(held(machine, contract.address, 0)).toEqual({ available: 100 * UNIT, held: 0 })
    const before = machine.world.balance(ALICE.address)
    const { evm } = await machine.block([contract.send('withdraw', [0])])
    const gas = evm.burnedWei
    await machine.block([])
    expect(machine.world.balance(ALICE.address)).toBe(before + 100n * COIN - gas)
  })

  it('SwapWithLimit takes from the book, pays out, and keeps nothing', async () => {
    const machine = await start()
    const swap = await machine.deploy(example('SwapWithLimit'))
    await machine.block([deposit(NXS, 100 * UNIT), place(1, 1_000, 5), place(1, 1_100, 5)])
    const { evm } = await machine.block([
      swap.send('buy', [0, 8n, 6n, 1_050n], { value: 200n * COIN }),
      swap.send('buy', [0, 8n, 5n, 1_050n], { value: 200n * COIN }),
    ])
    expect(statusesOf(evm)).toEqual([0, 1])
    expect(bookOf(machine).asks).toEqual([{ price: 1_100, size: 5, orders: 1 }])
    for (const asset of [0, NXS]) {
      expect(held(machine, swap.address, asset)).toEqual({ available: 0, held: 0 })
    }
    const paid = machine.world.balance(ALICE.address)
    const arrived = await machine.block([])
    expect(arrived.system).toHaveLength(2)
    expect(statusesOf(arrived.evm)).toEqual([1, 1])
    expect(machine.world.balance(ALICE.address)).toBe(paid + 150n * COIN)
    const tokens = await machine.block([], async () => {
      const amount = await returned(machine, known.token, 'balanceOf', [hexOf(ALICE.address)])
      // Five lots of one NXS, less the taker's fee of at most 0.07 %.
      expect(amount).toBeLessThan(5n * COIN)
      expect(amount).toBeGreaterThan((5n * COIN * 9_992n) / 10_000n)
    })
    expect(tokens.system).toEqual([])
    await machine.block([
      known.ledger.send('depositTo', [2, 0, 100n * BigInt(UNIT)], { from: MAKER }),
      place(0, 990, 2),
    ])
    const sold = await machine.block([
      known.token.send('approve', [hexOf(swap.address), 2n * COIN]),
      swap.send('sell', [0, 2n, 2n, 980n, 2n * COIN]),
    ])
    expect(statusesOf(sold.evm)).toEqual([1, 1])
    expect(bookOf(machine).bids).toEqual([])
  })

  it('QuotingVault never shows one side alone', async () => {
    const machine = await start()
    const vault = await machine.deploy(example('QuotingVault'), [0])
    await machine.block([
      known.ledger.send('toEvm', [NXS, 50n * BigInt(UNIT), hexOf(ALICE.address)]),
    ])
    await machine.block([])
    const quoted = await machine.block([
      known.token.send('approve', [hexOf(vault.address), 50n * COIN]),
      vault.send('depositBase', [50n * COIN]),
      vault.send('depositAndQuote', [990n, 1_010n, 10n], { value: 500n * COIN }),
    ])
    expect(statusesOf(quoted.evm)).toEqual([1, 1, 1])
    const book = {
      bids: [{ price: 990, size: 10, orders: 1 }],
      asks: [{ price: 1_010, size: 10, orders: 1 }],
    }
    expect(bookOf(machine)).toMatchObject(book)
    // 60 lots cannot be offered: the bid of the same transaction is not there either, the old quotes are.
    const { evm } = await machine.block([vault.send('requote', [980n, 1_020n, 60n])])
    expect(statusesOf(evm)).toEqual([0])
    expect(bookOf(machine)).toMatchObject(book)
    await machine.block([vault.send('requote', [985n, 1_015n, 20n])])
    expect(bookOf(machine)).toMatchObject({
      bids: [{ price: 985, size: 20 }],
      asks: [{ price: 1_015, size: 20 }],
    })
    await machine.block([vault.send('close')])
    expect(bookOf(machine)).toMatchObject({ bids: [], asks: [] })
    expect((await machine.block([])).system).toHaveLength(2)
  })

  it('QueuedMessage hears in the block after what became of its order', async () => {
    const machine = await start()
    const contract = await machine.deploy(example('QueuedMessage'))
    const queued = await machine.block([
      contract.send('fund', [], { value: 100n * COIN }),
      contract.send('queue', [0, 900n, 4n, 1]),
      contract.send('queue', [0, 900n, 4_000n, 9]),
    ])
    expect(statusesOf(queued.evm)).toEqual([1, 1, 1])
    expect(bookOf(machine).bids).toEqual([])
    const placed = await machine.block([])
    expect(placed.system).toEqual([])
    expect(bookOf(machine).bids).toEqual([{ price: 900, size: 4, orders: 1 }])
    const told = await machine.block([])
    expect(told.system).toHaveLength(2)
    expect(statusesOf(told.evm)).toEqual([1, 1])
    await machine.block([], async () => {
      const first = (await returned(machine, contract, 'orders', [1n])) as unknown[]
      const second = (await returned(machine, contract, 'orders', [2n])) as unknown[]
      expect(first[0]).toBe(2)
      expect(Number(first[1])).toBeGreaterThan(0)
      expect(second[0]).toBe(3)
      expect(second[2]).toBe(
        `0x${Buffer.from(rejectedError('INSUFFICIENT_BALANCE')).toString('hex')}`,
      )
    })
    const { evm } = await machine.block([contract.send('onCoreResult', [1n, 0, '0x'])])
    expect(statusesOf(evm)).toEqual([0])
  })

  it('PlaceThenRevert: of nested frames only the orders outside the reverted one stand', async () => {
    const order = { market: 0, side: 0, price: 900n, size: 1n }
    for (const [depth, revertAt] of [
      [3, 0],
      [3, 3],
      [3, 2],
      [3, 1],
      [6, 4],
    ] as const) {
      const machine = await start()
      const contract = await machine.deploy(example('PlaceThenRevert'))
      await machine.block([contract.send('fund', [], { value: 1_000n * COIN })])
      const { evm, core } = await machine.block([
        contract.send('run', [order, depth, revertAt]),
        contract.send('runAndRevert', [order, depth]),
      ])
      const standing = revertAt === 0 ? depth : revertAt - 1
      expect(statusesOf(evm)).toEqual([1, 0])
      expect(core.calls).toHaveLength(standing)
      const bids = standing === 0 ? [] : [{ price: 900, size: standing, orders: standing }]
      expect(bookOf(machine).bids, `${depth} ${revertAt}`).toEqual(bids)
      const spent = held(machine, contract.address, 0)
      expect(spent.available + spent.held).toBe(1_000 * UNIT)
      expect(evm.executed.transactions[0]?.receipt.logs).toHaveLength(standing)
    }
  })

  it('the market is the one these tests believe in', async () => {
    const machine = await start()
    const { markets } = machine.view<{ markets: object[] }>(2, 'markets', {})
    expect(markets[0]).toMatchObject({ base: MARKET.base, tickSize: MARKET.tickSize })
  })
})
