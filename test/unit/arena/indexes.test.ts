import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createArena, hashIndex, orderedIndex, table } from '../../../core/arena/index.ts'

const ROWS = 64
const OPTIONS = { journalEntries: 200_000 }

const keyed = table({ capacity: ROWS, columns: { owner: 'u16', id: 'int', address: 'bytes32' } })
const hashSchema = {
  keyed,
  byId: hashIndex(keyed, ['owner', 'id']),
  byAddress: hashIndex(keyed, ['address']),
}

const priced = table({ capacity: 512, columns: { group: 'u32', price: 'int', sequence: 'int' } })
const orderedSchema = {
  priced,
  book: orderedIndex(priced, {
    group: 'group',
    groups: 2,
    price: 'price',
    sequence: 'sequence',
  }),
}

describe('a hash index', () => {
  // As full as it can be, so that rows push each other from their places and come back to them.
  it('is a map, whatever is put in and taken out', () => {
    const step = fc.record({ key: fc.nat(80), remove: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600, size: 'max' }), fc.integer(), (steps, seed) => {
        const { keyed, byId } = createArena(hashSchema, undefined, { ...OPTIONS, seed }).state
        const twin = new Map<number, number>()
        for (const { key, remove } of steps) {
          const row = twin.get(key)
          if (row !== undefined && remove) {
            byId.remove(row)
            keyed.free(row)
            twin.delete(key)
          } else if (row === undefined && !remove && twin.size < ROWS - 1) {
            const added = keyed.allocate()
            keyed.columns.owner.set(added, key % 3)
            keyed.columns.id.set(added, key * 2 ** 32)
            byId.insert(added)
            twin.set(key, added)
          }
        }
        for (let key = 0; key <= 80; key++) {
          expect(byId.find(key % 3, key * 2 ** 32), `key ${key}`).toBe(twin.get(key) ?? 0)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('finds nothing under a key that no row can have', () => {
    const { keyed, byId, byAddress } = createArena(hashSchema, undefined, OPTIONS).state
    const row = keyed.allocate()
    byId.insert(row)
    byAddress.insert(row)
    expect(byId.find(0, 0)).toBe(row)
    expect(byId.find(-0, -0)).toBe(row)
    for (const id of [-1, 0.5, 2 ** 53, Number.NaN]) expect(byId.find(0, id), `${id}`).toBe(0)
    expect(byId.find(0x1_0000, 0)).toBe(0)
    expect(byAddress.find(new Uint8Array(31))).toBe(0)
    expect(byAddress.find(new Uint8Array(32))).toBe(row)
  })

  it('asserts keys of the right kind, present rows and single keys', () => {
    const { keyed, byId } = createArena(hashSchema, undefined, OPTIONS).state
    const row = keyed.allocate()
    expect(() => byId.find(1)).toThrow('each of its columns')
    expect(() => byId.find(1n, 1)).toThrow('u128 column')
    expect(() => byId.find(1, new Uint8Array(8))).toThrow('bytes column')
    expect(() => byId.remove(row)).toThrow('in the index')
    byId.insert(row)
    expect(() => byId.insert(keyed.allocate())).toThrow('no other row')
    expect(() => byId.insert(40)).toThrow('live')
    keyed.columns.id.set(row, 7)
    expect(() => byId.remove(row)).toThrow('present key')
  })
})

describe('an ordered index', () => {
  it('walks like a sorted list, and stays balanced, whatever goes in and out', () => {
    const step = fc.record({
      group: fc.nat(1),
      price: fc.oneof(fc.nat(300), fc.nat(8)),
      removals: fc.nat(2),
      at: fc.nat(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const arena = createArena(orderedSchema, undefined, OPTIONS)
        const { priced, book } = arena.state
        let twin: { row: number; group: number; price: number }[] = []
        for (const [sequence, { group, price, removals, at }] of steps.entries()) {
          const row = priced.allocate()
          priced.columns.group.set(row, group)
          priced.columns.price.set(row, price)
          priced.columns.sequence.set(row, sequence)
          book.insert(row)
          twin.push({ row, group, price })
          // Two removals now and then keep the trees growing and shrinking.
          for (let i = 0; i < removals - (at % 2) && twin.length > 0; i++) {
            const gone = twin[(at >>> 1) % twin.length]?.row as number
            book.remove(gone)
            expect([book.levelOf(gone), book.nextOf(gone)]).toEqual([0, 0])
            priced.free(gone)
            twin = twin.filter(({ row }) => row !== gone)
          }
        }
        for (const group of [0, 1]) {
          const rows: number[] = []
          for (let l = book.lowest(group); l !== 0; l = book.higher(l)) {
            for (let row = book.firstOf(l); row !== 0; row = book.nextOf(row)) rows.push(row)
          }
          const expected = twin.filter((each) => each.group === group)
          expect(rows).toEqual(expected.sort((a, b) => a.price - b.price).map(({ row }) => row))
        }
        expect(arena.verifyDerived()).toEqual([])
      }),
      { numRuns: 100 },
    )
  })

  it.each(['upwards', 'downwards'])('stays balanced when prices only go %s', (direction) => {
    const arena = createArena(orderedSchema, undefined, OPTIONS)
    const { priced, book } = arena.state
    for (let i = 1; i <= 500; i++) {
      const row = priced.allocate()
      priced.columns.price.set(row, direction === 'upwards' ? i : 1000 - i)
      priced.columns.sequence.set(row, i)
      book.insert(row)
    }
    expect(arena.verifyDerived()).toEqual([])
    expect(book.levels(0)).toBe(500)
    for (let row = 1; row <= 400; row++) book.remove(row)
    for (let row = 1; row <= 400; row++) priced.free(row)
    expect(arena.verifyDerived()).toEqual([])
  })

  it('asserts its rules, and knows no level outside them', () => {
    const { priced, book } = createArena(orderedSchema, undefined, OPTIONS).state
    const row = priced.allocate()
    priced.columns.sequence.set(row, 5)
    priced.columns.group.set(row, 2)
    expect(() => book.insert(row)).toThrow('number of groups')
    priced.columns.group.set(row, 1)
    book.insert(row)
    expect(() => book.insert(row)).toThrow('not in the index yet')
    const late = priced.allocate()
    priced.columns.group.set(late, 1)
    priced.columns.sequence.set(late, 5)
    expect(() => book.insert(late)).toThrow('largest sequence')
    expect(() => book.remove(late)).toThrow('in the index')
    for (const group of [-1, 2, 0.5, Number.NaN]) {
      const answers = [
        book.lowest(group),
        book.highest(group),
        book.levelAt(group, 0),
        book.levels(group),
      ]
      expect(answers, `group ${group}`).toEqual([0, 0, 0, 0])
    }
    expect([book.levelAt(0, 0), book.levelAt(1, 1), book.levelAt(1, -1)]).toEqual([0, 0, 0])
  })
})
