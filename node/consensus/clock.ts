/** The node's only sources of time. Timers and durations use the monotonic one, block times the wall clock. */
export type Clock = {
  /** Milliseconds since the Unix epoch. */
  wallMs(): number
  /** Milliseconds since some start; never steps back. */
  monoMs(): number
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monoMs: () => performance.now(),
}
