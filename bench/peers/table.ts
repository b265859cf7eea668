import type { Row } from './compare.ts'

const HEADINGS = [
  ...[
    '',
    'server',
    'included/s',
    'p50 ms',
    'p99 ms',
    'peak MB',
    'CPU \u00b5s each',
    'cores',
    'generator',
  ],
]

/** Medians by kind and mode, as Markdown that is aligned for a terminal; what failed is said below it. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) => {
    const place = [`${row.kind}, ${row.mode}`, row.server]
    if (row.median === null) return [...place, 'failed', '', '', '', '', '', '']
    const { includedPerSecond, p50Ms, p99Ms, peakRssMb, microsPerTransaction } = row.median
    const { serverCores, generatorCores } = row.median
    const numbers = [includedPerSecond, p50Ms, p99Ms, peakRssMb, microsPerTransaction]
    return [
      ...place,
      ...numbers.map((value) => Math.round(value).toLocaleString('en')),
      ...[serverCores, generatorCores].map((value) => value.toFixed(2)),
    ]
  })
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i < 2 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  const notes = rows.flatMap(({ kind, mode, server, failures, remarks }) => [
    ...failures.map((text) => `${kind}, ${mode}, ${server} FAILED: ${text}`),
    ...remarks.map((text) => `${kind}, ${mode}, ${server}: ${text}`),
  ])
  return [
    line(HEADINGS),
    rule,
    ...cells.map(line),
    ...(notes.length > 0 ? ['', ...notes] : []),
  ].join('\n')
}
