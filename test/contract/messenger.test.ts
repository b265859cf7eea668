import fc from 'fast-check'
import type { MessengerState } from '../../coprocessors/messenger/index.ts'
import { calldataOf, engineOf, STRANGER, type TestCall, userAt } from '../support/coreWorld.ts'
import { coreRegistry } from '../support/engines/registry.ts'
import { coprocessorContract } from './coprocessor.ts'

const MESSENGER = 0
const COUNTER = 5
const gasLimit = fc.constantFrom(0, 800, 60_000, 4_000_000, 6_000_000)
const add = (amount: number): Uint8Array =>
  calldataOf(engineOf(coreRegistry, COUNTER), 'add', { amount })

const args = {
  engine: fc.constantFrom(COUNTER, COUNTER, 9, 70),
  calldata: fc.oneof(fc.nat(2_000_000).map(add), fc.uint8Array({ maxLength: 40 })),
  gasLimit,
  priority: fc.constantFrom(0, 128, 255),
}
const send: fc.Arbitrary<TestCall> = fc
  .record(args)
  .map((given) => ({ engine: MESSENGER, fn: 'send', args: given }))
const sendWithCallback: fc.Arbitrary<TestCall> = fc
  .record({ ...args, callbackGas: gasLimit })
  .map((given) => ({ engine: MESSENGER, fn: 'sendWithCallback', args: given }))
const toEvm = fc
  .record({ asset: fc.nat(2), amount: fc.nat(1_000), to: fc.constant(STRANGER) })
  .map((given): TestCall => ({ engine: 1, fn: 'toEvm', args: given }))

coprocessorContract({
  engine: MESSENGER,
  registry: coreRegistry,
  registryModule: new URL('../support/engines/registry.ts', import.meta.url),
  call: fc.oneof(send, sendWithCallback, toEvm),
  prepare: async (world) => {
    const given = { engine: COUNTER, calldata: add(1), gasLimit: 100, priority: 0 }
    await world.block([], () => {
      for (const user of [0, 1]) {
        world.call(userAt(user), { engine: MESSENGER, fn: 'send', args: given })
      }
      return 0n
    })
  },
  breaches: {
    numbers: ({ chain }: MessengerState) => chain.columns.nextNonce.set(1, 1),
    order: ({ messages }: MessengerState) => messages.columns.block.add(messages.next(0), 1),
  },
})
