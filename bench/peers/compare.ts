import { join } from 'node:path'
import type { Pace } from '../pump.ts'
import { resourcesOf } from '../resources.ts'
import { measureThroughput } from '../throughput.ts'
import type { Kind } from '../workloads.ts'
import { type Figures, figuresOf, judge, medianFigures } from './figures.ts'
import { SETTINGS, type ServerName, startServer, versionOf } from './servers.ts'
import { tableOf } from './table.ts'

/** Requests with one transaction each, or with an array of them. */
export const MODES = ['single', 'batch'] as const
export type Mode = (typeof MODES)[number]

export type CompareOptions = {
  readonly servers: readonly ServerName[]
  readonly kinds: readonly Kind[]
  readonly modes: readonly Mode[]
  readonly rounds: number
  readonly warmupSeconds: number
  readonly seconds: number
  readonly pace: Pace
  readonly senders: number
  readonly batch: number
  readonly connections: Readonly<Record<Mode, number>>
  /** Where the signed transactions are kept: every server gets the same. */
  readonly folder: string
}

export type Row = {
  readonly kind: Kind
  readonly mode: Mode
  readonly server: ServerName
  /** Null where no run succeeded. */
  readonly median: Figures | null
  readonly runs: readonly Figures[]
  /** Why runs do not count, and what was odd in those that do. */
  readonly failures: readonly string[]
  readonly remarks: readonly string[]
}

/**
 * The most that any of the servers includes in a second, and a good deal above it; but compute calls, of which more would
 * drive Nexus's base fee above what they offer: a run ends with the last of them.
 */
const CEILING: Readonly<Record<Kind, number>> = {
  transfer: 16_000,
  erc20: 16_000,
  swap: 8_000,
  compute: 4_000,
}

/**
 * The same transactions on each server, one server at a time, each time in a new process; rounds
 * go through all of them in turn, so that a slow minute of the machine hits all alike.
 */
export async function comparePeers(options: CompareOptions): Promise<object> {
  const { servers, kinds, modes, rounds } = options
  const versions: Record<string, string> = {}
  for (const server of servers) versions[server] = await versionOf(server)
  const rows = kinds.flatMap((kind) =>
    modes.flatMap((mode) =>
      servers.map((server) => ({
        ...{ kind, mode, server },
        runs: [] as Figures[],
        failures: [] as string[],
        remarks: [] as string[],
      })),
    ),
  )
  for (let i = 0; i < rounds; i++) {
    for (const row of rows) {
      const { kind, mode, server, runs, failures, remarks } = row
      console.error(`bench: round ${i + 1} of ${rounds}, ${kind}, ${mode}, ${server}`)
      try {
        const { figures, odd } = await measureOne(row, options)
        runs.push(figures)
        remarks.push(...odd)
      } catch (error) {
        failures.push((error as Error).message)
        console.error(`bench: ${server} failed: ${(error as Error).message}`)
      }
    }
  }
  const measured: Row[] = rows.map((row) => ({ ...row, median: medianFigures(row.runs) }))
  console.error(`\n${tableOf(measured)}`)
  if (measured.some(({ failures }) => failures.length > 0)) process.exitCode = 1
  const settings = Object.fromEntries(servers.map((server) => [server, SETTINGS[server]]))
  return { options, versions, settings, rows: measured }
}

async function measureOne(
  { kind, mode, server: name }: Pick<Row, 'kind' | 'mode' | 'server'>,
  options: CompareOptions,
): Promise<{ readonly figures: Figures; readonly odd: readonly string[] }> {
  const { warmupSeconds, seconds, pace, senders, batch, connections } = options
  const perSecond = pace.kind === 'open' ? pace.perSecond : CEILING[kind]
  const server = await startServer(name)
  try {
    const measured = await measureThroughput(server.network, {
      ...{ kind, warmupSeconds, seconds, pace, senders },
      prepared: Math.ceil(perSecond * (seconds + warmupSeconds)),
      batch: mode === 'single' ? null : batch,
      connections: connections[mode],
      signedFile: join(options.folder, kind),
    })
    const peakRssMb = server.pids.reduce((sum, pid) => sum + (resourcesOf(pid)?.peakRssMb ?? 0), 0)
    return { figures: figuresOf(measured, peakRssMb), odd: judge(measured) }
  } finally {
    await server.stop()
  }
}
