// Costs of the arena's parts, alone: `node bench/arena.ts`. Nanoseconds an operation, the best of several rounds.
import { type Arena, createArena, hashIndex, orderedIndex, table } from '../core/arena/index.ts'

const HOT_ROWS = 1_000
const COLD_ROWS = 500_000
const LEVELS = 1_000

const orders = table({
  capacity: 1 << 20,
  columns: {
    owner: 'u32',
    market: 'u16',
    side: 'u8',
    price: 'int',
    size: 'int',
    sequence: 'int',
    clientId: 'u128',
  },
})
const schema = {
  orders,
  byOwner: hashIndex(orders, ['owner', 'sequence']),
  byClientId: hashIndex(orders, ['clientId']),
  book: orderedIndex(orders, {
    group: 'market',
    groups: 4,
    price: 'price',
    sequence: 'sequence',
  }),
}
type BenchArena = Arena<typeof schema>

class Stopwatch {
  readonly #figures = new Map<string, number>()

  /** `run` does `count` operations. */
  time(name: string, count: number, run: () => void): void {
    const start = performance.now()
    run()
    const each = ((performance.now() - start) * 1e6) / count
    this.#figures.set(name, Math.min(each, this.#figures.get(name) ?? Number.POSITIVE_INFINITY))
  }

  report(): { readonly [name: string]: number } {
    const rounded = [...this.#figures].map(([name, value]) => [name, Math.round(value * 10) / 10])
    return Object.fromEntries(rounded)
  }
}

/** Keeps results alive that nobody looks at. */
let sink = 0

type Rows = {
  /** In an order that looks random. */
  readonly at: Int32Array
  readonly ids: readonly bigint[]
  readonly repeats: number
}

function prepare({ state }: BenchArena, count: number): Rows {
  const { owner, sequence, clientId, price, market } = state.orders.columns
  for (let i = 0; i < count; i++) {
    const row = state.orders.allocate()
    owner.set(row, i)
    sequence.set(row, i + 1)
    clientId.set(row, BigInt(i) << 40n)
    // Prices of neighbours in time lie apart, as in a book of many traders.
    price.set(row, 1_000_000 + ((i * 7919) % LEVELS))
    market.set(row, i % 4)
  }
  const at = Int32Array.from({ length: count }, (_, i) => ((i * 104_729) % count) + 1)
  const ids = Array.from(at, (row) => BigInt(row - 1) << 40n)
  return { at, ids, repeats: Math.max(1, Math.floor(200_000 / count)) }
}

function benchColumns(watch: Stopwatch, arena: BenchArena, { at, ids, repeats }: Rows): void {
  const { size, side, clientId } = arena.state.orders.columns
  const each = (name: string, run: () => void): void => {
    watch.time(name, at.length * repeats, () => {
      for (let k = 0; k < repeats; k++) run()
    })
  }
  each('getInt', () => {
    for (let i = 0; i < at.length; i++) sink += size.get(at[i] as number)
  })
  // Always another value: writing the same one again costs no more than reading it.
  let turn = 0
  each('setInt', () => {
    turn++
    for (let i = 0; i < at.length; i++) size.set(at[i] as number, turn + i)
  })
  each('setU8', () => {
    turn++
    for (let i = 0; i < at.length; i++) side.set(at[i] as number, (turn + i) & 127)
  })
  each('addInt', () => {
    for (let i = 0; i < at.length; i++) size.add(at[i] as number, 3)
  })
  each('setU128', () => {
    for (let i = 0; i < at.length; i++) clientId.set(at[i] as number, ids[i] as bigint)
  })
  const words = arena.mark()
  watch.time('revertWord', words, () => arena.revertTo(0))
}

function benchIndexes(watch: Stopwatch, arena: BenchArena, { at, ids }: Rows): void {
  const { byOwner, byClientId, book } = arena.state
  const each = (name: string, run: () => void): void => watch.time(name, at.length, run)
  each('hashInsertNumbers', () => {
    for (let i = 0; i < at.length; i++) byOwner.insert(at[i] as number)
  })
  each('hashFindNumbers', () => {
    for (let i = 0; i < at.length; i++) sink += byOwner.find((at[i] as number) - 1, at[i] as number)
  })
  each('hashRemoveNumbers', () => {
    for (let i = 0; i < at.length; i++) byOwner.remove(at[i] as number)
  })
  each('hashInsertBigint', () => {
    for (let i = 0; i < at.length; i++) byClientId.insert(at[i] as number)
  })
  each('hashFindBigint', () => {
    for (let i = 0; i < at.length; i++) sink += byClientId.find(ids[i] as bigint)
  })
  each('hashRemoveBigint', () => {
    for (let i = 0; i < at.length; i++) byClientId.remove(at[i] as number)
  })
  arena.seal()
  each('orderedInsert', () => {
    for (let row = 1; row <= at.length; row++) book.insert(row)
  })
  each('orderedRemove', () => {
    for (let i = 0; i < at.length; i++) book.remove(at[i] as number)
  })
  arena.seal()
  each('orderedNewLevelAndBack', () => {
    for (let i = 0; i < at.length; i++) {
      book.insert(at[i] as number)
      book.remove(at[i] as number)
    }
  })
  arena.seal()
}

function benchRows(watch: Stopwatch, arena: BenchArena, { at }: Rows): void {
  const { orders } = arena.state
  const start = arena.mark()
  watch.time('free', at.length, () => {
    for (let i = 0; i < at.length; i++) orders.free(at[i] as number)
  })
  watch.time('allocate', at.length, () => {
    for (let i = 0; i < at.length; i++) sink += orders.allocate()
  })
  arena.revertTo(start)
}

function benchOperations(rows: number, rounds: number): object {
  const watch = new Stopwatch()
  const arena = createArena(schema)
  const prepared = prepare(arena, rows)
  arena.seal()
  for (let i = 0; i < rounds; i++) {
    benchColumns(watch, arena, prepared)
    // Twice: the columns' journal has pushed the indexes out of the caches.
    benchIndexes(watch, arena, prepared)
    benchIndexes(watch, arena, prepared)
    benchRows(watch, arena, prepared)
  }
  return watch.report()
}

/** Blocks that change some chunks of a table of COLD_ROWS. */
function benchCommitment(): object {
  const watch = new Stopwatch()
  const arena = createArena(schema)
  const { at } = prepare(arena, COLD_ROWS)
  arena.root()
  arena.seal()
  const { size } = arena.state.orders.columns
  for (const chunks of [100, 1_000, 10_000, 100_000]) {
    for (let round = 0; round < Math.max(10, 100_000 / chunks); round++) {
      for (let k = 0; k < chunks; k++) {
        size.add(at[(round * chunks + k) % at.length] as number, 1)
      }
      watch.time(`rootPerChunkOf${chunks}`, chunks, () => {
        sink += arena.root().length
      })
      watch.time(`sealPerChunkOf${chunks}`, chunks, () => {
        sink += arena.seal().chunks.length
      })
    }
  }
  return watch.report()
}

const report = {
  unit: 'ns',
  [`rows${HOT_ROWS}`]: benchOperations(HOT_ROWS, 300),
  [`rows${COLD_ROWS}`]: benchOperations(COLD_ROWS, 5),
  commitment: benchCommitment(),
}
console.log(JSON.stringify(report, null, 2))
if (sink < 0) console.error(sink)
