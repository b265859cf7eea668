import type { Effect } from './effect.ts'
import type { Timer, TimerKind } from './input.ts'

/** The timers now set, at most one of a kind. Cancelling saves wake-ups; safety rests on timers naming their round. */
export class Timers {
  readonly #armed = new Map<TimerKind, Timer>()

  schedule(timer: Timer): Effect[] {
    const effects = this.cancel(timer.kind)
    this.#armed.set(timer.kind, timer)
    return [...effects, { kind: 'schedule', timer }]
  }
  cancel(...kinds: readonly TimerKind[]): Effect[] {
    const effects: Effect[] = []
    for (const kind of kinds) {
      const timer = this.#armed.get(kind)
      if (timer !== undefined) effects.push({ kind: 'cancel', timer })
      this.#armed.delete(kind)
    }
    return effects
  }
  /** True when the timer is the one that is set; it is not any more. */
  fire(timer: Timer): boolean {
    const armed = this.#armed.get(timer.kind)
    if (armed?.round !== timer.round || armed.height !== timer.height) return false
    return this.#armed.delete(timer.kind)
  }
}
