/** The node's only sources of time. Timers and durations use the monotonic one, block times the wall clock. */
export type Clock = {
  /** Milliseconds since the Unix epoch. */
  wallMs(): number
  /** Milliseconds since some start; never steps back. */
  monoMs(): number
  /** Runs a task once after this many monotonic milliseconds; the result cancels it. Keeps the process alive. */
  setTimer(run: () => void, afterMs: number): () => void
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monoMs: () => performance.now(),
  setTimer: (run, afterMs) => {
    const timer = setTimeout(run, afterMs)
    return () => clearTimeout(timer)
  },
}
