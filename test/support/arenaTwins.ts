import fc from 'fast-check'
import { expect } from 'vitest'
import { type Arena, type ArenaPage, createArena, verifyRowProof } from '../../core/arena/index.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import {
  type Item,
  keyC,
  keyMany,
  type NaiveState,
  naiveAllocate,
  naiveBook,
  naiveFree,
  naiveRoot,
  naiveState,
  schema,
  zeroItem,
  zeroQuote,
} from './naiveArena.ts'

const OPTIONS = { journalEntries: 8192 }

export type Command =
  | { readonly kind: 'allocateItem' | 'allocateSmall' | 'freeSmall' }
  | { readonly kind: 'freeItem' | 'freeQuote' | 'closeQuote' | 'prove'; readonly pick: number }
  | { readonly kind: 'setItem'; readonly pick: number; readonly item: Partial<Item> }
  | {
      readonly kind: 'add'
      readonly pick: number
      readonly column: 'a' | 'b' | 'c' | 'd' | 'e'
      readonly delta: number
    }
  | { readonly kind: 'index' | 'unindex'; readonly pick: number; readonly name: 'byC' | 'byMany' }
  | { readonly kind: 'find'; readonly item: Item }
  | { readonly kind: 'quote'; readonly group: number; readonly price: number }
  | { readonly kind: 'mark' | 'seal' | 'root' | 'store' | 'reopen' | 'settle' }
  | { readonly kind: 'revert'; readonly depth: number }

const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.constantFrom(0, 1, 0xff).map((byte) => new Uint8Array(length).fill(byte))

// Few values, so that keys meet, with the ends of every range among them.
const item: fc.Arbitrary<Item> = fc.record({
  a: fc.constantFrom(0, 1, 0xff),
  b: fc.constantFrom(0, 1, 0xffff),
  c: fc.constantFrom(0, 1, 2, 3, 17, 0x8000_0000, 0xffff_ffff),
  d: fc.constantFrom(0, 1, 1000, Number.MAX_SAFE_INTEGER),
  e: fc.constantFrom(0, -1, 5, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  f: fc.constantFrom(0n, 1n, 1n << 64n, (1n << 128n) - 1n),
  g: bytesOf(20),
  h: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  i: fc.uint8Array({ maxLength: 10 }),
})
const pick = fc.nat(30)
const of = <K extends string>(...kinds: readonly K[]): fc.Arbitrary<{ kind: K }> =>
  fc.record({ kind: fc.constantFrom(...kinds) })

export const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: of('allocateItem') },
  of('allocateSmall', 'freeSmall'),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('freeItem', 'freeQuote', 'closeQuote', 'prove'),
      pick,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('setItem' as const),
      pick,
      item: item.chain((whole) =>
        fc
          .subarray(Object.keys(whole) as (keyof Item)[])
          .map((names) => Object.fromEntries(names.map((name) => [name, whole[name]]))),
      ),
    }),
  },
  fc.record({
    kind: fc.constant('add' as const),
    pick,
    column: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    delta: fc.constantFrom(
      0,
      1,
      -1,
      255,
      -70000,
      2 ** 32,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
    ),
  }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('index'),
      pick,
      name: fc.constantFrom('byC', 'byMany'),
    }),
  },
  fc.record({ kind: fc.constant('unindex'), pick, name: fc.constantFrom('byC', 'byMany') }),
  fc.record({ kind: fc.constant('find'), item }),
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('quote' as const),
      group: fc.nat(2),
      price: fc.nat(9),
    }),
  },
  { weight: 4, arbitrary: of('mark', 'seal', 'root', 'store', 'reopen', 'settle') },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('revert' as const), depth: fc.nat(3) }) },
) as fc.Arbitrary<Command>

/** The arena and its twin, driven alike: after every command they agree, or `run` fails. */
export class Twins {
  arena = createArena(schema, undefined, OPTIONS)
  readonly replica = createArena(schema, undefined, OPTIONS)
  naive: NaiveState = naiveState()
  marks: { readonly at: number; readonly copy: NaiveState }[] = []
  readonly stored = new Map<number, ArenaPage>()

  run(command: Command): void {
    this.#step(command)
    expectSame(this.arena, this.naive)
  }

  #step(command: Command): void {
    const { items, quotes, small } = this.arena.state
    switch (command.kind) {
      case 'allocateItem':
        expect(items.allocate()).toBe(naiveAllocate(this.naive.items, items.capacity, zeroItem()))
        return
      case 'allocateSmall': {
        const row = small.allocate()
        expect(row).toBe(naiveAllocate(this.naive.small, small.capacity, { value: row * 3 }))
        if (row !== 0) small.columns.value.set(row, row * 3)
        return
      }
      case 'freeSmall': {
        const row = picked([...this.naive.small.rows.keys()], 0)
        if (row === 0) return
        small.free(row)
        naiveFree(this.naive.small, row)
        return
      }
      case 'freeItem':
        this.#freeItem(picked([...this.naive.items.rows.keys()], command.pick))
        return
      case 'freeQuote': {
        const row = picked([...this.naive.quotes.rows.keys()], command.pick)
        if (row === 0) return
        this.#closeQuote(row)
        quotes.free(row)
        naiveFree(this.naive.quotes, row)
        return
      }
      case 'closeQuote':
        this.#closeQuote(picked([...this.naive.book], command.pick))
        return
      case 'setItem':
        this.#setItem(picked([...this.naive.items.rows.keys()], command.pick), command.item)
        return
      case 'add':
        this.#add(picked([...this.naive.items.rows.keys()], command.pick), command)
        return
      case 'index':
        this.#index(command.name, picked([...this.naive.items.rows.keys()], command.pick))
        return
      case 'unindex':
        this.#unindex(command.name, picked([...this.naive[command.name]], command.pick))
        return
      case 'find':
        this.#find(command.item)
        return
      case 'quote':
        this.#quote(command.group, command.price)
        return
      case 'prove':
        this.#prove(picked([...this.naive.items.rows.keys()], command.pick))
        return
      case 'mark':
        this.marks.push({ at: this.arena.mark(), copy: structuredClone(this.naive) })
        return
      case 'revert': {
        const mark = this.marks[this.marks.length - 1 - command.depth]
        if (mark === undefined) return
        this.marks = this.marks.slice(0, this.marks.length - 1 - command.depth)
        this.arena.revertTo(mark.at)
        this.naive = mark.copy
        return
      }
      case 'root':
        expect(toHex(this.arena.root())).toBe(toHex(naiveRoot(this.naive)))
        return
      case 'seal':
        this.#seal()
        return
      case 'store':
        this.#store()
        return
      case 'settle':
        this.#settle()
        return
      case 'reopen':
        this.arena = createArena(schema, this.arena.memory)
        return
    }
  }

  #freeItem(row: number): void {
    if (row === 0) return
    this.#unindex('byC', this.naive.byC.has(row) ? row : 0)
    this.#unindex('byMany', this.naive.byMany.has(row) ? row : 0)
    this.arena.state.items.free(row)
    naiveFree(this.naive.items, row)
  }

  #setItem(row: number, values: Partial<Item>): void {
    if (row === 0) return
    const columns = this.arena.state.items.columns as unknown as {
      [name: string]: { set(row: number, value: unknown): void }
    }
    const fixed = new Set<string>()
    if (this.naive.byC.has(row)) fixed.add('c')
    if (this.naive.byMany.has(row)) for (const name of ['b', 'f', 'g']) fixed.add(name)
    for (const [name, value] of Object.entries(values)) {
      if (fixed.has(name)) continue
      columns[name]?.set(row, value)
      Object.assign(this.naive.items.rows.get(row) as Item, { [name]: value })
    }
  }

  #add(row: number, { column, delta }: Command & { kind: 'add' }): void {
    if (row === 0) return
    if (column === 'b' && this.naive.byMany.has(row)) return
    if (column === 'c' && this.naive.byC.has(row)) return
    const value = this.naive.items.rows.get(row) as Item
    const sum = BigInt(value[column]) + BigInt(delta)
    const limits = { a: 0xff, b: 0xffff, c: 0xffff_ffff, d: 2 ** 53 - 1, e: 2 ** 53 - 1 }
    const fits = sum >= (column === 'e' ? -(2 ** 53 - 1) : 0) && sum <= limits[column]
    expect(this.arena.state.items.columns[column].add(row, delta)).toBe(fits)
    if (fits) value[column] = Number(sum)
  }

  #index(name: 'byC' | 'byMany', row: number): void {
    if (row === 0) return
    const key = name === 'byC' ? keyC : keyMany
    const value = this.naive.items.rows.get(row) as Item
    const isTaken = [...this.naive[name]].some(
      (other) => key(this.naive.items.rows.get(other) as Item) === key(value),
    )
    const index = this.arena.state[name]
    if (isTaken || (name === 'byMany' && value.f === 0n)) {
      expect(() => index.insert(row)).toThrow(/no other row has the key|not zero/)
      return
    }
    index.insert(row)
    this.naive[name].add(row)
  }

  #unindex(name: 'byC' | 'byMany', row: number): void {
    if (row === 0) return
    this.arena.state[name].remove(row)
    this.naive[name].delete(row)
  }

  #find(wanted: Item): void {
    const { byC, byMany } = this.arena.state
    const rowWith = (rows: ReadonlySet<number>, key: (item: Item) => string): number =>
      [...rows].find((row) => key(this.naive.items.rows.get(row) as Item) === key(wanted)) ?? 0
    expect(byC.find(wanted.c)).toBe(rowWith(this.naive.byC, keyC))
    expect(byMany.find(wanted.b, wanted.f, wanted.g)).toBe(rowWith(this.naive.byMany, keyMany))
  }

  #quote(group: number, price: number): void {
    const { quotes, book } = this.arena.state
    const row = quotes.allocate()
    expect(row).toBe(naiveAllocate(this.naive.quotes, quotes.capacity, zeroQuote()))
    if (row === 0) return
    const value = { group, price, sequence: ++this.naive.sequence, isOpen: 1 }
    this.naive.quotes.rows.set(row, value)
    quotes.columns.group.set(row, group)
    quotes.columns.price.set(row, price)
    quotes.columns.sequence.set(row, value.sequence)
    quotes.columns.isOpen.set(row, 1)
    book.insert(row)
    this.naive.book.add(row)
  }

  #closeQuote(row: number): void {
    if (!this.naive.book.has(row)) return
    this.arena.state.book.remove(row)
    this.arena.state.quotes.columns.isOpen.set(row, 0)
    this.naive.book.delete(row)
    Object.assign(this.naive.quotes.rows.get(row) as object, { isOpen: 0 })
  }

  #prove(row: number): void {
    if (row === 0) return
    const proof = this.arena.prove('items', row)
    const root = naiveRoot(this.naive)
    const { ok, ...rest } = verifyRowProof(schema, root, proof)
    expect({ ok, ...rest }).toEqual({ ok: true, value: this.naive.items.rows.get(row) })
    const other = { ...proof, row: proof.row === 1 ? 2 : 1 }
    expect(verifyRowProof(schema, root, other).ok).toBe(false)
  }

  #seal(): void {
    this.replica.apply(this.arena.seal())
    this.marks = []
    expectSame(this.replica, this.naive)
    expect(toHex(this.replica.root())).toBe(toHex(naiveRoot(this.naive)))
  }

  /** What was stored is enough for a node that starts. */
  #store(): void {
    this.#seal()
    const announced = [...this.arena.pages()].map(hexPage)
    const taken = this.arena.takePages()
    expect(taken.map(hexPage)).toEqual(announced)
    for (const page of taken) this.stored.set(page.index, page)
    expect([...this.arena.pages()]).toEqual([])
    const restored = createArena(schema, undefined, OPTIONS)
    restored.loadPages(this.stored.values())
    expect(restored.allPages().map(hexPage)).toEqual(this.arena.allPages().map(hexPage))
    expectSame(restored, this.naive)
    expect(toHex(restored.root())).toBe(toHex(naiveRoot(this.naive)))
  }

  /** Brings every row into the indexes it belongs to, and has them checked and rebuilt. */
  #settle(): void {
    for (const row of [...this.naive.items.rows.keys()]) {
      const value = this.naive.items.rows.get(row) as Item
      if (!this.naive.byC.has(row)) this.#index('byC', row)
      if (!this.naive.byMany.has(row) && value.f !== 0n) this.#index('byMany', row)
      const isIn = this.naive.byC.has(row) && (value.f === 0n || this.naive.byMany.has(row))
      if (!isIn) this.#freeItem(row)
    }
    expect(this.arena.verifyDerived()).toEqual([])
    this.#seal()
    this.arena.rebuildDerived()
    expectSame(this.arena, this.naive)
    this.#seal()
  }
}

const hexPage = ({ index, bytes }: ArenaPage): object => ({ index, bytes: toHex(bytes) })

const picked = (rows: readonly number[], pick: number): number =>
  rows.length === 0 ? 0 : (rows[pick % rows.length] as number)

export function expectSame(arena: Arena<typeof schema>, naive: NaiveState): void {
  expect(contentOf(arena)).toEqual(naiveContent(naive))
}

/** Everything that can be asked of an arena. */
function contentOf({ state }: Arena<typeof schema>): object {
  const { items, quotes, small, byC, byMany, book } = state
  const rowsOf = (of: {
    readonly columns: { readonly [name: string]: { get(row: number): unknown } }
    count(): number
    next(row: number): number
  }): object => {
    const rows: object[] = []
    for (let row = of.next(0); row !== 0; row = of.next(row)) {
      const values = Object.entries(of.columns).map(([name, column]) => [name, column.get(row)])
      rows.push([row, Object.fromEntries(values)])
    }
    return { count: of.count(), rows }
  }
  const inOrder = (from: number): number[] =>
    Array.from({ length: 40 }, (_, row) => row).filter((row) => items.isLive(row) && from === row)
  const found = { byC: [] as number[], byMany: [] as number[] }
  for (let row = items.next(0); row !== 0; row = items.next(row)) {
    const { b, c, f, g } = items.columns
    found.byC.push(...inOrder(byC.find(c.get(row)) === row ? row : 0))
    found.byMany.push(...inOrder(byMany.find(b.get(row), f.get(row), g.get(row)) === row ? row : 0))
  }
  return {
    tables: [rowsOf(items), rowsOf(quotes), rowsOf(small)],
    found,
    book: [0, 1, 2].map((group) => groupOf(book, group)),
  }
}

function groupOf(book: Arena<typeof schema>['state']['book'], group: number): object {
  const levels: object[] = []
  let below = 0
  for (let level = book.lowest(group); level !== 0; level = book.higher(level)) {
    const rows: number[] = []
    for (let row = book.firstOf(level); row !== 0; row = book.nextOf(row)) rows.push(row)
    expect(book.lower(level)).toBe(below)
    expect(book.levelAt(group, book.priceOf(level))).toBe(level)
    expect(rows.map((row) => book.levelOf(row))).toEqual(rows.map(() => level))
    expect(book.countOf(level)).toBe(rows.length)
    levels.push({ price: book.priceOf(level), rows })
    below = level
  }
  expect(book.highest(group)).toBe(below)
  expect(book.levels(group)).toBe(levels.length)
  return levels
}

function naiveContent(naive: NaiveState): object {
  const rowsOf = (of: { readonly rows: ReadonlyMap<number, object> }): object => ({
    count: of.rows.size,
    rows: [...of.rows].sort(([a], [b]) => a - b),
  })
  const ascending = (rows: Iterable<number>): number[] => [...rows].sort((a, b) => a - b)
  return {
    tables: [rowsOf(naive.items), rowsOf(naive.quotes), rowsOf(naive.small)],
    found: { byC: ascending(naive.byC), byMany: ascending(naive.byMany) },
    book: [0, 1, 2].map((group) => {
      const levels: { price: number; rows: number[] }[] = []
      for (const { row, price } of naiveBook(naive, group)) {
        const last = levels.at(-1)
        if (last?.price === price) last.rows.push(row)
        else levels.push({ price, rows: [row] })
      }
      return levels
    }),
  }
}
