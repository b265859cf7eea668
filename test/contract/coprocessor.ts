// What every engine must be, whatever it does. An engine that joins the registry adds a file here
// with its subject: calls that make sense, and how each of its constraints can be broken.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Schema, StateOf } from '../../core/arena/schema.ts'
import { rejectedError } from '../../core/host/abi.ts'
import { codesOf } from '../../core/host/assertRegistry.ts'
import type { Coprocessor } from '../../core/host/coprocessor.ts'
import type { Registry } from '../../core/host/registry.ts'
import { replayRecordCodec } from '../../core/host/replay.ts'
import type { CoreMachineOptions } from '../../core/machine/index.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { decode, encode } from '../../core/primitives/codec.ts'
import { createEnginePool, type EnginePool } from '../../node/engines/enginePool.ts'
import { actionsOf, agreed, blocksOf, openBlock, runBlock } from '../support/coreBlocks.ts'
import {
  CoreWorld,
  engineOf,
  JOURNAL_ENTRIES,
  junkCalldata,
  type TestCall,
  userAt,
} from '../support/coreWorld.ts'

export type ContractSubject = {
  readonly engine: number
  readonly registry: Registry
  /** Exports the same registry as `coreRegistry`, for engine threads. */
  readonly registryModule: URL
  readonly call: fc.Arbitrary<TestCall>
  /** First blocks: deposits, markets, whatever makes calls succeed. */
  readonly prepare?: (world: CoreWorld) => Promise<void>
  /** For each constraint, a change of a prepared state that it must speak of. */
  /** Functions that do on purpose what no engine may: junk must not happen to be a call of them. */
  readonly misbehaving?: readonly string[]
  readonly breaches: { readonly [constraint: string]: (state: never) => void }
}

const RUNS = { numRuns: 20 }

export function coprocessorContract(subject: ContractSubject): void {
  const { registry, prepare, call } = subject
  const engine = engineOf(registry, subject.engine)
  const create = async (options: Partial<CoreMachineOptions> = {}): Promise<CoreWorld> => {
    const world = new CoreWorld({ registry, ...options })
    await prepare?.(world)
    return world
  }
  const blocks = blocksOf(call)

  describe(`contract of ${engine.name}`, () => {
    it('is called with success in every way that the other tests try', async () => {
      const world = await create()
      const tried = new Set<string>()
      const done = new Set<string>()
      for (const block of fc.sample(blocks, { numRuns: 60, seed: 7 }).flat()) {
        const { receipts } = await runBlock(world, block, (made) => done.add(made.fn))
        for (const [i, { calls }] of block.envelopes.entries()) {
          for (const [k, { fn }] of calls.entries()) {
            tried.add(fn)
            if (receipts[i]?.calls[k]?.code === null) done.add(fn)
          }
        }
      }
      expect([...tried].filter((fn) => !done.has(fn))).toEqual([])
    })

    it('is deterministic, whatever the seed of its indexes', async () => {
      await fc.assert(
        fc.asyncProperty(blocks, async (list) => {
          const one = await create()
          const other = await create({ arena: { journalEntries: JOURNAL_ENTRIES, seed: 12_345 } })
          for (const block of list) {
            expect(agreed(await runBlock(other, block))).toEqual(agreed(await runBlock(one, block)))
          }
          expect(other.roots()).toEqual(one.roots())
        }),
        RUNS,
      )
    })

    it('goes on from a snapshot as from the state itself', async () => {
      await fc.assert(
        fc.asyncProperty(blocks, blocks, async (before, after) => {
          const world = await create()
          for (const block of before) await runBlock(world, block)
          const restored = new CoreWorld({ registry, genesis: false })
          restored.follow(world.following)
          world.machine.arenas.forEach((arena, i) => {
            restored.machine.arenas[i]?.loadPages(arena.takePages())
          })
          expect(restored.roots()).toEqual(world.roots())
          for (const block of after) {
            expect(agreed(await runBlock(restored, block))).toEqual(
              agreed(await runBlock(world, block)),
            )
          }
        }),
        RUNS,
      )
    })

    it('is undone by a discarded block, and does the same again', async () => {
      await fc.assert(
        fc.asyncProperty(blocks, async (list) => {
          const world = await create()
          for (const block of list) {
            const before = world.roots()
            const { following } = world
            const first = agreed(world.close(await openBlock(world, block)))
            world.machine.discard()
            expect(world.roots()).toEqual(before)
            for (const arena of world.machine.arenas) expect(arena.verifyDerived()).toEqual([])
            world.follow(following)
            expect(agreed(await runBlock(world, block))).toEqual(first)
          }
        }),
        RUNS,
      )
    })

    it('is rebuilt from blocks and their records without an EVM', async () => {
      await fc.assert(
        fc.asyncProperty(blocks, async (list) => {
          const world = await create()
          const replayed = await create()
          for (const block of list) {
            const messages = replayed.machine.pendingMessages()
            const actions = actionsOf(replayed, block)
            const result = await runBlock(world, block)
            const record = decode(replayRecordCodec, encode(replayRecordCodec, result.record))
            expect(record.ok).toBe(true)
            if (!record.ok) return
            replayed.machine.begin({
              height: world.height,
              time: world.timeOf(world.height),
              messages,
              actions,
            })
            const again = await replayed.machine.replay(record.value)
            replayed.machine.commit()
            expect(agreed(again)).toEqual(agreed(result))
          }
          expect(replayed.roots()).toEqual(world.roots())
        }),
        RUNS,
      )
    })

    it('leaves nothing of a refused call, keeps to its gas limit, and declares its codes', async () => {
      // A call may end with a code of an engine that it posts to.
      const codes = registry.engines.flatMap((one) => [...codesOf(one)])
      const errors = new Map(codes.map((code) => [toHex(rejectedError(code)), code]))
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ user: fc.nat(7), call }), { maxLength: 20 }),
          async (calls) => {
            const world = await create()
            await world.open([])
            for (const { user, call: made } of calls) {
              if (engine.publicFns[made.fn]?.only === 'core') continue
              const before = world.roots()
              const mark = world.machine.port.mark()
              const outcome = world.call(userAt(user), made)
              if (outcome.kind === 'revert') {
                expect(errors.get(toHex(outcome.returnData)), made.fn).toBeDefined()
              }
              if (outcome.kind !== 'success') {
                expect(world.roots(), `${made.fn} refused`).toEqual(before)
                continue
              }
              world.machine.port.revertTo(mark)
              expect(world.roots(), `${made.fn} reverted`).toEqual(before)
              const short = world.call(userAt(user), made, { gasLimit: outcome.gasUsed - 1 })
              expect(short.kind, `${made.fn} with too little gas`).toBe('outOfGas')
              expect(world.roots(), `${made.fn} out of gas`).toEqual(before)
              const again = world.call(userAt(user), made, { gasLimit: outcome.gasUsed })
              expect(again, `${made.fn} with just enough gas`).toEqual(outcome)
            }
          },
        ),
        RUNS,
      )
    })

    it('answers junk arguments with codes', async () => {
      const codes = codesOf(engine)
      const sane = saneOf(engine, subject.misbehaving ?? [])
      const fns = Object.values(sane.publicFns)
      await fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.record({
              fn: fc.constantFrom(...fns.map((fn) => fn.id), 31),
              args: fc.uint8Array({ maxLength: 60 }),
            }),
            { minLength: 1, maxLength: 10 },
          ),
          fc.uint8Array({ maxLength: 300 }),
          async (actions, tail) => {
            const world = await create()
            const given = actions.map((action) =>
              world.rawAction(0, [{ engine: engine.id, ...action }]),
            )
            await world.open(given)
            for (const data of junkCalldata(sane, tail)) {
              const outcome = world.call(userAt(1), null, { engine: engine.id, data })
              expect(['success', 'revert', 'outOfGas']).toContain(outcome.kind)
            }
            world.machine.discard()
            const { receipts } = await world.block(given)
            for (const { code, calls } of receipts) {
              expect(code).toBeNull()
              for (const result of calls) {
                if (result.code !== null) expect(codes).toContain(result.code)
              }
            }
          },
        ),
        RUNS,
      )
    })

    it('keeps its constraints', async () => {
      await fc.assert(
        fc.asyncProperty(blocks, async (list) => {
          const world = await create()
          for (const block of list) {
            await runBlock(world, block)
            expect(world.machine.checkFull()).toEqual([])
          }
          for (const arena of world.machine.arenas) expect(arena.verifyDerived()).toEqual([])
        }),
        RUNS,
      )
    })

    it.each(engine.constraints.map((constraint) => constraint.name))(
      'has a constraint that can speak: %s',
      async (name) => {
        const world = await create()
        const index = registry.engines.indexOf(engine)
        const state = world.machine.arenas[index]?.state as StateOf<Schema>
        const constraint = engine.constraints.find((one) => one.name === name)
        expect(constraint?.check(state)).toBeNull()
        subject.breaches[name]?.(state as never)
        expect(constraint?.check(state)).toEqual(expect.any(String))
      },
    )

    describe('on engine threads', () => {
      let inline: CoreWorld
      let threaded: CoreWorld
      let pool: EnginePool

      beforeAll(async () => {
        inline = await create()
        const source = new CoreWorld({ registry })
        pool = createEnginePool({
          registry,
          registryModule: subject.registryModule,
          memories: source.machine.arenas.map((arena) => arena.memory),
          threads: 2,
          timeoutMs: 20_000,
        })
        await pool.ready()
        threaded = new CoreWorld({
          registry,
          genesis: false,
          runner: pool,
          memories: source.machine.arenas.map((arena) => arena.memory),
        })
        await prepare?.(threaded)
      })
      afterAll(() => pool.close())

      it('does exactly what it does inline', async () => {
        await fc.assert(
          fc.asyncProperty(blocks, async (list) => {
            threaded.follow(inline.following)
            for (const block of list) {
              const one = agreed(await runBlock(inline, block))
              expect(agreed(await runBlock(threaded, block))).toEqual(one)
            }
            expect(threaded.roots()).toEqual(inline.roots())
          }),
          RUNS,
        )
      })
    })
  })
}

const saneOf = (engine: Coprocessor, misbehaving: readonly string[]): Coprocessor => ({
  ...engine,
  publicFns: Object.fromEntries(
    Object.entries(engine.publicFns).filter(([name]) => !misbehaving.includes(name)),
  ),
})
