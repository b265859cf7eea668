import * as fs from 'node:fs'
import { NexusError } from '../../core/primitives/errors.ts'
import { type Genesis, genesisHash } from '../../genesis/index.ts'
import type { HomePaths } from '../config/paths.ts'
import { assertHome, readGenesis } from '../home.ts'
import { acquireLock } from '../lock.ts'
import {
  type Database,
  defaultDatabaseOptions,
  ioError,
  openDatabase,
} from '../storage/database.ts'
import { checkIdentity } from '../storage/meta.ts'
import type { Read } from '../storage/record.ts'

/** The database of a home whose node does not run, and which cannot start until this is closed. */
export type StoppedNode = {
  readonly paths: HomePaths
  readonly genesis: Genesis
  readonly database: Database
  readonly read: Read
  close(): Promise<void>
}

/**
 * Takes a home's lock and opens its database. Throws HOME_MISSING, LOCKED, DATABASE_EMPTY,
 * DATABASE_LOCKED, DATABASE_VERSION, WRONG_CHAIN, WRONG_GENESIS, STORAGE_CORRUPT.
 */
export async function openStopped(paths: HomePaths): Promise<StoppedNode> {
  assertHome(paths)
  const { value: genesis } = readGenesis(paths.genesis)
  if (!fs.existsSync(paths.database)) throw neverRan(paths)
  const lock = acquireLock(paths.lock)
  try {
    const database = await openDatabase(paths.database, defaultDatabaseOptions)
    const read: Read = (key) => {
      try {
        return database.getSync(key)
      } catch (error) {
        throw ioError('read', error, key)
      }
    }
    const close = async (): Promise<void> => {
      await database.close()
      lock.release()
    }
    try {
      const { chainId } = genesis
      const known = checkIdentity(read, { chainId, genesisHash: genesisHash(genesis) })
      if (known === null) throw neverRan(paths)
    } catch (error) {
      await close()
      throw error
    }
    return { paths, genesis, database, read, close }
  } catch (error) {
    lock.release()
    throw error
  }
}

const neverRan = ({ home }: HomePaths): NexusError =>
  new NexusError(
    { code: 'DATABASE_EMPTY', path: home },
    { message: `${home} holds no chain yet: its node has never run` },
  )

/** Runs something on a stopped node and closes it again, whatever happens. */
export async function withStopped<T>(
  paths: HomePaths,
  run: (node: StoppedNode) => Promise<T>,
): Promise<T> {
  const node = await openStopped(paths)
  try {
    return await run(node)
  } finally {
    await node.close()
  }
}
