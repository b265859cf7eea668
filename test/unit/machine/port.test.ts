import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeAbi, rejectedError } from '../../../core/host/abi.ts'
import type { CoreCallOutcome } from '../../../core/host/corePort.ts'
import { int } from '../../../core/host/fields.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import {
  CoreWorld,
  calldataOf,
  engineOf,
  GAS_RATIO,
  STRANGER,
  type TestCall,
  userAt,
} from '../../support/coreWorld.ts'
import { COUNTER } from '../../support/engines/counter.ts'

const add = (amount: number): TestCall => ({ engine: COUNTER, fn: 'add', args: { amount } })
const counterOf = (of: Uint8Array): TestCall => ({ engine: COUNTER, fn: 'counterOf', args: { of } })
const native: TestCall = { engine: 1, fn: 'depositNative', args: {} }
const noNames = { idOf: () => 0, addressOf: () => new Uint8Array(20) }
const word = (value: number): string => toHex(encodeAbi({ value: int }, { value }, noNames))

const codeOf = (outcome: CoreCallOutcome, ...codes: readonly string[]): string =>
  outcome.kind === 'revert'
    ? (codes.find((code) => toHex(rejectedError(code)) === toHex(outcome.returnData)) ?? 'another')
    : outcome.kind

async function openWorld(): Promise<CoreWorld> {
  const world = new CoreWorld()
  await world.open([])
  return world
}

describe('a precompile call', () => {
  it('answers with the result by ABI, the events as logs, and its gas', async () => {
    const world = await openWorld()
    const outcome = world.call(userAt(0), add(6))
    if (outcome.kind !== 'success') throw new Error(outcome.kind)
    expect(toHex(outcome.returnData)).toBe(word(6))
    expect(outcome.logs).toHaveLength(1)
    const log = outcome.logs[0]
    expect(toHex(log?.address ?? new Uint8Array())).toBe(`${'00'.repeat(18)}0805`)
    expect(toHex(log?.topics[1]?.subarray(12) ?? new Uint8Array())).toBe(toHex(userAt(0)))
    expect(toHex(log?.data ?? new Uint8Array())).toBe(word(6) + word(6))
    expect(outcome.gasUsed).toBe(500 + 2 * 36 + 100 * GAS_RATIO + 2 * 32)
    const seen = world.call(userAt(1), counterOf(userAt(0)), { isStatic: true })
    if (seen.kind !== 'success') throw new Error(seen.kind)
    expect(toHex(seen.returnData)).toBe(word(6) + word(0))
    expect(seen.gasUsed).toBe(500 + 2 * 36 + 15 * GAS_RATIO + 2 * 64)
  })

  it.each([
    ['a delegate call', 'DELEGATE_CALL', add(1), { isDelegate: true }],
    ['a delegate call of a view', 'DELEGATE_CALL', counterOf(userAt(0)), { isDelegate: true }],
    ['a change in a static call', 'STATIC_CALL', add(1), { isStatic: true }],
    ['value for a function that takes none', 'NOT_PAYABLE', add(1), { value: 10n ** 12n }],
    ['value for a view', 'NOT_PAYABLE', counterOf(userAt(0)), { value: 10n ** 12n }],
    ['value that is no whole unit', 'NOT_WHOLE_UNIT', native, { value: 10n ** 12n + 1n }],
    ['value beyond a balance', 'BALANCE_LIMIT', native, { value: 2n ** 53n * 10n ** 12n }],
    ['an unknown selector', 'UNKNOWN_FUNCTION', add(1), { data: new Uint8Array(36) }],
    ['no selector', 'UNKNOWN_FUNCTION', add(1), { data: new Uint8Array(3) }],
    ['an engine that is not there', 'UNKNOWN_ENGINE', add(1), { engine: 17 }],
    ['an argument out of range', 'BAD_ARGUMENTS', add(1), 'ff'],
    ['an account that is not there', 'UNKNOWN_ACCOUNT', counterOf(STRANGER), {}],
    ['what the engine refuses', 'TOO_MUCH', add(2_000_000), {}],
  ] as const)('refuses %s: %s', async (_what, code, call, options) => {
    const world = await openWorld()
    const before = world.roots()
    const data = calldataOf(engineOf(world.registry, COUNTER), 'add', { amount: 1 })
    const junk = Uint8Array.from([...data.subarray(0, 4), ...new Uint8Array(32).fill(0xff)])
    const outcome = world.call(userAt(0), call, options === 'ff' ? { data: junk } : options)
    expect(codeOf(outcome, code)).toBe(code)
    expect(world.roots()).toEqual(before)
  })

  it('credits native coin in whole units', async () => {
    const world = await openWorld()
    const value = 5n * 10n ** 12n
    expect(world.call(STRANGER, native, { value }).kind).toBe('success')
    expect(() => world.close(0n)).toThrow(/Conservation of asset 0/)
  })

  it('is possible in a block before and after its actions, and at no other time', async () => {
    const world = new CoreWorld()
    const closed = /before or after the actions, until finish/
    expect(() => world.call(userAt(0), add(1))).toThrow(closed)
    world.machine.begin({ height: 1, time: 1, messages: [], actions: [] })
    expect(world.call(userAt(0), add(1)).kind).toBe('success')
    const running = world.machine.actions([])
    expect(() => world.call(userAt(0), add(1))).toThrow(closed)
    await running
    expect(world.call(userAt(0), add(1)).kind).toBe('success')
    world.close(0n)
    expect(() => world.machine.port.mark()).toThrow(closed)
    world.machine.commit()
    expect(() => world.machine.port.mark()).toThrow(closed)
  })

  it('is refused when the gas of the block is used up, and not before', async () => {
    const world = new CoreWorld({ params: { chainId: 7_777, blockGas: 250, gasRatio: GAS_RATIO } })
    await world.open([])
    const outcomes = [1, 2, 3, 4].map(() => codeOf(world.call(userAt(0), add(1)), 'BLOCK_FULL'))
    expect(outcomes).toEqual(['success', 'success', 'BLOCK_FULL', 'BLOCK_FULL'])
    expect(codeOf(world.call(userAt(0), counterOf(userAt(0))))).toBe('success')
  })
})

type Frame = { readonly calls: readonly (number | Frame)[]; readonly reverts: boolean }

const frame: fc.Arbitrary<Frame> = fc.letrec<{ frame: Frame }>((tie) => ({
  frame: fc.record({
    calls: fc.array(fc.oneof({ weight: 3, arbitrary: fc.nat(60_000) }, tie('frame')), {
      maxLength: 4,
    }),
    reverts: fc.boolean(),
  }),
})).frame

describe('nested frames', () => {
  it('leave exactly what the surviving ones did', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 6 }), async (transactions) => {
        const world = await openWorld()
        const twin = await openWorld()
        const { port } = world.machine
        const survivors: number[] = []
        const enter = ({ calls, reverts }: Frame): void => {
          const mark = port.mark()
          const count = survivors.length
          for (const call of calls) {
            if (typeof call !== 'number') enter(call)
            else if (world.call(userAt(call), add(call)).kind === 'success') survivors.push(call)
          }
          if (!reverts) return
          port.revertTo(mark)
          survivors.length = count
        }
        for (const transaction of transactions) enter(transaction)
        for (const call of survivors) twin.call(userAt(call), add(call))
        expect(world.roots()).toEqual(twin.roots())
        const [result, expected] = [world.close(0n), twin.close(0n)]
        expect(result.calls).toEqual(expected.calls)
        expect(result.events).toEqual(expected.events)
      }),
      { numRuns: 60 },
    )
  })
})
