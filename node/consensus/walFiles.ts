import { dirname, join } from 'node:path'
import { NexusError } from '../../core/primitives/errors.ts'
import type { FileSystem, OpenFile } from '../storage/fileSystem.ts'

export const walName = (height: number): string => `${String(height).padStart(16, '0')}.wal`
/** What a crash left of making one is deleted with it. */
export const COPY_SUFFIX = '.copy'
const WAL_NAME = /^(\d{16})\.wal(?:\.copy)?$/

/** The name says the first height that the file may hold. */
export type WalFile = { readonly height: number; readonly path: string }

/** The WAL files of a directory by height; a file of another name is not one. */
export async function walFilesOf(
  directory: string,
  fileSystem: FileSystem,
): Promise<readonly WalFile[]> {
  const files: WalFile[] = []
  for (const name of await fileSystem.list(directory)) {
    const found = WAL_NAME.exec(name)
    if (found !== null) files.push({ height: Number(found[1]), path: join(directory, name) })
  }
  return files.sort((a, b) => a.height - b.height)
}

/**
 * Deletes the log, durably; how many files there were. For a chain that went back: any file may hold
 * heights above, and those below are in the database.
 */
export async function removeWals(directory: string, fileSystem: FileSystem): Promise<number> {
  await fileSystem.makeDirectory(directory)
  const removed = await walFilesOf(directory, fileSystem)
  for (const { path } of removed) await fileSystem.remove(path)
  if (removed.length > 0) await fileSystem.syncDirectory(directory)
  return removed.length
}

/** A file under its name whole or not at all, also after a power cut. */
export async function placeFile(
  path: string,
  contents: Uint8Array,
  fileSystem: FileSystem,
): Promise<OpenFile> {
  const file = await fileSystem.create(`${path}${COPY_SUFFIX}`)
  await file.write(contents, 0)
  await file.sync()
  await fileSystem.rename(`${path}${COPY_SUFFIX}`, path)
  await fileSystem.syncDirectory(dirname(path))
  return file
}

export const closedError = (file: string): NexusError =>
  new NexusError({ code: 'WAL_CLOSED', file })

export const openError = (file: string, error: unknown): NexusError =>
  new NexusError(
    { code: 'WAL_OPEN', file, reason: String(error) },
    { message: `the consensus WAL ${file} cannot be opened: ${error}`, cause: error },
  )

export const writeError = (file: string, error: unknown): NexusError =>
  new NexusError(
    { code: 'WAL_WRITE', file, reason: String(error) },
    { message: `the consensus WAL ${file} cannot be written: ${error}`, cause: error },
  )
