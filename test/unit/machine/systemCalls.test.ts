import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rejectedError } from '../../../core/host/abi.ts'
import { decodeEvents } from '../../../core/host/eventLog.ts'
import { replayRecordCodec } from '../../../core/host/replay.ts'
import type { CoreBlockResult } from '../../../core/machine/index.ts'
import { decode, encode } from '../../../core/primitives/codec.ts'
import { agreed } from '../../support/coreBlocks.ts'
import {
  BALANCE,
  CoreWorld,
  EVM_SUPPLY,
  GAS_RATIO,
  STRANGER,
  type TestCall,
  userAt,
  worldGenesis,
} from '../../support/coreWorld.ts'
import { COUNTER } from '../../support/engines/counter.ts'

const add = (amount: number): TestCall => ({ engine: COUNTER, fn: 'add', args: { amount } })
const native: TestCall = { engine: 1, fn: 'depositNative', args: {} }
const toEvm: TestCall = { engine: 1, fn: 'toEvm', args: { asset: 0, amount: 25, to: STRANGER } }
const UNIT_WEI = 10n ** 12n

function kindsOf(world: CoreWorld, { events }: CoreBlockResult): readonly string[] {
  const decoded = decodeEvents(world.registry.engines, events)
  if (!decoded.ok) throw new Error(decoded.code)
  return decoded.value.map(({ event }) => event.kind)
}

/** Does the block that `world` did last again, from its record as it would be stored. */
async function replayed(
  twin: CoreWorld,
  world: CoreWorld,
  result: CoreBlockResult,
  actions: Parameters<CoreWorld['open']>[0] = [],
): Promise<CoreBlockResult> {
  const record = decode(replayRecordCodec, encode(replayRecordCodec, result.record))
  if (!record.ok) throw new Error(record.code)
  const { height } = world
  const messages = twin.machine.pendingMessages()
  twin.machine.begin({ height, time: world.timeOf(height), messages, actions })
  const again = await twin.machine.replay(record.value)
  twin.machine.commit()
  return again
}

describe('calls of system transactions', () => {
  it('act before the signed actions, and their events come before the outcomes', async () => {
    const world = new CoreWorld()
    await world.block([world.action(0, [toEvm])])
    const minted = await world.open([world.action(0, [add(4)])], undefined, () => {
      expect(world.call(userAt(0), add(6)).kind).toBe('success')
      return 0n
    })
    const result = world.close(minted)
    expect(kindsOf(world, result)).toEqual(['Added', 'TransferSettled', 'Added'])
    expect(result.receipts[0]?.calls[0]).toMatchObject({ code: null })
    expect(result.receipts[0]?.calls[0]?.result.at(-1)).toBe(10)
    expect(result.record.systemCalls).toHaveLength(1)
    expect(result.calls).toEqual([])
  })

  it('use the gas of the block, also those that were undone', async () => {
    const params = { chainId: 7_777, blockGas: 350, gasRatio: GAS_RATIO }
    const codes = async (calls: number): Promise<readonly (string | null | undefined)[]> => {
      const world = new CoreWorld({ params })
      await world.open([world.action(0, [add(1)])], undefined, () => {
        const { port } = world.machine
        const mark = port.mark()
        for (let i = 0; i < calls; i++) expect(world.call(userAt(1), add(1)).kind).toBe('success')
        port.revertTo(mark)
        return 0n
      })
      const result = world.close(0n)
      expect(result.record.systemCalls).toEqual([])
      expect(result.record.systemGas[3]).toBe(calls * 100)
      expect(result.gasUsed).toBe(result.receipts[0]?.code === null ? calls * 100 + 100 : 300)
      world.commit()
      // Without the gas that it spent the block would have had room for the action.
      const twin = new CoreWorld({ params })
      const again = await replayed(twin, world, result, [twin.action(0, [add(1)])])
      expect(agreed(again)).toEqual(agreed(result))
      return result.receipts.map(({ code }) => code)
    }
    expect(await codes(2)).toEqual([null])
    expect(await codes(3)).toEqual(['BLOCK_FULL'])
  })

  it('may send back at once what arrives, when the EVM holds nothing else', async () => {
    const ledger = { ...worldGenesis.ledger, evmSupply: 0n }
    const [world, twin] = [0, 1].map(() => {
      const made = new CoreWorld({ genesis: false })
      made.machine.genesis({ ...worldGenesis, ledger })
      return made
    }) as [CoreWorld, CoreWorld]
    const sent = world.action(0, [toEvm])
    await replayed(twin, world, await world.block([sent]), [sent])
    const value = 25n * UNIT_WEI
    const delta = await world.open([], undefined, () => {
      expect(world.call(STRANGER, native, { value }).kind).toBe('success')
      return value
    })
    const result = world.close(delta)
    world.commit()
    expect(world.machine.checkFull()).toEqual([])
    expect(agreed(await replayed(twin, world, result))).toEqual(agreed(result))
    await world.block([], () => {
      const balance: TestCall = { engine: 1, fn: 'balance', args: { owner: STRANGER, asset: 0 } }
      const answer = world.call(STRANGER, balance)
      expect(answer.kind === 'success' && answer.returnData.at(-1)).toBe(25)
      return 0n
    })
  })

  it('give a transfer that failed back after they ran', async () => {
    const world = new CoreWorld()
    await world.block([world.action(0, [toEvm])])
    const delta = await world.open([], () => 'revert')
    const result = world.close(delta)
    expect(kindsOf(world, result)).toEqual(['TransferSettled', 'CrossingReturned'])
    world.commit()
    expect(world.machine.checkFull()).toEqual([])
    const supply = world.registry.ledger.supplies(world.machine.arenas[1]?.state as never)[0]
    expect(supply).toMatchObject({ inFlight: 0n, evm: EVM_SUPPLY })
    expect(supply?.core).toBeLessThanOrEqual(BigInt(BALANCE) * 8n)
  })

  it('are undone with their block, and refused ones leave nothing', async () => {
    const world = new CoreWorld()
    await world.block([], () => {
      expect(world.call(userAt(0), add(1)).kind).toBe('success')
      return 0n
    })
    const before = world.roots()
    world.machine.begin({ height: 2, time: world.timeOf(2), messages: [], actions: [] })
    const begun = world.roots()
    const refused = world.call(userAt(0), add(2_000_000))
    expect(refused).toMatchObject({ returnData: rejectedError('TOO_MUCH') })
    expect(world.roots()).toEqual(begun)
    expect(world.call(userAt(0), add(5)).kind).toBe('success')
    expect(world.roots()).not.toEqual(begun)
    world.machine.discard()
    expect(world.roots()).toEqual(before)
    world.machine.begin({ height: 2, time: world.timeOf(2), messages: [], actions: [] })
    expect(world.call(userAt(0), add(5)).kind).toBe('success')
    await world.machine.actions([])
    expect(world.close(0n).record.systemCalls).toHaveLength(1)
    world.machine.discard()
    expect(world.roots()).toEqual(before)
  })

  it('cannot be undone once the actions have begun', async () => {
    const world = new CoreWorld()
    world.machine.begin({ height: 1, time: world.timeOf(1), messages: [], actions: [] })
    world.machine.port.mark()
    const mark = world.machine.port.mark()
    await world.machine.actions([])
    expect(() => world.machine.port.revertTo(mark)).toThrow(/reverted to once/)
  })
})

type Made = { readonly user: number; readonly amount: number; readonly frame: number }
const made: fc.Arbitrary<Made> = fc.record({
  user: fc.nat(2),
  amount: fc.oneof(fc.nat(500), fc.integer({ min: 990_000, max: 1_100_000 })),
  frame: fc.nat(3),
})

describe('blocks with calls before, in and after the actions', () => {
  it('come out the same from their record', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            system: fc.array(made, { maxLength: 8 }),
            actions: fc.array(fc.nat(1_000), { maxLength: 3 }),
            evm: fc.array(made, { maxLength: 8 }),
            undone: fc.uniqueArray(fc.nat(3), { maxLength: 3 }),
          }),
          { maxLength: 4 },
        ),
        async (blocks) => {
          const [world, twin] = [new CoreWorld(), new CoreWorld()]
          for (const { system, actions, evm, undone } of blocks) {
            // Calls of the same frame number in a row share a frame.
            const run = (calls: readonly Made[]): bigint => {
              const { port } = world.machine
              let mark = 0
              for (const [i, { user, amount, frame }] of calls.entries()) {
                if (frame !== calls[i - 1]?.frame) mark = port.mark()
                world.call(userAt(user), add(amount))
                const ends = frame !== calls[i + 1]?.frame
                if (ends && undone.includes(frame)) port.revertTo(mark)
              }
              return 0n
            }
            const signed = actions.map((amount) => world.action(0, [add(amount)]))
            await world.open(signed, undefined, () => run(system))
            run(evm)
            const result = world.close(0n)
            world.commit()
            const again = await replayed(twin, world, result, signed)
            expect(agreed(again)).toEqual(agreed(result))
            expect(twin.roots()).toEqual(world.roots())
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})
