import { getHeapStatistics } from 'node:v8'
import type { Worker } from 'node:worker_threads'
import { Gauge, type Registry } from 'prom-client'

/** Threads that a thread started; those of one name are shown as one. */
export type WatchedThreads = {
  readonly name: string
  /** At this moment: a pool replaces threads that died. */
  readonly workers: () => readonly Pick<Worker, 'getHeapStatistics'>[]
}

type Heap = Pick<
  ReturnType<typeof getHeapStatistics>,
  'used_heap_size' | 'total_heap_size' | 'external_memory' | 'heap_size_limit'
>

/** What a thread that is in the middle of native work must answer within; a scrape does not wait longer. */
const ANSWER_MS = 500

/** The heap of this thread, and of those that are watched from here. */
export function watchHeaps(registry: Registry, thread: string): (threads: WatchedThreads) => void {
  const watched: WatchedThreads[] = []
  new Gauge({
    name: 'nexus_thread_heap_bytes',
    help: 'JavaScript heap of a thread: used, committed, external (buffers beside it), limit.',
    labelNames: ['thread', 'kind'],
    registers: [registry],
    async collect() {
      const own = { name: thread, heap: getHeapStatistics() }
      const others = await Promise.all(watched.map(heapsOf))
      // From here on in one turn: two scrapes at a time must not add up.
      this.reset()
      for (const { name, heap } of [own, ...others.flat()])
        for (const [kind, bytes] of Object.entries(bytesOf(heap)))
          this.inc({ thread: name, kind }, bytes)
    },
  })
  return (threads) => void watched.push(threads)
}

async function heapsOf({ name, workers }: WatchedThreads): Promise<{ name: string; heap: Heap }[]> {
  const heaps = await Promise.all(workers().map(heapOf))
  return heaps.flatMap((heap) => (heap === null ? [] : [{ name, heap }]))
}

/** Null: it has ended, or is too busy to say. */
function heapOf(worker: Pick<Worker, 'getHeapStatistics'>): Promise<Heap | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), ANSWER_MS)
    const answered = (heap: Heap | null): void => {
      clearTimeout(timer)
      resolve(heap)
    }
    worker.getHeapStatistics().then(answered, () => answered(null))
  })
}

const bytesOf = (heap: Heap) => ({
  used: heap.used_heap_size,
  committed: heap.total_heap_size,
  external: heap.external_memory,
  limit: heap.heap_size_limit,
})
