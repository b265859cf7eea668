import { compareBytes } from '../../../core/primitives/bytes.ts'
import type {
  Database,
  DatabaseBatch,
  DatabaseSnapshot,
  KeyRange,
} from '../../../node/storage/database.ts'
import { osError } from '../../support/memoryFileSystem.ts'
import type { PowerCut } from './sectors.ts'
import type { Course, DiskPort } from './virtualDisk.ts'

type Version = { readonly sequence: number; readonly value: Uint8Array | null }
type Write = { readonly key: string; readonly value: Uint8Array | null }

/**
 * An ordered map with LevelDB's promises: a batch is there whole or not at all, a synced one and all
 * before it survive, of the others a power cut leaves the first few. Where appending failed, what is
 * written behind the half batch may be lost on recovery; after a failed sync nothing is written.
 */
export class VirtualDatabase {
  readonly #path: string
  readonly #port: DiskPort
  readonly #durable = new Map<string, Uint8Array>()
  /** In the log and not synced, oldest first. */
  #log: (readonly Write[])[] = []
  readonly #live = new Map<string, Version[]>()
  readonly #snapshots = new Set<{ readonly sequence: number }>()
  #sequence = 0
  #logIsTorn = false
  #failed = false

  constructor(path: string, port: DiskPort) {
    this.#path = path
    this.#port = port
  }

  /** A handle of the process that runs now. */
  open(): Database {
    const boot = this.#port.boot()
    return {
      getSync: (key, options) =>
        this.#get(latin(key), (options?.snapshot as Snapshot | undefined)?.sequence),
      batch: () => this.#batch(boot),
      keys: (range) => this.#keys(range, boot),
      snapshot: () => this.#snapshot(),
      close: () => this.#port.settled(boot),
    }
  }

  restart(fate: PowerCut | 'kill'): void {
    const count =
      fate === 'all' || fate === 'kill'
        ? this.#log.length
        : fate === 'none'
          ? 0
          : this.#port.random(this.#log.length + 1)
    const kept = this.#log.slice(0, count)
    for (const batch of kept) this.#makeDurable(batch)
    this.#log = []
    this.#snapshots.clear()
    this.#live.clear()
    this.#logIsTorn = false
    this.#failed = false
    for (const [key, value] of this.#durable) this.#live.set(key, [{ sequence: 0, value }])
  }

  durable(): { readonly key: Uint8Array; readonly value: Uint8Array }[] {
    const records = [...this.#durable].map(([key, value]) => ({ key: bytesOf(key), value }))
    return records.sort((a, b) => compareBytes(a.key, b.key))
  }

  rot(key: Uint8Array, offset: number, bit: number): void {
    const rotten = (this.#durable.get(latin(key)) as Uint8Array).slice()
    rotten[offset] = (rotten[offset] as number) ^ (1 << bit)
    this.#durable.set(latin(key), rotten)
    this.#live.set(latin(key), [{ sequence: 0, value: rotten }])
  }

  #get(key: string, sequence = Number.POSITIVE_INFINITY): Uint8Array | undefined {
    const versions = this.#live.get(key)
    if (versions === undefined) return undefined
    for (let i = versions.length - 1; i >= 0; i--) {
      const version = versions[i] as Version
      if (version.sequence <= sequence) return version.value?.slice()
    }
    return undefined
  }

  #batch(boot: number): DatabaseBatch {
    const writes: Write[] = []
    return {
      put: (key, value) => writes.push({ key: latin(key), value: value.slice() }),
      del: (key) => writes.push({ key: latin(key), value: null }),
      write: ({ sync }) =>
        this.#port.operate(boot, 'batch', this.#path, (course) =>
          this.#write(writes, sync, course),
        ),
    }
  }

  #write(writes: readonly Write[], sync: boolean, course: Course): void {
    if (this.#failed) throw osError('EIO')
    if (course === 'ENOSPC' || course === 'EIO') {
      this.#logIsTorn = true
      throw osError(course)
    }
    if (!this.#logIsTorn || this.#port.random(2) === 0) this.#log.push(writes)
    if (course === 'torn') return
    if (course === 'fsync') {
      this.#failed = true
      this.#log.splice(this.#port.random(this.#log.length + 1))
      throw osError('EIO')
    }
    if (sync && course !== 'ignored')
      for (const batch of this.#log.splice(0)) this.#makeDurable(batch)
    this.#sequence++
    for (const { key, value } of writes) this.#show(key, value)
  }

  #makeDurable(batch: readonly Write[]): void {
    for (const { key, value } of batch)
      if (value === null) this.#durable.delete(key)
      else this.#durable.set(key, value)
  }

  #show(key: string, value: Uint8Array | null): void {
    const version = { sequence: this.#sequence, value }
    const versions = this.#live.get(key)
    if (versions === undefined) {
      this.#live.set(key, [version])
      return
    }
    let oldest = this.#sequence
    for (const { sequence } of this.#snapshots) oldest = Math.min(oldest, sequence)
    const needed = versions.findLastIndex(({ sequence }) => sequence <= oldest)
    if (needed > 0) versions.splice(0, needed)
    versions.push(version)
  }

  #snapshot(): Snapshot {
    const snapshot: Snapshot = {
      sequence: this.#sequence,
      close: async () => void this.#snapshots.delete(snapshot),
    }
    this.#snapshots.add(snapshot)
    return snapshot
  }

  #keys(range: KeyRange, boot: number): ReturnType<Database['keys']> {
    const [low, high] = [latin(range.gte), latin(range.lte)]
    const found = [...this.#live.keys()].filter(
      (key) => key >= low && key <= high && this.#get(key) !== undefined,
    )
    const keys = found.sort().map(bytesOf)
    const all = async (): Promise<Uint8Array[]> => {
      await this.#port.settled(boot)
      return keys
    }
    return {
      all,
      async *[Symbol.asyncIterator]() {
        yield* await all()
      },
    }
  }
}

type Snapshot = DatabaseSnapshot & { readonly sequence: number }

/** One character per byte: the order of the strings is that of the bytes. */
const latin = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
const bytesOf = (key: string): Uint8Array => new Uint8Array(Buffer.from(key, 'latin1'))
