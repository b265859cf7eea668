import { describe, expect, it } from 'vitest'
import { assertRegistry } from '../../../core/host/assertRegistry.ts'
import type { Coprocessor } from '../../../core/host/coprocessor.ts'
import { int } from '../../../core/host/fields.ts'
import { asEngine, type Registry } from '../../../core/host/registry.ts'
import { NexusError } from '../../../core/primitives/errors.ts'
import { CoreWorld, type TestCall } from '../../support/coreWorld.ts'
import { COUNTER, counter } from '../../support/engines/counter.ts'
import { coreRegistry } from '../../support/engines/registry.ts'

const misbehave = (how: string): TestCall => ({ engine: COUNTER, fn: 'misbehave', args: { how } })

async function faultOf(run: Promise<unknown>): Promise<object> {
  const error = await run.then(
    () => null,
    (cause: unknown) => cause,
  )
  expect(error).toBeInstanceOf(NexusError)
  return (error as NexusError).detail
}

describe('an engine at fault', () => {
  it('that throws halts the block with its name, its function and the height', async () => {
    const world = new CoreWorld()
    await world.block()
    const before = world.roots()
    const detail = await faultOf(world.block([world.action(0, [misbehave('throw')])]))
    expect(detail).toMatchObject({
      code: 'ENGINE_FAULT',
      engine: 'counter',
      fn: 'misbehave',
      height: 2,
      reason: expect.stringMatching(/fault/),
    })
    expect(() => world.close(0n)).toThrow(/the block is open/)
    world.machine.discard()
    expect(world.roots()).toEqual(before)
    await world.block()
  })

  it('that throws in a call from the EVM halts, too', async () => {
    const world = new CoreWorld()
    await world.open([])
    expect(() => world.call(new Uint8Array(20).fill(1), misbehave('throw'))).toThrow(
      /Engine counter failed in misbehave at height 1/,
    )
  })

  it('that writes without end halts when the journal is full', async () => {
    const world = new CoreWorld({ arena: { journalEntries: 2 ** 17 } })
    // In a row of an earlier block: what was just allocated needs no undo of its own.
    await world.block([world.action(0, [{ engine: COUNTER, fn: 'add', args: { amount: 1 } }])])
    const detail = await faultOf(world.block([world.action(0, [misbehave('fillJournal')])]))
    expect(detail).toMatchObject({ code: 'ENGINE_FAULT', fn: 'misbehave' })
  })

  it('that breaks a constraint halts at the end of the block', async () => {
    const world = new CoreWorld()
    const detail = await faultOf(world.block([world.action(0, [misbehave('breakConstraint')])]))
    expect(detail).toMatchObject({
      code: 'CONSTRAINT_BROKEN',
      height: 1,
      broken: [expect.stringMatching(/^counter\.bounded: /)],
    })
  })
})

describe('conservation', () => {
  it.each([
    ['native coin appears', 1n, 0n, 0n],
    ['native coin vanishes', -1n, 0n, 0n],
    ['a burn is not among the changes', 0n, 5n, 0n],
    ['a token appears', 0n, 0n, 1n],
  ])('halts when %s', async (_what, nativeDelta, burnedWei, supply) => {
    const world = new CoreWorld()
    await world.open([])
    const evm = { nativeDelta, burnedWei, tokenSupply: () => supply }
    expect(() => world.machine.finish(evm)).toThrow(/Conservation of asset/)
  })

  it('knows what the EVM burned', async () => {
    const world = new CoreWorld()
    await world.open([])
    const evm = { nativeDelta: -7n, burnedWei: 7n, tokenSupply: () => 0n }
    expect(world.machine.finish(evm).record.burnedWei).toBe(7n)
  })
})

describe('phases', () => {
  it('come in their order and no other', async () => {
    const world = new CoreWorld()
    const { machine } = world
    const input = { height: 1, time: 1, messages: [], actions: [] }
    expect(() => machine.commit()).toThrow(/the block is finished/)
    expect(() => machine.discard()).toThrow(/at rest/)
    machine.begin(input)
    expect(() => machine.begin(input)).toThrow(/no block is under way/)
    expect(() => machine.genesis({})).toThrow(/no block is under way/)
    expect(() => world.close(0n)).toThrow(/the block is open/)
    const running = machine.actions([])
    expect(() => machine.discard()).toThrow(/at rest/)
    await running
    await expect(machine.actions([])).rejects.toThrow(/the block is begun/)
    expect(() => machine.commit()).toThrow(/the block is finished/)
    world.close(0n)
    expect(() => world.close(0n)).toThrow(/the block is open/)
    machine.commit()
  })

  it('are timed with the clock that is given', async () => {
    let time = 0
    const world = new CoreWorld({ now: () => time++ })
    const { timings } = await world.block()
    expect(Object.values(timings).reduce((sum, span) => sum + span)).toBeGreaterThan(5)
  })
})

describe('a registry', () => {
  const engine = (change: object): Coprocessor => asEngine({ ...counter, ...change })
  const withEngine = (added: Coprocessor): Registry => ({
    ...coreRegistry,
    engines: [...coreRegistry.engines.slice(0, 3), added],
  })
  const { add } = counter.publicFns
  const { counterOf } = counter.views

  it.each([
    ['ids that do not ascend', engine({ id: 1 }), /ids are unique and ascend/],
    ['an id beyond the limit', engine({ id: 64 }), /below the limit/],
    ['a name that is taken', engine({ name: 'ledger' }), /names are unique/],
    ['a name that is no word', engine({ name: 'My engine' }), /engine name My engine/],
    ['a function id of two', engine({ publicFns: { a: add, b: add } }), /id 0 is there twice/],
    ['a function id of 32', engine({ publicFns: { a: { ...add, id: 32 } } }), /a has id 32/],
    ['a view id of a half', engine({ views: { v: { ...counterOf, id: 0.5 } } }), /v has id 0.5/],
    ['gas of nothing', engine({ publicFns: { a: { ...add, gas: 0 } } }), /positive integer/],
    ['a function that is a view', engine({ views: { add } }), /view add is there twice/],
    ['a name of every object', engine({ publicFns: { toString: add } }), /of its own/],
    ['native coin', engine({ publicFns: { a: { ...add, payable: true } } }), /only the ledger/],
    ['a code in lower case', engine({ codes: ['tooMuch'] }), /code tooMuch/],
    ['a code beyond a word', engine({ codes: ['A'.repeat(33)] }), /code AAA/],
    ['a code twice', engine({ codes: ['A', 'A'] }), /code A is there twice/],
    ['an event of a name with a dash', engine({ events: { 'a-b': {} } }), /event name a-b/],
    [
      'an argument of a name that the envelope has',
      engine({ publicFns: { a: { ...add, args: { nonce: int } } } }),
      /a name of the envelope/,
    ],
    [
      'an index of a foreign table',
      engine({ schema: { byOwner: counter.schema.byOwner } }),
      /of a table of its schema/,
    ],
  ])('is refused with %s', (_what, added, message) => {
    expect(() => assertRegistry(withEngine(added))).toThrow(message)
  })

  it('needs the ledger, and the messenger with its port', () => {
    const { messenger: _, ...withoutPort } = coreRegistry
    expect(() => assertRegistry(withoutPort)).toThrow(/come together/)
    const engines = coreRegistry.engines.filter(({ id }) => id !== 1)
    expect(() => assertRegistry({ ...coreRegistry, engines })).toThrow(/the ledger is registered/)
    const many = Array.from({ length: 65 }, (_, id) => engine({ id, name: `e${id}` }))
    expect(() => assertRegistry({ ...coreRegistry, engines: many })).toThrow(/at most 64/)
    expect(() => assertRegistry(coreRegistry)).not.toThrow()
  })
})
