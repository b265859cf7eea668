import { describe, expect, it } from 'vitest'
import { type Arena, createArena, table } from '../../../core/arena/index.ts'
import { toHex } from '../../../core/primitives/bytes.ts'

const things = table({
  capacity: 5,
  columns: {
    u8: 'u8',
    u16: 'u16',
    u32: 'u32',
    int: 'int',
    signed: 'signed',
    u128: 'u128',
    bytes20: 'bytes20',
    blob: { blob: 5 },
  },
})
const schema = { things, neighbours: table({ capacity: 3, columns: { value: 'int' } }) }
const create = (): Arena<typeof schema> => createArena(schema, undefined, { journalEntries: 1000 })

const LARGEST = { u8: 0xff, u16: 0xffff, u32: 0xffff_ffff, int: 2 ** 53 - 1, signed: 2 ** 53 - 1 }
const NUMBERS = Object.keys(LARGEST) as (keyof typeof LARGEST)[]

describe('a table', () => {
  it('answers 0 when it is full, and goes on when a row is freed', () => {
    const arena = create()
    const { things } = arena.state
    expect([1, 2, 3, 4, 5].map(() => things.allocate())).toEqual([1, 2, 3, 4, 0])
    const root = arena.root()
    expect(things.allocate()).toBe(0)
    expect(toHex(arena.root())).toBe(toHex(root))
    things.free(2)
    things.free(4)
    expect([things.count(), things.next(0), things.next(1), things.next(3)]).toEqual([2, 1, 3, 0])
    expect([things.allocate(), things.allocate(), things.allocate()]).toEqual([4, 2, 0])
  })

  it('restores counts and the order of free rows', () => {
    const arena = create()
    const { things } = arena.state
    for (let i = 0; i < 4; i++) things.allocate()
    things.free(3)
    const mark = arena.mark()
    const root = toHex(arena.root())
    things.free(1)
    things.allocate()
    things.allocate()
    things.free(4)
    arena.revertTo(mark)
    expect(toHex(arena.root())).toBe(root)
    expect([things.count(), things.allocate(), things.allocate()]).toEqual([3, 3, 0])
  })

  it('gives rows back zeroed', () => {
    const { things } = create().state
    const row = things.allocate()
    things.columns.blob.set(row, Uint8Array.of(1, 2, 3))
    things.columns.u128.set(row, 2n ** 128n - 1n)
    things.columns.u8.set(row, 9)
    things.free(row)
    expect(things.allocate()).toBe(row)
    const { blob, u128, u8 } = things.columns
    expect([blob.get(row), u128.get(row), u8.get(row)]).toEqual([new Uint8Array(0), 0n, 0])
  })

  it('asserts that a row is live before it is read or written', () => {
    const { things, neighbours } = create().state
    for (let i = 0; i < 2; i++) neighbours.allocate()
    const row = things.allocate()
    things.free(things.allocate())
    for (const bad of [0, 2, 3, 5, 64, -1, row + 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(things.isLive(bad), `row ${bad}`).toBe(false)
      for (const column of Object.values(things.columns)) {
        expect(() => column.get(bad), `get ${bad}`).toThrow('the row is live')
      }
      expect(() => things.columns.int.set(bad, 1)).toThrow('the row is live')
      expect(() => things.columns.blob.set(bad, Uint8Array.of(1))).toThrow('the row is live')
      expect(() => things.columns.int.add(bad, 1)).toThrow('the row is live')
      expect(() => things.free(bad)).toThrow('the row is live')
    }
  })

  it.each(NUMBERS)('keeps %s in its range', (name) => {
    const { things } = create().state
    const row = things.allocate()
    const column = things.columns[name]
    const largest = LARGEST[name]
    const smallest = name === 'signed' ? -largest : 0
    for (const value of [smallest, 0, 1, largest]) {
      column.set(row, value)
      expect(column.get(row)).toBe(value)
    }
    for (const value of [largest + 1, smallest - 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(column.fits(value), `${value}`).toBe(false)
      expect(() => column.set(row, value), `${value}`).toThrow('a value fits its column')
    }
    expect(column.get(row)).toBe(largest)
    expect([column.add(row, 1), column.get(row)]).toEqual([false, largest])
    expect([column.add(row, -largest), column.get(row)]).toEqual([true, 0])
    expect(column.add(row, smallest - 1)).toBe(false)
  })

  it('keeps one zero', () => {
    const arena = create()
    const { things } = arena.state
    const row = things.allocate()
    const root = toHex(arena.root())
    for (const name of NUMBERS) {
      things.columns[name].set(row, 1)
      things.columns[name].set(row, -0)
      expect(Object.is(things.columns[name].get(row), 0), name).toBe(true)
    }
    expect(toHex(arena.root())).toBe(root)
  })

  it('refuses bytes and bigints that do not fit', () => {
    const { things } = create().state
    const row = things.allocate()
    const { u128, bytes20, blob } = things.columns
    for (const value of [-1n, 2n ** 128n]) expect(() => u128.set(row, value)).toThrow('128 bits')
    for (const length of [19, 21]) {
      expect(() => bytes20.set(row, new Uint8Array(length))).toThrow('length of its column')
    }
    expect(() => blob.set(row, new Uint8Array(6))).toThrow('room')
    expect(bytes20.equals(row, new Uint8Array(19))).toBe(false)
  })

  it('commits to a blob as it is, not as it was', () => {
    const arena = create()
    const row = arena.state.things.allocate()
    const { blob } = arena.state.things.columns
    blob.set(row, Uint8Array.of(7))
    const root = toHex(arena.root())
    blob.set(row, Uint8Array.of(7, 0))
    expect(toHex(arena.root())).not.toBe(root)
    blob.set(row, Uint8Array.of(1, 2, 3, 4, 5))
    blob.set(row, Uint8Array.of(7))
    expect(toHex(arena.root())).toBe(root)
  })

  it('gives out copies', () => {
    const { things } = create().state
    const row = things.allocate()
    const value = new Uint8Array(20).fill(3)
    things.columns.bytes20.set(row, value)
    value.fill(4)
    things.columns.bytes20.get(row).fill(5)
    expect(things.columns.bytes20.get(row)).toEqual(new Uint8Array(20).fill(3))
  })
})
