import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { NexusError } from '../../core/primitives/errors.ts'

export type FileFault =
  | 'FILE_EXISTS'
  | 'FILE_UNREADABLE'
  | 'FILE_UNWRITABLE'
  | 'SECRET_MISSING'
  | 'SECRET_PERMISSIONS'
  | 'SECRET_OWNER'

type FileDetail = { readonly code: FileFault; readonly path: string; readonly reason: string }

export const fileError = (code: FileFault, file: string, reason: string): NexusError<FileDetail> =>
  new NexusError({ code, path: file, reason }, { message: `${file}: ${reason}` })

const SECRET_FILE_MODE = 0o600
const SECRET_DIRECTORY_MODE = 0o700
const OTHERS = 0o077
const OTHERS_OR_GROUP_WRITE = 0o027

/** Replaces or creates a file so that a crash leaves the old or the new contents, never a part. */
export function writeFileAtomic(file: string, text: string, mode = 0o644): void {
  attempt(file, () => {
    const temporary = writeTemporary(file, text, mode)
    fs.renameSync(temporary, file)
    syncDirectory(path.dirname(file))
  })
}

/**
 * Creates a file that only its owner can read, in a directory that only its owner can list.
 * Refuses to replace one: a key that is overwritten is lost. FILE_EXISTS.
 */
export function createSecretFile(file: string, text: string): void {
  attempt(file, () => {
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: SECRET_DIRECTORY_MODE })
    const temporary = writeTemporary(file, text, SECRET_FILE_MODE)
    try {
      // A rename would replace silently; a second name for the same file fails when it is taken.
      fs.linkSync(temporary, file)
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw fileError('FILE_EXISTS', file, 'it exists already')
      throw error
    } finally {
      fs.unlinkSync(temporary)
    }
    syncDirectory(path.dirname(file))
  })
}

/** Replaces a secret that exists; a crash leaves the old or the new contents. SECRET_MISSING. */
export function replaceSecretFile(file: string, text: string): void {
  statOf(file)
  writeFileAtomic(file, text, SECRET_FILE_MODE)
}

/**
 * Reads a secret. SECRET_PERMISSIONS when anybody but its owner could read it or swap it
 * (spec/consensus.md 5.4), SECRET_OWNER when it is another user's, SECRET_MISSING.
 */
export function readSecretFile(file: string): string {
  const stat = statOf(file)
  if (!stat.isFile()) throw fileError('FILE_UNREADABLE', file, 'it is not a file')
  assertPrivate(file, stat, SECRET_FILE_MODE)
  assertPrivateDirectory(path.dirname(file))
  return readTextFile(file)
}

/** SECRET_PERMISSIONS or SECRET_OWNER unless only its owner, this user, can list and change it. */
export const assertPrivateDirectory = (directory: string): void =>
  assertPrivate(directory, statOf(directory), SECRET_DIRECTORY_MODE)

/**
 * Reads a password. Its group may read it, as systemd hands credentials over; SECRET_PERMISSIONS
 * when others may, or when anybody but its owner may change it.
 */
export function readPasswordFile(file: string): Buffer {
  const { mode } = statOf(file)
  if (process.platform !== 'win32' && (mode & OTHERS_OR_GROUP_WRITE) !== 0)
    throw permissionsError(file, mode, SECRET_FILE_MODE)
  try {
    return fs.readFileSync(file)
  } catch (error) {
    throw fileError('FILE_UNREADABLE', file, reasonOf(error))
  }
}

/** FILE_UNREADABLE with the reason of the operating system. */
export function readTextFile(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    throw fileError('FILE_UNREADABLE', file, reasonOf(error))
  }
}

/** Null when there is no such file. */
export function readTextFileIfPresent(file: string): string | null {
  return fs.existsSync(file) ? readTextFile(file) : null
}

function statOf(file: string): fs.Stats {
  try {
    return fs.statSync(file)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw fileError('SECRET_MISSING', file, 'there is no such file')
    throw fileError('FILE_UNREADABLE', file, reasonOf(error))
  }
}

function assertPrivate(file: string, stat: fs.Stats, mode: number): void {
  // Windows has access lists instead of modes and reports 0o666 for every file.
  if (process.platform === 'win32') return
  if ((stat.mode & OTHERS) !== 0) throw permissionsError(file, stat.mode, mode)
  const user = process.geteuid?.()
  if (user !== undefined && user !== 0 && stat.uid !== user)
    throw fileError(
      'SECRET_OWNER',
      file,
      `it belongs to user id ${stat.uid}, not ${user}. Run: chown ${user} '${file}'`,
    )
}

function permissionsError(file: string, mode: number, wanted: number): NexusError {
  const [found, must] = [(mode & 0o777).toString(8), wanted.toString(8)]
  const reason = `other users may access it: mode ${found}, must be ${must}. Run: chmod ${must} '${file}'`
  return fileError('SECRET_PERMISSIONS', file, reason)
}

function writeTemporary(file: string, text: string, mode: number): string {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  const descriptor = fs.openSync(temporary, 'wx', mode)
  try {
    fs.writeFileSync(descriptor, text)
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
  return temporary
}

/** Makes a new name durable; some systems cannot open a directory, and then there is nothing to do. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return
  const descriptor = fs.openSync(directory, 'r')
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}

function attempt(file: string, run: () => void): void {
  try {
    run()
  } catch (error) {
    if (error instanceof NexusError) throw error
    throw fileError('FILE_UNWRITABLE', file, reasonOf(error))
  }
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : `${error}`)
