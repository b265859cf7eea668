// The disk of one simulated machine: files and databases with a page cache above a durable image.
//
//   const disk = new VirtualDisk({ random })        // random(bound): uniform in [0, bound)
//   disk.fileSystem, disk.openDatabase              // the two ports of node/storage
//   disk.operations                                 // writes and flushes so far, of both
//   disk.crashAt(index, 'before' | 'during' | 'after')  // the power goes at that operation
//   disk.powerCut(); disk.isOff; disk.onPowerCut    // or now
//   disk.restart('subset' | ... | 'kill')           // the machine boots from what is left
//   disk.faultOn = (operation) => 'ENOSPC' | ... | null
//   disk.rotFile(path, offset, bit); disk.rotRecord(path, key, offset, bit)
//
// Nothing here resolves any more once the machine is off, and what an earlier boot still holds
// (handles, snapshots) stays dead after the restart: code of a dead process just stops.
// 'kill' means that only the process died: the page cache is still there, unsynced as it was.
import type { Database, OpenDatabase } from '../../../node/storage/database.ts'
import type { FileSystem } from '../../../node/storage/fileSystem.ts'
import type { PowerCut, Random } from './sectors.ts'
import { VirtualDatabase } from './virtualDatabase.ts'
import { VirtualFiles } from './virtualFiles.ts'

export type OperationKind =
  | 'create'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'rename'
  | 'remove'
  | 'makeDirectory'
  | 'syncDirectory'
  /** An atomic batch of a database, synced or not. */
  | 'batch'

export type Operation = {
  readonly index: number
  readonly kind: OperationKind
  readonly path: string
}

/**
 * ENOSPC, EIO: the operation fails; of a write any part may have reached the page cache. fsync: what
 * was to be flushed may be on the disk or not, and the page cache calls it clean: the next flush
 * succeeds without writing it. misdirected: the write reports success and went elsewhere in the file.
 * ignored: the flush reports success and did nothing, as disks do that lie about their cache.
 */
export type Fault = 'ENOSPC' | 'EIO' | 'fsync' | 'misdirected' | 'ignored'

export type Moment = 'before' | 'during' | 'after'

/** How an operation ends: as it should, with a fault, or torn because the power goes meanwhile. */
export type Course = Fault | 'torn' | null

export type VirtualDiskOptions = {
  readonly random: Random
  /** Resolves when the operation may begin: a slow disk. */
  readonly latency?: (kind: OperationKind) => Promise<void>
}

export class VirtualDisk {
  readonly fileSystem: FileSystem
  readonly openDatabase: OpenDatabase
  /** Asked before each operation. */
  faultOn: (operation: Operation) => Fault | null = () => null
  onOperation: (operation: Operation) => void = () => {}
  onPowerCut: () => void = () => {}
  readonly #options: VirtualDiskOptions
  readonly #files: VirtualFiles
  readonly #databases = new Map<string, VirtualDatabase>()
  #operations = 0
  #boot = 0
  #isOff = false
  #plan: { readonly index: number; readonly moment: Moment } | null = null

  constructor(options: VirtualDiskOptions) {
    this.#options = options
    const port: DiskPort = {
      random: options.random,
      boot: () => this.#boot,
      settled: (boot) => (boot === this.#boot && !this.#isOff ? Promise.resolve() : never()),
      operate: (boot, kind, path, run) => this.#operate(boot, kind, path, run),
    }
    this.#files = new VirtualFiles(port)
    this.fileSystem = this.#files
    this.openDatabase = async (path): Promise<Database> => {
      await port.settled(this.#boot)
      const known = this.#databases.get(path) ?? new VirtualDatabase(path, port)
      this.#databases.set(path, known)
      return known.open()
    }
  }

  get operations(): number {
    return this.#operations
  }
  get isOff(): boolean {
    return this.#isOff
  }

  /** Indexes count from the first operation of the disk's life; a later plan replaces an earlier one. */
  crashAt(index: number, moment: Moment): void {
    this.#plan = { index, moment }
  }

  powerCut(): void {
    if (this.#isOff) return
    this.#isOff = true
    this.onPowerCut()
  }

  /** Boots the machine again. With 'kill' nothing is lost: the process died and the machine did not. */
  restart(fate: PowerCut | 'kill'): void {
    this.#boot++
    this.#isOff = false
    this.#plan = null
    this.#files.restart(fate)
    for (const database of this.#databases.values()) database.restart(fate)
  }

  /** What is durable, by path. */
  durableFiles(): ReadonlyMap<string, Uint8Array> {
    return this.#files.durable()
  }
  durablePaths(): readonly string[] {
    return this.#files.durablePaths()
  }
  /** Flips one bit of a durable file, for reads from now on. */
  rotFile(path: string, offset: number, bit: number): void {
    this.#files.rot(path, offset, bit)
  }
  /** The durable records of a database, in key order. */
  durableRecords(path: string): { readonly key: Uint8Array; readonly value: Uint8Array }[] {
    return this.#databases.get(path)?.durable() ?? []
  }
  /** Flips one bit of a durable record, for reads from now on. */
  rotRecord(path: string, key: Uint8Array, offset: number, bit: number): void {
    this.#databases.get(path)?.rot(key, offset, bit)
  }
  hasDatabase(path: string): boolean {
    return (this.#databases.get(path)?.durable().length ?? 0) > 0
  }

  async #operate(
    boot: number,
    kind: OperationKind,
    path: string,
    run: (course: Course) => void,
  ): Promise<void> {
    if (boot !== this.#boot || this.#isOff) return never()
    // A write is a copy into the page cache; whatever waits, waits for the disk.
    if (kind !== 'write') await this.#options.latency?.(kind)
    if (boot !== this.#boot || this.#isOff) return never()
    const operation = { index: this.#operations++, kind, path }
    this.onOperation(operation)
    const moment = this.#plan?.index === operation.index ? this.#plan.moment : null
    if (moment !== 'before')
      run(moment === 'during' ? 'torn' : moment === null ? this.faultOn(operation) : null)
    if (moment === null) return
    this.powerCut()
    return never()
  }
}

/** What files and databases need of the machine they are in. */
export type DiskPort = {
  readonly random: Random
  boot(): number
  /** Never resolves for a process that is dead. */
  settled(boot: number): Promise<void>
  operate(
    boot: number,
    kind: OperationKind,
    path: string,
    run: (course: Course) => void,
  ): Promise<void>
}

/** A new one each time: a shared one would keep all that ever waited for it. */
const never = (): Promise<never> => new Promise(() => {})
