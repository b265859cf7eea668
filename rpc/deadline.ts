/** When a call must be done, in milliseconds of `performance.now()`. */
export type Deadline = { readonly atMs: number; readonly timeoutMs: number }

export const deadlineIn = (timeoutMs: number): Deadline => ({
  atMs: performance.now() + timeoutMs,
  timeoutMs,
})

export const isPast = (deadline: Deadline): boolean => performance.now() > deadline.atMs

/** Lets what waits in the event loop run first. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
