import type { Timer } from '../../consensus/index.ts'

/** The pending timers of one height. Stopping one is only an optimisation: the core ignores stale timers. */
export class Timers {
  readonly #pending = new Map<string, NodeJS.Timeout>()
  readonly #fire: (timer: Timer) => void

  constructor(fire: (timer: Timer) => void) {
    this.#fire = fire
  }

  schedule(timer: Timer, afterMs: number): void {
    const key = keyOf(timer)
    clearTimeout(this.#pending.get(key))
    this.#pending.set(
      key,
      setTimeout(() => {
        this.#pending.delete(key)
        this.#fire(timer)
      }, afterMs),
    )
  }

  cancel(timer: Timer): void {
    const key = keyOf(timer)
    clearTimeout(this.#pending.get(key))
    this.#pending.delete(key)
  }

  clear(): void {
    for (const pending of this.#pending.values()) clearTimeout(pending)
    this.#pending.clear()
  }
}

const keyOf = (timer: Timer): string => `${timer.kind}/${timer.height}/${timer.round}`
