export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms))

export type WaitOptions = {
  readonly what: string
  readonly timeoutMs?: number
  readonly everyMs?: number
}

/** Polls until `probe` gives something that is neither false, null nor undefined; a throw counts as not yet. */
export async function until<T>(
  options: WaitOptions,
  probe: () => Promise<T> | T,
): Promise<Exclude<T, false | null | undefined>> {
  const { what, timeoutMs = 30_000, everyMs = 50 } = options
  const deadline = performance.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const value = await probe()
      if (value !== false && value !== null && value !== undefined)
        return value as Exclude<T, false | null | undefined>
      last = value
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline)
      throw new Error(`timed out after ${timeoutMs} ms waiting for ${what}`, { cause: last })
    await sleep(everyMs)
  }
}
