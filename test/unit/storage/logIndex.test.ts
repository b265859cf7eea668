// Where logs are found: never a height less than there are, however the database came to be.
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Log } from '../../../core/chain/executedBlock.ts'
import { equalBytes } from '../../../core/primitives/bytes.ts'
import { heightOf } from '../../../core/primitives/units.ts'
import { BatchWriter } from '../../../node/storage/batchWriter.ts'
import type { ChainReader } from '../../../node/storage/chainReader.ts'
import { readProgress } from '../../../node/storage/chainRecords.ts'
import { defaultDatabaseOptions, openDatabase } from '../../../node/storage/database.ts'
import { dropLogHeight, SECTION_HEIGHTS } from '../../../node/storage/logIndex.ts'
import type { LogPlaces } from '../../../node/storage/logSearch.ts'
import { progressCodec } from '../../../node/storage/meta.ts'
import { pruneBlocks } from '../../../node/storage/pruneBlocks.ts'
import { META } from '../../../node/storage/schema.ts'
import { dumpOf } from '../../support/rollbackWorld.ts'
import { addressOf, ChainMaker, digest, transfer } from '../../support/storedChain.ts'
import { DatabaseFolder } from '../../support/storedDatabase.ts'

let folder: DatabaseFolder
beforeEach(() => {
  folder = new DatabaseFolder()
})
afterEach(() => folder.cleanUp())

const HEIGHTS = 4 * SECTION_HEIGHTS + 9
const emitter = (index: number): Uint8Array => addressOf(`emitter ${index}`)
const topic = (index: number): Uint8Array => digest(`topic ${index}`)
const log = (address: number, ...topics: number[]): Log => ({
  address: emitter(address),
  topics: topics.map(topic),
  data: new Uint8Array(0),
})

/** Few addresses and topics, so that searches meet; none at most heights. */
const anyLogs = fc.oneof(
  { weight: 3, arbitrary: fc.constant<readonly Log[]>([]) },
  {
    weight: 2,
    arbitrary: fc.array(
      fc
        .tuple(fc.nat({ max: 3 }), fc.array(fc.nat({ max: 4 }), { maxLength: 4 }))
        .map(([address, topics]) => log(address, ...topics)),
      { minLength: 1, maxLength: 3 },
    ),
  },
)
const anyPlaces: fc.Arbitrary<LogPlaces> = fc.record({
  addresses: fc.array(fc.nat({ max: 5 }).map(emitter), { maxLength: 2 }),
  topics: fc.array(fc.array(fc.nat({ max: 5 }).map(topic), { maxLength: 2 }), { maxLength: 4 }),
})

async function commit(logs: readonly (readonly Log[])[], restartEvery: number): Promise<void> {
  const maker = new ChainMaker()
  let store = await folder.store({ historyBlocks: 1_000 })
  await store.initializeGenesis(maker.genesis())
  for (const [index, own] of logs.entries()) {
    if (index > 0 && index % restartEvery === 0) {
      await folder.close()
      store = await folder.store({ historyBlocks: 1_000 })
    }
    await store.commitHeight(maker.next({ transactions: [transfer(`${index}`)], logs: own }))
  }
  await folder.close()
}

function heightsOf(reader: ChainReader, places: LogPlaces, from: number, to: number): number[] {
  const search = reader.logSearch(places)
  const heights: number[] = []
  for (let at = from; at <= to; ) {
    const step = search(at, to)
    expect(step.next).toBeGreaterThan(at)
    expect(step.next - at).toBeLessThanOrEqual(SECTION_HEIGHTS)
    heights.push(...step.heights)
    at = step.next
  }
  return heights
}

/** Heights where each criterion is met by some log, not always the same: what an index by value can say. */
const naively = (logs: readonly (readonly Log[])[], places: LogPlaces): number[] =>
  logs.flatMap((own, index) => {
    const has = (wanted: readonly Uint8Array[], of: (log: Log) => Uint8Array | undefined) =>
      wanted.length === 0 ||
      own.some((one) => wanted.some((value) => equalBytes(value, of(one) ?? new Uint8Array(0))))
    const all =
      own.length > 0 &&
      has(places.addresses, ({ address }) => address) &&
      places.topics.every((list, position) => has(list, ({ topics }) => topics[position]))
    return all ? [index + 1] : []
  })

describe('the log index', () => {
  it('names the heights of every search, for any logs, ranges and restarts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyLogs, { minLength: HEIGHTS, maxLength: HEIGHTS }),
        fc.array(fc.tuple(anyPlaces, fc.nat(), fc.nat()), { minLength: 12, maxLength: 12 }),
        fc.integer({ min: 20, max: 200 }),
        async (logs, searches, restartEvery) => {
          await folder.cleanUp()
          folder = new DatabaseFolder()
          await commit(logs, restartEvery)
          const reader = await folder.reader()
          for (const [places, a, b] of searches) {
            const [from = 0, to = 0] = [1 + (a % HEIGHTS), 1 + (b % HEIGHTS)].sort((x, y) => x - y)
            const expected = naively(logs, places).filter((at) => at >= from && at <= to)
            expect(heightsOf(reader, places, from, to)).toEqual(expected)
          }
          await folder.close()
        },
      ),
      { numRuns: 5 },
    )
  }, 120_000)

  it('names every height with more values than are indexed', async () => {
    const many = Array.from({ length: 22_000 }, (_, i) => log(i, i, i))
    const logs = Array.from({ length: 2 * SECTION_HEIGHTS }, (_, i) => (i === 30 ? many : []))
    await commit(logs, 1_000)
    const reader = await folder.reader()
    const places = { addresses: [addressOf('elsewhere')], topics: [] }
    expect(heightsOf(reader, places, 1, logs.length)).toEqual([31])
    await folder.close()
  }, 60_000)

  it('leaves out no height that an older program wrote', async () => {
    const logs = Array.from({ length: 10 }, () => [log(0)])
    await commit(logs.slice(0, 5), 100)
    await folder.raw(async (database) => {
      await database.del(META.logIndexStart)
      for await (const key of database.keys({ gte: Uint8Array.of(9), lt: Uint8Array.of(11) }))
        await database.del(key)
    })
    const maker = new ChainMaker()
    maker.genesis()
    const store = await folder.store({ historyBlocks: 1_000 })
    for (const [index, own] of logs.entries()) {
      const record = maker.next({ transactions: [transfer(`${index}`)], logs: own })
      if (index >= 5) await store.commitHeight(record)
    }
    await folder.close()
    const reader = await folder.reader()
    expect(heightsOf(reader, { addresses: [emitter(0)], topics: [] }, 1, 10)).toHaveLength(10)
    expect(heightsOf(reader, { addresses: [emitter(9)], topics: [] }, 1, 10)).toEqual([
      1, 2, 3, 4, 5,
    ])
    await folder.close()
  })

  it('goes with pruned blocks', async () => {
    const logs = Array.from({ length: 200 }, (_, i) => [log(i % 4, i % 5)])
    await commit(logs, 1_000)
    const database = await openDatabase(folder.path, defaultDatabaseOptions)
    const read = (key: Uint8Array) => database.getSync(key)
    const batch = new BatchWriter(database)
    const progress = readProgress(read)
    if (progress === null) throw new Error('the chain is there')
    const next = pruneBlocks(batch, read, progress, heightOf(150))
    batch.putRecord(progressCodec, META.progress, next)
    await batch.write()
    await database.close()
    const left = [...(await dumpOf(folder.path)).keys()]
    const filters = left.filter((key) => key.startsWith('09'))
    expect(filters).toHaveLength(50)
    expect(left.filter((key) => key.startsWith('0a'))).toEqual([])
  })

  it('is after a rollback what it is where the chain stopped', async () => {
    const logs = Array.from({ length: 200 }, (_, i) => (i % 3 === 0 ? [] : [log(i % 4, i % 5)]))
    const index = async (): Promise<[string, string][]> =>
      [...(await dumpOf(folder.path))].filter(
        ([key]) => key.startsWith('09') || key.startsWith('0a'),
      )
    await commit(logs.slice(0, 150), 1_000)
    const expected = await index()
    await folder.cleanUp()
    folder = new DatabaseFolder()
    await commit(logs, 1_000)
    const database = await openDatabase(folder.path, defaultDatabaseOptions)
    const batch = new BatchWriter(database)
    for (let height = 200; height > 150; height--) dropLogHeight(batch, height)
    await batch.write()
    await database.close()
    expect(expected.length).toBeGreaterThan(100)
    expect(await index()).toEqual(expected)
  })
})
