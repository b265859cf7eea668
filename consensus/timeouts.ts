import { assert } from '../core/primitives/assert.ts'
import type { Millis } from '../core/primitives/units.ts'
import type { Timer, TimerKind } from './input.ts'

export type TimeoutSpan = { readonly baseMs: number; readonly perRoundMs: number }

/** Neutral to safety: any values are safe, and nodes may differ. Only the shell reads them. */
export type TimeoutOptions = Readonly<Record<TimerKind, TimeoutSpan>> & { readonly maxMs: number }

/** For a LAN, where a message takes a few milliseconds. Growth lets a slower network reach agreement in a later round. */
export const defaultTimeoutOptions: TimeoutOptions = {
  propose: { baseMs: 150, perRoundMs: 50 },
  prevote: { baseMs: 40, perRoundMs: 20 },
  precommit: { baseMs: 40, perRoundMs: 20 },
  rebroadcast: { baseMs: 100, perRoundMs: 0 },
  maxMs: 5_000,
}

/** Milliseconds from `schedule` to `timeout`: base + round · growth, capped. */
export function timeoutOf(timer: Pick<Timer, 'kind' | 'round'>, options: TimeoutOptions): Millis {
  const { baseMs, perRoundMs } = options[timer.kind]
  const span = Math.min(baseMs + timer.round * perRoundMs, options.maxMs)
  assert(Number.isInteger(span) && span > 0, 'a timeout is a positive number of milliseconds')
  return span as Millis
}
