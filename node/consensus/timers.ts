import type { Timer } from '../../consensus/index.ts'
import type { Clock } from './clock.ts'

/** The pending timers of one height. Stopping one is only an optimisation: the core ignores stale timers. */
export class Timers {
  /** What cancels each. */
  readonly #pending = new Map<string, () => void>()
  readonly #clock: Pick<Clock, 'setTimer'>
  readonly #fire: (timer: Timer) => void

  constructor(clock: Pick<Clock, 'setTimer'>, fire: (timer: Timer) => void) {
    this.#clock = clock
    this.#fire = fire
  }

  schedule(timer: Timer, afterMs: number): void {
    const key = keyOf(timer)
    this.#pending.get(key)?.()
    this.#pending.set(
      key,
      this.#clock.setTimer(() => {
        this.#pending.delete(key)
        this.#fire(timer)
      }, afterMs),
    )
  }

  cancel(timer: Timer): void {
    const key = keyOf(timer)
    this.#pending.get(key)?.()
    this.#pending.delete(key)
  }

  clear(): void {
    for (const cancel of this.#pending.values()) cancel()
    this.#pending.clear()
  }
}

const keyOf = (timer: Timer): string => `${timer.kind}/${timer.height}/${timer.round}`
