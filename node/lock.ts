import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as os from 'node:os'
import { NexusError } from '../core/primitives/errors.ts'

export type Lock = { release(): void }

/** Start time tells a process from a later one that got the same number. */
type Holder = {
  readonly pid: number
  readonly startedAt: string | null
  /** Whose process numbers these are: a machine since its boot, and a container on it. */
  readonly host: string | null
}

export type LockOptions = {
  /** LOCK_LOST: this process stood still for too long, or somebody deleted the file. */
  readonly onLost: (error: NexusError) => void
  readonly beatMs: number
}

/** Thrown out of a timer: it ends the process as any other error that nobody expected. */
const defaultLockOptions: LockOptions = {
  onLost: (error) => {
    throw error
  },
  beatMs: 2_000,
}

/** A process number of another container or machine says nothing here; that the holder writes does. */
const ABANDONED_MS = 15_000

/**
 * One process at a time for a directory: the file names the process that holds it, and the lock of a
 * process that is gone is taken over; that of another container or machine when it was not renewed
 * for 15 s. LOCKED names the holder. The directory must exist.
 */
export function acquireLock(file: string, options: LockOptions = defaultLockOptions): Lock {
  const own: Holder = { pid: process.pid, startedAt: startTimeOf(process.pid), host: HOST }
  const text = JSON.stringify(own)
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  fs.writeFileSync(temporary, text, { mode: 0o644 })
  try {
    // Two rounds would do; more only when others take and leave the lock at the same time.
    for (let attempt = 0; attempt < 10; attempt++) {
      if (linked(temporary, file)) return keep(file, text, options)
      const found = readIfPresent(file)
      const holder = found === null ? null : holderOf(found)
      if (holder !== null && isHeld(file, holder)) throw locked(file, holder)
      if (found !== null) removeStale(file, found)
    }
    throw locked(file, own)
  } finally {
    fs.unlinkSync(temporary)
  }
}

/** The process that holds a lock now, or null. */
export function lockHolder(file: string): number | null {
  const found = readIfPresent(file)
  const holder = found === null ? null : holderOf(found)
  return holder !== null && isHeld(file, holder) ? holder.pid : null
}

function keep(file: string, text: string, { onLost, beatMs }: LockOptions): Lock {
  const timer = setInterval(() => {
    if (readIfPresent(file) === text) {
      const now = new Date()
      fs.utimesSync(file, now, now)
      return
    }
    clearInterval(timer)
    onLost(
      new NexusError(
        { code: 'LOCK_LOST', path: file },
        { message: `${file} names another process now, or was deleted` },
      ),
    )
  }, beatMs)
  timer.unref()
  return {
    release: () => {
      clearInterval(timer)
      release(file, text)
    },
  }
}

function isHeld(file: string, holder: Holder): boolean {
  if (holder.host === null || holder.host === HOST) return isRunning(holder)
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  return stat !== undefined && Date.now() - stat.mtimeMs < ABANDONED_MS
}

function locked(file: string, { pid, host }: Holder): NexusError {
  const elsewhere = host === null || host === HOST ? '' : ' of another container or machine'
  return new NexusError(
    { code: 'LOCKED', path: file, pid },
    { message: `${file} is held by process ${pid}${elsewhere}` },
  )
}

/** A second name for a complete file: nobody ever reads half a lock. */
function linked(source: string, target: string): boolean {
  try {
    fs.linkSync(source, target)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** Moves the file away before it is deleted, and puts it back when it is no longer the one we judged. */
function removeStale(file: string, judged: string): void {
  const aside = `${file}.${randomBytes(6).toString('hex')}.stale`
  try {
    fs.renameSync(file, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  if (readIfPresent(aside) !== judged) linked(aside, file)
  fs.unlinkSync(aside)
}

function release(file: string, own: string): void {
  if (readIfPresent(file) === own) fs.rmSync(file, { force: true })
}

function holderOf(text: string): Holder | null {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null || !('pid' in parsed)) return null
    const startedAt = 'startedAt' in parsed ? parsed.startedAt : null
    if (typeof parsed.pid !== 'number' || !Number.isSafeInteger(parsed.pid)) return null
    const host = 'host' in parsed ? parsed.host : null
    return {
      pid: parsed.pid,
      startedAt: typeof startedAt === 'string' ? startedAt : null,
      host: typeof host === 'string' ? host : null,
    }
  } catch {
    return null
  }
}

function isRunning({ pid, startedAt }: Pick<Holder, 'pid' | 'startedAt'>): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return false
  }
  const now = startTimeOf(pid)
  if (now === ENDED) return false
  return startedAt === null || now === null || now === startedAt
}

/** A process that ended and whose parent has not asked yet. */
const ENDED = 'ended'

const HOST = hostOf()

/** The boot and the process namespace on Linux; the machine's name elsewhere. */
function hostOf(): string {
  try {
    return `${bootId()}/${fs.readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return os.hostname()
  }
}

const bootId = (): string => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

/** Clock ticks since boot and the boot's id on Linux; null elsewhere, where the number must do. */
function startTimeOf(pid: number): string | null {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    const boot = bootId()
    // The name before may hold spaces and parentheses; the fields after the last one do not.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? ENDED : `${fields[19]}@${boot}`
  } catch {
    return null
  }
}

function readIfPresent(file: string): string | null {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined
