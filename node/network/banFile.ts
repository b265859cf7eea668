import { z } from 'zod'
import type { Clock } from '../consensus/clock.ts'
import type { Logger } from '../observability/logger.ts'
import { type FileSystem, nodeFileSystem } from '../storage/fileSystem.ts'
import type { BannedPeer } from './peerInfo.ts'

/** Whole years are an operator's own decision; nothing longer is meant. */
const MAX_BAN_MS = 366 * 86_400_000
const MAX_BANS = 1_024
const SAVE_PAUSE_MS = 1_000

const fileSchema = z.strictObject({
  version: z.literal(1),
  bans: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{40,70}$/),
        code: z.string().regex(/^[A-Z0-9_]{1,64}$/),
        /** Wall clock, and how long it was at most: a clock that was set back must not make it longer. */
        untilMs: z.int().min(0),
        ms: z.int().min(0).max(MAX_BAN_MS),
      }),
    )
    .max(MAX_BANS),
})

export type BanFileModules = {
  readonly clock: Pick<Clock, 'wallMs' | 'setTimer'>
  readonly log: Logger
  readonly fileSystem?: FileSystem
}

/**
 * Bans in a file, so that a restart does not lift them. Replaced whole, at most once a second; what a crash
 * loses is the last second's. A file that is no such list is ignored with a warning: bans protect, and nothing rests on them.
 */
export class BanFile {
  readonly #path: string
  readonly #modules: BanFileModules
  readonly #fileSystem: FileSystem
  #next: readonly BannedPeer[] | null = null
  #writing: Promise<void> | null = null
  #closed = false
  #wake: () => void = () => {}

  constructor(path: string, modules: BanFileModules) {
    this.#path = path
    this.#modules = modules
    this.#fileSystem = modules.fileSystem ?? nodeFileSystem
  }

  /** Those that are not over. */
  async load(): Promise<readonly BannedPeer[]> {
    const { clock, log } = this.#modules
    try {
      const bytes = await this.#fileSystem.read(this.#path)
      if (bytes === null) return []
      const { bans } = fileSchema.parse(JSON.parse(new TextDecoder().decode(bytes)))
      const now = clock.wallMs()
      return bans
        .map(({ id, code, untilMs, ms }) => ({
          id,
          code,
          remainingMs: Math.min(untilMs - now, ms),
        }))
        .filter(({ remainingMs }) => remainingMs > 0)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      log.warn('Bans of peers are forgotten: their file cannot be read', {
        path: this.#path,
        reason: reason.slice(0, 200),
      })
      return []
    }
  }

  /** All bans there are now; soon on disk. */
  save(bans: readonly BannedPeer[]): void {
    if (this.#closed) return
    this.#next = bans.slice(-MAX_BANS)
    this.#writing ??= this.#writeAll()
  }

  /** Resolves when what was saved is on disk. */
  async close(): Promise<void> {
    this.#closed = true
    this.#wake()
    await this.#writing
  }

  async #writeAll(): Promise<void> {
    for (let bans = this.#next; bans !== null; bans = this.#next) {
      this.#next = null
      await this.#write(bans)
      if (!this.#closed) await this.#pause()
    }
    this.#writing = null
  }

  async #write(bans: readonly BannedPeer[]): Promise<void> {
    const now = this.#modules.clock.wallMs()
    const entries = bans.map(({ id, code, remainingMs }) => {
      const ms = Math.min(MAX_BAN_MS, Math.ceil(remainingMs))
      return { id, code, untilMs: now + ms, ms }
    })
    const text = `${JSON.stringify({ version: 1, bans: entries }, null, 2)}\n`
    try {
      await replaceFile(this.#fileSystem, this.#path, new TextEncoder().encode(text))
    } catch (error) {
      this.#modules.log.warn('Bans of peers could not be saved', { path: this.#path, error })
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#modules.clock.setTimer(resolve, SAVE_PAUSE_MS)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }
}

async function replaceFile(files: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`
  const file = await files.create(temporary)
  try {
    await file.write(bytes, 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await files.rename(temporary, path)
}
