export type StopReason = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'PARENT_GONE'

export type ShutdownHandlers = {
  /** The first request; later ones do not call it again. */
  readonly stop: (reason: StopReason) => void
  /** A second request: whoever asks twice does not want to wait. */
  readonly force: () => void
}

/**
 * A terminal sends Ctrl-C to every process of its group, and npm and our launcher pass it on as
 * well: requests this close together are one.
 */
const SAME_REQUEST_MS = 1_000

/** Listens for signals and for the end of the process that forked us. Returns how to stop listening. */
export function onShutdown({ stop, force }: ShutdownHandlers, now: () => number): () => void {
  let firstAt: number | null = null
  const request = (reason: StopReason): void => {
    if (firstAt === null) {
      firstAt = now()
      stop(reason)
    } else if (now() - firstAt > SAME_REQUEST_MS && reason !== 'PARENT_GONE') force()
  }
  const signals = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map(
    (signal) => [signal, () => request(signal)] as const,
  )
  const parentGone = (): void => request('PARENT_GONE')
  for (const [signal, handler] of signals) process.on(signal, handler)
  process.on('disconnect', parentGone)
  // The channel alone must not keep a process alive that is done.
  process.channel?.unref()
  return () => {
    for (const [signal, handler] of signals) process.off(signal, handler)
    process.off('disconnect', parentGone)
  }
}
