import type { StorageMetrics } from '../observability/metrics.ts'
import type { Clock } from './clock.ts'
import type { OpenedWal, WalFactory, WalLog } from './walDirectory.ts'

/** The same WAL, with the time and size of every flush observed. */
export function meteredWal(
  factory: WalFactory,
  metrics: Pick<StorageMetrics, 'walFlushed'>,
  clock: Clock,
): WalFactory {
  return {
    open: async (height): Promise<OpenedWal> => {
      const { wal, entries } = await factory.open(height)
      return { wal: metered(wal, metrics, clock), entries }
    },
    removeBelow: (height) => factory.removeBelow(height),
  }
}

function metered(wal: WalLog, metrics: Pick<StorageMetrics, 'walFlushed'>, clock: Clock): WalLog {
  let appended = 0
  return {
    append: (type, payload) => {
      appended += payload.length
      wal.append(type, payload)
    },
    flush: async () => {
      const [bytes, started] = [appended, clock.monoMs()]
      appended = 0
      await wal.flush()
      if (bytes > 0) metrics.walFlushed((clock.monoMs() - started) / 1_000, bytes)
    },
    close: () => wal.close(),
    discard: () => wal.discard(),
  }
}
