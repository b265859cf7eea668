// What only engine threads can get wrong: faults across threads, a loop without end, isolation.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NexusError } from '../../core/primitives/errors.ts'
import { createEnginePool, type EnginePool } from '../../node/engines/enginePool.ts'
import { CoreWorld, type TestCall } from '../support/coreWorld.ts'
import { COUNTER } from '../support/engines/counter.ts'
import { coreRegistry } from '../support/engines/registry.ts'

const misbehave = (how: string): TestCall => ({ engine: COUNTER, fn: 'misbehave', args: { how } })
const add: TestCall = { engine: COUNTER, fn: 'add', args: { amount: 1 } }

describe('engine threads', () => {
  let pool: EnginePool
  let world: CoreWorld

  beforeAll(async () => {
    const { machine } = new CoreWorld()
    const memories = machine.arenas.map((arena) => arena.memory)
    pool = createEnginePool({
      registry: coreRegistry,
      registryModule: new URL('../support/engines/registry.ts', import.meta.url),
      memories,
      threads: 4,
      timeoutMs: 500,
    })
    await pool.ready()
    world = new CoreWorld({ genesis: false, runner: pool, memories })
  })
  afterAll(() => pool.close())

  const detailOf = (call: TestCall): Promise<object> =>
    world.block([world.action(0, [add, call])]).then(
      () => ({}),
      (error: unknown) => {
        expect(error).toBeInstanceOf(NexusError)
        world.machine.discard()
        return (error as NexusError).detail
      },
    )

  it('report a fault as an inline run does, and the block can be undone', async () => {
    const before = world.roots()
    expect(await detailOf(misbehave('throw'))).toMatchObject({
      code: 'ENGINE_FAULT',
      engine: 'counter',
      fn: 'misbehave',
      height: 1,
    })
    expect(world.roots()).toEqual(before)
  })

  it('end an engine that does not come back, and go on with a new thread', async () => {
    const before = world.roots()
    expect(await detailOf(misbehave('loop'))).toMatchObject({
      code: 'ENGINE_TIMEOUT',
      engine: 'counter',
      timeoutMs: 500,
    })
    expect(world.roots()).toEqual(before)
    await pool.ready()
    const { receipts } = await world.block([world.action(0, [add])])
    expect(receipts[0]?.calls[0]?.code).toBeNull()
  })

  it('hold the memory of their own engines only', async () => {
    const task = { height: 1, time: 1, blockGas: 1, budgets: [], units: [] }
    // Four threads, four engines: the pool asks the right one; asked directly, another refuses.
    const outcomes = await pool.run([0, 1, 2, 5].map((engine) => ({ engine, ...task })))
    expect(outcomes.map(({ engine }) => engine)).toEqual([0, 1, 2, 5])
    await expect(pool.run([{ engine: 9, ...task }])).rejects.toThrow(/registered/)
  })
})
