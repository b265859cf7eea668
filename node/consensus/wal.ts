import { join } from 'node:path'
import { assert } from '../../core/primitives/assert.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import type { FileSystem, OpenFile } from '../storage/fileSystem.ts'
import type { ChainIdentity } from '../storage/meta.ts'
import { closedError, openError, placeFile, walName, writeError } from './walFiles.ts'
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

export type Opened<T> = { readonly wal: T; readonly entries: readonly WalEntry[] }

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
 * One file of the write-ahead log. After any error nothing more is written: a failed fsync may have
 * dropped the pages it failed to write, so trying again and succeeding would prove nothing.
 */
export class Wal {
  readonly #file: OpenFile
  readonly #path: string
  readonly #salt: number
  /** Of the end of the appended records, flushed or not. */
  #end: number
  /** The end of those that a write was begun for. */
  #begun: number
  #written: number
  /** Where the records begin that wait to be written together. */
  #flush = 0
  #pending = new Uint8Array(FIRST_BUFFER_BYTES)
  #pendingBytes = 0
  #flushing: Promise<void> | null = null
  #next: Promise<void> | null = null
  #failure: NexusError | null = null

  private constructor(file: OpenFile, start: WalStart) {
    this.#file = file
    this.#path = start.path
    this.#salt = start.salt
    this.#end = start.end
    this.#begun = start.end
    this.#written = start.end
  }

  get path(): string {
    return this.#path
  }

  /** Where the next record goes. */
  get end(): number {
    return this.#end
  }

  /**
   * Opens the file that begins with a height, or makes it. What a crash left half-written at the end is cut off.
   * Throws WAL_CORRUPT when something in the middle is damaged, WAL_WRONG_CHAIN, WAL_VERSION,
   * WAL_OPEN.
   */
  static async open(directory: string, options: WalOptions): Promise<Opened<Wal>> {
    const path = join(directory, walName(options.height))
    try {
      return await Wal.#open(path, options)
    } catch (error) {
      if (error instanceof NexusError) throw error
      throw openError(path, error)
    }
  }

  static async #open(path: string, options: WalOptions): Promise<Opened<Wal>> {
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
    // It may get marks, which a file of an older version has not.
    bytes.set(encodeHeader(header))
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

  /** What was appended since the last flush was never there. */
  forget(): void {
    this.#end = this.#begun
    this.#pendingBytes = 0
  }

  #reserve(bytes: number): void {
    const needed = this.#pendingBytes + bytes
    if (needed <= this.#pending.length) return
    // With room for the votes that follow a block.
    const larger = new Uint8Array(2 ** Math.ceil(Math.log2(needed)))
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
    return this.#start()
  }

  async close(): Promise<void> {
    try {
      if (this.#failure === null) await this.flush()
    } finally {
      this.#failure ??= closedError(this.#path)
      await this.#file.close()
    }
  }

  #start(): Promise<void> {
    if (this.#pendingBytes === 0) return Promise.resolve()
    const flushing = this.#write().finally(() => {
      this.#flushing = null
    })
    this.#flushing = flushing
    return flushing
  }

  async #write(): Promise<void> {
    const memory = this.#pending
    const bytes = memory.subarray(0, this.#pendingBytes)
    this.#pending = spare ?? new Uint8Array(FIRST_BUFFER_BYTES)
    spare = null
    this.#pendingBytes = 0
    this.#begun = this.#end
    try {
      await this.#file.write(bytes, this.#written)
      await this.#file.sync()
      this.#written += bytes.length
      keepSpare(memory)
    } catch (error) {
      this.#failure = writeError(this.#path, error)
      throw this.#failure
    }
  }
}

/** The memory of a write that has ended, for the next one of any log: a busy chain begins a file every second. */
let spare: Uint8Array<ArrayBuffer> | null = null

function keepSpare(memory: Uint8Array<ArrayBuffer>): void {
  if (memory.length <= MAX_SPARE_BYTES && memory.length > (spare?.length ?? 0)) spare = memory
}

const FIRST_BUFFER_BYTES = 4_096
/** What the largest blocks needed is not kept. */
const MAX_SPARE_BYTES = 2 ** 19

type WalStart = { readonly path: string; readonly salt: number; readonly end: number }

/** Nothing but the zeros a new file is filled with: no record was ever written there. */
function isBlank(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}
