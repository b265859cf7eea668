import { dirname } from 'node:path'
import type { FileSystem, OpenFile } from '../../../node/storage/fileSystem.ts'
import { osError } from '../../support/memoryFileSystem.ts'
import { type Change, changedInPlace, type PowerCut, survivors } from './sectors.ts'
import type { Course, DiskPort } from './virtualDisk.ts'

/** Both images are the inode's own: nobody else holds them, so they are written to in place. */
type Inode = {
  /** What a reader sees. */
  cache: Uint8Array
  durable: Uint8Array
  /** What is in the cache only, in order. */
  pending: Change[]
}

type NameChange =
  | {
      readonly kind: 'link'
      readonly directory: string
      readonly path: string
      readonly inode: Inode
    }
  | { readonly kind: 'unlink'; readonly directory: string; readonly path: string }
  | {
      readonly kind: 'rename'
      readonly directory: string
      readonly source: string
      readonly path: string
      readonly inode: Inode
    }

/** Files of one machine. Names need the sync of their directory as contents need that of the file. */
export class VirtualFiles implements FileSystem {
  readonly #port: DiskPort
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  #pendingNames: NameChange[] = []
  readonly #directories = new Set<string>()

  constructor(port: DiskPort) {
    this.#port = port
  }

  async read(path: string): Promise<Uint8Array | null> {
    await this.#port.settled(this.#port.boot())
    return this.#names.get(path)?.cache.slice() ?? null
  }

  async open(path: string): Promise<OpenFile> {
    const boot = this.#port.boot()
    await this.#port.settled(boot)
    const inode = this.#names.get(path)
    if (inode === undefined) throw osError('ENOENT')
    return this.#handle(path, inode, boot)
  }

  async create(path: string): Promise<OpenFile> {
    const boot = this.#port.boot()
    const directory = dirname(path)
    await this.#port.operate(boot, 'create', path, (course) => {
      failOn(course)
      if (!this.#directories.has(directory)) throw osError('ENOENT')
      const known = this.#names.get(path)
      const inode: Inode = { cache: EMPTY, durable: EMPTY, pending: [] }
      if (known !== undefined) change(known, { kind: 'truncate', length: 0 })
      else this.#rename({ kind: 'link', directory, path, inode })
    })
    return this.#handle(path, this.#names.get(path) as Inode, boot)
  }

  rename(source: string, path: string): Promise<void> {
    return this.#port.operate(this.#port.boot(), 'rename', path, (course) => {
      failOn(course)
      const inode = this.#names.get(source)
      if (inode === undefined) throw osError('ENOENT')
      this.#rename({ kind: 'rename', directory: dirname(path), source, path, inode })
    })
  }

  remove(path: string): Promise<void> {
    return this.#port.operate(this.#port.boot(), 'remove', path, (course) => {
      failOn(course)
      if (!this.#names.has(path)) throw osError('ENOENT')
      this.#rename({ kind: 'unlink', directory: dirname(path), path })
    })
  }

  async list(directory: string): Promise<readonly string[]> {
    await this.#port.settled(this.#port.boot())
    if (!this.#directories.has(directory)) throw osError('ENOENT')
    const prefix = `${directory}/`
    const paths = [...this.#names.keys()].filter((path) => path.startsWith(prefix))
    return paths.map((path) => path.slice(prefix.length)).sort()
  }

  /** Durable at once, as the port promises. */
  makeDirectory(directory: string): Promise<void> {
    return this.#port.operate(this.#port.boot(), 'makeDirectory', directory, (course) => {
      failOn(course)
      if (course !== 'torn' || this.#port.random(2) === 0) this.#directories.add(directory)
    })
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#port.operate(this.#port.boot(), 'syncDirectory', directory, (course) => {
      if (course === 'torn' || course === 'ignored') return
      const isOf = (one: NameChange): boolean => one.directory === directory
      const flushed = this.#pendingNames.filter(isOf)
      this.#pendingNames = this.#pendingNames.filter((one) => !isOf(one))
      const reached = course === null ? flushed : flushed.filter(() => this.#port.random(2) === 0)
      for (const one of reached) apply(this.#durableNames, one)
      failOn(course)
    })
  }

  restart(fate: PowerCut | 'kill'): void {
    if (fate === 'kill') return
    const { random } = this.#port
    const pending = this.#pendingNames
    const count =
      fate === 'none' ? 0 : fate === 'prefix' ? random(pending.length + 1) : pending.length
    const isAny = fate !== 'all' && fate !== 'prefix'
    for (const one of pending.slice(0, count))
      if (!isAny || random(2) === 0) apply(this.#durableNames, one)
    this.#pendingNames = []
    this.#names = new Map(this.#durableNames)
    for (const inode of this.#names.values()) {
      inode.durable = survivors(inode.durable, inode.pending, fate, random)
      inode.pending = []
      inode.cache = inode.durable.slice()
    }
  }

  durablePaths(): readonly string[] {
    return [...this.#durableNames.keys()]
  }

  durable(): ReadonlyMap<string, Uint8Array> {
    return new Map([...this.#durableNames].map(([path, inode]) => [path, inode.durable.slice()]))
  }

  rot(path: string, offset: number, bit: number): void {
    // A name that is removed and not synced is still on the disk.
    const inode = this.#names.get(path) ?? this.#durableNames.get(path)
    if (inode === undefined) throw osError('ENOENT')
    const rotten = inode.cache.slice()
    rotten[offset] = (rotten[offset] as number) ^ (1 << bit)
    inode.cache = rotten
    inode.durable = rotten.slice()
  }

  #rename(one: NameChange): void {
    apply(this.#names, one)
    this.#pendingNames.push(one)
  }

  #handle(path: string, inode: Inode, boot: number): OpenFile {
    const { random } = this.#port
    return {
      write: (bytes, position) =>
        this.#port.operate(boot, 'write', path, (course) => {
          const failed = course !== null && course !== 'misdirected' && course !== 'ignored'
          const part = failed ? bytes.slice(0, random(bytes.length + 1)) : bytes.slice()
          // Elsewhere in the file, and nowhere near the place it was meant for.
          const at = course === 'misdirected' ? random(inode.cache.length + 1) : position
          if (part.length > 0) change(inode, { kind: 'write', position: at, bytes: part })
          failOn(course)
        }),
      sync: () =>
        this.#port.operate(boot, 'sync', path, (course) => {
          if (course === 'torn' || course === 'ignored') return
          const { durable, pending } = inode
          inode.durable =
            course === null || course === 'misdirected'
              ? pending.reduce(changedInPlace, durable)
              : survivors(durable, pending, 'subset', random)
          inode.pending = []
          failOn(course)
        }),
      truncate: (length) =>
        this.#port.operate(boot, 'truncate', path, (course) => {
          failOn(course)
          change(inode, { kind: 'truncate', length })
        }),
      close: () => this.#port.settled(boot),
    }
  }
}

function change(inode: Inode, one: Change): void {
  inode.cache = changedInPlace(inode.cache, one)
  inode.pending.push(one)
}

function apply(names: Map<string, Inode>, one: NameChange): void {
  if (one.kind !== 'link') names.delete(one.kind === 'rename' ? one.source : one.path)
  if (one.kind !== 'unlink') names.set(one.path, one.inode)
}

function failOn(course: Course): void {
  if (course === 'ENOSPC') throw osError('ENOSPC')
  if (course === 'EIO' || course === 'fsync') throw osError('EIO')
}

const EMPTY = new Uint8Array(0)
