import { type DestinationStream, destination, type Logger as PinoLogger, pino } from 'pino'
import { PinoPretty } from 'pino-pretty'
import { NexusError } from '../../core/primitives/errors.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
/** `auto`: for people on a terminal, JSON everywhere else. */
export type LogFormat = 'auto' | 'json' | 'pretty'

/** Flat and primitive where it can be; byte arrays, bigints and errors are made short and plain. */
export type LogContext = Readonly<Record<string, unknown>>

/**
 * `error`: the operator must act. `warn`: may need to. `info`: a few lines a minute. `debug`: one
 * line per message. Messages are fixed English; what varies is in the context.
 */
export type Logger = {
  debug(message: string, context?: LogContext): void
  info(message: string, context?: LogContext): void
  warn(message: string, context?: LogContext): void
  error(message: string, context?: LogContext): void
  fatal(message: string, context?: LogContext): void
  /** A logger whose lines say which part of the node wrote them. */
  child(module: string): Logger
}

export type LogOptions = {
  readonly level: LogLevel
  readonly format: LogFormat
  /** In every line; which node of a devnet wrote it. */
  readonly node: string
}

export type LogSink = {
  readonly log: Logger
  /** Of this logger and of all its children. */
  setLevel(level: LogLevel): void
  /** Writes out what is buffered; before the process ends. */
  flush(): void
}

/** Lines go to standard output, or to `stream`. Each thread makes its own; lines never mix within a line. */
export function createLogger(options: LogOptions, stream?: DestinationStream): LogSink {
  const { level, node } = options
  const pretty = isForPeople(options)
  const buffered = stream === undefined && !pretty ? destination({ fd: 1, sync: false }) : null
  const target = pretty ? prettyStream(stream) : (stream ?? buffered)
  const inner = pino(
    {
      // What is below the threshold never comes so far.
      level: 'debug',
      base: { node },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    target as DestinationStream,
  )
  const threshold = { rank: rankOf(level) }
  return {
    log: wrap(inner, threshold),
    setLevel: (next) => {
      threshold.rank = rankOf(next)
    },
    flush: () => flushQuietly(buffered),
  }
}

const isForPeople = ({ format }: LogOptions): boolean =>
  format === 'pretty' || (format === 'auto' && process.stdout.isTTY === true)

/** For tests and for parts that run without a node. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  fatal() {},
  child: () => silentLogger,
}

function prettyStream(stream: DestinationStream | undefined): DestinationStream {
  return PinoPretty({
    destination: (stream as NodeJS.WritableStream | undefined) ?? 1,
    colorize: stream === undefined && process.stdout.isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'node,module',
    messageFormat: '{if module}{module}: {end}{msg}',
    singleLine: true,
    sync: true,
  })
}

const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const

/** `silent` is above all. */
const rankOf = (level: LogLevel): number =>
  level === 'silent' ? LEVELS.length : LEVELS.indexOf(level)

/** Shared by a logger and its children, so that a running node can be made to say more. */
type Threshold = { rank: number }

function wrap(inner: PinoLogger, threshold: Threshold): Logger {
  const write = (level: (typeof LEVELS)[number]) => {
    const rank = rankOf(level)
    return (message: string, context?: LogContext) => {
      if (rank < threshold.rank) return
      if (context === undefined) inner[level](message)
      else inner[level](plainContext(context), message)
    }
  }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
    child: (module) => wrap(inner.child({ module }), threshold),
  }
}

function plainContext(context: LogContext): Record<string, unknown> {
  const plain: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(context)) plain[key] = plainValue(value)
  return plain
}

function plainValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return shortHex(value)
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Error) return describeError(value)
  return value
}

/** A hash is recognized by its first bytes; a whole transaction would fill the log. */
const SHORT_BYTES = 8
function shortHex(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.subarray(0, SHORT_BYTES)).toString('hex')
  return bytes.length > SHORT_BYTES ? `${hex}…` : hex
}

/** An operating error is its code and what goes with it; a bug needs its stack. */
function describeError(error: Error): Record<string, unknown> {
  const detail = error instanceof NexusError ? plainContext(error.detail) : {}
  const cause = error.cause instanceof Error ? { cause: describeError(error.cause) } : {}
  return { name: error.name, message: error.message, ...detail, stack: error.stack, ...cause }
}

function flushQuietly(stream: { flushSync(): void } | null): void {
  try {
    stream?.flushSync()
  } catch {
    // The reader of our output is gone, and there is nobody left to tell.
  }
}
