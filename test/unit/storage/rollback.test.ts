import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { heightOf } from '../../../core/primitives/units.ts'
import {
  imagesOf,
  ROLLBACK_BLOCKS,
  readPageHistory,
} from '../../../node/storage/corePageHistory.ts'
import { defaultDatabaseOptions, openDatabase } from '../../../node/storage/database.ts'
import { coreSourceAt, rollBackTo, rollbackReach } from '../../../node/storage/rollback.ts'
import { COLUMN } from '../../../node/storage/schema.ts'
import {
  type ChainStep,
  copyOf,
  differences,
  dumpOf,
  RollbackWorld,
} from '../../support/rollbackWorld.ts'
import { addressOf } from '../../support/storedChain.ts'
import { DatabaseFolder } from '../../support/storedDatabase.ts'

let folder: DatabaseFolder
beforeEach(() => {
  folder = new DatabaseFolder()
})
afterEach(() => folder.cleanUp())

const stateStep = fc.oneof(
  fc.record({
    kind: fc.constant('account' as const),
    account: fc.nat(7),
    balance: fc.option(fc.integer({ min: 1, max: 3 }), { freq: 3 }),
  }),
  fc.record({
    kind: fc.constant('slot' as const),
    account: fc.nat(1),
    slot: fc.nat(5),
    value: fc.nat(2),
  }),
)
const step: fc.Arbitrary<ChainStep> = fc.record({
  state: fc.array(stateStep, { maxLength: 6 }),
  transactions: fc.nat(2),
  actions: fc.nat(2),
  isCheckpoint: fc.oneof({ weight: 2, arbitrary: fc.constant(false) }, fc.constant(true)),
  pages: fc.array(fc.record({ engine: fc.nat(1), index: fc.nat(3), chunk: fc.nat(63) }), {
    maxLength: 4,
  }),
  hasEvidence: fc.boolean(),
})

/** Commits the steps; the dump after each height, the genesis first. */
async function commitAll(
  own: DatabaseFolder,
  steps: readonly ChainStep[],
  historyBlocks = 1_000,
): Promise<Map<string, string>[]> {
  const world = new RollbackWorld()
  const dumps: Map<string, string>[] = []
  const genesis = await own.store({ historyBlocks })
  await genesis.initializeGenesis(world.genesis())
  await own.close()
  dumps.push(await dumpOf(own.path))
  for (const each of steps) {
    const store = await own.store({ historyBlocks })
    const { record, evidence } = world.next(each)
    // Rolled back, it is pending: as in a twin that heard of it before a block held it.
    if (evidence !== null) await store.savePendingEvidence(evidence)
    await store.commitHeight(record)
    await own.close()
    dumps.push(await dumpOf(own.path))
  }
  return dumps
}

async function rolledBack(path: string, height: number): Promise<Map<string, string>> {
  const copy = copyOf(path)
  try {
    const database = await openDatabase(copy.path, defaultDatabaseOptions)
    await rollBackTo(database, (key) => database.getSync(key), heightOf(height))
    await database.close()
    return await dumpOf(copy.path)
  } finally {
    copy.remove()
  }
}

/** Pending evidence of the heights that were undone, which their twin had not heard of. */
const isEvidence = (difference: string): boolean =>
  /^pendingEvidence .*extra$/.test(difference) || difference.startsWith(`meta ${PENDING_LIST}:`)
const PENDING_LIST = `00${Buffer.from('pendingEvidence').toString('hex')}`

describe('rolling a database back', () => {
  it('gives the database of a twin that stopped at the height, key by key', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 9 }), async (steps) => {
        const own = new DatabaseFolder()
        try {
          const dumps = await commitAll(own, steps)
          for (let height = 0; height < steps.length; height++) {
            const found = await rolledBack(own.path, height)
            const left = differences(found, dumps[height] as Map<string, string>)
            expect(
              left.filter((each) => !isEvidence(each)),
              `height ${height}`,
            ).toEqual([])
          }
        } finally {
          await own.cleanUp()
        }
      }),
      { numRuns: 12 },
    )
  }, 120_000)

  it('returns the evidence of what it undid, and goes on as the twin does', async () => {
    const steps = Array.from({ length: 6 }, (_, i) => busyStep(i))
    const world = new RollbackWorld()
    const genesis = world.genesis()
    const records = steps.map((each) => world.next(each))
    const store = await folder.store()
    await store.initializeGenesis(genesis)
    for (const { record } of records) await store.commitHeight(record)
    await folder.close()
    const finished = await dumpOf(folder.path)
    await rollHere(3)
    const reader = await folder.reader()
    expect(reader.height).toBe(3)
    expect(reader.pendingEvidence()).toEqual(records.slice(3).map(({ evidence }) => evidence))
    await folder.close()
    const again = await folder.store()
    for (const { record } of records.slice(3)) await again.commitHeight(record)
    await folder.close()
    const left = differences(await dumpOf(folder.path), finished)
    expect(left.filter((each) => !isEvidence(each))).toEqual([])
  })

  it('keeps what undoes the last heights, and nothing older', async () => {
    const world = new RollbackWorld()
    const store = await folder.store()
    await store.initializeGenesis(world.genesis())
    for (let height = 1; height <= 300; height++)
      await store.commitHeight(
        world.next({ ...busyStep(height), isCheckpoint: height % 20 === 0 }).record,
      )
    await folder.close()
    const database = await openDatabase(folder.path, defaultDatabaseOptions)
    const read = (key: Uint8Array) => database.getSync(key)
    const { lowest, bound } = rollbackReach(read)
    expect({ lowest, bound }).toEqual({ lowest: 160, bound: 'engineHistory' })
    expect(300 - lowest).toBeGreaterThanOrEqual(ROLLBACK_BLOCKS)
    const history = readPageHistory(read)
    expect(history.map(({ height }) => height)).toEqual([180, 200, 220, 240, 260, 280, 300])
    const kept = (column: number) =>
      database.keys({ gte: Uint8Array.of(column), lte: Uint8Array.of(column, 255, 255) }).all()
    const parts = history.reduce((sum, entry) => sum + entry.parts, 0)
    expect((await kept(COLUMN.corePageHistory)).length).toBe(parts)
    const replays = (await kept(COLUMN.coreReplay)).map((key) => Buffer.from(key).readUIntBE(3, 6))
    expect(replays[0]).toBe(161)
    await rollBackTo(database, read, heightOf(170))
    const source = coreSourceAt(database, read, heightOf(170))
    expect(source.coreCheckpoint(2)).toBe(160)
    expect(source.replayOf(heightOf(170)).record.burnedWei).toBe(170n)
    await database.close()
  }, 60_000)

  it('refuses a state that is not the committed one, and changes nothing', async () => {
    const world = new RollbackWorld()
    const store = await folder.store()
    await store.initializeGenesis(world.genesis())
    for (let height = 1; height <= 3; height++) {
      const { record } = world.next(busyStep(height))
      const { summary } = record
      const roots = { ...summary.roots, evmRoot: new Uint8Array(32).fill(height) }
      await store.commitHeight({ ...record, summary: { ...summary, roots } })
    }
    await folder.close()
    const before = await dumpOf(folder.path)
    await expect(rollHere(2)).rejects.toMatchObject({ detail: { code: 'ROLLBACK_MISMATCH' } })
    expect(differences(await dumpOf(folder.path), before)).toEqual([])
  })

  it('restores state within a pruned window', async () => {
    const steps = Array.from({ length: 12 }, (_, i) => busyStep(i))
    const wide = new DatabaseFolder()
    try {
      await commitAll(folder, steps, 4)
      await commitAll(wide, steps)
      for (const path of [folder.path, wide.path]) await rollIn(path, 9)
      const [narrow, full] = [await folder.reader(), await wide.reader()]
      expect(narrow.historyStart).toBe(8)
      for (const height of [8, 9]) expect(stateAt(narrow, height)).toEqual(stateAt(full, height))
    } finally {
      await wide.cleanUp()
    }
  })

  it('finds before-images of every page that a checkpoint wrote', async () => {
    const world = new RollbackWorld()
    const store = await folder.store()
    await store.initializeGenesis(world.genesis())
    const page = { engine: 1, index: 2, chunk: 63 }
    const write = async (chunk: number) => {
      const pages = [{ ...page, chunk }]
      const at = { ...busyStep(1), pages, isCheckpoint: true, state: [] }
      await store.commitHeight(world.next(at).record)
      return world.page(1, 2)
    }
    const first = await write(63)
    const second = await write(0)
    await folder.close()
    const database = await openDatabase(folder.path, defaultDatabaseOptions)
    const read = (key: Uint8Array) => database.getSync(key)
    const [one, two] = readPageHistory(read).map((entry) => [...imagesOf(read, entry)])
    expect(one).toMatchObject([{ engine: 1, index: 2, existed: false }])
    expect(two).toMatchObject([{ engine: 1, index: 2, existed: true }])
    expect(two?.[0]?.restore(second)).toEqual(first)
    await database.close()
  })
})

const busyStep = (label: number): ChainStep => ({
  state: [
    { kind: 'account', account: label % 8, balance: label % 3 === 0 ? null : label },
    { kind: 'slot', account: label % 2, slot: label % 6, value: label % 3 },
  ],
  transactions: 1,
  actions: 1,
  isCheckpoint: label % 2 === 0,
  pages: [{ engine: 0, index: label % 4, chunk: label % 64 }],
  hasEvidence: true,
})

const rollHere = (height: number): Promise<void> => rollIn(folder.path, height)

async function rollIn(path: string, height: number): Promise<void> {
  const database = await openDatabase(path, defaultDatabaseOptions)
  try {
    await rollBackTo(database, (key) => database.getSync(key), heightOf(height))
  } finally {
    await database.close()
  }
}

function stateAt(reader: Awaited<ReturnType<DatabaseFolder['reader']>>, height: number) {
  const store = reader.evmStoreAt(height)
  const values = Array.from({ length: 8 }, (_, i) =>
    store?.get('account', addressOf(`account ${i}`)),
  )
  store?.release()
  return values
}
