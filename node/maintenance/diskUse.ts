import * as fs from 'node:fs'
import * as path from 'node:path'
import type { HomePaths } from '../config/paths.ts'

export type DiskUse = {
  readonly databaseBytes: number
  readonly walBytes: number
  /** On the file system of the data, for this user; null where the system does not say. */
  readonly freeBytes: number | null
}

export function diskUse(paths: HomePaths): DiskUse {
  return {
    databaseBytes: sizeOf(paths.database),
    walBytes: sizeOf(paths.wal),
    freeBytes: freeBytes(paths.home),
  }
}

/** Of the files of a directory; a file that goes away meanwhile counts nothing. */
function sizeOf(directory: string): number {
  let bytes = 0
  for (const name of namesIn(directory))
    bytes += fs.statSync(path.join(directory, name), { throwIfNoEntry: false })?.size ?? 0
  return bytes
}

function namesIn(directory: string): readonly string[] {
  try {
    return fs.readdirSync(directory)
  } catch {
    return []
  }
}

function freeBytes(directory: string): number | null {
  try {
    const { bavail, bsize } = fs.statfsSync(directory)
    return bavail * bsize
  } catch {
    return null
  }
}
