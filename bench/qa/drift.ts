import { medianOf, round } from '../statistics.ts'

export type Point = { readonly minute: number; readonly mb: number }

export type Drift = {
  /** Theil-Sen: the median of the slopes between any two points, which outliers do not move. */
  readonly mbPerHour: number
  readonly allowedMbPerHour: number
  readonly medianMb: number
  /** Of the medians of the last and the first sixth of what is judged. */
  readonly lastToFirst: number
  /** What a short run says about an hour is noise. */
  readonly verdict: 'flat' | 'growing' | 'tooShort'
}

/** Caches and heaps fill in this time. */
const WARM_MINUTES = 10
const LEAST_JUDGED_MINUTES = 18
const ALLOWED_SHARE_PER_HOUR = 0.05
/** Two files of the database: less is no drift, however small the whole is. */
const ALLOWED_MB_PER_HOUR = 8

/**
 * Judges the last three quarters of a run, without its first ten minutes; against `wholeMb` where the series is a
 * part of it. Quadratic in the number of points.
 */
export function driftOf(points: readonly Point[], wholeMb = 0): Drift {
  const last = points.at(-1)?.minute ?? 0
  const from = Math.max(last / 4, Math.min(WARM_MINUTES, last / 2))
  const judged = points.filter(({ minute }) => minute >= from)
  const medianMb = medianOf(judged.map(({ mb }) => mb))
  const mbPerHour = 60 * theilSen(judged)
  const allowed = Math.max(
    ALLOWED_SHARE_PER_HOUR * Math.max(medianMb, wholeMb),
    ALLOWED_MB_PER_HOUR,
  )
  const isShort = last - from < LEAST_JUDGED_MINUTES
  return {
    mbPerHour: round(mbPerHour),
    allowedMbPerHour: round(allowed),
    medianMb: round(medianMb),
    lastToFirst: round(lastToFirstOf(judged)),
    verdict: isShort ? 'tooShort' : mbPerHour > allowed ? 'growing' : 'flat',
  }
}

/** Median slope per minute; 0 of less than two points. */
function theilSen(points: readonly Point[]): number {
  const slopes = points.flatMap((one, i) =>
    points
      .slice(i + 1)
      .filter(({ minute }) => minute > one.minute)
      .map((other) => (other.mb - one.mb) / (other.minute - one.minute)),
  )
  return medianOf(slopes)
}

function lastToFirstOf(points: readonly Point[]): number {
  const sixth = Math.max(1, Math.floor(points.length / 6))
  const of = (some: readonly Point[]): number => medianOf(some.map(({ mb }) => mb))
  const first = of(points.slice(0, sixth))
  return first === 0 ? 1 : of(points.slice(-sixth)) / first
}

/**
 * The highest or the lowest of each stretch of minutes. Memory that was needed is the highest; of a heap, whose
 * garbage comes and goes, the lowest is what is alive.
 */
export function envelopeOf(
  points: readonly Point[],
  stretchMinutes: number,
  side: 'highest' | 'lowest',
): Point[] {
  const chosen = new Map<number, Point>()
  for (const point of points) {
    const stretch = Math.floor(point.minute / stretchMinutes)
    const known = chosen.get(stretch)
    const isBetter =
      known === undefined || (side === 'highest' ? point.mb > known.mb : point.mb < known.mb)
    if (isBetter) chosen.set(stretch, point)
  }
  return [...chosen.values()]
}
