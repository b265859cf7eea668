import { Worker } from 'node:worker_threads'
import { lightBlockCodec } from '../../consensus/light/index.ts'
import { encode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { defaultCheckpointOptions } from '../executor/checkpoints.ts'
import type { Logger } from '../observability/logger.ts'
import type { ChainReader } from '../storage/chainReader.ts'
import { Channel } from '../threads/channel.ts'
import { lightBlockOf } from './anchors.ts'
import type { SnapshotThreadApi, SnapshotThreadOptions } from './snapshotThread.ts'

export type SnapshotMakerOptions = SnapshotThreadOptions & {
  /** A snapshot at the first checkpoint of the engines after each multiple of it. */
  readonly everyBlocks: number
}

export type SnapshotMakerModules = {
  readonly reader: ChainReader
  readonly log: Logger
  readonly onPublished: () => void
  readonly onFatal: (error: unknown) => void
}

/** Whether the engines are stored at this height, and it is the first such one since a multiple of `everyBlocks`. */
export function isSnapshotHeight(height: number, everyBlocks: number): boolean {
  const { everyBlocks: step } = defaultCheckpointOptions
  if (everyBlocks === 0 || height === 0 || height % step !== 0) return false
  return Math.floor(height / everyBlocks) > Math.floor((height - step) / everyBlocks)
}

/**
 * Makes snapshots in a thread of its own while the chain goes on. Only the moment at which the state is held
 * on to matters to others: no height is committed during it: see `ready`.
 */
export class SnapshotMaker {
  readonly #options: SnapshotMakerOptions
  readonly #modules: SnapshotMakerModules
  readonly #worker: Worker
  readonly #channel: Channel<SnapshotThreadApi>
  #taking: Promise<void> = Promise.resolve()
  #making: Promise<void> | null = null
  /** Told of every committed height. */
  #onHeight: (height: number) => void = () => {}
  #stopping = false

  constructor(options: SnapshotMakerOptions, modules: SnapshotMakerModules) {
    this.#options = options
    this.#modules = modules
    const { everyBlocks: _, ...workerData } = options
    this.#worker = new Worker(new URL('./snapshotThread.ts', import.meta.url), {
      workerData,
      name: 'snapshots',
    })
    this.#channel = new Channel<SnapshotThreadApi>({ port: this.#worker })
    const fail = (error: Error): void => {
      this.#channel.close(error)
      if (!this.#stopping) modules.onFatal(error)
    }
    this.#worker.on('error', fail)
    this.#worker.on('exit', (exitCode) =>
      fail(new NexusError({ code: 'SNAPSHOT_THREAD_EXITED', exitCode })),
    )
  }

  async start(): Promise<void> {
    await this.#channel.call('open', undefined)
  }

  /** Called in the turn in which the height was committed. */
  committed(height: number): void {
    this.#onHeight(height)
    if (!isSnapshotHeight(height, this.#options.everyBlocks)) return
    if (this.#making !== null || this.#stopping) return
    const taken = this.#channel.call('take', undefined)
    // A failure is seen by who makes the snapshot; the chain goes on.
    this.#taking = taken.then(
      () => {},
      () => {},
    )
    this.#making = this.#make(height, taken)
      .catch((error: unknown) => this.#failed(height, error))
      .finally(() => {
        this.#making = null
      })
  }

  /** Waits while a state is being held on to, about a millisecond: to be called before a height is committed. */
  ready(): Promise<void> {
    return this.#taking
  }

  async stop(): Promise<void> {
    this.#stopping = true
    // What is half written is thrown away by the next start.
    if (this.#making === null) await this.#channel.call('close', undefined)
    await this.#worker.terminate()
  }

  async #make(height: number, taken: Promise<number>): Promise<void> {
    const { log, reader } = this.#modules
    const started = performance.now()
    const held = await taken
    if (held !== height) throw new NexusError({ code: 'SNAPSHOT_MISSED', height, held })
    const next = this.#after(height)
    await this.#channel.call('write', undefined)
    await next
    const [base, following] = [lightBlockOf(reader, height), lightBlockOf(reader, height + 1)]
    // The blocks may be pruned by now; a snapshot without them proves nothing.
    if (base === null || following === null)
      throw new NexusError({ code: 'SNAPSHOT_MISSED', height, held })
    await this.#channel.call('publish', {
      base: encode(lightBlockCodec, base),
      next: encode(lightBlockCodec, following),
    })
    log.info('Snapshot made', { height, ms: Math.round(performance.now() - started) })
    this.#modules.onPublished()
  }

  /** Resolves when a height above is committed. */
  #after(height: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onHeight = (committed) => {
        if (committed > height) resolve()
      }
    })
  }

  /** A disk that is full or a state too large must not stop the chain; a fault of the program does. */
  #failed(height: number, error: unknown): void {
    if (this.#stopping) return
    if (!(error instanceof NexusError)) this.#modules.onFatal(error)
    this.#modules.log.error('Snapshot failed', { height, error })
  }
}
