import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { assert } from '../../core/primitives/assert.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { type FileSystem, nodeFileSystem, type OpenFile } from '../storage/fileSystem.ts'
import type { ChainIdentity } from '../storage/meta.ts'
import {
  checkHeader,
  decodeHeader,
  encodeHeader,
  HEADER_BYTES,
  RECORD_HEAD_BYTES,
  recoverRecords,
  SALT_BYTES,
  saltCrc,
  type WalEntry,
  walCorrupt,
  writeRecord,
} from './walFormat.ts'

export type { WalEntry } from './walFormat.ts'

/** What a height writes to. */
export type WalLog = {
  /** Into memory; on disk after the next `flush`. Throws the first error of the file. */
  append(type: number, payload: Uint8Array): void
  /** Resolves when everything appended before the call is on disk. Rejects with the first error of the file, for ever. */
  flush(): Promise<void>
  /** Flushes and closes. */
  close(): Promise<void>
}

export type OpenedWal = { readonly wal: WalLog; readonly entries: readonly WalEntry[] }

/** One WAL per height. */
export type WalFactory = {
  open(height: number): Promise<OpenedWal>
  /** Deletes the WALs of lower heights. */
  removeBelow(height: number): Promise<void>
}

export type WalOptions = ChainIdentity & {
  readonly height: number
  readonly fileSystem: FileSystem
  /** 16 random bytes for a new file. */
  readonly salt: Uint8Array
  /**
   * Zeros written behind a new header. A record within them does not change the file's size, so its
   * sync writes data only and needs no commit of the file system's journal, which all processes share.
   */
  readonly preallocatedBytes: number
}

/**
 * The write-ahead log of one height. After any error nothing more is written: a failed fsync may have
 * dropped the pages it failed to write, so trying again and succeeding would prove nothing.
 */
export class Wal implements WalLog {
  readonly #file: OpenFile
  readonly #path: string
  readonly #salt: number
  /** Of the end of the appended records, flushed or not. */
  #end: number
  #written: number
  /** Where the records begin that wait to be written together. */
  #flush = 0
  #pending = new Uint8Array(FIRST_BUFFER_BYTES)
  #pendingBytes = 0
  /** The memory of the write before, for the next one. */
  #spare: Uint8Array<ArrayBuffer> | null = null
  #flushing: Promise<void> | null = null
  #next: Promise<void> | null = null
  #failure: NexusError | null = null

  private constructor(file: OpenFile, start: WalStart) {
    this.#file = file
    this.#path = start.path
    this.#salt = start.salt
    this.#end = start.end
    this.#written = start.end
  }

  /**
   * Opens the WAL of a height, or makes it. What a crash left half-written at the end is cut off.
   * Throws WAL_CORRUPT when something in the middle is damaged, WAL_WRONG_CHAIN, WAL_VERSION,
   * WAL_OPEN.
   */
  static async open(directory: string, options: WalOptions): Promise<OpenedWal> {
    const path = join(directory, walName(options.height))
    try {
      return await Wal.#open(path, options)
    } catch (error) {
      if (error instanceof NexusError) throw error
      throw openError(path, error)
    }
  }

  static async #open(path: string, options: WalOptions): Promise<OpenedWal> {
    const { fileSystem } = options
    const bytes = await fileSystem.read(path)
    const header = bytes === null ? null : decodeHeader(bytes)
    if (bytes === null || header === null) {
      // Records are appended only after the header is on disk, so a file without any promises nothing.
      if (bytes !== null && !isBlank(bytes, HEADER_BYTES)) throw walCorrupt(path, 0, null)
      return { wal: await Wal.#create(path, options), entries: [] }
    }
    checkHeader(header, options, path)
    const salt = saltCrc(header.salt)
    const { entries, end } = recoverRecords(bytes, salt, path)
    const contents = isBlank(bytes, end) ? bytes : bytes.subarray(0, end)
    // What was read may be in the page cache only, and this node is about to act on it. After a failed
    // sync the system takes those pages for clean, and would not write them again: hence a new file.
    const file = await placeFile(path, contents, fileSystem)
    return { wal: new Wal(file, { path, salt, end }), entries }
  }

  static async #create(path: string, options: WalOptions): Promise<Wal> {
    const { fileSystem, chainId, genesisHash, height, salt, preallocatedBytes } = options
    assert(salt.length === SALT_BYTES, 'a WAL salt has 16 bytes')
    const contents = new Uint8Array(HEADER_BYTES + preallocatedBytes)
    contents.set(encodeHeader({ chainId, genesisHash, height, salt }))
    const file = await placeFile(path, contents, fileSystem)
    return new Wal(file, { path, salt: saltCrc(salt), end: HEADER_BYTES })
  }

  append(type: number, payload: Uint8Array): void {
    if (this.#failure !== null) throw this.#failure
    assert(Number.isInteger(type) && type >= 0 && type <= 0xff, 'a WAL type is one byte')
    assert(payload.length <= LIMITS.walRecordBytes, 'a WAL record is within its limit')
    if (this.#pendingBytes === 0) this.#flush = this.#end
    const length = RECORD_HEAD_BYTES + payload.length
    this.#reserve(length)
    const place = { salt: this.#salt, offset: this.#end, flush: this.#flush }
    writeRecord(this.#pending, this.#pendingBytes, { type, payload, ...place })
    this.#pendingBytes += length
    this.#end += length
  }

  #reserve(bytes: number): void {
    const needed = this.#pendingBytes + bytes
    if (needed <= this.#pending.length) return
    const larger = new Uint8Array(Math.max(needed, 2 * this.#pending.length))
    larger.set(this.#pending.subarray(0, this.#pendingBytes))
    this.#pending = larger
  }

  flush(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    // One that waits its turn covers all who come before it starts, also after the running one has ended.
    if (this.#next !== null) return this.#next
    if (this.#flushing !== null) {
      this.#next = this.#flushing.then(() => {
        this.#next = null
        return this.#start()
      })
      return this.#next
    }
    return this.#pendingBytes === 0 ? Promise.resolve() : this.#start()
  }

  async close(): Promise<void> {
    try {
      if (this.#failure === null) await this.flush()
    } finally {
      this.#failure ??= new NexusError({ code: 'WAL_CLOSED', file: this.#path })
      await this.#file.close()
    }
  }

  #start(): Promise<void> {
    const flushing = this.#write().finally(() => {
      this.#flushing = null
    })
    this.#flushing = flushing
    return flushing
  }

  async #write(): Promise<void> {
    const memory = this.#pending
    const bytes = memory.subarray(0, this.#pendingBytes)
    this.#pending = this.#spare ?? new Uint8Array(FIRST_BUFFER_BYTES)
    this.#spare = null
    this.#pendingBytes = 0
    try {
      await this.#file.write(bytes, this.#written)
      await this.#file.sync()
      this.#written += bytes.length
      if (memory.length <= MAX_SPARE_BYTES) this.#spare = memory
    } catch (error) {
      this.#failure = writeError(this.#path, error)
      throw this.#failure
    }
  }
}

const FIRST_BUFFER_BYTES = 4_096
/** What a large block needed is not kept. */
const MAX_SPARE_BYTES = 64 * 1_024

/** A file under its name whole or not at all, also after a power cut. */
async function placeFile(
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

const openError = (file: string, error: unknown): NexusError =>
  new NexusError(
    { code: 'WAL_OPEN', file, reason: String(error) },
    { message: `the consensus WAL ${file} cannot be opened: ${error}`, cause: error },
  )

const writeError = (file: string, error: unknown): NexusError =>
  new NexusError(
    { code: 'WAL_WRITE', file, reason: String(error) },
    { message: `the consensus WAL ${file} cannot be written: ${error}`, cause: error },
  )

type WalStart = { readonly path: string; readonly salt: number; readonly end: number }

const walName = (height: number): string => `${String(height).padStart(16, '0')}.wal`
/** What a crash left of making one is deleted with it. */
const COPY_SUFFIX = '.copy'
const WAL_NAME = /^(\d{16})\.wal(?:\.copy)?$/

/** Nothing but the zeros a new file is filled with: no record was ever written there. */
function isBlank(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}

type Prepared = { readonly height: number; readonly opened: Promise<OpenedWal> }

async function closed({ opened }: Prepared): Promise<void> {
  await (await opened).wal.close()
}

export type WalDirectoryOptions = ChainIdentity & {
  readonly directory: string
  readonly fileSystem: FileSystem
  readonly randomBytes: (length: number) => Uint8Array
  readonly preallocatedBytes: number
}

export const defaultWalDirectoryOptions = {
  fileSystem: nodeFileSystem,
  randomBytes: (length: number): Uint8Array => new Uint8Array(randomBytes(length)),
  // The messages of a round of 16 validators and a block of 400 transfers.
  preallocatedBytes: 64 * 1024,
}

/**
 * The WALs of a data directory. Making a file costs two syncs, so the next height's is made while
 * this one runs: opening it then costs nothing.
 */
export class WalDirectory implements WalFactory {
  readonly #options: WalDirectoryOptions
  #prepared: Prepared | null = null
  #removing: Promise<void> = Promise.resolve()

  private constructor(options: WalDirectoryOptions) {
    this.#options = options
  }

  static async open(options: WalDirectoryOptions): Promise<WalDirectory> {
    const { directory, fileSystem } = options
    await fileSystem.makeDirectory(directory).catch((error) => {
      throw openError(directory, error)
    })
    return new WalDirectory(options)
  }

  async open(height: number): Promise<OpenedWal> {
    const prepared = this.#prepared
    this.#prepared = null
    if (prepared !== null && prepared.height !== height) await closed(prepared)
    const opened = await (prepared?.height === height ? prepared.opened : this.#open(height))
    const next = this.#open(height + 1)
    // Whoever opens that height sees the error; until then it is nobody's.
    next.catch(() => undefined)
    this.#prepared = { height: height + 1, opened: next }
    return opened
  }

  /** Returns before the files are gone; a later call reports what went wrong. */
  async removeBelow(height: number): Promise<void> {
    await this.#removing
    // Block sync passes heights faster than their files are made: one that is being made must be there
    // before it can be removed.
    const passed = this.#prepared !== null && this.#prepared.height < height ? this.#prepared : null
    if (passed !== null) this.#prepared = null
    this.#removing = this.#remove(height, passed).catch((error) => {
      throw error instanceof NexusError ? error : writeError(this.#options.directory, error)
    })
    this.#removing.catch(() => undefined)
  }

  async close(): Promise<void> {
    const prepared = this.#prepared
    this.#prepared = null
    await this.#removing
    if (prepared !== null) await closed(prepared)
  }

  #open(height: number): Promise<OpenedWal> {
    const { directory, chainId, genesisHash, fileSystem, preallocatedBytes } = this.#options
    const salt = this.#options.randomBytes(SALT_BYTES)
    const identity = { chainId, genesisHash, height }
    return Wal.open(directory, { ...identity, fileSystem, salt, preallocatedBytes })
  }

  async #remove(height: number, passed: Prepared | null): Promise<void> {
    const { directory, fileSystem } = this.#options
    if (passed !== null) await closed(passed)
    for (const file of await walFilesOf(directory, fileSystem))
      if (file.height < height) await fileSystem.remove(file.path)
  }
}

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

/** Deletes the WALs of a height and above, durably; how many there were. For a node that does not run. */
export async function removeWalsFrom(
  directory: string,
  height: number,
  fileSystem: FileSystem,
): Promise<number> {
  await fileSystem.makeDirectory(directory)
  const removed = (await walFilesOf(directory, fileSystem)).filter((file) => file.height >= height)
  for (const { path } of removed) await fileSystem.remove(path)
  if (removed.length > 0) await fileSystem.syncDirectory(directory)
  return removed.length
}
