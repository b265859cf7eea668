import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toHex } from '../../../core/primitives/bytes.ts'
import type { EvmChange, EvmNamespace } from '../../../evm/store.ts'
import type { ChainReader } from '../../../node/storage/chainReader.ts'
import { COLUMN } from '../../../node/storage/schema.ts'
import {
  addressOf,
  bytesFrom,
  ChainMaker,
  counterValue,
  digest,
} from '../../support/storedChain.ts'
import { DatabaseFolder } from '../../support/storedDatabase.ts'

let folder: DatabaseFolder
beforeEach(() => {
  folder = new DatabaseFolder()
})
afterEach(() => folder.cleanUp())

type Cell = { readonly namespace: EvmNamespace; readonly key: Uint8Array }

const slotKey = (address: string, slot: number): Uint8Array =>
  Uint8Array.from([...addressOf(address), ...new Uint8Array(31), slot])

const CELLS: readonly Cell[] = [
  ...['a', 'b', 'c'].map((name) => ({ namespace: 'account' as const, key: addressOf(name) })),
  ...[0, 1, 2].map((slot) => ({ namespace: 'storage' as const, key: slotKey('a', slot) })),
  { namespace: 'code', key: digest('code') },
]

const valueAt = (reader: ChainReader, cell: Cell, height: number): string | null | undefined => {
  const store = reader.evmStoreAt(height)
  if (store === null) return undefined
  try {
    const value = store.get(cell.namespace, cell.key)
    return value === undefined ? null : toHex(value)
  } finally {
    store.release()
  }
}

/** The naive twin: the whole state of every height. */
class Model {
  readonly states: Map<string, string>[] = []
  add(changes: readonly EvmChange[]): void {
    const state = new Map(this.states.at(-1))
    for (const { namespace, key, value } of changes) {
      if (value === null) state.delete(`${namespace}${toHex(key)}`)
      else state.set(`${namespace}${toHex(key)}`, toHex(value))
    }
    this.states.push(state)
  }
  at({ namespace, key }: Cell, height: number): string | null {
    return this.states[height]?.get(`${namespace}${toHex(key)}`) ?? null
  }
}

describe('EVM state at past heights', () => {
  it('equals a copy of every height, for any changes, windows and restarts', async () => {
    const change = fc.record({
      cell: fc.integer({ min: 0, max: 5 }),
      value: fc.option(fc.uint8Array({ minLength: 1, maxLength: 3 }), { freq: 3 }),
    })
    const step = fc.record({
      changes: fc.uniqueArray(change, { maxLength: 4, selector: ({ cell }) => cell }),
      restartWith: fc.option(fc.constantFrom(0, 1, 3, 6), { freq: 6 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 18 }),
        fc.constantFrom(0, 1, 3, 6),
        async (steps, firstWindow) => {
          const own = new DatabaseFolder()
          try {
            await compareWithModel(own, steps, firstWindow)
          } finally {
            await own.cleanUp()
          }
        },
      ),
      { numRuns: 15 },
    )
  }, 120_000)

  it('is found at any distance for a key that changed at every height', async () => {
    const maker = new ChainMaker()
    const store = await folder.store({ historyBlocks: 200 })
    const key = addressOf('hot')
    await store.initializeGenesis(maker.genesis([maker.change('account', key, Uint8Array.of(0))]))
    for (let height = 1; height <= 200; height++)
      await store.commitHeight(
        maker.next({ changes: [maker.change('account', key, Uint8Array.of(height))] }),
      )
    const reader = await folder.reader()
    for (let height = 0; height <= 200; height++)
      expect(valueAt(reader, { namespace: 'account', key }, height)).toBe(
        toHex(Uint8Array.of(height)),
      )
  })

  it('is found in every shard of a large height', async () => {
    const maker = new ChainMaker()
    const store = await folder.store()
    const keys = Array.from({ length: 3_000 }, (_, i) => addressOf(`account ${i}`))
    const changes = (label: string) =>
      keys.map((key, i) => maker.change('account', key, bytesFrom(`${label} ${i}`, 40)))
    await store.initializeGenesis(maker.genesis(changes('zero')))
    await store.commitHeight(maker.next({ changes: changes('one') }))
    await store.commitHeight(maker.next({ changes: changes('two') }))
    const reader = await folder.reader()
    const [zero, one, two] = [0, 1, 2].map((height) => reader.evmStoreAt(height))
    for (const [i, key] of keys.entries()) {
      expect(zero?.get('account', key)).toEqual(bytesFrom(`zero ${i}`, 40))
      expect(one?.get('account', key)).toEqual(bytesFrom(`one ${i}`, 40))
      expect(two?.get('account', key)).toEqual(bytesFrom(`two ${i}`, 40))
    }
    for (const store of [zero, one, two]) store?.release()
  })

  it('takes no more room than its window, and leaves no marker of deleted keys', async () => {
    const maker = new ChainMaker()
    const store = await folder.store({ historyBlocks: 3 })
    await store.initializeGenesis(maker.genesis())
    for (let height = 1; height <= 20; height++) {
      const key = addressOf(`short-lived ${height >> 1}`)
      const value = height % 2 === 0 ? Uint8Array.of(1) : null
      await store.commitHeight(maker.next({ changes: [maker.change('account', key, value)] }))
    }
    for (let height = 0; height < 4; height++) await store.commitHeight(maker.next())
    const counts = new Map<number, number>()
    await folder.raw(async (database) => {
      for (const key of await database.keys().all())
        counts.set(key[0] as number, (counts.get(key[0] as number) ?? 0) + 1)
    })
    expect(counts.get(COLUMN.evmChangeIndex) ?? 0).toBe(0)
    expect(counts.get(COLUMN.evmChangeset) ?? 0).toBe(0)
    expect(counts.get(COLUMN.evmAccount), 'only the last one was not deleted').toBe(1)
  })

  it('keeps a key that comes back in the height that prunes its deletion', async () => {
    const maker = new ChainMaker()
    const store = await folder.store({ historyBlocks: 2 })
    const key = addressOf('phoenix')
    await store.initializeGenesis(maker.genesis([maker.change('account', key, Uint8Array.of(1))]))
    const set = (value: Uint8Array | null) =>
      maker.next({ changes: [maker.change('account', key, value)] })
    await store.commitHeight(set(null))
    await store.commitHeight(maker.next())
    // Height 3 moves the window to 1, so the changeset of height 1 goes.
    await store.commitHeight(set(Uint8Array.of(3)))
    const reader = await folder.reader()
    const cell = { namespace: 'account', key } as const
    expect([0, 1, 2, 3].map((height) => valueAt(reader, cell, height))).toEqual([
      undefined,
      null,
      null,
      '03',
    ])
  })

  it('prunes a few heights at a time when the window becomes smaller', async () => {
    const maker = new ChainMaker()
    const wide = await folder.store({ historyBlocks: 100 })
    const key = addressOf('hot')
    await wide.initializeGenesis(maker.genesis())
    const next = () => maker.next({ changes: [maker.change('account', key, bytesFrom('v', 5))] })
    for (let height = 1; height <= 40; height++) await wide.commitHeight(next())
    await folder.close()
    const narrow = await folder.store({ historyBlocks: 2 })
    const reader = await folder.reader()
    const left: number[] = []
    for (let i = 0; i < 14; i++) {
      await narrow.commitHeight(next())
      reader.refresh()
      expect(reader.historyStart).toBe(reader.height - 2)
    }
    await folder.raw(async (database) => {
      for (const shard of await database
        .keys({ gte: Uint8Array.of(0x15), lt: Uint8Array.of(0x16) })
        .all())
        left.push(shard[8] as number)
    })
    expect(left).toEqual([53, 54])
  })

  it('is right for a key that was read while its commit was under way', async () => {
    const maker = new ChainMaker()
    const store = await folder.store()
    const key = addressOf('raced')
    const set = (value: number) => [maker.change('account', key, Uint8Array.of(value))]
    await store.initializeGenesis(maker.genesis(set(0)))
    await store.commitHeight(maker.next({ changes: set(1) }))
    // Large enough that it is still on its way when the reads come.
    const nodes = Array.from({ length: 20_000 }, (_, i) =>
      maker.change('trieNode', counterValue(i), Uint8Array.of(1)),
    )
    const commit = store.commitHeight(maker.next({ changes: [...set(2), ...nodes] }))
    const seen: unknown[] = []
    for (let i = 0; i < 10; i++) {
      await Promise.resolve()
      seen.push(store.evmStore().get('account', key)?.[0])
    }
    await commit
    expect(seen, 'the reads came in time').toContain(1)
    await store.commitHeight(maker.next({ changes: set(3) }))
    const reader = await folder.reader()
    const cell = { namespace: 'account', key } as const
    expect([0, 1, 2, 3].map((height) => valueAt(reader, cell, height))).toEqual([
      '00',
      '01',
      '02',
      '03',
    ])
  })

  it('asserts that a change replaces what is stored', async () => {
    const maker = new ChainMaker()
    const store = await folder.store()
    const key = addressOf('a')
    await store.initializeGenesis(maker.genesis([maker.change('account', key, Uint8Array.of(1))]))
    await folder.close()
    const again = await folder.store()
    const change = { namespace: 'account' as const, key, value: null, previous: Uint8Array.of(2) }
    await expect(again.commitHeight(maker.next({ changes: [change] }))).rejects.toThrow(
      'a change replaces the stored value',
    )
  })

  it('has no trie nodes of the past', async () => {
    const maker = new ChainMaker()
    const store = await folder.store()
    await store.initializeGenesis(
      maker.genesis([maker.change('trieNode', Uint8Array.of(1), Uint8Array.of(2))]),
    )
    await store.commitHeight(maker.next())
    const reader = await folder.reader()
    const past = reader.evmStoreAt(0)
    const latest = reader.evmStore()
    expect(latest.get('trieNode', Uint8Array.of(1))).toEqual(Uint8Array.of(2))
    expect(() => past?.get('trieNode', Uint8Array.of(1))).toThrow('NO_TRIE_HISTORY')
    past?.release()
    latest.release()
  })

  it('deletes trie nodes and code at once', async () => {
    const maker = new ChainMaker()
    const store = await folder.store()
    const key = Uint8Array.of(1)
    await store.initializeGenesis(maker.genesis([maker.change('trieNode', key, Uint8Array.of(2))]))
    await store.commitHeight(maker.next({ changes: [maker.change('trieNode', key, null)] }))
    expect(store.evmStore().get('trieNode', key)).toBeUndefined()
  })
})

type Step = {
  readonly changes: readonly { readonly cell: number; readonly value: Uint8Array | null }[]
  readonly restartWith: number | null
}

async function compareWithModel(
  own: DatabaseFolder,
  steps: readonly Step[],
  firstWindow: number,
): Promise<void> {
  const maker = new ChainMaker()
  const model = new Model()
  const changesOf = (step: readonly { cell: number; value: Uint8Array | null }[]) =>
    step.map(({ cell, value }) => {
      const { namespace, key } = CELLS[cell] as Cell
      return maker.change(namespace, key, value)
    })
  const all = CELLS.map((_, cell) => ({ cell, value: Uint8Array.of(cell) }))
  const first = changesOf(all)
  let window = firstWindow
  let store = await own.store({ historyBlocks: window })
  await store.initializeGenesis(maker.genesis(first))
  model.add(first)
  let start = 0
  let reader = await own.reader()
  for (const [index, step] of steps.entries()) {
    if (step.restartWith !== null) {
      await own.close()
      window = step.restartWith
      store = await own.store({ historyBlocks: window })
      reader = await own.reader()
    }
    const changes = changesOf(step.changes)
    model.add(changes)
    await store.commitHeight(maker.next({ changes }))
    reader.refresh()
    const height = index + 1
    start = Math.max(start, height - window)
    for (let past = 0; past <= height + 1; past++) {
      for (const cell of CELLS) {
        const expected =
          past < start || past > height
            ? undefined
            : cell.namespace === 'code'
              ? model.at(cell, height)
              : model.at(cell, past)
        expect(valueAt(reader, cell, past), `${cell.namespace} at ${past} of ${height}`).toBe(
          expected,
        )
      }
    }
  }
}
