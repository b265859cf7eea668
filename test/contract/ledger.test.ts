import fc from 'fast-check'
import type { LedgerState } from '../../coprocessors/ledger/index.ts'
import { START_TIME, STRANGER, type TestCall, USERS, userAt } from '../support/coreWorld.ts'
import { coreRegistry } from '../support/engines/registry.ts'
import { coprocessorContract } from './coprocessor.ts'

const LEDGER = 1
const address = fc.constantFrom(...USERS, STRANGER)
const agent = fc.nat(3).map((i) => new Uint8Array(20).fill(0x70 + i))
const asset = fc.nat(2)
const amount = fc.oneof(fc.nat(10), fc.nat(2_000_000_000_000))
const call = (fn: string, args: fc.Arbitrary<TestCall['args']>): fc.Arbitrary<TestCall> =>
  args.map((given) => ({ engine: LEDGER, fn, args: given }))

const approval = fc.record({
  agent,
  name: fc.constantFrom('', 'bot'),
  expiry: fc.constantFrom(0, START_TIME + 86_400_000),
  engines: fc.array(fc.record({ engine: fc.nat(5), functions: fc.nat(15) }), { maxLength: 2 }),
  markets: fc.array(fc.record({ market: fc.nat(3) }), { maxLength: 2 }),
  spendLimit: amount,
})

coprocessorContract({
  engine: LEDGER,
  registry: coreRegistry,
  registryModule: new URL('../support/engines/registry.ts', import.meta.url),
  call: fc.oneof(
    call('noop', fc.constant({})),
    call('transfer', fc.record({ to: address, asset, amount })),
    call('depositTo', fc.record({ engine: fc.constantFrom(2, 5, 9), asset, amount })),
    call('toEvm', fc.record({ asset, amount, to: address })),
    call('approveAgent', approval),
    call('revokeAgent', fc.record({ agent })),
    call('issue', fc.record({ asset: fc.constantFrom(1, 1, 1, 0, 2), to: address, amount })),
    call('burn', fc.record({ asset, amount })),
    call('depositNative', fc.constant({})),
  ),
  prepare: async (world) => {
    const approve = {
      agent: new Uint8Array(20).fill(0x77),
      name: 'bot',
      expiry: START_TIME + 86_400_000,
      engines: [{ engine: 1, functions: 1 }],
      markets: [],
      spendLimit: 0,
    }
    await world.block([
      world.action(0, [{ engine: LEDGER, fn: 'approveAgent', args: approve }]),
      world.action(0, [{ engine: LEDGER, fn: 'noop', args: {} }]),
      world.action(1, [
        { engine: LEDGER, fn: 'transfer', args: { to: userAt(2), asset: 0, amount: 7 } },
      ]),
    ])
  },
  breaches: {
    conservation: ({ assets }: LedgerState) => assets.columns.burned.set(1, 1n),
    feesSettled: ({ chain }: LedgerState) => chain.columns.feesHeld.set(1, 1),
    gasPrice: ({ chain }: LedgerState) => chain.columns.gasPrice.set(1, 0),
    balances: ({ balances }: LedgerState) => balances.columns.amount.add(1, 1),
    agents: ({ accounts }: LedgerState) => accounts.columns.grants.set(accounts.next(0), 9),
    nonces: ({ signers }: LedgerState) => signers.columns.start.set(signers.next(0), 200),
    indexes: ({ accounts, accountByAddress }: LedgerState) =>
      accountByAddress.remove(accounts.next(0)),
  },
})
