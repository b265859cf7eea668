import type { HealthReport } from '../observability/monitoringServer.ts'

/** What the status line shows; null where nothing is known yet. */
export type ChainView = {
  readonly height: number
  readonly validatorsUp: number
  readonly validators: number
  /** The fewest peers of any validator that answers. */
  readonly peers: number
  readonly transactionsPerSecond: number | null
  readonly blockSeconds: number | null
  /** No validator has made a block lately. */
  readonly stalled: boolean
}

/** The answers of all validators at one moment; null for one that does not answer. */
export type Sample = {
  readonly atMs: number
  readonly reports: readonly (HealthReport | null)[]
}

/** Rates are over this much of the past: long enough to be steady, short enough to follow. */
const WINDOW_MS = 5_000

/** Turns samples into rates. The clock is the caller's. */
export class ChainViewer {
  readonly #samples: Sample[] = []

  view(sample: Sample): ChainView {
    this.#samples.push(sample)
    while ((this.#samples[1]?.atMs ?? Number.POSITIVE_INFINITY) <= sample.atMs - WINDOW_MS)
      this.#samples.shift()
    const up = sample.reports.filter((report) => report !== null)
    const rates = this.#rates(sample)
    return {
      height: Math.max(0, ...up.map(({ height }) => height)),
      validatorsUp: up.length,
      validators: sample.reports.length,
      peers: up.length === 0 ? 0 : Math.min(...up.map(({ peers }) => peers)),
      transactionsPerSecond: rates?.transactions ?? null,
      blockSeconds: rates?.blockSeconds ?? null,
      stalled: up.every(({ status }) => status !== 'ok'),
    }
  }

  /** From the validator that made most progress since the oldest sample; a restarted one counts anew. */
  #rates(now: Sample) {
    const then = this.#samples[0]
    const seconds = (now.atMs - (then?.atMs ?? now.atMs)) / 1_000
    if (then === undefined || seconds === 0) return null
    const progress = now.reports.flatMap((report, i) => {
      const before = then.reports[i]
      if (report === null || before === null || before === undefined) return []
      const blocks = report.height - before.height
      const transactions = report.transactions - before.transactions
      return blocks < 0 || transactions < 0 ? [] : [{ blocks, transactions }]
    })
    const best = progress.reduce((a, b) => (b.blocks > a.blocks ? b : a), NO_PROGRESS)
    if (progress.length === 0) return null
    return {
      transactions: best.transactions / seconds,
      blockSeconds: best.blocks === 0 ? null : seconds / best.blocks,
    }
  }
}

const NO_PROGRESS = { blocks: -1, transactions: 0 } as const

/** One line, as short as a terminal of 80 columns. */
export function formatView(view: ChainView): string {
  const rate = view.transactionsPerSecond
  const seconds = view.blockSeconds
  return [
    `height ${view.height.toString().replace(/\B(?=(?:\d{3})+$)/g, ',')}`,
    `${rate === null ? '-' : Math.round(rate)} tx/s`,
    `block ${seconds === null ? '-' : seconds >= 1 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds * 1_000)} ms`}`,
    `peers ${view.peers}`,
    `validators ${view.validatorsUp}/${view.validators}`,
    ...(view.stalled ? ['no new blocks'] : []),
  ].join(' · ')
}
