import { randomBytes } from 'node:crypto'
import { assert } from '../../core/primitives/assert.ts'
import { encode, int } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { type FileSystem, nodeFileSystem } from '../storage/fileSystem.ts'
import type { ChainIdentity } from '../storage/meta.ts'
import { type Opened, Wal } from './wal.ts'
import {
  COPY_SUFFIX,
  closedError,
  openError,
  type WalFile,
  walFilesOf,
  writeError,
} from './walFiles.ts'
import { HEADER_BYTES, heightOfMark, SALT_BYTES, WAL_HEIGHT, type WalEntry } from './walFormat.ts'

/** What a height writes to. */
export type WalLog = {
  /** Into memory; on disk after the next `flush`. Throws the first error of the file. */
  append(type: number, payload: Uint8Array): void
  /** Resolves when everything appended before the call is on disk. Rejects with the first error of the file, for ever. */
  flush(): Promise<void>
  /** Flushes and closes. */
  close(): Promise<void>
  /** Closes; what waits for a flush is forgotten, since the height is committed. */
  discard(): void
}

export type OpenedWal = Opened<WalLog>

export type WalFactory = {
  /** The log of a height, and what it holds already; the log of the height before is closed with it. */
  open(height: number): Promise<OpenedWal>
  /** Deletes the files that hold lower heights only. */
  removeBelow(height: number): Promise<void>
}

type Prepared = { readonly height: number; readonly opened: Promise<Opened<Wal>> }

/** What one height writes to a file that it shares with its neighbours. */
class HeightLog implements WalLog {
  readonly #wal: Wal
  #isOpen = true

  constructor(wal: Wal) {
    this.#wal = wal
  }

  append(type: number, payload: Uint8Array): void {
    if (!this.#isOpen) throw closedError(this.#wal.path)
    this.#wal.append(type, payload)
  }

  async flush(): Promise<void> {
    if (!this.#isOpen) throw closedError(this.#wal.path)
    await this.#wal.flush()
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#wal.flush()
  }

  discard(): void {
    if (this.#isOpen) this.#wal.forget()
    this.#isOpen = false
  }
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
  // Some hundred heights of a few validators and transactions.
  preallocatedBytes: 1024 * 1024,
}

/**
 * The WAL of a data directory: files of several heights each, one after the other. Making and removing
 * a file costs as much as the rest of a height, so the next is begun when what was preallocated is
 * three quarters full, and made before that, beside the heights that still go into this one.
 */
export class WalDirectory implements WalFactory {
  readonly #options: WalDirectoryOptions
  #wal: Wal | null = null
  /** The first height that the file may hold, and the one opened last. */
  #first = 0
  #height = 0
  #log: HeightLog | null = null
  /** Of heights to come: the database is older than the log. */
  #recalled = new Map<number, WalEntry[]>()
  #prepared: Prepared | null = null
  /** The other files, to be removed. */
  #others: WalFile[] = []
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
    const isRead = this.#wal !== null && height > this.#height
    if (!isRead || this.#others.some((file) => file.height === height)) await this.#recall(height)
    else if (this.#isFull) await this.#next(height)
    this.#log?.discard()
    const wal = this.#wal
    assert(wal !== null, 'a file is open by now')
    const entries = this.#recalled.get(height) ?? []
    for (const passed of this.#recalled.keys()) if (passed <= height) this.#recalled.delete(passed)
    if (entries.length === 0 || this.#height !== height) wal.append(WAL_HEIGHT, encode(int, height))
    this.#height = height
    const log = new HeightLog(wal)
    this.#log = log
    if (this.#isUsed(PREPARED_FROM)) this.#prepare(height + 1)
    return { wal: log, entries }
  }

  /** Returns before the files are gone; a later call reports what went wrong. */
  async removeBelow(height: number): Promise<void> {
    await this.#removing
    const passed = this.#others.filter((file) => file.height < height)
    if (passed.length === 0) return
    this.#others = this.#others.filter((file) => file.height >= height)
    this.#removing = this.#remove(passed).catch((error) => {
      throw error instanceof NexusError ? error : writeError(this.#options.directory, error)
    })
    this.#removing.catch(() => undefined)
  }

  /** May be opened again. */
  async close(): Promise<void> {
    const [wal, log, prepared] = [this.#wal, this.#log, this.#prepared]
    this.#wal = null
    this.#prepared = null
    this.#log = null
    await this.#removing
    await log?.close()
    await wal?.close()
    if (prepared !== null) await (await prepared.opened).wal.close()
  }

  /** The newest file that holds anything goes on; what is not on disk for certain is written again. */
  async #recall(height: number): Promise<void> {
    await this.close()
    const { directory, fileSystem } = this.#options
    const files = await walFilesOf(directory, fileSystem).catch((error) => {
      throw openError(directory, error)
    })
    this.#others = [...files]
    const whole = files.filter((file) => !file.path.endsWith(COPY_SUFFIX))
    for (const { height: first, path } of whole.toReversed()) {
      if (first > height) continue
      const { wal, entries } = await this.#open(first)
      if (entries.length > 0) return this.#take(wal, first, entries)
      await wal.close()
      this.#others.push({ height: first, path })
    }
    const { wal } = await this.#open(height)
    this.#take(wal, height, [])
  }

  #take(wal: Wal, first: number, entries: readonly WalEntry[]): void {
    this.#wal = wal
    this.#first = first
    const { heights, last } = byHeight(first, entries)
    this.#recalled = heights
    this.#height = last
  }

  async #next(height: number): Promise<void> {
    const [full, prepared] = [this.#wal, this.#prepared]
    assert(full !== null, 'a file is open before the next')
    this.#prepared = null
    const first = prepared?.height ?? height
    const { wal } = await (prepared?.opened ?? this.#open(height))
    this.#log?.discard()
    this.#others.push({ height: this.#first, path: full.path })
    this.#take(wal, first, [])
    await full.close()
  }

  get #isFull(): boolean {
    return this.#recalled.size === 0 && this.#isUsed(FULL_FROM)
  }

  #isUsed(share: number): boolean {
    const { preallocatedBytes } = this.#options
    return this.#wal !== null && this.#wal.end - HEADER_BYTES >= preallocatedBytes * share
  }

  #prepare(height: number): void {
    // A file that waits to be removed must not be written to.
    if (this.#prepared !== null || this.#others.some((file) => file.height === height)) return
    const opened = this.#open(height)
    // Whoever needs the file sees the error; until then it is nobody's.
    opened.catch(() => undefined)
    this.#prepared = { height, opened }
  }

  #open(height: number): Promise<Opened<Wal>> {
    const { directory, chainId, genesisHash, fileSystem, preallocatedBytes } = this.#options
    const salt = this.#options.randomBytes(SALT_BYTES)
    const identity = { chainId, genesisHash, height }
    // What was left of that name is part of it now.
    this.#others = this.#others.filter((file) => file.height !== height)
    return Wal.open(directory, { ...identity, fileSystem, salt, preallocatedBytes })
  }

  async #remove(files: readonly WalFile[]): Promise<void> {
    for (const { path } of files) await this.#options.fileSystem.remove(path)
  }
}

/** Of what is preallocated: where the next file is made, and where it is begun. */
const PREPARED_FROM = 0.5
const FULL_FROM = 0.75

/** The records of each height in a file, and the height that is begun last. Files of one height had no marks. */
function byHeight(
  first: number,
  entries: readonly WalEntry[],
): { readonly heights: Map<number, WalEntry[]>; readonly last: number } {
  const heights = new Map<number, WalEntry[]>()
  let last = first
  for (const entry of entries) {
    if (entry.type === WAL_HEIGHT) {
      last = heightOfMark(entry)
      continue
    }
    const records = heights.get(last) ?? []
    records.push(entry)
    heights.set(last, records)
  }
  return { heights, last }
}
