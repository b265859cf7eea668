/** `node` is whose code runs; null: nobody's in particular. */
type Event = {
  at: number
  sequence: number
  readonly node: number | null
  run: (() => void) | null
}

/** Virtual time: a heap of events ordered by time, then by the order of scheduling. */
export class Scheduler {
  readonly #heap: Event[] = []
  #now = 0
  #sequence = 0
  /** By node: until when it stands still. */
  readonly #pausedUntil = new Map<number, number>()

  /** Virtual milliseconds since the start. */
  get now(): number {
    return this.#now
  }

  /** The result cancels it; after it ran that does nothing. */
  after(ms: number, run: () => void, node: number | null = null): () => void {
    const event = this.#add(ms, run, node)
    return () => {
      event.run = null
    }
  }

  /** The same for what nobody cancels. */
  post(ms: number, run: () => void, node: number | null): void {
    this.#add(ms, run, node)
  }

  /** A virtual node stands still, as in a long collection of garbage: what is due happens later, in order. */
  pause(node: number, untilMs: number): void {
    this.#pausedUntil.set(node, Math.max(untilMs, this.#pausedUntil.get(node) ?? 0))
  }

  /** Runs the next event and tells whose it was; undefined when nothing is left. */
  step(): { readonly node: number | null } | undefined {
    for (;;) {
      const event = this.#pop()
      if (event === undefined) return undefined
      if (event.run === null) continue
      this.#now = event.at
      const pausedUntil = this.#pausedUntilOf(event)
      if (pausedUntil > event.at) {
        event.at = pausedUntil
        this.#push(event)
        continue
      }
      const { run } = event
      event.run = null
      run()
      return event
    }
  }

  #pausedUntilOf({ node }: Event): number {
    if (node === null || this.#pausedUntil.size === 0) return 0
    return this.#pausedUntil.get(node) ?? 0
  }

  #add(ms: number, run: () => void, node: number | null): Event {
    const event: Event = { at: this.#now + Math.max(0, ms), sequence: this.#sequence++, node, run }
    this.#push(event)
    return event
  }

  #push(event: Event): void {
    const heap = this.#heap
    heap.push(event)
    let at = heap.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(event, heap[parent] as Event)) break
      heap[at] = heap[parent] as Event
      at = parent
    }
    heap[at] = event
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event))
        child++
      if (!isBefore(heap[child] as Event, last)) break
      heap[at] = heap[child] as Event
      at = child
    }
    heap[at] = last
    return first
  }
}

const isBefore = (a: Event, b: Event): boolean =>
  a.at < b.at || (a.at === b.at && a.sequence < b.sequence)
