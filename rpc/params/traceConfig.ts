import type { TracerChoice } from '../inspection.ts'
import { boolean, string } from './hex.ts'
import { bad, MemberReader, membersOf, type Parsed, type Parser } from './parameter.ts'
import { integerUpTo } from './values.ts'

export type TraceConfig = {
  readonly tracer: TracerChoice
  /** Milliseconds; null: as long as any call. */
  readonly timeoutMs: number | null
}

export const DEFAULT_TRACE: TraceConfig = {
  tracer: {
    kind: 'struct',
    enableMemory: false,
    disableStack: false,
    disableStorage: false,
    enableReturnData: false,
    limit: 0,
  },
  timeoutMs: null,
}

/** geth's TraceConfig. What this node does not know, such as `reexec`, is passed over as geth does. */
export const traceConfig: Parser<TraceConfig> = (json) => {
  const members = membersOf(json)
  if (!members.ok) return members
  const reader = new MemberReader(members.value)
  const name = reader.read('tracer', string, '')
  const tracer = name === '' ? structOf(reader) : named(name, members.value.tracerConfig)
  if (!tracer.ok) return tracer
  const timeoutMs = reader.read('timeout', duration, null)
  return reader.finish({ tracer: tracer.value, timeoutMs })
}

function structOf(reader: MemberReader): Parsed<TracerChoice> {
  return reader.finish<TracerChoice>({
    kind: 'struct',
    enableMemory: reader.read('enableMemory', boolean, false),
    disableStack: reader.read('disableStack', boolean, false),
    disableStorage: reader.read('disableStorage', boolean, false),
    enableReturnData: reader.read('enableReturnData', boolean, false),
    limit: reader.read('limit', integerUpTo(Number.MAX_SAFE_INTEGER), 0),
  })
}

function named(name: string, json: unknown): Parsed<TracerChoice> {
  const members = membersOf(json ?? {})
  if (!members.ok) return bad(`tracerConfig: ${members.problem}`)
  const reader = new MemberReader(members.value)
  const flag = (member: string): boolean => reader.read(member, boolean, false)
  switch (name) {
    case 'callTracer':
      return reader.finish<TracerChoice>({
        kind: 'call',
        onlyTopCall: flag('onlyTopCall'),
        withLog: flag('withLog'),
      })
    case 'prestateTracer':
      return reader.finish<TracerChoice>({
        kind: 'prestate',
        diffMode: flag('diffMode'),
        disableCode: flag('disableCode'),
        disableStorage: flag('disableStorage'),
        includeEmpty: flag('includeEmpty'),
      })
    case '4byteTracer':
      return { ok: true, value: { kind: 'fourByte' } }
    case 'noopTracer':
      return { ok: true, value: { kind: 'noop' } }
    default:
      return bad(
        `tracer ${name.slice(0, 32)} not found: this node has callTracer, prestateTracer, 4byteTracer, noopTracer and, without a name, the struct logger`,
      )
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** A Go duration of one unit, such as `5s` or `300ms`, in milliseconds. */
const duration: Parser<number> = (json) => {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h)$/.exec(typeof json === 'string' ? json : '') ?? []
  if (digits === undefined || unit === undefined) return bad('expected a duration such as "5s"')
  return { ok: true, value: Number(digits) * (UNITS[unit] ?? 1) }
}
