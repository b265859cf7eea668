import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Cells } from '../../../core/arena/cells.ts'
import {
  type Arena,
  assertArenaHashesAgree,
  createArena,
  hashIndex,
  orderedIndex,
  type RowProof,
  table,
  verifyRowProof,
} from '../../../core/arena/index.ts'
import { layoutOf, type TableLayout } from '../../../core/arena/layout.ts'
import { MerkleTree } from '../../../core/arena/merkle.ts'
import { proveRow } from '../../../core/arena/proof.ts'
import { sorted } from '../../../core/arena/sort.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { naiveRoot, naiveState, schema as twinSchema } from '../../support/naiveArena.ts'

const orders = table({
  capacity: 50,
  columns: { owner: 'u32', price: 'int', sequence: 'int', note: { blob: 40 }, id: 'bytes32' },
})
const schema = {
  orders,
  bySequence: hashIndex(orders, ['sequence']),
  book: orderedIndex(orders, { group: 'owner', groups: 5, price: 'price', sequence: 'sequence' }),
}
const create = (journalEntries = 10_000): Arena<typeof schema> =>
  createArena(schema, undefined, { journalEntries })

function place({ state }: Arena<typeof schema>, sequence: number): number {
  const { orders, bySequence, book } = state
  const row = orders.allocate()
  orders.columns.owner.set(row, sequence % 5)
  orders.columns.price.set(row, (sequence * 7) % 11)
  orders.columns.sequence.set(row, sequence)
  orders.columns.note.set(row, Uint8Array.of(sequence))
  bySequence.insert(row)
  book.insert(row)
  return row
}

describe('the undo journal', () => {
  it('is an assertion when it is full, and says before how much room there is', () => {
    const arena = create(10)
    const row = arena.state.orders.allocate()
    const { price } = arena.state.orders.columns
    const room = arena.journalRoom()
    expect(room).toBe(10 - arena.mark())
    for (let i = 1; i <= room; i++) price.set(row, i)
    expect(arena.journalRoom()).toBe(0)
    expect(() => price.set(row, 99)).toThrow('journal has room')
    expect(price.get(row)).toBe(room)
    arena.seal()
    expect(arena.journalRoom()).toBe(10)
  })

  it('reverts to nested marks, outer after inner, and not ahead of itself', () => {
    const arena = create()
    place(arena, 1)
    const outer = arena.mark()
    place(arena, 2)
    const inner = arena.mark()
    place(arena, 3)
    const end = arena.mark()
    arena.revertTo(inner)
    expect(arena.state.orders.count()).toBe(2)
    expect(() => arena.revertTo(end)).toThrow('not ahead')
    arena.revertTo(outer)
    expect(arena.state.orders.count()).toBe(1)
    expect(arena.verifyDerived()).toEqual([])
  })

  it('has nothing to revert after a seal', () => {
    const arena = create()
    place(arena, 1)
    arena.seal()
    expect(arena.mark()).toBe(0)
    arena.revertTo(0)
    expect(arena.state.orders.count()).toBe(1)
  })

  it('keeps what belongs between blocks out of them', () => {
    const arena = create()
    place(arena, 1)
    expect(() => arena.apply({ chunks: new Uint32Array(0), bytes: new Uint8Array(0) })).toThrow(
      'between blocks',
    )
    expect(() => arena.loadPages([])).toThrow('between blocks')
    expect(() => arena.rebuildDerived()).toThrow('between blocks')
  })
})

describe('the root', () => {
  it('of an arena nobody wrote is the tree of zeros', () => {
    const arena = createArena(twinSchema, undefined, { journalEntries: 10 })
    expect(toHex(arena.root())).toBe(toHex(naiveRoot(naiveState())))
  })

  it('does not depend on the way, nor on when it was asked for', () => {
    const one = create()
    for (const sequence of [1, 2, 3]) place(one, sequence)
    const two = create()
    for (const sequence of [1, 2]) place(two, sequence)
    two.root()
    const mark = two.mark()
    for (const sequence of [9, 10, 11]) place(two, sequence)
    two.root()
    two.revertTo(mark)
    place(two, 3)
    expect(toHex(two.root())).toBe(toHex(one.root()))
    two.state.orders.columns.price.set(1, 100)
    expect(toHex(two.root())).not.toBe(toHex(one.root()))
  })

  it('is hashed alike in batches and one by one', () => {
    expect(assertArenaHashesAgree).not.toThrow()
  })
})

describe('a row proof', () => {
  const arena = create()
  for (let sequence = 1; sequence <= 30; sequence++) place(arena, sequence)
  arena.state.book.remove(4)
  arena.state.bySequence.remove(4)
  arena.state.orders.free(4)
  const root = arena.root()

  it('shows the columns of every row', () => {
    const { orders } = arena.state
    for (let row = orders.next(0); row !== 0; row = orders.next(row)) {
      const { owner, price, sequence, note, id } = orders.columns
      expect(verifyRowProof(schema, root, arena.prove('orders', row))).toEqual({
        ok: true,
        value: {
          owner: owner.get(row),
          price: price.get(row),
          sequence: sequence.get(row),
          note: note.get(row),
          id: id.get(row),
        },
      })
    }
    expect(() => arena.prove('orders', 4)).toThrow('live')
    expect(() => arena.prove('book', 1)).toThrow('live')
  })

  it('is refused when anything in it is changed', () => {
    const proof = arena.prove('orders', 7)
    const flip = (bytes: Uint8Array, at: number): Uint8Array =>
      bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
    const changed: RowProof[] = [
      ...Array.from(proof.bytes, (_, at) => ({ ...proof, bytes: flip(proof.bytes, at) })),
      ...proof.path.map((_, n) => ({
        ...proof,
        path: proof.path.map((node, i) => (i === n ? flip(node, n) : node)),
      })),
      { ...proof, path: proof.path.slice(1) },
      { ...proof, path: proof.path.slice(0, -1) },
      { ...proof, path: [...proof.path, new Uint8Array(32)] },
      { ...proof, path: [new Uint8Array(64), ...proof.path.slice(2)] },
      ...[0, 6, 8, 50, -1, 7.5, Number.NaN].map((row) => ({ ...proof, row })),
      { ...proof, table: 'nothing' },
      { ...proof, bytes: proof.bytes.subarray(64) },
    ]
    for (const each of changed) {
      expect(verifyRowProof(schema, root, each)).toEqual({ ok: false, code: 'BAD_PROOF' })
    }
    expect(
      verifyRowProof(
        schema,
        root.map((byte) => byte ^ 1),
        proof,
      ).ok,
    ).toBe(false)
    expect(verifyRowProof(schema, root, proof).ok).toBe(true)
  })

  it('is refused for a row that is free, though its bytes are committed', () => {
    const layout = layoutOf(schema)
    const cells = new Cells(layout, arena.memory)
    const tree = new MerkleTree(cells, arena.memory.nodes, layout.depth)
    const orders = layout.tables.get('orders') as TableLayout
    const proofOf = (row: number): RowProof =>
      proveRow(cells, tree, layout.depth, { name: 'orders', table: orders, row })
    expect(verifyRowProof(schema, root, proofOf(4))).toEqual({ ok: false, code: 'BAD_PROOF' })
    expect(verifyRowProof(schema, root, proofOf(0))).toEqual({ ok: false, code: 'BAD_PROOF' })
    expect(verifyRowProof(schema, root, proofOf(5)).ok).toBe(true)
  })
})

describe('the check of derived structures', () => {
  const broken = (change: (arena: Arena<typeof schema>) => void): readonly string[] => {
    const arena = create()
    for (let sequence = 1; sequence <= 20; sequence++) place(arena, sequence)
    change(arena)
    return arena.verifyDerived()
  }

  it('names what is missing, too much or in the wrong order', () => {
    expect(broken(() => undefined)).toEqual([])
    expect(broken(({ state }) => state.bySequence.remove(3))).toEqual([
      'bySequence: 19 entries, 20 rows',
      'bySequence: row 3 is not found',
    ])
    expect(broken(({ state }) => state.book.remove(3)).join()).toMatch(/book: group 3 has/)
    expect(broken(({ state }) => state.orders.columns.price.set(3, 1000)).join()).toMatch(
      /book: group 3/,
    )
    expect(broken(({ state }) => state.orders.columns.sequence.set(20, 1000)).join()).toMatch(
      /row 20/,
    )
    expect(
      broken(({ state }) => {
        state.orders.columns.price.set(5, 3)
        state.orders.columns.price.set(10, 3)
        state.orders.columns.price.set(15, 3)
      }).length,
    ).toBe(1)
  })

  it('finds nothing after a rebuild, whatever was there before', () => {
    const arena = create()
    for (let sequence = 1; sequence <= 20; sequence++) place(arena, sequence)
    arena.state.orders.columns.price.set(5, 1000)
    arena.state.bySequence.remove(3)
    expect(arena.verifyDerived().length).toBe(2 + 1)
    arena.seal()
    arena.rebuildDerived()
    expect(arena.verifyDerived()).toEqual([])
    expect(arena.state.bySequence.find(3)).toBe(3)
    expect(arena.mark()).toBe(0)
  })
})

describe('an arena in another thread', () => {
  it('goes on where this one stopped, and the other way round', async () => {
    const arena = create()
    for (let sequence = 1; sequence <= 10; sequence++) place(arena, sequence)
    const before = toHex(arena.root())
    const mark = arena.mark()
    const worker = new Worker(new URL('../../support/arenaThread.ts', import.meta.url), {
      workerData: { memory: arena.memory, mark },
    })
    const answer = await new Promise<{ root: string; undone: string; count: number }>(
      (resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
      },
    )
    await worker.terminate()
    expect(answer).toMatchObject({ undone: before, count: 11 })
    expect(toHex(arena.root())).toBe(answer.root)
    expect(arena.state.orders.count()).toBe(11)
    expect(arena.state.bySequence.find(77)).toBe(11)
    expect(arena.verifyDerived()).toEqual([])
    arena.revertTo(mark)
    expect(toHex(arena.root())).toBe(before)
  })

  it('refuses the memory of another schema', () => {
    const arena = create()
    expect(() => createArena(twinSchema, arena.memory)).toThrow('made for this schema')
  })
})

describe('sorting by digits', () => {
  it('is sorting', () => {
    const values = fc.array(fc.nat(5_000_000), { maxLength: 2000, size: 'max' })
    fc.assert(
      fc.property(values, (list) => {
        const expected = [...list].sort((a, b) => a - b)
        expect([...sorted(Int32Array.from(list), 5_000_001)]).toEqual(expected)
      }),
    )
  })
})
