import '../nativeHash.ts'
import { parentPort, workerData } from 'node:worker_threads'
import { lightBlockCodec } from '../../consensus/light/index.ts'
import { assert } from '../../core/primitives/assert.ts'
import { decode } from '../../core/primitives/codec.ts'
import { coreRegistry } from '../engines/registry.ts'
import { type Database, defaultDatabaseOptions, openDatabase } from '../storage/database.ts'
import { Channel } from '../threads/channel.ts'
import { NICE, yieldToConsensus } from '../threads/priority.ts'
import { writeSnapshot } from './createSnapshot.ts'
import { pruneSnapshots, SnapshotWriter } from './snapshotFiles.ts'
import { openSource, type SnapshotSource } from './snapshotSource.ts'

export type SnapshotThreadOptions = {
  readonly databasePath: string
  readonly chainId: number
  /** Where snapshots are. */
  readonly root: string
  readonly keep: number
}

export type SnapshotThreadApi = {
  readonly open: (argument: undefined) => Promise<void>
  /** Holds on to the committed state of this moment; its height. */
  readonly take: (argument: undefined) => Promise<number>
  /** Writes what is held. */
  readonly write: (argument: undefined) => Promise<void>
  /** Makes it visible, with the two certified blocks it is checked against. */
  readonly publish: (anchor: { base: Uint8Array; next: Uint8Array }) => Promise<void>
  readonly close: (argument: undefined) => Promise<void>
}

yieldToConsensus(NICE.background)
const options = workerData as SnapshotThreadOptions
const { root } = options
let database: Database | null = null
let source: SnapshotSource | null = null
let written: { readonly height: number; readonly writer: SnapshotWriter } | null = null

const lightBlockOf = (bytes: Uint8Array) => {
  const decoded = decode(lightBlockCodec, bytes)
  assert(decoded.ok, 'the node thread has encoded it')
  return decoded.value
}

async function release(): Promise<void> {
  await source?.close()
  source = null
}

const api: SnapshotThreadApi = {
  open: async () => {
    pruneSnapshots(root, options.keep)
    database = await openDatabase(options.databasePath, defaultDatabaseOptions)
  },
  take: async () => {
    assert(database !== null, 'the thread is opened first')
    await release()
    source = openSource(database)
    return source.progress.height
  },
  write: async () => {
    assert(source !== null, 'a state is taken before it is written')
    const { height } = source.progress
    const writer = new SnapshotWriter(root, height)
    try {
      await writeSnapshot(source, { chainId: options.chainId, registry: coreRegistry }, writer)
      written = { height, writer }
    } catch (error) {
      writer.discard()
      throw error
    } finally {
      await release()
    }
  },
  publish: async ({ base, next }) => {
    assert(written !== null, 'a snapshot is written before it is shown')
    written.writer.publish(written.height, { base: lightBlockOf(base), next: lightBlockOf(next) })
    written = null
    pruneSnapshots(root, options.keep)
  },
  close: async () => {
    await release()
    await database?.close()
  },
}

assert(parentPort !== null, 'snapshots are written in a worker thread')
new Channel({ port: parentPort, handlers: api })
