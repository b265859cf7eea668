const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Such as `12.3 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1_024 && unit < UNITS.length - 1) {
    value /= 1_024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

/** Such as `0.3 s`, `12 min`, `3.1 days`. */
export function formatAge(ms: number): string {
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000
    ? `${(ms / 3_600_000).toFixed(1)} h`
    : `${(ms / 86_400_000).toFixed(1)} days`
}

/** Pairs in two columns, indented. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')
}
