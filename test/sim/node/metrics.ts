import type {
  ConsensusMetrics,
  MempoolMetrics,
  SyncMetrics,
} from '../../../node/observability/metrics.ts'

/** Sizes that must stay within their limits. */
export type QueueWatch = {
  queue(length: number): void
  pool(transactions: number): void
  equivocation(): void
  synced(): void
}

const noop = (): void => {}

export const consensusMetrics = (watch: QueueWatch): ConsensusMetrics => ({
  ...{ stepChanged: noop, decided: noop, proposed: noop, voteLate: noop },
  ...{
    rejected: noop,
    dropped: noop,
    validatorSet: noop,
    equivocation: watch.equivocation,
    queueLength: watch.queue,
  },
})

export const mempoolMetrics = (watch: QueueWatch): MempoolMetrics => ({
  ...{ admitted: noop, rejected: noop, evicted: noop },
  ...{ batchSent: noop, batchReceived: noop, batchFetched: noop, heldBack: noop },
  lane: (_name, { transactions }) => watch.pool(transactions),
})

export const syncMetricsOf = (watch: QueueWatch): SyncMetrics => ({
  blockApplied: watch.synced,
  catchingUp: noop,
})
