import { type Abi, decodeErrorResult } from 'viem'
import { beforeAll, describe, expect, it } from 'vitest'
import { rejectedError } from '../../../core/host/abi.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { contractsOf } from '../../support/crossing/artifacts.ts'
import { statusesOf } from '../../support/crossing/coreWorld.ts'
import {
  calldata,
  createMachineWorld,
  deployedAt,
  hexOf,
  keyOfUser,
  LEDGER,
  type MachineWorld,
  NXS,
  NXS_TOKEN,
  resultOf,
  UNIT,
  WEI_PER_UNIT,
} from '../../support/crossing/machineWorld.ts'
import { COIN } from '../../support/evmWorld.ts'

const ALICE = keyOfUser(0)
const MAKER = keyOfUser(1)
const NXS_COIN = COIN
let ledger: Abi
let token: Abi

beforeAll(async () => {
  ledger = (await contractsOf('contracts/interfaces/ILedger.sol'))('ILedger').abi
  token = (await contractsOf('contracts/system/ISystemToken.sol'))('ISystemToken').abi
}, 120_000)

const start = (): Promise<MachineWorld> =>
  createMachineWorld({ keys: [ALICE, MAKER], owners: [ALICE.address, MAKER.address] })
const coreBalance = (machine: MachineWorld, owner: Uint8Array, asset: number): number =>
  machine.view<{ amount: number }>(1, 'balance', { owner, asset }).amount

describe('money between the domains', () => {
  it('native coin goes into Core with a call and comes back a block later', async () => {
    const machine = await start()
    const at = deployedAt(LEDGER, ledger)
    const before = coreBalance(machine, ALICE.address, 0)
    const wei = 5n * COIN
    const paid = await machine.block([at.send('depositNative', [], { value: wei })])
    expect(statusesOf(paid.evm)).toEqual([1])
    expect(coreBalance(machine, ALICE.address, 0)).toBe(before + 5 * UNIT)
    const held = machine.world.balance(keyOfUser(7).address)
    expect(held).toBe(0n)
    const args = [0, 3n * BigInt(UNIT), hexOf(keyOfUser(7).address)]
    await machine.block([at.send('toEvm', args)])
    expect(machine.world.balance(keyOfUser(7).address)).toBe(0n)
    const { evm, system } = await machine.block([])
    expect(system).toHaveLength(1)
    expect(statusesOf(evm)).toEqual([1])
    expect(machine.world.balance(keyOfUser(7).address)).toBe(3n * COIN)
    expect(coreBalance(machine, ALICE.address, 0)).toBe(before + 2 * UNIT)
  })

  it('wei that are no whole unit stay where they are', async () => {
    const machine = await start()
    const at = deployedAt(LEDGER, ledger)
    const { evm } = await machine.block([
      at.send('depositNative', [], { value: WEI_PER_UNIT - 1n }),
    ])
    expect(statusesOf(evm)).toEqual([0])
    expect(evm.nativeDelta).toBe(-evm.burnedWei)
  })

  it('an asset becomes a token that knows its name, and goes back into Core', async () => {
    const machine = await start()
    const at = deployedAt(LEDGER, ledger)
    const erc20 = deployedAt(NXS_TOKEN, token)
    await machine.block([at.send('toEvm', [NXS, 40n * BigInt(UNIT), hexOf(ALICE.address)])])
    await machine.block([])
    await machine.block([], async () => {
      const ask = async (name: string, args: readonly unknown[] = []) =>
        resultOf(
          token,
          name,
          (await machine.call(NXS_TOKEN, calldata(token, name, args))).returnData,
        )
      expect(await ask('symbol')).toBe('NXS')
      expect(await ask('name')).toBe('Nexus NXS')
      expect(await ask('decimals')).toBe(18)
      expect(await ask('asset')).toBe(NXS)
      expect(await ask('totalSupply')).toBe(40n * NXS_COIN)
      expect(await ask('balanceOf', [hexOf(ALICE.address)])).toBe(40n * NXS_COIN)
    })
    const before = coreBalance(machine, ALICE.address, NXS)
    const { evm } = await machine.block([
      erc20.send('toCore', [15n * NXS_COIN]),
      erc20.send('toCore', [26n * NXS_COIN]),
      erc20.send('toCore', [1n]),
      erc20.send('mint', [hexOf(ALICE.address), 1n]),
    ])
    expect(statusesOf(evm)).toEqual([1, 0, 0, 0])
    expect(coreBalance(machine, ALICE.address, NXS)).toBe(before + 15 * UNIT)
    expect(evm.slot(NXS_TOKEN, new Uint8Array(32).fill(2, 31))).toBe(25n * NXS_COIN)
  })

  it('a transfer that the EVM refuses is back with its sender', async () => {
    const machine = await start()
    const at = deployedAt(LEDGER, ledger)
    const reverter = await machine.deploy('contracts/examples/PlaceAndCancel.sol')
    const before = coreBalance(machine, ALICE.address, 0)
    await machine.block([at.send('toEvm', [0, BigInt(UNIT), hexOf(reverter.address)])])
    expect(coreBalance(machine, ALICE.address, 0)).toBe(before - UNIT)
    const { evm } = await machine.block([])
    expect(statusesOf(evm)).toEqual([0])
    expect(machine.world.balance(reverter.address)).toBe(0n)
    expect(coreBalance(machine, ALICE.address, 0)).toBe(before)
  })

  it('whoever is refused is told why, by the error of the interface', async () => {
    const machine = await start()
    await machine.block([], async () => {
      const data = calldata(ledger, 'transfer', [hexOf(MAKER.address), NXS, 2n ** 53n - 1n])
      const refused = await machine.call(LEDGER, data)
      expect(refused).toMatchObject({ status: 'revert', error: 'execution reverted' })
      expect(refused.returnData).toEqual(rejectedError('INSUFFICIENT_BALANCE'))
      const { errorName } = decodeErrorResult({
        abi: ledger,
        data: `0x${toHex(refused.returnData)}`,
      })
      expect(errorName).toBe('InsufficientBalance')
    })
  })

  it('a simulation leaves the engines as they were', async () => {
    const machine = await start()
    await machine.block([], async () => {
      const open = machine.core.arenas.map((arena) => toHex(arena.root()))
      const data = calldata(ledger, 'depositNative', [])
      for (let i = 0; i < 3; i++) {
        const result = await machine.call(LEDGER, data, COIN)
        expect(result.status).toBe('success')
      }
      expect(machine.core.arenas.map((arena) => toHex(arena.root()))).toEqual(open)
    })
    expect(coreBalance(machine, ALICE.address, 0)).toBe(100_000 * UNIT)
  })
})
