import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Evidence } from '../../../core/chain/evidence.ts'
import { heightOf } from '../../../core/primitives/units.ts'
import { BatchWriter } from '../../../node/storage/batchWriter.ts'
import { readProgress } from '../../../node/storage/chainRecords.ts'
import { defaultDatabaseOptions, openDatabase } from '../../../node/storage/database.ts'
import { progressCodec } from '../../../node/storage/meta.ts'
import { pruneBlocks } from '../../../node/storage/pruneBlocks.ts'
import type { Read } from '../../../node/storage/record.ts'
import {
  lowestBound,
  type RetentionPolicy,
  retentionBounds,
} from '../../../node/storage/retention.ts'
import { rollBackTo, rollbackReach } from '../../../node/storage/rollback.ts'
import { META } from '../../../node/storage/schema.ts'
import { evidence as anyEvidence } from '../../support/chainArbitraries.ts'
import {
  type ChainStep,
  copyOf,
  differences,
  dumpOf,
  RollbackWorld,
} from '../../support/rollbackWorld.ts'
import { ChainMaker, transfer, validatorSet } from '../../support/storedChain.ts'
import { DatabaseFolder } from '../../support/storedDatabase.ts'

let folder: DatabaseFolder
beforeEach(() => {
  folder = new DatabaseFolder()
})
afterEach(() => folder.cleanUp())

/** Everything goes that nothing else keeps; the maker's blocks are a millisecond apart. */
const POLICY: RetentionPolicy = {
  blocks: 1,
  evidenceMaxAgeBlocks: 1,
  evidenceMaxAgeMs: 1,
  lightBlockMs: 1,
  historyBlocks: 0,
  oldestSnapshot: () => null,
}

/** 30 heights; the validators change at some of them, and none keeps a checkpoint. */
async function fill(heights = 30, changesAt: readonly number[] = [7, 12, 13]): Promise<void> {
  const maker = new ChainMaker()
  const store = await folder.store({ historyBlocks: 1_000 })
  await store.initializeGenesis(maker.genesis())
  for (let height = 1; height <= heights; height++)
    await store.commitHeight(
      maker.next({
        transactions: [transfer(`${height} a`), transfer(`${height} b`)],
        ...(changesAt.includes(height) ? { validators: validatorSet(4, height) } : {}),
      }),
    )
  await folder.close()
}

async function prune(path: string, stops: readonly number[]): Promise<void> {
  const database = await openDatabase(path, defaultDatabaseOptions)
  const read: Read = (key) => database.getSync(key)
  for (const to of stops) {
    const progress = readProgress(read)
    if (progress === null || to <= progress.start) continue
    const batch = new BatchWriter(database)
    batch.putRecord(progressCodec, META.progress, pruneBlocks(batch, read, progress, heightOf(to)))
    await batch.write()
  }
  await database.close()
}

describe('pruning blocks', () => {
  it('gives the same database in one step as in many', async () => {
    await fill(300)
    const stop = fc.integer({ min: 1, max: 298 })
    await fc.assert(
      fc.asyncProperty(fc.array(stop, { maxLength: 12 }), stop, async (stops, last) => {
        const [one, many] = [copyOf(folder.path), copyOf(folder.path)]
        try {
          await prune(one.path, [last])
          await prune(many.path, [...stops.filter((at) => at < last).sort((a, b) => a - b), last])
          expect(differences(await dumpOf(many.path), await dumpOf(one.path))).toEqual([])
        } finally {
          one.remove()
          many.remove()
        }
      }),
      { numRuns: 12 },
    )
  }, 120_000)

  it('answers for what is kept as before, and says of the rest that it has nothing', async () => {
    await fill()
    const before = await folder.reader()
    const heights = Array.from({ length: 31 }, (_, height) => height)
    const known = heights.map((height) => ({
      block: before.block(height),
      certificate: before.certificate(height),
      executed: before.executedBlock(height),
      validators: before.validators(height),
      header: before.ethereumHeader(height),
    }))
    await folder.close()
    await prune(folder.path, [20])
    const reader = await folder.reader()
    expect([reader.start, reader.height]).toEqual([20, 30])
    for (const height of heights) {
      const { block, certificate, executed, validators, header } = known[
        height
      ] as (typeof known)[0]
      const isKept = height > 20
      expect(reader.block(height)).toEqual(isKept ? block : null)
      expect(reader.executedBlock(height)).toEqual(isKept ? executed : null)
      expect(reader.certificate(height)).toEqual(height >= 20 ? certificate : null)
      if (height >= 20) expect(reader.ethereumHeader(height)).toEqual(header)
      if (height >= 20) expect(reader.validators(height)).toEqual(validators)
      for (const [index, { hash }] of (executed?.transactions ?? []).entries())
        expect(reader.transactionLocation(hash)).toEqual(isKept ? { height, index } : null)
    }
    await folder.close()
    const store = await folder.store()
    for (const height of heights)
      expect(store.ethereumHashOf(height)).toEqual(known[height]?.header?.hash)
  })

  it('leaves a database that commits, restarts and rolls back', async () => {
    const world = new RollbackWorld()
    const store = await folder.store({ historyBlocks: 1_000 })
    await store.initializeGenesis(world.genesis())
    const commit = async (to: typeof store, from: number, until: number): Promise<void> => {
      for (let height = from; height <= until; height++)
        await to.commitHeight(world.next(stepAt(height)).record)
    }
    await commit(store, 1, 20)
    await folder.close()
    await prune(folder.path, [10])
    const again = await folder.store({ historyBlocks: 1_000 })
    await commit(again, 21, 24)
    await folder.close()
    const database = await openDatabase(folder.path, defaultDatabaseOptions)
    const read: Read = (key) => database.getSync(key)
    expect(rollbackReach(read)).toEqual({ height: 24, lowest: 10, bound: 'prunedBlocks' })
    await rollBackTo(database, read, heightOf(10))
    await database.close()
    const reader = await folder.reader()
    expect([reader.start, reader.height, reader.block(10)]).toEqual([10, 10, null])
    await folder.close()
    expect((await folder.store()).height).toBe(10)
  })

  it('runs behind every height of a store that is told so, a few heights at a time', async () => {
    const maker = new ChainMaker()
    const retention = { ...POLICY, blocks: 5 }
    const all = await folder.store({ historyBlocks: 0 })
    await all.initializeGenesis(maker.genesis())
    const commit = (to: typeof all) =>
      to.commitHeight(maker.next({ core: { outcome: NO_OUTCOME, replay: null, checkpoint: [[]] } }))
    const [evidence] = fc.sample(anyEvidence, 1) as [Evidence]
    for (let height = 1; height <= 200; height++) await commit(all)
    await folder.close()
    const store = await folder.store({ historyBlocks: 0, retention })
    const reader = await folder.reader()
    const starts: number[] = []
    for (let i = 0; i < 80; i++) {
      await commit(store)
      // Its turn comes after the pruning behind this height.
      await store.savePendingEvidence(evidence)
      reader.refresh()
      starts.push(reader.start)
    }
    // Checkpoints can be undone for 128 heights, and need their blocks.
    expect(starts.slice(0, 3)).toEqual([4, 8, 12])
    expect(starts.slice(-2)).toEqual([151, 152])
    expect(reader.height).toBe(280)
  })
})

describe('what is kept whatever is asked for', () => {
  it.each([
    [{}, 'evidence', 28],
    [{ blocks: 12 }, 'requested', 18],
    [{ evidenceMaxAgeBlocks: 15 }, 'evidence', 14],
    [{ evidenceMaxAgeMs: 15 }, 'evidence', 14],
    [{ evidenceMaxAgeBlocks: 3, evidenceMaxAgeMs: 1_000 }, 'evidence', 0],
    [{ lightBlockMs: 9 }, 'lightClients', 20],
    [{ oldestSnapshot: () => 17 }, 'snapshot', 17],
  ] as const)('%j', async (changed, bound, height) => {
    await fill(30)
    // Nothing else in the way: no state history, and the last height is a checkpoint.
    const policy = { ...POLICY, ...changed }
    const bounds = await boundsOf(policy)
    const found = bounds.find((each) => each.bound === bound)
    expect(found?.height).toBe(height)
    const others = bounds.filter(
      ({ bound: name }) => name !== 'engineHistory' && name !== 'stateHistory',
    )
    expect(lowestBound(others)).toEqual(found)
  })

  it('the state history, and what the engines can be rebuilt from', async () => {
    await fill(30)
    const bounds = await boundsOf({ ...POLICY, historyBlocks: 10 })
    expect(bounds.find(({ bound }) => bound === 'stateHistory')?.height).toBe(20)
    expect(lowestBound(bounds)).toEqual({ bound: 'engineHistory', height: 0 })
  })
})

async function boundsOf(policy: RetentionPolicy) {
  const database = await openDatabase(folder.path, defaultDatabaseOptions)
  const bounds = retentionBounds((key) => database.getSync(key), policy)
  await database.close()
  if (bounds === null) throw new Error('nothing is stored')
  return bounds
}

const NO_OUTCOME = { receipts: [], events: new Uint8Array(0) }

const stepAt = (height: number): ChainStep => ({
  state: [{ kind: 'account', account: height % 8, balance: height }],
  transactions: 1,
  actions: 1,
  isCheckpoint: height === 10,
  pages: [],
  hasEvidence: false,
})
