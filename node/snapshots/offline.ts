import * as fs from 'node:fs'
import * as path from 'node:path'
import { lightBlockCodec } from '../../consensus/light/index.ts'
import { blockIdOf } from '../../core/chain/block.ts'
import { decode, encode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { type BlockId, heightOf } from '../../core/primitives/units.ts'
import type { Genesis } from '../../genesis/genesis.ts'
import type { HomePaths } from '../config/paths.ts'
import { coreRegistry } from '../engines/registry.ts'
import { defaultCheckpointOptions } from '../executor/checkpoints.ts'
import { defaultExecutorSurroundings } from '../executor/openExecutor.ts'
import { acquireLock } from '../lock.ts'
import { withStopped } from '../maintenance/stoppedNode.ts'
import { readBlock, readCertificate, readProgress } from '../storage/chainRecords.ts'
import { defaultDatabaseOptions, ioError, openDatabase } from '../storage/database.ts'
import type { Read } from '../storage/record.ts'
import { rollBackTo } from '../storage/rollback.ts'
import { readValidators } from '../storage/validatorRecord.ts'
import type { JoinNetwork } from '../sync/joinNetwork.ts'
import { anchorAt, type TrustOptions } from '../sync/trust.ts'
import { lightBlockOf } from './anchors.ts'
import { type Anchor, checkManifest } from './checkManifest.ts'
import { writeSnapshot } from './createSnapshot.ts'
import { manifestCodec } from './manifest.ts'
import { Restore } from './restore.ts'
import {
  damagedSnapshot,
  infoOf,
  readAnchor,
  readManifest,
  readPart,
  type SnapshotInfo,
  SnapshotWriter,
  snapshotHeights,
} from './snapshotFiles.ts'
import { openSource } from './snapshotSource.ts'

/** A snapshot on disk, and the block whose id says that it is the right one. */
export type ListedSnapshot = SnapshotInfo & { readonly blockId: BlockId }

/** Lowest first. SNAPSHOT_DAMAGED, SNAPSHOT_MISSING. */
export const listSnapshots = (root: string): readonly ListedSnapshot[] =>
  snapshotHeights(root).map((height) => {
    const bytes = readManifest(root, height)
    const manifest = decode(manifestCodec, bytes)
    if (!manifest.ok) throw damagedSnapshot(path.join(root, `${height}`), manifest.code)
    const { base } = readAnchor(root, height)
    return { ...infoOf(manifest.value, bytes), blockId: blockIdOf(base.header) }
  })

/**
 * A snapshot of a stopped node: of its last checkpoint below its last block, which certifies it. Works on a copy
 * of the database that shares its tables and is brought back to that height. SNAPSHOT_TOO_EARLY, and what
 * `withStopped` throws.
 */
export async function createSnapshot(
  paths: HomePaths,
  onProgress: (what: string) => void,
): Promise<ListedSnapshot> {
  const { height, anchor, chainId } = await withStopped(paths, async ({ read, genesis }) => ({
    ...lastCertified(read),
    chainId: genesis.chainId,
  }))
  onProgress(`Copying the database of height ${height}`)
  const copy = copyDatabase(paths)
  try {
    const database = await openDatabase(copy, defaultDatabaseOptions)
    const read: Read = (key) => {
      try {
        return database.getSync(key)
      } catch (error) {
        throw ioError('read', error, key)
      }
    }
    await rollBackTo(database, read, heightOf(height))
    onProgress('Writing the snapshot')
    const source = openSource(database)
    const writer = new SnapshotWriter(paths.snapshots, height)
    try {
      await writeSnapshot(source, { chainId, registry: coreRegistry }, writer)
    } finally {
      await source.close()
      await database.close()
    }
    writer.publish(height, anchor)
  } finally {
    fs.rmSync(copy, { recursive: true, force: true })
  }
  const made = listSnapshots(paths.snapshots).find((one) => one.height === height)
  if (made === undefined) throw damagedSnapshot(paths.snapshots, 'MISSING')
  return made
}

/** Fills the empty database of a home from a snapshot's directory. SNAPSHOT_NOT_TRUSTED, SNAPSHOT_DAMAGED, RESTORE_TARGET_EXISTS. */
export async function restoreSnapshot(
  target: { readonly genesis: Genesis; readonly directory: string },
  from: { readonly root: string; readonly height: number },
  trustedId: BlockId | null,
  nowMs: () => number = Date.now,
): Promise<void> {
  const { genesis, directory } = target
  const { root, height } = from
  const anchor = await trustedAnchor({ genesis, nowMs }, from, trustedId)
  const checked = checkManifest(readManifest(root, height), anchor, coreRegistry)
  if (!checked.ok) throw damagedSnapshot(path.join(root, `${height}`), checked.code)
  fs.mkdirSync(path.dirname(directory), { recursive: true, mode: 0o700 })
  const surroundings = defaultExecutorSurroundings
  const options = { genesis, directory, surroundings }
  const restore = await Restore.begin(options, { checked: checked.value, anchor })
  for (const part of restore.parts) {
    const code = await restore.accept(part, readPart(root, height, part))
    if (code === null) continue
    await restore.abandon()
    throw damagedSnapshot(path.join(root, `${height}`, part.file), code)
  }
  await restore.finish()
}

/** The blocks that came with the snapshot, if a light client that knows only what is trusted accepts them. */
async function trustedAnchor(
  known: Pick<TrustOptions, 'genesis' | 'nowMs'>,
  { root, height }: { readonly root: string; readonly height: number },
  trustedId: BlockId | null,
): Promise<Anchor> {
  const { base, next } = readAnchor(root, height)
  const blocks = new Map([base, next].map((block) => [block.header.height as number, block]))
  const files: JoinNetwork = {
    peerIds: () => [root],
    requestLightBlock: async (_, at) => {
      const block = blocks.get(at)
      return block === undefined ? null : encode(lightBlockCodec, block)
    },
    requestSnapshots: async () => [],
    requestSnapshotPart: async () => null,
    penalize: () => {},
  }
  const trusted = trustedId === null ? null : { height, id: trustedId }
  const anchor = await anchorAt(height, files.peerIds(), files, { ...known, trusted })
  if (anchor.ok) return anchor.value
  throw new NexusError(
    { code: 'SNAPSHOT_NOT_TRUSTED', height, reason: anchor.code },
    {
      message:
        anchor.code === 'WRONG_ID'
          ? `the snapshot of height ${height} is of another chain than the block you trust`
          : `nothing that is trusted leads to height ${height} (${anchor.code}): name the id of its block, looked up elsewhere, with --trust-hash`,
    },
  )
}

/** The last checkpoint that a block above it certifies. */
function lastCertified(read: Read): { readonly height: number; readonly anchor: Anchor } {
  const progress = readProgress(read)
  const head = progress?.height ?? 0
  const { everyBlocks } = defaultCheckpointOptions
  const height = head - 1 - ((head - 1) % everyBlocks)
  const reader = {
    block: (at: number) => (progress === null ? null : readBlock(read, at, progress)),
    certificate: (at: number) => (progress === null ? null : readCertificate(read, at, progress)),
    validators: (at: number) => readValidators(read, at),
  }
  const [base, next] = [lightBlockOf(reader, height), lightBlockOf(reader, height + 1)]
  if (height <= 0 || base === null || next === null)
    throw new NexusError(
      { code: 'SNAPSHOT_TOO_EARLY', height: head },
      {
        message: `at height ${head} there is nothing to make a snapshot of: the first is at height ${everyBlocks}, or the first such height above the snapshot that this node began from`,
      },
    )
  return { height, anchor: { base, next } }
}

/** Tables never change, so links to them are a copy; the rest is small. */
function copyDatabase(paths: HomePaths): string {
  const copy = path.join(paths.snapshots, 'database.tmp')
  const lock = acquireLock(paths.lock)
  try {
    fs.rmSync(copy, { recursive: true, force: true })
    fs.mkdirSync(copy, { recursive: true, mode: 0o700 })
    for (const name of fs.readdirSync(paths.database)) {
      if (name === 'LOCK') continue
      const [from, to] = [path.join(paths.database, name), path.join(copy, name)]
      if (name.endsWith('.ldb')) fs.linkSync(from, to)
      else fs.copyFileSync(from, to)
    }
    return copy
  } finally {
    lock.release()
  }
}
