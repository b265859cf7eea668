// Random blocks for any engine: signed envelopes and calls from contracts.
import fc from 'fast-check'
import type { ActionInput, CoreBlockResult } from '../../core/machine/index.ts'
import { type CoreWorld, engineOf, type TestCall, USERS, userAt } from './coreWorld.ts'

export type TestEnvelope = {
  readonly user: number
  readonly calls: readonly TestCall[]
  readonly atomic: boolean
  readonly maxFee: number
}
export type TestEvmCall = {
  readonly user: number
  readonly call: TestCall
  readonly gasLimit: number
  /** The frame around the call reverts. */
  readonly reverts: boolean
}
export type TestBlock = {
  readonly envelopes: readonly TestEnvelope[]
  /** Calls by what system transactions run. */
  readonly system: readonly TestEvmCall[]
  readonly evm: readonly TestEvmCall[]
  /** System transactions fail. */
  readonly fails: boolean
}

/** Few users act most of the time: what one of them does meets what the same one did before. */
const user = fc.oneof({ weight: 3, arbitrary: fc.nat(1) }, fc.nat(USERS.length - 1))

export const blocksOf = (call: fc.Arbitrary<TestCall>): fc.Arbitrary<readonly TestBlock[]> =>
  fc.array(blockOf(call), { minLength: 1, maxLength: 4 })

const blockOf = (call: fc.Arbitrary<TestCall>): fc.Arbitrary<TestBlock> =>
  fc.record({
    envelopes: fc.array(
      fc.record({
        user,
        calls: fc.array(call, { minLength: 1, maxLength: 4 }),
        atomic: fc.boolean(),
        maxFee: fc.constantFrom(0, 5, 400, 1_000_000, 1_000_000, 1_000_000),
      }),
      { maxLength: 8 },
    ),
    system: fc.array(evmCallOf(call), { maxLength: 3 }),
    evm: fc.array(evmCallOf(call), { maxLength: 6 }),
    fails: fc.boolean(),
  })

const evmCallOf = (call: fc.Arbitrary<TestCall>): fc.Arbitrary<TestEvmCall> =>
  fc.record({
    user,
    call,
    gasLimit: fc.constantFrom(600, 3_000, 30_000, 2_000_000),
    reverts: fc.boolean(),
  })

/** The block's signed actions, the same in every world that is at the same nonce. */
export const actionsOf = (world: CoreWorld, block: TestBlock): readonly ActionInput[] =>
  block.envelopes.map((envelope) => world.action(envelope.user, envelope.calls, envelope))

/** Everything up to the end of the EVM phase; the change of the native supply. */
export async function openBlock(
  world: CoreWorld,
  block: TestBlock,
  onSuccess: (call: TestCall) => void = () => {},
): Promise<bigint> {
  const minted = await world.open(
    actionsOf(world, block),
    () => (block.fails ? 'revert' : 'success'),
    () => makeCalls(world, block.system, onSuccess),
  )
  return minted - makeCalls(world, block.evm, onSuccess)
}

/** The native coin that engines took in. */
function makeCalls(
  world: CoreWorld,
  calls: readonly TestEvmCall[],
  onSuccess: (call: TestCall) => void,
): bigint {
  const { port } = world.machine
  let taken = 0n
  for (const { user: caller, call, gasLimit, reverts } of calls) {
    const payable = engineOf(world.registry, call.engine).publicFns[call.fn]?.payable === true
    const value = payable ? 3n * 10n ** 12n : 0n
    const mark = port.mark()
    const outcome = world.call(userAt(caller), call, { gasLimit, value })
    if (outcome.kind === 'success' && !reverts) {
      onSuccess(call)
      taken += value
    }
    if (reverts) port.revertTo(mark)
  }
  return taken
}

export async function runBlock(
  world: CoreWorld,
  block: TestBlock,
  onSuccess?: (call: TestCall) => void,
): Promise<CoreBlockResult> {
  const result = world.close(await openBlock(world, block, onSuccess))
  world.commit()
  return result
}

/** What two runs of a block must agree on. */
export const agreed = (result: CoreBlockResult) => {
  const { timings: _, ...rest } = result
  return rest
}
