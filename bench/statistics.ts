export type Summary = {
  readonly samples: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Nearest-rank percentiles: with 200 samples p99 is the 198th smallest, a value that was measured. */
export function summaryOf(samplesMs: readonly number[]): Summary {
  const sorted = Float64Array.from(samplesMs).sort()
  const at = (fraction: number): number =>
    round(sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? 0)
  return {
    samples: sorted.length,
    p50Ms: at(0.5),
    p90Ms: at(0.9),
    p99Ms: at(0.99),
    maxMs: at(1),
  }
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}

/** Three decimals: a JSON report is read by people too. */
export const round = (value: number): number => Math.round(value * 1000) / 1000
