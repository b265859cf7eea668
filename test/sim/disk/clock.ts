import type { Clock } from '../../../node/consensus/clock.ts'
import { Scheduler } from '../node/scheduler.ts'

/** Time that passes only when nothing is left to do. */
export class VirtualTime {
  readonly #scheduler = new Scheduler()

  after(ms: number, run: () => void): () => void {
    return this.#scheduler.after(ms, run)
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#scheduler.after(ms, resolve))
  }

  /** The clock of one life of a process: its timers die with it. */
  clockOf(isAlive: () => boolean): Clock {
    return {
      wallMs: () => EPOCH_MS + Math.floor(this.#scheduler.now),
      monoMs: () => this.#scheduler.now,
      setTimer: (run, afterMs) =>
        this.after(afterMs, () => {
          if (isAlive()) run()
        }),
    }
  }

  /** Until `isDone`, or for so many milliseconds; whether it was done. */
  async runUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
    let isExpired = false
    const cancel = this.after(limitMs, () => {
      isExpired = true
    })
    for (;;) {
      // All promises that can go on have gone on when the event loop turns.
      await new Promise(setImmediate)
      if (isDone()) {
        cancel()
        return true
      }
      if (isExpired) return false
      this.#scheduler.step()
    }
  }
}

const EPOCH_MS = 1_700_000_000_000
