import fc from 'fast-check'
import type { StateOf } from '../../core/arena/schema.ts'
import type { TestCall } from '../support/coreWorld.ts'
import { STRANGER, USERS } from '../support/coreWorld.ts'
import { COUNTER, type counter } from '../support/engines/counter.ts'
import { coreRegistry } from '../support/engines/registry.ts'
import { coprocessorContract } from './coprocessor.ts'

const address = fc.constantFrom(...USERS, STRANGER)
const call = (fn: string, args: fc.Arbitrary<TestCall['args']>): fc.Arbitrary<TestCall> =>
  args.map((given) => ({ engine: COUNTER, fn, args: given }))

const ofCounter = fc.oneof(
  call('add', fc.record({ amount: fc.oneof(fc.nat(20), fc.nat(900_000)) })),
  call('reset', fc.constant({})),
  call('work', fc.record({ steps: fc.nat(300) })),
  call(
    'copyTo',
    fc.record({ to: address, also: fc.array(fc.record({ who: address }), { maxLength: 3 }) }),
  ),
  call('withdraw', fc.record({ asset: fc.constant(0), amount: fc.nat(600) })),
  call('keep', fc.record({ note: fc.uint8Array({ maxLength: 64 }) })),
)
/** Value comes from the ledger: sometimes more than the counter takes at once. */
const deposit = fc
  .record({ engine: fc.constantFrom(COUNTER, COUNTER, 3), asset: fc.nat(2), amount: fc.nat(1_500) })
  .map((args): TestCall => ({ engine: 1, fn: 'depositTo', args }))

type State = StateOf<typeof counter.schema>

coprocessorContract({
  engine: COUNTER,
  registry: coreRegistry,
  registryModule: new URL('../support/engines/registry.ts', import.meta.url),
  call: fc.oneof({ weight: 5, arbitrary: ofCounter }, { weight: 2, arbitrary: deposit }),
  prepare: async (world) => {
    await world.block([world.action(0, [{ engine: COUNTER, fn: 'add', args: { amount: 1 } }])])
  },
  misbehaving: ['misbehave'],
  breaches: {
    bounded: (state: State) => state.counters.columns.value.set(1, 2_000_000),
    owned: (state: State) => state.byOwner.remove(1),
  },
})
