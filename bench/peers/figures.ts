import type { LoadResult } from '../load.ts'
import { medianOf } from '../statistics.ts'
import type { Measured } from '../throughput.ts'

/** One run, or the medians of several. */
export type Figures = {
  readonly includedPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of the server's processes, at their largest. */
  readonly peakRssMb: number
  /** Of the server's processor time. */
  readonly microsPerTransaction: number
  readonly serverCores: number
  readonly generatorCores: number
}

export function figuresOf(measured: Measured & LoadResult, peakRssMb: number): Figures {
  const { finalizedPerSecond, submitToFinal, generatorCores, seconds, finalized } = measured
  const serverCores = measured.validators[0]?.resources?.cores ?? 0
  return {
    includedPerSecond: Math.round(finalizedPerSecond),
    p50Ms: Math.round(submitToFinal.p50Ms),
    p99Ms: Math.round(submitToFinal.p99Ms),
    peakRssMb,
    microsPerTransaction: Math.round((serverCores * seconds * 1e6) / Math.max(1, finalized)),
    serverCores,
    generatorCores,
  }
}

/** What a reader must know of a run that counts; throws for one that shows nothing. */
export function judge({
  finalized,
  failed,
  neverFinal,
  errors,
  preparedRanOut,
}: LoadResult): string[] {
  const said = Object.entries(errors).map(([message, count]) => `${count} times: ${message}`)
  if (finalized === 0) throw new Error(['nothing was included', ...said].join('; '))
  if (failed > 0) throw new Error(`of 100 transactions that were looked at, ${failed} had failed`)
  if (neverFinal > 0) said.push(`${neverFinal} accepted transactions were never included`)
  if (preparedRanOut) said.push('all prepared transactions were sent before the end')
  return said
}

export function medianFigures(runs: readonly Figures[]): Figures | null {
  if (runs.length === 0) return null
  const of = (figure: keyof Figures): number =>
    Math.round(1000 * medianOf(runs.map((run) => run[figure]))) / 1000
  return {
    includedPerSecond: of('includedPerSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    peakRssMb: of('peakRssMb'),
    microsPerTransaction: of('microsPerTransaction'),
    serverCores: of('serverCores'),
    generatorCores: of('generatorCores'),
  }
}
