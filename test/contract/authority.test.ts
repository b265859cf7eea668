import fc from 'fast-check'
import type { StateOf } from '../../core/arena/schema.ts'
import { signatures } from '../../core/primitives/signature.ts'
import type { TestCall } from '../support/coreWorld.ts'
import { AUTHORITY, type authority } from '../support/engines/authority.ts'
import { coreRegistry } from '../support/engines/smallAuthority.ts'
import { testValidators } from '../support/testChain.ts'
import { coprocessorContract } from './coprocessor.ts'

const keys = testValidators([1, 1, 1, 1, 1, 1]).keys.map((key) => signatures.publicKeyOf(key))
const publicKey = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...keys) },
  fc.uint8Array({ minLength: 33, maxLength: 33 }),
)
const power = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 50 }) }, fc.constant(0))
const call = (fn: string, args: fc.Arbitrary<TestCall['args']>): fc.Arbitrary<TestCall> =>
  args.map((given) => ({ engine: AUTHORITY, fn, args: given }))

type State = StateOf<typeof authority.schema>

coprocessorContract({
  engine: AUTHORITY,
  registry: coreRegistry,
  registryModule: new URL('../support/engines/smallAuthority.ts', import.meta.url),
  call: fc.oneof(
    call('join', fc.record({ publicKey, power })),
    call('leave', fc.record({ publicKey })),
    call('setPower', fc.record({ publicKey, power })),
    call('rotate', fc.record({ from: publicKey, to: publicKey })),
  ),
  prepare: async (world) => {
    const args = { publicKey: keys[0], power: 10 }
    await world.block([world.action(0, [{ engine: AUTHORITY, fn: 'join', args }])])
  },
  breaches: { seated: (state: State) => state.byAddress.remove(1) },
})
