import * as fs from 'node:fs'
import * as fsp from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/** A file opened for writing. Every method rejects with what the operating system said. */
export type OpenFile = {
  /** All bytes at a position, or an error; on an error any part may have been written. */
  write(bytes: Uint8Array, position: number): Promise<void>
  /** fdatasync: contents, and the size when it changed. */
  sync(): Promise<void>
  truncate(length: number): Promise<void>
  close(): Promise<void>
}

/** The few file operations that durability rests on, so that tests can make each of them fail. */
export type FileSystem = {
  /** Null when there is no such file. */
  read(path: string): Promise<Uint8Array | null>
  /** Opens an existing file without changing it. */
  open(path: string): Promise<OpenFile>
  /** Creates a file or empties an existing one. */
  create(path: string): Promise<OpenFile>
  rename(source: string, target: string): Promise<void>
  remove(path: string): Promise<void>
  list(directory: string): Promise<readonly string[]>
  /** With its parents, all of them durable. */
  makeDirectory(directory: string): Promise<void>
  /** Makes created, renamed and removed names durable. */
  syncDirectory(directory: string): Promise<void>
}

export const nodeFileSystem: FileSystem = {
  read: async (path) => {
    try {
      return new Uint8Array(await fsp.readFile(path))
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  },
  open: async (path) => openFileOf(await openDescriptor(path, 'r+')),
  create: async (path) => openFileOf(await openDescriptor(path, 'w')),
  rename: (source, target) => fsp.rename(source, target),
  remove: (path) => fsp.unlink(path),
  list: (directory) => fsp.readdir(directory),
  makeDirectory: async (directory) => {
    const first = await fsp.mkdir(directory, { recursive: true, mode: 0o700 })
    if (first === undefined) return
    const top = dirname(resolve(first))
    for (let made = resolve(directory); made.length > top.length; made = dirname(made))
      await syncDirectory(dirname(made))
  },
  syncDirectory,
}

async function syncDirectory(directory: string): Promise<void> {
  const descriptor = await openDescriptor(directory, 'r')
  try {
    await settled((done) => fs.fsync(descriptor, done))
  } finally {
    await settled((done) => fs.close(descriptor, done))
  }
}

/**
 * Below this a write is a copy into the page cache of a few microseconds, cheaper than a trip
 * through the thread pool. So is its sync on a disk that answers within a fraction of a millisecond:
 * the trip costs 30 to 50 µs of processor time, and on a busy machine two waits for a processor.
 */
const INLINE_WRITE_BYTES = 64 * 1024
/**
 * While even the fastest of the last dozen syncs took longer they take the trip, since others wait for
 * this thread. Not all of them: where processors are short, some syncs seem slow on any disk.
 */
const SLOW_SYNC_MS = 4
/** How much slower the fastest sync is taken for with each one that follows. */
const FORGETTING = 1.25

function openFileOf(descriptor: number): OpenFile {
  let unsyncedBytes = 0
  let fastestMs = 0.1
  return {
    write: async (bytes, position) => {
      unsyncedBytes += bytes.length
      for (let done = 0; done < bytes.length; ) {
        const rest = bytes.length - done
        done +=
          rest <= INLINE_WRITE_BYTES
            ? fs.writeSync(descriptor, bytes, done, rest, position + done)
            : await writeSome(descriptor, bytes.subarray(done), position + done)
      }
    },
    sync: async () => {
      const isSmall = unsyncedBytes <= INLINE_WRITE_BYTES
      unsyncedBytes = 0
      const started = performance.now()
      if (isSmall && fastestMs < SLOW_SYNC_MS) fs.fdatasyncSync(descriptor)
      else await settled((done) => fs.fdatasync(descriptor, done))
      if (isSmall) fastestMs = Math.min(fastestMs * FORGETTING, performance.now() - started)
    },
    truncate: (length) => settled((done) => fs.ftruncate(descriptor, length, done)),
    close: () => settled((done) => fs.close(descriptor, done)),
  }
}

const openDescriptor = (path: string, flags: string): Promise<number> =>
  new Promise((resolve, reject) =>
    fs.open(path, flags, 0o600, (error, descriptor) =>
      error === null ? resolve(descriptor) : reject(error),
    ),
  )

const writeSome = (descriptor: number, bytes: Uint8Array, position: number): Promise<number> =>
  new Promise((resolve, reject) =>
    fs.write(descriptor, bytes, 0, bytes.length, position, (error, written) =>
      error === null ? resolve(written) : reject(error),
    ),
  )

const settled = (start: (done: (error: Error | null) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => start((error) => (error === null ? resolve() : reject(error))))

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
