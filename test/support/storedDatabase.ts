import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import {
  ChainReader,
  type ChainReaderOptions,
  defaultChainReaderOptions,
} from '../../node/storage/chainReader.ts'
import {
  ChainStore,
  type ChainStoreOptions,
  defaultChainStoreOptions,
} from '../../node/storage/chainStore.ts'
import { IDENTITY } from './storedChain.ts'

/** A database directory that is deleted by `cleanUp`, and everything opened in it. */
export class DatabaseFolder {
  readonly path = join(mkdtempSync(join(tmpdir(), 'nexus-db-')), 'db')
  #open: { close(): Promise<void> }[] = []

  async store(options: Partial<ChainStoreOptions> = {}): Promise<ChainStore> {
    const store = await ChainStore.open(this.path, {
      ...defaultChainStoreOptions,
      ...IDENTITY,
      ...options,
    })
    this.#open.push(store)
    return store
  }

  async reader(options: Partial<ChainReaderOptions> = {}): Promise<ChainReader> {
    const reader = await ChainReader.open(this.path, {
      ...defaultChainReaderOptions,
      ...IDENTITY,
      ...options,
    })
    this.#open.push(reader)
    return reader
  }

  /** The database below the records, with nothing else open. */
  async raw(use: (database: ClassicLevel<Uint8Array, Uint8Array>) => Promise<void>): Promise<void> {
    await this.close()
    const database = new ClassicLevel<Uint8Array, Uint8Array>(this.path, {
      keyEncoding: 'view',
      valueEncoding: 'view',
      compression: false,
    })
    await database.open()
    try {
      await use(database)
    } finally {
      await database.close()
    }
  }

  /** Last opened, first closed: the first handle owns what they share. */
  async close(): Promise<void> {
    for (const opened of this.#open.toReversed()) await opened.close()
    this.#open = []
  }

  async cleanUp(): Promise<void> {
    await this.close()
    rmSync(join(this.path, '..'), { recursive: true, force: true })
  }
}
