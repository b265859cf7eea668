import fc from 'fast-check'
import type { Abi } from 'viem'
import { beforeAll, describe, expect, it } from 'vitest'
import { precompileOf } from '../../../core/host/precompile.ts'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { contractsOf } from '../../support/crossing/artifacts.ts'
import { statusesOf } from '../../support/crossing/coreWorld.ts'
import {
  type BothResults,
  calldata,
  createMachineWorld,
  hexOf,
  keyOfUser,
  type MachineWorld,
  MESSENGER,
  NXS,
  UNIT,
  WEI_PER_UNIT,
} from '../../support/crossing/machineWorld.ts'
import {
  createScripts,
  type EngineStep,
  type Scripts,
  TOP_GAS,
} from '../../support/crossing/script.ts'
import { block, SCRIPTS, type Transaction } from '../../support/crossing/scriptArbitraries.ts'
import {
  createModel,
  type EngineModel,
  type Model,
  runTransaction,
} from '../../support/crossing/scriptModel.ts'
import { account, COIN } from '../../support/evmWorld.ts'

const ALICE = keyOfUser(0)
const FRIENDS = [0, 1, 2, 3].map((i) => keyOfUser(50 + i).address)
const friendOf = (key: number): Uint8Array => FRIENDS[key % FRIENDS.length] as Uint8Array
/** The key of a `deposit` that funds the script's account on the exchange. */
const FUND = 255
const FUNDS = 50_000
const ENGINE_NAMES = ['IMessenger', 'ILedger', 'IExchange'] as const

describe('EVM frames and the real engines', () => {
  let scripts: Scripts
  beforeAll(async () => {
    const abis: Abi[] = []
    for (const name of ENGINE_NAMES) {
      abis.push((await contractsOf(`contracts/interfaces/${name}.sol`))(name).abi)
    }
    const call: Call = (engine, name, args) => calldata(abis[engine] as Abi, name, args)
    scripts = await createScripts(fromHex(SCRIPTS[0] as string), (step) => dataOf(call, step))
  }, 120_000)

  async function start(): Promise<{ machine: MachineWorld; model: Model }> {
    const addresses = SCRIPTS.map((address) => fromHex(address))
    const machine = await createMachineWorld({
      keys: [ALICE],
      owners: addresses,
      extra: addresses.map((address) =>
        account(address, { balance: 10n * COIN, nonce: 1, code: scripts.runtime }),
      ),
    })
    const fund = { engine: 1, fn: 'deposit', key: FUND, amount: 0, value: 0n, must: true } as const
    const data = scripts.dataOf([{ kind: 'engine', via: 'call', ...fund }])
    const { evm } = await machine.block(addresses.map((to) => ({ to, data })))
    expect(statusesOf(evm)).toEqual([1, 1, 1])
    const model = createModel([
      [toHex(ALICE.address), 10_000n * COIN],
      ...SCRIPTS.map((address) => [address, 10n * COIN] as const),
    ])
    return { machine, model }
  }

  /** Core's own carry no coins: it would not know of them. */
  function runBoth(machine: MachineWorld, transactions: readonly Transaction[]) {
    const calls = transactions.map(({ to, value, steps, isSystem }) => ({
      isSystem,
      value,
      call: { to: fromHex(to), data: scripts.dataOf(steps), gasLimit: TOP_GAS },
    }))
    const more = calls
      .filter(({ isSystem }) => isSystem)
      .map(({ call }, i) => ({ ...call, nonce: 1_000_000 + i, from: MESSENGER, mint: 0n }))
    const own = calls.filter(({ isSystem }) => !isSystem)
    const sends = own.map(({ call, value }) => ({ ...call, value }))
    return machine.block(sends, undefined, more)
  }

  it('leaves exactly what the standing frames did', async () => {
    const seen = { calls: 0, system: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(fc.array(block, { minLength: 1, maxLength: 2 }), async (blocks) => {
        const { machine, model } = await start()
        const first = nextMessage(machine)
        for (const transactions of blocks) {
          const from = model.logs.length
          const result = await runBoth(machine, transactions)
          const outcomes = transactions.map(({ to, value, steps, isSystem }) => {
            const call = isSystem
              ? { from: toHex(MESSENGER), to, value: 0n }
              : { from: toHex(ALICE.address), to, value }
            return runTransaction(model, call, steps, engines)
          })
          expect(statusesOf(result.evm).map((status) => status === 1)).toEqual(outcomes)
          compare(machine, model, result, from)
          expect(nextMessage(machine) - first).toBe(counter(model, 'messages'))
          seen.calls += result.core.calls.length
          seen.system += result.core.record.systemCalls.length
          seen.refused += outcomes.filter((stood) => !stood).length
        }
        expect(machine.core.checkFull()).toEqual([])
      }),
      { numRuns: Number(process.env.NEXUS_FUZZ_RUNS ?? 40) },
    )
    expect(seen.calls).toBeGreaterThan(20)
    expect(seen.system).toBeGreaterThan(10)
    expect(seen.refused).toBeGreaterThan(5)
  }, 600_000)
})

type Call = (engine: number, name: string, args: readonly unknown[]) => Uint8Array

/** Real calls in the roles of the fake engine's functions. */
function dataOf(call: Call, { engine, fn, key, amount }: EngineStep): Uint8Array {
  const friend = hexOf(friendOf(key))
  const order = (market: number) =>
    call(2, 'placeOrder', [market, 0, BigInt(500 + key), BigInt(1 + (amount % 3)), 0, 0n, 0n, 0])
  const send = (target: number) => call(0, 'sendWithCallback', [target, '0x', 1_000n, key, 0n])
  const pay = (to: Uint8Array, units: number) =>
    call(1, 'transfer', [hexOf(to), NXS, BigInt(units)])
  switch (fn) {
    case 'add':
      return [send(1), pay(friendOf(key), amount + 1), order(0)][engine] as Uint8Array
    case 'dirtyReject':
      // The ledger debits before it looks at the recipient.
      return [send(64), pay(precompileOf(9), 1), order(9)][engine] as Uint8Array
    case 'read':
      if (engine === 1) return call(1, 'balance', [friend, NXS])
      return engine === 0 ? call(0, 'queue', []) : call(2, 'market', [0])
    case 'deposit':
      if (key === FUND) return call(1, 'depositTo', [2, 0, BigInt(FUNDS * UNIT)])
      return call(1, 'depositNative', [])
    case 'endless':
      return Uint8Array.of(1, 2, 3, 4)
  }
}

/** What they do, as far as the test looks. An engine logs once for each call that changed something. */
const engines: EngineModel = (model, { self, isStatic, value }, { engine, fn, key, amount }) => {
  const raise = (name: string, by: bigint): void => {
    model.counters.set(name, (model.counters.get(name) ?? 0n) + by)
  }
  const log = (): true => {
    model.logs.push({ address: toHex(precompileOf(engine)), topics: [self], data: '' })
    return true
  }
  if (fn === 'endless' || fn === 'dirtyReject') return false
  if (fn === 'deposit') {
    if (engine !== 1 || isStatic || value === 0n || value % WEI_PER_UNIT !== 0n) return false
    raise(`usdx ${self}`, value / WEI_PER_UNIT)
    return log()
  }
  if (value > 0n) return false
  if (fn === 'read') return true
  // A contract that was just created owns nothing in Core, but may send messages.
  if (isStatic || (engine !== 0 && !SCRIPTS.includes(self))) return false
  if (engine === 0) raise('messages', 1n)
  if (engine === 1) {
    raise(`nxs ${self}`, -BigInt(amount + 1))
    raise(`nxs ${toHex(friendOf(key))}`, BigInt(amount + 1))
  }
  if (engine === 2) raise('orders', 1n)
  return log()
}

const counter = (model: Model, name: string): number => Number(model.counters.get(name) ?? 0n)
const nextMessage = (machine: MachineWorld): number =>
  machine.view<{ nextMessageId: number }>(0, 'queue', {}).nextMessageId
const isEngine = (address: string): boolean => address.startsWith('0'.repeat(36))

function compare(machine: MachineWorld, model: Model, result: BothResults, from: number): void {
  const logs = model.logs.slice(from)
  const shown = result.evm.executed.transactions.flatMap(({ receipt }) => receipt.logs)
  expect(shown.map(({ address }) => toHex(address))).toEqual(logs.map(({ address }) => address))
  const { systemCalls, calls } = result.core.record
  const stood = [...systemCalls, ...calls].map(({ engine, caller }) => [
    precompileOf(engine),
    caller,
  ])
  expect(stood.map((pair) => pair.map(toHex))).toEqual(
    logs
      .filter(({ address }) => isEngine(address))
      .map(({ address, topics }) => [address, topics[0]]),
  )
  const balance = (owner: Uint8Array, asset: number): number =>
    machine.view<{ amount: number }>(1, 'balance', { owner, asset }).amount
  for (const friend of FRIENDS) {
    expect(balance(friend, NXS)).toBe(counter(model, `nxs ${toHex(friend)}`))
  }
  for (const address of SCRIPTS) {
    const script = fromHex(address)
    expect(balance(script, NXS)).toBe(10_000 * UNIT + counter(model, `nxs ${address}`))
    const usdx = (100_000 - FUNDS) * UNIT + counter(model, `usdx ${address}`)
    expect(balance(script, 0)).toBe(usdx)
    expect(machine.world.balance(script)).toBe(model.balances.get(address))
  }
  const { openOrders } = machine.view<{ openOrders: number }>(2, 'market', { market: 0 })
  expect(openOrders).toBe(counter(model, 'orders'))
}
