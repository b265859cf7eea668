// A disk that forgets: what was not synced is lost, or half of it, when the machine stops.
import type { FileSystem, OpenFile } from '../../node/storage/fileSystem.ts'

type Inode = {
  /** What a reader sees: the page cache. */
  data: Uint8Array
  durable: Uint8Array
  /** Writes since the last sync, in order. */
  unsynced: { position: number; bytes: Uint8Array }[]
}

/** Every operation that can fail, in the order it happens. */
export type Operation = {
  readonly kind: 'write' | 'sync' | 'truncate' | 'create' | 'rename' | 'remove' | 'syncDirectory'
  readonly path: string
}

export class MemoryFileSystem implements FileSystem {
  readonly #names = new Map<string, Inode>()
  readonly #durableNames = new Map<string, Inode>()
  readonly operations: Operation[] = []
  /** Called before each operation; throws to make it fail. A write may be cut to some bytes first. */
  onOperation: (operation: Operation, index: number) => void = () => {}
  /** Bytes of a failing write that reach the page cache all the same. */
  partialWriteBytes = 0

  async read(path: string): Promise<Uint8Array | null> {
    return this.#names.get(path)?.data.slice() ?? null
  }

  async open(path: string): Promise<OpenFile> {
    const inode = this.#names.get(path)
    if (inode === undefined) throw osError('ENOENT')
    return this.#handle(path, inode)
  }

  async create(path: string): Promise<OpenFile> {
    this.#run({ kind: 'create', path })
    const empty = new Uint8Array(0)
    const inode: Inode = this.#names.get(path) ?? { data: empty, durable: empty, unsynced: [] }
    inode.data = empty
    inode.unsynced = []
    this.#names.set(path, inode)
    return this.#handle(path, inode)
  }

  async rename(source: string, target: string): Promise<void> {
    this.#run({ kind: 'rename', path: target })
    const inode = this.#names.get(source)
    if (inode === undefined) throw osError('ENOENT')
    this.#names.delete(source)
    this.#names.set(target, inode)
  }

  async remove(path: string): Promise<void> {
    this.#run({ kind: 'remove', path })
    if (!this.#names.delete(path)) throw osError('ENOENT')
  }

  async list(directory: string): Promise<readonly string[]> {
    const prefix = `${directory}/`
    return [...this.#names.keys()]
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length))
  }

  async makeDirectory(): Promise<void> {}

  async syncDirectory(path: string): Promise<void> {
    this.#run({ kind: 'syncDirectory', path })
    this.#durableNames.clear()
    for (const [name, inode] of this.#names) this.#durableNames.set(name, inode)
  }

  /** The names that survive a power cut now. */
  durablePaths(): string[] {
    return [...this.#durableNames.keys()]
  }

  /** What a power cut may leave of a file: the synced bytes and the first `bytes` of what was written since. */
  afterPowerCut(path: string, bytes: number): Uint8Array {
    const inode = this.#names.get(path)
    if (inode === undefined) throw osError('ENOENT')
    let image = inode.durable
    let left = bytes
    for (const write of inode.unsynced) {
      const part = write.bytes.subarray(0, left)
      left -= part.length
      if (part.length > 0) image = overwritten(image, write.position, part)
    }
    return image.slice()
  }

  unsyncedBytes(path: string): number {
    const inode = this.#names.get(path)
    return inode?.unsynced.reduce((sum, write) => sum + write.bytes.length, 0) ?? 0
  }

  #handle(path: string, inode: Inode): OpenFile {
    return {
      write: async (bytes, position) => {
        const write = (part: Uint8Array): void => {
          inode.data = overwritten(inode.data, position, part)
          inode.unsynced.push({ position, bytes: part.slice() })
        }
        try {
          this.#run({ kind: 'write', path })
        } catch (error) {
          write(bytes.subarray(0, this.partialWriteBytes))
          throw error
        }
        write(bytes)
      },
      sync: async () => {
        await Promise.resolve()
        this.#run({ kind: 'sync', path })
        inode.durable = inode.data
        inode.unsynced = []
      },
      truncate: async (length) => {
        this.#run({ kind: 'truncate', path })
        inode.data = inode.data.slice(0, length)
      },
      close: async () => {},
    }
  }

  #run(operation: Operation): void {
    const index = this.operations.push(operation) - 1
    this.onOperation(operation, index)
  }
}

/** A file system with one file, as a restarted machine finds it. */
export async function fileSystemWith(path: string, data: Uint8Array): Promise<MemoryFileSystem> {
  const fileSystem = new MemoryFileSystem()
  const file = await fileSystem.create(path)
  await file.write(data, 0)
  await file.sync()
  await fileSystem.syncDirectory(path)
  fileSystem.operations.length = 0
  return fileSystem
}

export function osError(code: string): Error {
  return Object.assign(new Error(`${code}: made by the test`), { code })
}

function overwritten(data: Uint8Array, position: number, bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.max(data.length, position + bytes.length))
  out.set(data)
  out.set(bytes, position)
  return out
}
