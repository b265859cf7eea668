import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { duplicateVoteOf, evidenceHash } from '../../../core/chain/evidence.ts'
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import type { SignedVote } from '../../../core/chain/vote.ts'
import { heightOf, roundOf } from '../../../core/primitives/units.ts'
import { BatchWriter } from '../../../node/storage/batchWriter.ts'
import { ChainReader, defaultChainReaderOptions } from '../../../node/storage/chainReader.ts'
import { COLUMN } from '../../../node/storage/schema.ts'
import { evidence as anyEvidence } from '../../support/chainArbitraries.ts'
import {
  addressOf,
  bytesFrom,
  CHAIN_ID,
  ChainMaker,
  digest,
  IDENTITY,
  transfer,
  validatorSet,
} from '../../support/storedChain.ts'
import { DatabaseFolder } from '../../support/storedDatabase.ts'

let folder: DatabaseFolder
beforeEach(() => {
  folder = new DatabaseFolder()
})
afterEach(() => folder.cleanUp())

const vote = (blockLabel: string): SignedVote => ({
  type: 'prevote',
  chainId: CHAIN_ID,
  height: heightOf(1),
  round: roundOf(0),
  blockId: Buffer.from(digest(blockLabel)).toString('hex') as never,
  validatorIndex: 1,
  signature: bytesFrom(blockLabel, 64),
})

describe('ChainStore', () => {
  it('keeps every part of every height, over restarts, for readers and for itself', async () => {
    const maker = new ChainMaker()
    const genesis = maker.genesis([maker.change('account', addressOf('rich'), Uint8Array.of(1))])
    const first = await folder.store()
    expect(first.isInitialized).toBe(false)
    await first.initializeGenesis(genesis)
    expect(first.readHead()).toEqual({ summary: genesis.summary, header: genesis.executed.header })
    const records = [0, 1, 5, 2].map((count, height) =>
      maker.next({
        transactions: Array.from({ length: count }, (_, i) => transfer(`${height} ${i}`)),
        changes: [maker.change('account', addressOf('rich'), Uint8Array.of(height + 2))],
      }),
    )
    for (const [index, record] of records.entries()) {
      if (index === 2) await folder.close()
      const store = index < 2 ? first : await folder.store()
      await store.commitHeight(record)
      expect(store.readHead()).toEqual({ summary: record.summary, header: record.executed.header })
    }
    const reader = await folder.reader()
    expect(reader.height).toBe(4)
    expect(reader.executedBlock(0)).toEqual(genesis.executed)
    expect(reader.summary(0)).toEqual(genesis.summary)
    expect([reader.block(0), reader.certificate(0)]).toEqual([null, null])
    for (const { block, certificate, executed, summary } of records) {
      const { height } = summary
      expect(reader.block(height)).toEqual(block)
      expect(reader.certificate(height)).toEqual(certificate)
      expect(reader.executedBlock(height)).toEqual(executed)
      expect(reader.summary(height)).toEqual(summary)
      expect(reader.heightOfEthereumHash(executed.header.hash)).toBe(height)
      for (const [index, { hash }] of executed.transactions.entries())
        expect(reader.transactionLocation(hash)).toEqual({ height, index })
    }
    for (const height of [-1, 5, Number.MAX_SAFE_INTEGER]) {
      const nothing = [reader.block(height), reader.certificate(height), reader.summary(height)]
      expect([...nothing, reader.executedBlock(height)], `height ${height}`).toEqual(
        Array(4).fill(null),
      )
    }
    expect(reader.heightOfEthereumHash(digest('unknown'))).toBeNull()
    expect(reader.transactionLocation(digest('unknown'))).toBeNull()
  })

  it('answers for ancestors by number', async () => {
    const maker = new ChainMaker()
    const store = await folder.store()
    await store.initializeGenesis(maker.genesis())
    const { executed } = maker.next()
    expect(store.ethereumHashOf(0)).toEqual(digest('ethereum 0'))
    expect(store.ethereumHashOf(1)).toBeNull()
    await store.commitHeight({ ...new ChainMaker().next() })
    expect(store.ethereumHashOf(1)).toEqual(executed.header.hash)
  })

  it('knows the set of every height up to two above, whatever changes', async () => {
    const maker = new ChainMaker()
    const store = await folder.store()
    await store.initializeGenesis(maker.genesis())
    const sets = new Map<number, readonly unknown[]>()
    const changed: Record<number, ValidatorSet> = {
      4: validatorSet(7),
      7: validatorSet(7, 50),
      9: validatorSet(2),
    }
    for (let height = 1; height <= 12; height++) {
      const validators = changed[height]
      const record = maker.next(validators === undefined ? {} : { validators })
      sets.set(height + 1, record.summary.validators)
      sets.set(height + 2, record.summary.nextValidators)
      await store.commitHeight(record)
    }
    await folder.close()
    const reader = await folder.reader()
    for (const [height, validators] of sets)
      expect(reader.validators(height), `height ${height}`).toEqual(validators)
    expect(reader.validators(14)?.length).toBe(2)
    expect(reader.validators(15)).toBeNull()
    expect(reader.validators(0)).toBeNull()
  })

  it('asserts that heights follow each other and that the parts of a height agree', async () => {
    const maker = new ChainMaker()
    const store = await folder.store()
    await expect(store.commitHeight(maker.next())).rejects.toThrow('the genesis comes first')
    await store.initializeGenesis(new ChainMaker().genesis())
    await expect(store.initializeGenesis(new ChainMaker().genesis())).rejects.toThrow(
      'a database is initialized once',
    )
    const good = new ChainMaker().next()
    const two = maker.next()
    const bad = [
      two,
      { ...good, blockId: two.blockId },
      { ...good, certificate: two.certificate },
      { ...good, block: two.block },
      { ...good, executed: two.executed },
      { ...good, summary: { ...good.summary, blockId: two.blockId } },
      { ...good, summary: { ...good.summary, ethereumHash: digest('other') } },
      { ...good, summary: { ...good.summary, validators: validatorSet(3).validators } },
    ]
    for (const [index, record] of bad.entries())
      await expect(store.commitHeight(record), `record ${index}`).rejects.toThrow()
    expect(store.height).toBe(0)
    await store.commitHeight(good)
    expect(store.height).toBe(1)
  })

  it('keeps evidence pending until a block holds it', async () => {
    const [a, b, c] = fc.sample(anyEvidence, { numRuns: 3, seed: 7 })
    if (a === undefined || b === undefined || c === undefined) throw new Error('three samples')
    const maker = new ChainMaker()
    const store = await folder.store()
    await store.initializeGenesis(maker.genesis())
    await Promise.all([a, b, a, c].map((evidence) => store.savePendingEvidence(evidence)))
    const reader = await folder.reader()
    expect(reader.pendingEvidence()).toEqual([a, b, c])
    expect(reader.hasEvidence(evidenceHash(b))).toBe(false)
    const mine = duplicateVoteOf(vote('x'), vote('y'))
    await store.commitHeight(maker.next({ evidence: [b, mine] }))
    await store.savePendingEvidence(mine)
    await store.savePendingEvidence(b)
    expect(reader.pendingEvidence(), 'until the reader moves on').toEqual([a, b, c])
    reader.refresh()
    expect(reader.pendingEvidence()).toEqual([a, c])
    expect([b, mine, a].map((evidence) => reader.hasEvidence(evidenceHash(evidence)))).toEqual([
      true,
      true,
      false,
    ])
  })

  it('keeps at most 1,024 pending pieces of evidence, the newest', async () => {
    const store = await folder.store()
    await store.initializeGenesis(new ChainMaker().genesis())
    const pieces = Array.from({ length: 1_027 }, (_, i) =>
      duplicateVoteOf(vote(`a${i}`), vote('b')),
    )
    for (const piece of pieces) await store.savePendingEvidence(piece)
    const reader = await folder.reader()
    expect(reader.pendingEvidence()).toEqual(pieces.slice(3))
    let stored = 0
    await folder.raw(async (database) => {
      const range = { gte: Uint8Array.of(COLUMN.pendingEvidence), lt: Uint8Array.of(0x22) }
      stored = (await database.keys(range).all()).length
    })
    expect(stored).toBe(1_024)
  }, 60_000)

  it('refuses a database of another chain, genesis or format', async () => {
    const store = await folder.store()
    await store.initializeGenesis(new ChainMaker().genesis())
    await folder.close()
    const wrongs = [
      [{ ...IDENTITY, chainId: 1 }, 'WRONG_CHAIN'],
      [{ ...IDENTITY, genesisHash: digest('another') }, 'WRONG_GENESIS'],
    ] as const
    for (const [identity, code] of wrongs) {
      await expect(folder.store(identity)).rejects.toMatchObject({ detail: { code } })
      await expect(folder.reader(identity)).rejects.toMatchObject({ detail: { code } })
    }
    expect((await folder.store()).isInitialized).toBe(true)
  })

  it('is one database under every name of its path', async () => {
    const maker = new ChainMaker()
    const store = await folder.store()
    await store.initializeGenesis(maker.genesis())
    const link = join(folder.path, '..', 'link')
    symlinkSync(folder.path, link)
    const options = { ...defaultChainReaderOptions, ...IDENTITY }
    for (const name of [`${folder.path}/../db/.`, link]) {
      const reader = await ChainReader.open(name, options)
      await store.commitHeight(maker.next())
      reader.refresh()
      expect(reader.height, name).toBe(store.height)
      await reader.close()
    }
  })

  it('cannot be opened where something else is', async () => {
    writeFileSync(folder.path, 'a file')
    await expect(folder.store()).rejects.toMatchObject({ detail: { code: 'DATABASE_OPEN' } })
  })

  it('may be opened after a reader has made the database', async () => {
    const reader = await folder.reader()
    const store = await folder.store()
    expect([reader.isInitialized, store.isInitialized]).toEqual([false, false])
    await store.initializeGenesis(new ChainMaker().genesis())
    reader.refresh()
    expect(reader.height).toBe(0)
  })
})

describe('BatchWriter', () => {
  it('asks for a synced write', async () => {
    const writes: unknown[] = []
    const batch = { put: () => {}, write: async (options: unknown) => void writes.push(options) }
    await new BatchWriter({ batch: () => batch } as never).write()
    expect(writes).toEqual([{ sync: true }])
  })
})
