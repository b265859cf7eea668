// A whole network on one thread, in virtual time. Same seed and same commit, same run.
import type { Prng } from './prng.ts'

export type Faults = {
  readonly lossPercent: number
  readonly repeatPercent: number
  /** One-way delay in milliseconds, drawn for each message: messages overtake each other. */
  readonly delayMs: readonly [min: number, max: number]
}

type Event = { readonly at: number; readonly sequence: number; readonly run: () => void }

/** A binary heap ordered by time, then by the order of scheduling. */
export class World {
  readonly #heap: Event[] = []
  /** Ordered pairs that no message passes, `from · 1000 + to`. */
  readonly #cut = new Set<number>()
  readonly #prng: Prng
  #faults: Faults
  #now = 0
  #sequence = 0

  constructor(prng: Prng, faults: Faults) {
    this.#prng = prng
    this.#faults = faults
  }

  get now(): number {
    return this.#now
  }

  /** Runs the next event. False when nothing is left to do. */
  step(): boolean {
    const event = this.#heap[0]
    if (event === undefined) return false
    const last = this.#heap.pop() as Event
    if (this.#heap.length > 0) this.#sink(last)
    this.#now = event.at
    event.run()
    return true
  }

  after(ms: number, run: () => void): void {
    const event = { at: this.#now + ms, sequence: this.#sequence++, run }
    this.#heap.push(event)
    let at = this.#heap.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(event, this.#heap[parent] as Event)) break
      this.#heap[at] = this.#heap[parent] as Event
      at = parent
    }
    this.#heap[at] = event
  }

  /** Delivers after a delay, twice, or never. */
  send(from: number, to: number, deliver: () => void): void {
    if (this.#cut.has(from * 1000 + to) || this.#prng.chance(this.#faults.lossPercent)) return
    this.after(this.#prng.range(...this.#faults.delayMs), deliver)
    if (this.#prng.chance(this.#faults.repeatPercent))
      this.after(this.#prng.range(...this.#faults.delayMs), deliver)
  }

  cut(from: number, to: number): void {
    this.#cut.add(from * 1000 + to)
  }
  /** Ends all partitions, not the other faults. */
  join(): void {
    this.#cut.clear()
  }
  setFaults(faults: Faults): void {
    this.#faults = faults
  }

  #sink(event: Event): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      const right = heap[child + 1]
      if (right !== undefined && isBefore(right, heap[child] as Event)) child++
      if (!isBefore(heap[child] as Event, event)) break
      heap[at] = heap[child] as Event
      at = child
    }
    heap[at] = event
  }
}

const isBefore = (a: Event, b: Event): boolean =>
  a.at < b.at || (a.at === b.at && a.sequence < b.sequence)
