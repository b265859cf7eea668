import { describe, expect, it } from 'vitest'
import { createArena, table } from '../../../core/arena/index.ts'
import { toHex } from '../../../core/primitives/bytes.ts'

const rows = table({ capacity: 8, columns: { a: 'int', b: 'u32', id: 'u128' } })
const create = () => createArena({ rows }, undefined, { journalEntries: 100 })

describe('a row that was just allocated', () => {
  it('needs one entry for all its words until the next mark', () => {
    const arena = create()
    const { columns } = arena.state.rows
    const row = arena.state.rows.allocate()
    const room = arena.journalRoom()
    columns.a.set(row, 1)
    columns.id.set(row, 2n ** 100n)
    expect(arena.journalRoom()).toBe(room)
    arena.mark()
    columns.a.set(row, 2)
    expect(arena.journalRoom()).toBe(room - 1)
  })

  it('goes back to what it was at a mark after its allocation', () => {
    const arena = create()
    const { columns } = arena.state.rows
    const row = arena.state.rows.allocate()
    columns.a.set(row, 1)
    const mark = arena.mark()
    columns.a.set(row, 2)
    columns.b.set(row, 3)
    arena.revertTo(mark)
    expect([columns.a.get(row), columns.b.get(row)]).toEqual([1, 0])
  })

  it('is gone without a trace after a mark before its allocation', () => {
    const arena = create()
    const { rows } = arena.state
    const kept = rows.allocate()
    const gone = rows.allocate()
    rows.columns.a.set(gone, 9)
    rows.free(gone)
    const root = toHex(arena.root())
    const mark = arena.mark()
    expect(rows.allocate()).toBe(gone)
    rows.columns.id.set(gone, 2n ** 100n + 1n)
    rows.free(gone)
    rows.free(kept)
    expect(rows.allocate()).toBe(kept)
    rows.columns.b.set(kept, 7)
    arena.revertTo(mark)
    expect(toHex(arena.root())).toBe(root)
    expect(rows.allocate()).toBe(gone)
    expect(rows.columns.id.get(gone)).toBe(0n)
  })

  it('is hashed again when it is written after a root', () => {
    const [one, two] = [create(), create()]
    for (const arena of [one, two]) arena.state.rows.allocate()
    one.root()
    for (const arena of [one, two]) arena.state.rows.columns.a.set(1, 5)
    expect(toHex(one.root())).toBe(toHex(two.root()))
  })

  it('is an entry of its own after a revert and after a seal', () => {
    const arena = create()
    const { rows } = arena.state
    const row = rows.allocate()
    rows.columns.a.set(row, 1)
    arena.seal()
    rows.columns.a.set(row, 2)
    arena.revertTo(0)
    expect(rows.columns.a.get(row)).toBe(1)
  })
})
