import type { Clock } from '../consensus/clock.ts'

/**
 * A node's clock whose wall time can be put ahead, and back only with the chain: blocks follow each other in time.
 * Durations and timers are not touched.
 */
export class DevnetClock implements Clock {
  readonly #real: Clock
  // Properties: a part may take one of them without the clock.
  readonly wallMs = (): number => this.#pinnedMs ?? this.#real.wallMs() + this.#aheadMs
  readonly monoMs: Clock['monoMs']
  readonly setTimer: Clock['setTimer']
  #aheadMs = 0
  /** What the wall clock shows until a block of this time or later is committed. */
  #pinnedMs: number | null = null

  constructor(real: Clock) {
    this.#real = real
    this.monoMs = () => real.monoMs()
    this.setTimer = (run, afterMs) => real.setTimer(run, afterMs)
  }

  get aheadMs(): number {
    return this.#aheadMs
  }
  get pinnedMs(): number | null {
    return this.#pinnedMs
  }

  advance(ms: number): void {
    this.#aheadMs += ms
  }

  /** From now on the wall clock is at least this. */
  reach(timeMs: number): void {
    this.#aheadMs = Math.max(this.#aheadMs, timeMs - this.#real.wallMs())
  }

  /** As it was ahead before; what was asked of the next block is forgotten. */
  rewind(aheadMs: number): void {
    this.#aheadMs = aheadMs
    this.#pinnedMs = null
  }

  /** The next block has exactly this time, which is after the last one's. */
  pin(timeMs: number): void {
    this.#pinnedMs = timeMs
  }

  /** Time goes on from a pinned block, or from now if that is later. */
  committed(timeMs: number): void {
    if (this.#pinnedMs === null || timeMs < this.#pinnedMs) return
    this.#pinnedMs = null
    this.reach(timeMs)
  }
}
