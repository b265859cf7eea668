import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { toHex } from '../../../core/primitives/bytes.ts'
import type { BlockId } from '../../../core/primitives/units.ts'
import { homePaths } from '../../../node/config/paths.ts'
import { createSnapshot, listSnapshots, restoreSnapshot } from '../../../node/snapshots/offline.ts'
import { readManifest } from '../../../node/snapshots/snapshotFiles.ts'
import { isSnapshotHeight } from '../../../node/snapshots/snapshotMaker.ts'
import { follow, SnapshotWorld, tradeOn } from '../../support/snapshotWorld.ts'

let world: SnapshotWorld
let folder: string
const paths = () => homePaths(join(folder, 'home'))
beforeAll(async () => {
  world = await SnapshotWorld.create({ accounts: 50, contracts: [10] })
  for (let nonce = 66; nonce <= 70; nonce++) await tradeOn(world.chain, nonce)
  folder = mkdtempSync(join(tmpdir(), 'nexus-offline-'))
  mkdirSync(join(paths().home, 'keys'), { recursive: true })
  writeFileSync(paths().genesis, world.chain.genesisText)
  writeFileSync(paths().nodeKey, '')
  await world.chain.restart(async () =>
    cpSync(world.chain.directory, paths().database, { recursive: true }),
  )
}, 60_000)
afterAll(async () => {
  await world.close()
  rmSync(folder, { recursive: true, force: true })
})

it('a stopped node makes the snapshot that the running one made, and keeps its chain', async () => {
  const made = await createSnapshot(paths(), () => {})
  expect(made.height).toBe(64)
  expect(toHex(readManifest(paths().snapshots, 64))).toBe(toHex(world.manifest))
  expect(listSnapshots(paths().snapshots)).toEqual([made])
  expect(existsSync(join(paths().snapshots, 'database.tmp'))).toBe(false)
  const executor = await world.open(paths().database)
  expect(executor.head).toEqual(world.chain.head)
  await executor.close()
})

it('is restored where its block is trusted, and nowhere else', async () => {
  const { genesis } = world.chain
  const directory = join(folder, 'restored', 'db')
  const target = { genesis, directory }
  const from = { root: world.root, height: 64 }
  const [listed] = listSnapshots(world.root)
  if (listed === undefined) throw new Error('there is a snapshot')
  const wrong = '7'.repeat(64) as BlockId
  await expect(restoreSnapshot(target, from, wrong)).rejects.toMatchObject({
    detail: { code: 'SNAPSHOT_NOT_TRUSTED', reason: 'WRONG_ID' },
  })
  // The test chain began in 2023: its genesis proves nothing, nor does its block 64 certify block 65.
  await expect(restoreSnapshot(target, from, null)).rejects.toMatchObject({
    detail: { code: 'TRUST_NEEDED' },
  })
  await expect(restoreSnapshot(target, from, listed.blockId)).rejects.toMatchObject({
    detail: { code: 'SNAPSHOT_NOT_TRUSTED', reason: 'EXPIRED' },
  })
  const now = (): number => world.chain.head.summary.time + 1_000
  await restoreSnapshot(target, from, listed.blockId, now)
  const executor = await world.open(directory)
  await follow(executor, world.chain)
  expect(executor.head).toEqual(world.chain.head)
  await executor.close()
  await expect(restoreSnapshot(target, from, listed.blockId, now)).rejects.toMatchObject({
    detail: { code: 'RESTORE_TARGET_EXISTS' },
  })
})

it('a damaged file is named, and leaves nothing behind', async () => {
  const { genesis } = world.chain
  const root = join(folder, 'damaged')
  cpSync(world.root, root, { recursive: true })
  const file = join(root, '64', 'accounts-0')
  writeFileSync(file, new Uint8Array(statSync(file).size))
  const directory = join(folder, 'never', 'db')
  const [listed] = listSnapshots(root)
  if (listed === undefined) throw new Error('there is a snapshot')
  const now = (): number => world.chain.head.summary.time + 1_000
  const restored = restoreSnapshot(
    { genesis, directory },
    { root, height: 64 },
    listed.blockId,
    now,
  )
  await expect(restored).rejects.toMatchObject({ detail: { code: 'SNAPSHOT_DAMAGED', path: file } })
  expect(existsSync(directory)).toBe(false)
  expect(existsSync(`${directory}.restoring`)).toBe(false)
})

it('snapshots are made at the first checkpoint after each multiple', () => {
  const heights = (every: number): number[] =>
    Array.from({ length: 3_100 }, (_, height) => height).filter((height) =>
      isSnapshotHeight(height, every),
    )
  expect(heights(0)).toEqual([])
  expect(heights(1_000)).toEqual([1_024, 2_048, 3_008])
  expect(heights(64)).toHaveLength(48)
  expect(heights(1)).toEqual(heights(64))
})
