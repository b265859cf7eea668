import { expect, it } from 'vitest'
import { createCoreSimulation } from '../../../core/machine/index.ts'
import {
  CHAIN_ID,
  CoreWorld,
  calldataOf,
  engineOf,
  STRANGER,
  userAt,
} from '../../support/coreWorld.ts'
import { COUNTER } from '../../support/engines/counter.ts'

it('a simulation calls engines and leaves nothing', async () => {
  const world = new CoreWorld()
  await world.block([world.action(0, [{ engine: COUNTER, fn: 'add', args: { amount: 4 } }])])
  const { arenas } = world.machine
  const params = { chainId: CHAIN_ID, blockGas: 10_000, gasRatio: 10 }
  const simulation = createCoreSimulation({ registry: world.registry, params, arenas })
  const before = world.roots()
  const engine = engineOf(world.registry, COUNTER)
  const common = { engine: COUNTER, value: 0n, isStatic: false, isDelegate: false }
  const add = (caller: Uint8Array, amount: number) => ({
    ...common,
    caller,
    data: calldataOf(engine, 'add', { amount }),
    gasLimit: 1_000_000,
  })
  const block = { height: 2, time: world.timeOf(2) }
  for (let i = 0; i < 3; i++) {
    const kinds = await simulation.simulate(block, async (port) =>
      [userAt(0), STRANGER].map((caller) => port.call(add(caller, 4)).kind),
    )
    expect(kinds).toEqual(['success', 'success'])
    expect(world.roots()).toEqual(before)
  }
  const fail = () =>
    simulation.simulate(block, async (port) => {
      port.call(add(userAt(1), 2))
      throw new Error('the EVM failed')
    })
  await expect(fail()).rejects.toThrow('the EVM failed')
  expect(world.roots()).toEqual(before)
  await world.block()
})
