import type { Deadline } from './deadline.ts'
import { fail, type Outcome } from './outcome.ts'

/** How late a time-out may be. One clock for all calls: a timer for each costs more than most calls. */
const TICK_MS = 20

type Waiting = { readonly atMs: number; readonly giveUp: () => void }

/** Calls that must end by a time of their own. */
export class Overdue {
  readonly #waiting = new Set<Waiting>()
  #clock: NodeJS.Timeout | null = null

  /** The outcome, or TIMED_OUT when it is not there by the deadline, or up to 20 ms later. */
  inTime<T>(outcome: Promise<Outcome<T>>, { atMs }: Deadline): Promise<Outcome<T>> {
    return new Promise((resolve, reject) => {
      const waiting = { atMs, giveUp: () => resolve(fail({ code: 'TIMED_OUT' })) }
      this.#waiting.add(waiting)
      this.#clock ??= setInterval(() => this.#tick(), TICK_MS).unref()
      outcome.then(
        (value) => {
          this.#waiting.delete(waiting)
          resolve(value)
        },
        (error) => {
          this.#waiting.delete(waiting)
          reject(error)
        },
      )
    })
  }

  #tick(): void {
    const now = performance.now()
    for (const waiting of this.#waiting) {
      if (waiting.atMs > now) continue
      this.#waiting.delete(waiting)
      waiting.giveUp()
    }
    if (this.#waiting.size > 0 || this.#clock === null) return
    clearInterval(this.#clock)
    this.#clock = null
  }
}
