import { parentPort, workerData } from 'node:worker_threads'
import {
  type ArenaMemory,
  createArena,
  hashIndex,
  orderedIndex,
  table,
} from '../../core/arena/index.ts'
import { toHex } from '../../core/primitives/bytes.ts'

// Opens the memory of `test/unit/arena/arena.test.ts`, undoes some work of its own and leaves some for it.
const { memory, mark } = workerData as { readonly memory: ArenaMemory; readonly mark: number }
const orders = table({
  capacity: 50,
  columns: { owner: 'u32', price: 'int', sequence: 'int', note: { blob: 40 }, id: 'bytes32' },
})
const arena = createArena(
  {
    orders,
    bySequence: hashIndex(orders, ['sequence']),
    book: orderedIndex(orders, { group: 'owner', groups: 5, price: 'price', sequence: 'sequence' }),
  },
  memory,
)
const { state } = arena

function place(sequence: number): void {
  const row = state.orders.allocate()
  state.orders.columns.sequence.set(row, sequence)
  state.bySequence.insert(row)
  state.book.insert(row)
}

for (const sequence of [50, 51, 52]) place(sequence)
arena.root()
arena.revertTo(mark)
const undone = toHex(arena.root())
place(77)
parentPort?.postMessage({ root: toHex(arena.root()), undone, count: state.orders.count() })
