import { readdirSync, readFileSync } from 'node:fs'
import { round } from './statistics.ts'

/** CPU time since the start of a process and its memory now. */
export type Resources = {
  readonly cpuSeconds: number
  readonly rssMb: number
  /** The most it ever had. */
  readonly peakRssMb: number
  /** By thread id; names are the kernel's, cut at 15 characters. */
  readonly threads: ReadonlyMap<string, { readonly name: string; readonly cpuSeconds: number }>
}

// USER_HZ; 100 on every Linux that Node runs on.
const TICKS_PER_SECOND = 100

/** Null where there is no /proc. */
export function resourcesOf(pid: number): Resources | null {
  try {
    const folder = `/proc/${pid}/task`
    const threads = new Map(
      readdirSync(folder).map((id) => {
        const { name, seconds } = cpuOf(`${folder}/${id}/stat`)
        return [id, { name, cpuSeconds: seconds }]
      }),
    )
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const megabytes = (field: string): number =>
      Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024)
    return {
      cpuSeconds: cpuOf(`/proc/${pid}/stat`).seconds,
      rssMb: megabytes('VmRSS'),
      peakRssMb: megabytes('VmHWM'),
      threads,
    }
  } catch {
    return null
  }
}

export type ResourceUse = {
  /** 1 is one core busy all the time. */
  readonly cores: number
  readonly rssMb: number
  readonly rssGrowthMb: number
  /** Since the start of the process. */
  readonly peakRssMb: number
  /** The busiest threads, in cores; the main thread has the name of the process. */
  readonly threads: readonly { readonly name: string; readonly cores: number }[]
}

export function useBetween(
  before: Resources | null,
  after: Resources | null,
  seconds: number,
): ResourceUse | null {
  if (before === null || after === null) return null
  const threads = [...after.threads]
    .map(([id, { name, cpuSeconds }]) => ({
      name,
      cores: round((cpuSeconds - (before.threads.get(id)?.cpuSeconds ?? 0)) / seconds),
    }))
    .filter(({ cores }) => cores >= 0.01)
    .sort((a, b) => b.cores - a.cores)
  return {
    cores: round((after.cpuSeconds - before.cpuSeconds) / seconds),
    rssMb: after.rssMb,
    rssGrowthMb: after.rssMb - before.rssMb,
    peakRssMb: after.peakRssMb,
    threads: threads.slice(0, 8),
  }
}

function cpuOf(path: string): { name: string; seconds: number } {
  const text = readFileSync(path, 'latin1')
  const end = text.lastIndexOf(')')
  const fields = text.slice(end + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  return { name: text.slice(text.indexOf('(') + 1, end), seconds: ticks / TICKS_PER_SECOND }
}
