import { round } from './statistics.ts'

/** Prometheus samples by series, for example `nexus_wal_fsync_seconds_sum{step="vote"}`. */
export type Samples = ReadonlyMap<string, number>

export async function scrape(metricsUrl: string): Promise<Samples> {
  const url = metricsUrl.endsWith('/metrics') ? metricsUrl : `${metricsUrl}/metrics`
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) })
  return parseSamples(await response.text())
}

export function parseSamples(text: string): Samples {
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const end = line.lastIndexOf('}') + 1
    const space = line.indexOf(' ', end)
    samples.set(line.slice(0, space), Number(line.slice(space + 1).split(' ')[0]))
  }
  return samples
}

export type Phase = {
  readonly count: number
  readonly meanMs: number
  /** Time in this phase per second of the run; phases overlap, so they do not add up to 1. */
  readonly share: number
}

/** What every duration histogram of the node gathered between two scrapes: where the time goes. */
export function phasesBetween(
  before: Samples,
  after: Samples,
  seconds: number,
): Record<string, Phase> {
  const phases: [string, Phase][] = []
  for (const [series, sum] of after) {
    const match = /^nexus_(.+)_seconds_sum(\{.*\})?$/.exec(series)
    if (match === null) continue
    const countSeries = series.replace('_seconds_sum', '_seconds_count')
    const count = (after.get(countSeries) ?? 0) - (before.get(countSeries) ?? 0)
    const spent = sum - (before.get(series) ?? 0)
    if (count === 0) continue
    phases.push([
      `${match[1]}${match[2] ?? ''}`,
      { count, meanMs: round((spent * 1000) / count), share: round(spent / seconds) },
    ])
  }
  return Object.fromEntries(phases.sort(([, a], [, b]) => b.share - a.share))
}

/** Growth of every `nexus_…_total` counter, zero ones left out. */
export function countersBetween(before: Samples, after: Samples): Record<string, number> {
  return Object.fromEntries(
    [...after]
      .filter(([series]) => /^nexus_.+_total(\{|$)/.test(series))
      .map(([series, value]) => [series, value - (before.get(series) ?? 0)] as const)
      .filter(([, growth]) => growth !== 0),
  )
}
