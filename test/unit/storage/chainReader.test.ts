import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { duplicateVoteOf, evidenceHash } from '../../../core/chain/evidence.ts'
import { heightOf, roundOf } from '../../../core/primitives/units.ts'
import type { ChainReader } from '../../../node/storage/chainReader.ts'
import { imagesOf, readPageHistory } from '../../../node/storage/corePageHistory.ts'
import { COLUMN, type Column } from '../../../node/storage/schema.ts'
import {
  addressOf,
  bytesFrom,
  CHAIN_ID,
  ChainMaker,
  digest,
  ethereumHeader,
  transfer,
} from '../../support/storedChain.ts'
import { DatabaseFolder } from '../../support/storedDatabase.ts'

let folder: DatabaseFolder
beforeEach(() => {
  folder = new DatabaseFolder()
})
afterEach(() => folder.cleanUp())

const account = addressOf('account')
const slot = Uint8Array.from([...account, ...digest('slot')])
const evidence = duplicateVoteOf(
  ...(['a', 'b'].map((label) => ({
    type: 'prevote' as const,
    chainId: CHAIN_ID,
    height: heightOf(1),
    round: roundOf(0),
    blockId: null,
    validatorIndex: 0,
    signature: bytesFrom(label, 64),
  })) as [never, never]),
)

const action = {
  hash: digest('action'),
  signer: addressOf('signer'),
  owner: addressOf('owner'),
  nonce: 1,
  code: null,
  fee: 5,
  calls: [{ code: 'UNKNOWN_MARKET', gasUsed: 7, result: bytesFrom('result', 9) }],
}
const outcome = { receipts: [action], events: bytesFrom('events', 40) }
const call = {
  engine: 1,
  caller: account,
  value: 0n,
  data: bytesFrom('calldata', 36),
  gasLimit: 1_000,
}
const replay = {
  systemCalls: [call],
  systemGas: [1, 0],
  outcomes: [],
  calls: [call],
  gas: [1, 2],
  burnedWei: 7n,
}
const page = { index: 3, bytes: bytesFrom('page', 4_096) }

/** Two heights that leave something in every column. */
async function fill(): Promise<void> {
  const maker = new ChainMaker()
  const changes = (label: string) => [
    maker.change('account', account, bytesFrom(label, 30)),
    maker.change('storage', slot, bytesFrom(label, 32)),
    maker.change('code', digest('code'), bytesFrom('code', 50)),
    maker.change('trieNode', digest('node'), bytesFrom(label, 60)),
  ]
  const store = await folder.store()
  await store.initializeGenesis(maker.genesis(changes('zero')))
  await store.savePendingEvidence(
    duplicateVoteOf({ ...evidence.first, round: roundOf(1) } as never, evidence.second as never),
  )
  for (const height of [1, 2])
    await store.commitHeight(
      maker.next({
        transactions: [transfer(`${height}`)],
        logs: [{ address: account, topics: [], data: slot }],
        changes: changes(`${height}`),
        evidence: height === 1 ? [evidence] : [],
        core: { outcome, replay, checkpoint: height === 1 ? [[page]] : null },
      }),
    )
  await folder.close()
}

/** Something of every column. */
function readAll(reader: ChainReader): void {
  for (let height = 0; height <= reader.height; height++) {
    reader.block(height)
    reader.certificate(height)
    reader.executedBlock(height)
    reader.heightOfEthereumHash(ethereumHeader(height).hash)
    reader.summary(height)
    const store = reader.evmStoreAt(height)
    store?.get('account', account)
    store?.get('storage', slot)
    store?.get('code', digest('code'))
    if (height === reader.height) store?.get('trieNode', digest('node'))
    store?.release()
    for (const { hash } of reader.executedBlock(height)?.transactions ?? [])
      reader.transactionLocation(hash)
  }
  for (let height = 1; height <= reader.height + 2; height++) reader.validators(height)
  const search = reader.logSearch({ addresses: [digest('nobody').slice(12)], topics: [] })
  for (let from = 0; from <= reader.height; ) ({ next: from } = search(from, reader.height))
  reader.hasEvidence(evidenceHash(evidence))
  reader.pendingEvidence()
  for (let height = 0; height <= reader.height; height++) reader.coreOutcome(height)
  reader.actionLocation(action.hash)
}

/** What only the executor reads. */
async function readCore(): Promise<void> {
  const store = await folder.store()
  expect(store.coreCheckpoint(1)).toBe(1)
  for await (const stored of store.corePages(0)) expect(stored).toEqual(page)
  expect(store.replayOf(heightOf(2)).record).toEqual(replay)
  // What only a rollback reads.
  await folder.raw(async (database) => {
    const read = (key: Uint8Array) => database.getSync(key)
    for (const entry of readPageHistory(read)) expect([...imagesOf(read, entry)]).toHaveLength(1)
  })
}

const readEverything = async (): Promise<void> => {
  readAll(await folder.reader())
  await readCore()
}

const COLUMNS: readonly Column[] = [
  'meta',
  'block',
  'certificate',
  'executed',
  'ethereumHash',
  'transaction',
  'summary',
  'validators',
  'evmAccount',
  'evmStorage',
  'evmCode',
  'evmTrieNode',
  'evmChangeset',
  'evidence',
  'pendingEvidence',
  'coreOutcome',
  'coreReplay',
  'corePage',
  'action',
  'corePageHistory',
  'logFilter',
]

async function entriesOf(column: Column): Promise<[Uint8Array, Uint8Array][]> {
  const byte = COLUMN[column]
  let entries: [Uint8Array, Uint8Array][] = []
  await folder.raw(async (database) => {
    const range = { gte: Uint8Array.of(byte), lt: Uint8Array.of(byte + 1) }
    const found = await database.iterator(range).all()
    // Buffers, whose slice() would share memory.
    entries = found.map(([key, value]) => [new Uint8Array(key), new Uint8Array(value)])
  })
  return entries
}

describe('ChainReader', () => {
  it('refuses every damaged value of every column', async () => {
    await fill()
    for (const column of COLUMNS) {
      const entries = await entriesOf(column)
      expect(entries.length, column).toBeGreaterThan(0)
      for (const [key, value] of entries) {
        for (const at of [0, value.length >> 1, value.length - 1]) {
          const damaged = value.slice()
          damaged[at] = (damaged[at] as number) ^ 0x10
          await folder.raw((database) => database.put(key, damaged))
          await expect(
            readEverything(),
            `${column} ${Buffer.from(key).toString('hex')}`,
          ).rejects.toMatchObject({
            detail: { code: 'STORAGE_CORRUPT', column },
          })
        }
        await folder.raw((database) => database.put(key, value))
      }
    }
    await readEverything()
  }, 120_000)

  it('finds an action by its hash, and what became of it', async () => {
    await fill()
    const reader = await folder.reader()
    expect(reader.actionLocation(action.hash)).toEqual({ height: 2, index: 0 })
    expect(reader.coreOutcome(2)).toEqual(outcome)
    expect(reader.coreOutcome(0)).toEqual({ receipts: [], events: new Uint8Array(0) })
    expect(reader.coreOutcome(3)).toBeNull()
    expect(reader.actionLocation(digest('another'))).toBeNull()
  })

  it('finds what ran when the same envelope is included, and refused, again', async () => {
    const refused = { ...action, code: 'NONCE_USED', calls: [] }
    const late = { ...refused, hash: digest('late'), code: 'EXPIRED' }
    const ranLater = { ...late, code: null }
    const store = await folder.store()
    const maker = new ChainMaker()
    await store.initializeGenesis(maker.genesis())
    const heights = [[late], [action, refused], [refused], [ranLater], [refused, late]]
    for (const receipts of heights) {
      const core = {
        outcome: { receipts, events: new Uint8Array(0) },
        replay: null,
        checkpoint: null,
      }
      await store.commitHeight(maker.next({ core }))
    }
    const reader = await folder.reader()
    expect(reader.actionLocation(action.hash)).toEqual({ height: 2, index: 0 })
    expect(reader.actionLocation(late.hash)).toEqual({ height: 4, index: 0 })
  })

  it('refuses a value that belongs to another key', async () => {
    await fill()
    const [first, second] = await entriesOf('certificate')
    if (first === undefined || second === undefined) throw new Error('two certificates')
    await folder.raw((database) => database.put(first[0], second[1]))
    const reader = await folder.reader()
    expect(() => reader.certificate(1)).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ reason: 'CHECKSUM' }) }),
    )
  })

  it('takes a missing record of a committed height for damage, not for nothing', async () => {
    await fill()
    for (const column of [
      'block',
      'certificate',
      'executed',
      'summary',
      'validators',
      'evmChangeset',
    ] as const) {
      for (const [key, value] of await entriesOf(column)) {
        await folder.raw((database) => database.del(key))
        const reading = folder.reader().then(readAll)
        await expect(reading, `${column} ${key[8]}`).rejects.toMatchObject({
          detail: { code: 'STORAGE_CORRUPT' },
        })
        await folder.raw((database) => database.put(key, value))
      }
    }
  }, 60_000)

  it('finds a height that LevelDB lost in the middle when the store is opened', async () => {
    const maker = new ChainMaker()
    const store = await folder.store()
    await store.initializeGenesis(maker.genesis())
    for (let height = 1; height <= 6; height++) await store.commitHeight(maker.next())
    await folder.close()
    const lost = (await entriesOf('summary')).find(([key]) => key[8] === 3)
    await folder.raw((database) => database.del(lost?.[0] as Uint8Array))
    await expect(folder.store()).rejects.toMatchObject({
      detail: { code: 'STORAGE_CORRUPT', column: 'summary', reason: 'MISSING' },
    })
  })

  it('shows one height until it is refreshed', async () => {
    const maker = new ChainMaker()
    const store = await folder.store()
    const reader = await folder.reader()
    expect(reader.isInitialized).toBe(false)
    const set = (value: number) => [maker.change('account', account, Uint8Array.of(value))]
    await store.initializeGenesis(maker.genesis(set(0)))
    reader.refresh()
    expect([reader.isInitialized, reader.height]).toEqual([true, 0])
    const held = reader.evmStore()
    await store.commitHeight(maker.next({ changes: set(1) }))
    expect([reader.height, reader.block(1), reader.summary(1)]).toEqual([0, null, null])
    expect(reader.evmStoreAt(1)).toBeNull()
    reader.refresh()
    expect(reader.height).toBe(1)
    const latest = reader.evmStore()
    expect(latest.get('account', account)).toEqual(Uint8Array.of(1))
    expect(held.get('account', account), 'a view keeps its height').toEqual(Uint8Array.of(0))
    expect([held.height, latest.height]).toEqual([0, 1])
    held.release()
    held.release()
    latest.release()
    expect(() => held.get('account', account)).toThrow('not used after its release')
    expect(reader.evmStore().get('account', account)).toEqual(Uint8Array.of(1))
  })

  it('gives values that share no memory with anything else', async () => {
    await fill()
    const reader = await folder.reader()
    const store = reader.evmStore()
    const first = store.get('account', account) as Uint8Array
    expect(first.constructor).toBe(Uint8Array)
    first.fill(0xff)
    expect(store.get('account', account)).toEqual(bytesFrom('2', 30))
    const block = reader.block(1)
    block?.payload.evm[0]?.fill(0)
    await folder.close()
    expect((await folder.reader()).block(1)?.payload.evm[0]).toEqual(transfer('1'))
  })
})
