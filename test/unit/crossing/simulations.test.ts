import { describe, expect, it } from 'vitest'
import type { CorePort } from '../../../core/host/corePort.ts'
import { precompileOf } from '../../../core/host/precompile.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { createSimulator, type SimulationContext } from '../../../evm/index.ts'
import {
  ALICE,
  COIN,
  type CoreWorld,
  createCoreWorld,
  OTHER_SCRIPT,
  SCRIPT,
  statusesOf,
} from '../../support/crossing/coreWorld.ts'
import { FAKE } from '../../support/crossing/fakeCore.ts'
import { CALL_LIMITS, contextOf } from '../../support/crossing/machineWorld.ts'
import type { Step } from '../../support/crossing/script.ts'
import { CHAIN_ID } from '../../support/evmWorld.ts'

const LEDGER = precompileOf(1)
const step = (fn: keyof typeof FAKE, value = 0n): Step => ({
  kind: 'engine',
  via: 'call',
  engine: 1,
  fn,
  key: 7,
  amount: 5,
  value,
  must: true,
})
const start = async () => {
  const world = await createCoreWorld()
  const simulator = await createSimulator({ chainId: CHAIN_ID, hardfork: 'prague' })
  return { world, simulator, context: contextOf(world.world, world.core) }
}
const untouched = ({ core }: CoreWorld): void => {
  expect(core.counters.size).toBe(0)
  expect(core.mark()).toBe(0)
}

describe('simulations beside the engines', () => {
  it('a call sees what it did itself, and the next one does not', async () => {
    const { world, simulator, context } = await start()
    const request = { from: ALICE.address, to: LEDGER, data: Uint8Array.of(FAKE.add, 7, 5) }
    for (let i = 0; i < 2; i++) {
      const { status, returnData } = await simulator.call(context, request, CALL_LIMITS)
      expect([status, returnData.at(-1)]).toEqual(['success', 5])
      untouched(world)
    }
  })

  it('an estimate starts every try from the same state, and is enough', async () => {
    const { world, simulator, context } = await start()
    const data = world.scripts.dataOf([step('add'), step('deposit', COIN)])
    const request = { from: ALICE.address, to: SCRIPT, data, value: COIN }
    const estimate = await simulator.estimateGas(context, request, CALL_LIMITS)
    untouched(world)
    if (!estimate.ok) throw new Error(estimate.failure.error ?? 'no estimate')
    const result = await world.send({ to: SCRIPT, data, value: COIN, gasLimit: estimate.gas })
    expect(statusesOf(result)).toEqual([1])
    expect(world.core.deposited()).toBe(COIN)
    const gasUsed = result.executed.transactions[0]?.receipt.gasUsed ?? 0
    // The script gives each call 100,000 gas if it has them, of which the engine takes 700.
    expect(estimate.gas).toBeLessThan(gasUsed * 1.1)
  })

  it('an access list names no engine: they are warm', async () => {
    const { world, simulator, context } = await start()
    const inner: Step = {
      kind: 'frame',
      via: 'call',
      target: toHex(OTHER_SCRIPT),
      value: 0n,
      must: true,
      steps: [step('add'), { kind: 'store', slot: 1, value: 1 }],
    }
    const request = { from: ALICE.address, to: SCRIPT, data: world.scripts.dataOf([inner]) }
    const limits = { ...CALL_LIMITS, gasCap: 2 ** 31 }
    const { accessList, error } = await simulator.createAccessList(context, request, limits)
    expect(error).toBeNull()
    expect(accessList.map(({ address }) => address)).toEqual([OTHER_SCRIPT])
    expect(accessList[0]?.storageKeys).toHaveLength(1)
    untouched(world)
  })

  it('a run that is stopped leaves nothing either', async () => {
    const { world, simulator, context } = await start()
    // A frame for each step keeps the interpreter busy long enough to be asked.
    const data = world.scripts.dataOf([
      step('add'),
      ...Array.from({ length: 60 }, () => step('add')),
    ])
    let asked = 0
    const limits = { ...CALL_LIMITS, shouldStop: () => ++asked > 1 }
    const request = { from: ALICE.address, to: SCRIPT, data }
    const { error } = await simulator.call(context, request, limits)
    expect(error).toBe('execution aborted (timeout)')
    expect(world.core.calls.length).toBeGreaterThan(0)
    untouched(world)
  })

  it('without engines at hand their calls fail, and say so', async () => {
    const { simulator, context } = await start()
    const { core: _, ...alone } = context
    const request = { from: ALICE.address, to: LEDGER, data: Uint8Array.of(FAKE.read, 7) }
    const { status, error } = await simulator.call(
      alone satisfies SimulationContext,
      request,
      CALL_LIMITS,
    )
    expect([status, error]).toEqual(['error', 'invalid opcode: INVALID'])
  })

  it('one simulator serves states with engines and without', async () => {
    const { world, simulator, context } = await start()
    const request = { from: ALICE.address, to: LEDGER, data: Uint8Array.of(FAKE.read, 7) }
    const none: CorePort = { ...world.core, has: () => false }
    const results = []
    for (const core of [world.core, none, world.core]) {
      results.push((await simulator.call({ ...context, core }, request, CALL_LIMITS)).status)
    }
    expect(results).toEqual(['success', 'error', 'success'])
  })
})
