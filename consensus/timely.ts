import type { Millis, Round } from '../core/primitives/units.ts'

/** 200 ms doubled 16 times is 3.6 hours: clocks that differ by more are not a matter of delay. */
const MAX_DOUBLINGS = 16

/**
 * How long a proposal of this round may have travelled. It doubles with each round, so that a
 * network slower than its parameter delays blocks but cannot stop them.
 */
export function messageDelayOf(round: Round, messageDelayMs: Millis): Millis {
  return (messageDelayMs * (1 << Math.min(round, MAX_DOUBLINGS))) as Millis
}

export type Arrival = {
  /** Of the header. */
  readonly time: Millis
  readonly receivedAt: Millis
  readonly round: Round
}
export type SynchronyParams = { readonly precisionMs: Millis; readonly messageDelayMs: Millis }

/**
 * Proposer-based timestamps: time − precision ≤ received ≤ time + delay(round) + precision. Only for
 * fresh values; one that comes with a polka was timely for more than a third of honest power before.
 */
export function isTimely(arrival: Arrival, params: SynchronyParams): boolean {
  const { time, receivedAt, round } = arrival
  const { precisionMs, messageDelayMs } = params
  const latest = time + messageDelayOf(round, messageDelayMs) + precisionMs
  return time - precisionMs <= receivedAt && receivedAt <= latest
}
