import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { NexusError } from '../core/primitives/errors.ts'

export type Lock = { release(): void }

/** Start time tells a process from a later one that got the same number. */
type Holder = { readonly pid: number; readonly startedAt: string | null }

/**
 * One process at a time for a directory: the file names the process that holds it, and the lock of a
 * process that is gone is taken over. LOCKED names the holder. The directory must exist.
 */
export function acquireLock(file: string): Lock {
  const own: Holder = { pid: process.pid, startedAt: startTimeOf(process.pid) }
  const text = JSON.stringify(own)
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  fs.writeFileSync(temporary, text, { mode: 0o644 })
  try {
    // Two rounds would do; more only when others take and leave the lock at the same time.
    for (let attempt = 0; attempt < 10; attempt++) {
      if (linked(temporary, file)) return { release: () => release(file, text) }
      const found = readIfPresent(file)
      const holder = found === null ? null : holderOf(found)
      if (holder !== null && isRunning(holder)) throw locked(file, holder.pid)
      if (found !== null) removeStale(file, found)
    }
    throw locked(file, 0)
  } finally {
    fs.unlinkSync(temporary)
  }
}

/** The process that holds a lock now, or null. */
export function lockHolder(file: string): number | null {
  const found = readIfPresent(file)
  const holder = found === null ? null : holderOf(found)
  return holder !== null && isRunning(holder) ? holder.pid : null
}

const locked = (file: string, pid: number): NexusError =>
  new NexusError(
    { code: 'LOCKED', path: file, pid },
    { message: `${file} is held by process ${pid}` },
  )

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
    return { pid: parsed.pid, startedAt: typeof startedAt === 'string' ? startedAt : null }
  } catch {
    return null
  }
}

function isRunning({ pid, startedAt }: Holder): boolean {
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

/** Clock ticks since boot and the boot's id on Linux; null elsewhere, where the number must do. */
function startTimeOf(pid: number): string | null {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
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
