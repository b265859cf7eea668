import { describe, expect, it } from 'vitest'
import {
  LAST_SIGNED_BYTES,
  type LastSigned,
  LastSignedFile,
  NOTHING_SIGNED,
} from '../../../node/consensus/lastSigned.ts'
import { VirtualDisk } from '../../sim/disk/virtualDisk.ts'
import { Random } from '../../sim/random.ts'
import { fileSystemWith, MemoryFileSystem, osError } from '../../support/memoryFileSystem.ts'
import { addressOf, bytesFrom } from '../../support/storedChain.ts'

const PATH = '/data/lastSigned'
const PAGE = 4_096
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const identity = { chainId: 3940, address: addressOf('validator') }

const state = (height: number): LastSigned => ({
  height,
  round: height % 3,
  step: 1 + (height % 3),
  signBytes: bytesFrom(`sign bytes ${height}`, 54),
  signature: bytesFrom(`signature ${height}`, 64),
})

/** A file in which states 1 to `count` were saved one after the other. */
async function saved(count: number): Promise<MemoryFileSystem> {
  const fileSystem = new MemoryFileSystem()
  await LastSignedFile.create(PATH, identity, fileSystem)
  const file = await LastSignedFile.open(PATH, identity, fileSystem)
  for (let height = 1; height <= count; height++) await file.save(state(height))
  return fileSystem
}

async function heightAfter(data: Uint8Array): Promise<number> {
  const fileSystem = await fileSystemWith(PATH, data)
  return (await LastSignedFile.open(PATH, identity, fileSystem)).current.height
}

const dataOf = async (fileSystem: MemoryFileSystem): Promise<Uint8Array> =>
  (await fileSystem.read(PATH)) as Uint8Array

describe('LastSignedFile', () => {
  it('gives back the last state that was saved, whichever it was', async () => {
    for (let count = 0; count <= 5; count++) {
      const fileSystem = await saved(count)
      const { current } = await LastSignedFile.open(PATH, identity, fileSystem)
      const { height, round, step, signBytes, signature } = current
      const expected = count === 0 ? NOTHING_SIGNED : state(count)
      expect({ height, round, step, signBytes, signature }).toEqual(expected)
    }
  })

  it('is on the disk when it is open, also after a failed sync, whose pages the system takes for clean', async () => {
    let failing = false
    const disk = new VirtualDisk({ random: () => 0 })
    disk.faultOn = ({ kind }) => (kind === 'sync' && failing ? 'fsync' : null)
    await LastSignedFile.create(PATH, identity, disk.fileSystem)
    const first = await LastSignedFile.open(PATH, identity, disk.fileSystem)
    await first.save(state(1))
    failing = true
    await expect(first.save(state(2))).rejects.toThrow()
    failing = false
    disk.restart('kill')
    const second = await LastSignedFile.open(PATH, identity, disk.fileSystem)
    disk.powerCut()
    disk.restart('none')
    const third = await LastSignedFile.open(PATH, identity, disk.fileSystem)
    expect(third.current.height).toBe(second.current.height)
  })

  it('follows from what is on the disk when a process was killed before its sync ended, and then the power went', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Random(seed)
      let isStuck = false
      const disk = new VirtualDisk({
        random: (bound) => random.range(0, bound - 1),
        latency: () => (isStuck ? new Promise(() => {}) : Promise.resolve()),
      })
      await LastSignedFile.create(PATH, identity, disk.fileSystem)
      const first = await LastSignedFile.open(PATH, identity, disk.fileSystem)
      for (let height = 1; height <= 4; height++) await first.save(state(height))
      isStuck = true
      void first.save(state(5))
      await tick()
      disk.restart('kill')
      void LastSignedFile.open(PATH, identity, disk.fileSystem)
      await tick()
      disk.powerCut()
      disk.restart('garbage')
      isStuck = false
      const last = await LastSignedFile.open(PATH, identity, disk.fileSystem)
      expect([4, 5], `seed ${seed}`).toContain(last.current.height)
    }
  })

  it('saves with one write and one sync, and never grows', async () => {
    const fileSystem = await saved(3)
    const file = await LastSignedFile.open(PATH, identity, fileSystem)
    fileSystem.operations.length = 0
    await file.save(state(4))
    expect(fileSystem.operations.map(({ kind }) => kind)).toEqual(['write', 'sync'])
    expect((await dataOf(fileSystem)).length).toBe(LAST_SIGNED_BYTES)
  })

  it('holds the old or the new state after a write torn at any byte, and goes on from it', async () => {
    for (const count of [1, 2, 3]) {
      const before = await saved(count)
      const file = await LastSignedFile.open(PATH, identity, before)
      before.onOperation = ({ kind }) => {
        if (kind === 'sync') throw osError('EIO')
      }
      await expect(file.save(state(count + 1))).rejects.toMatchObject({
        detail: { code: 'LAST_SIGNED_WRITE' },
      })
      const total = before.unsyncedBytes(PATH)
      expect(total).toBe(2 * PAGE)
      let newest = 0
      for (let bytes = 0; bytes <= total; bytes++) {
        const fileSystem = await fileSystemWith(PATH, before.afterPowerCut(PATH, bytes))
        const recovered = await LastSignedFile.open(PATH, identity, fileSystem)
        const { height } = recovered.current
        expect([count, count + 1], `torn after ${bytes}`).toContain(height)
        expect(height, `torn after ${bytes}`).toBeGreaterThanOrEqual(newest)
        newest = height
        // Where the first copy ends and begins to count, every byte; elsewhere a sample.
        if (bytes % 97 !== 0 && (bytes < 100 || bytes > 200)) continue
        await recovered.save(state(count + 5))
        expect(await heightAfter(fileSystem.afterPowerCut(PATH, 0))).toBe(count + 5)
      }
      expect(newest).toBe(count + 1)
    }
  }, 60_000)

  it('holds the old or the new state whichever pages of the write reached the disk', async () => {
    const old = await dataOf(await saved(4))
    const next = await dataOf(await saved(5))
    const junk = bytesFrom('junk', PAGE)
    // State 5 goes to the second generation, pages 3 and 4.
    const page = (data: Uint8Array, index: number) => data.slice(index * PAGE, (index + 1) * PAGE)
    for (const first of [page(old, 3), page(next, 3), junk]) {
      for (const second of [page(old, 4), page(next, 4), junk]) {
        const data = old.slice()
        data.set(first, 3 * PAGE)
        data.set(second, 4 * PAGE)
        const isNew = first === page(next, 3) || second === page(next, 4)
        const height = await heightAfter(data)
        if (isNew) expect(height).toBe(5)
        expect([4, 5]).toContain(height)
      }
    }
  })

  it('never falls back to an older state when one byte of a finished file is damaged', async () => {
    const data = await dataOf(await saved(5))
    for (let at = 0; at < data.length; at++) {
      // Beyond the written part of a page nothing is read; a sample of those bytes is enough.
      if (at % PAGE > 256 && at % 61 !== 0) continue
      const damaged = data.slice()
      damaged[at] = (damaged[at] as number) ^ 0x40
      const outcome = await heightAfter(damaged).catch((error) => error.detail.code)
      expect([5, 'LAST_SIGNED_CORRUPT', 'LAST_SIGNED_VERSION'], `byte ${at}`).toContain(outcome)
    }
  })

  it('puts a damaged page right before anything else is saved', async () => {
    const data = await dataOf(await saved(5))
    const damaged = data.slice()
    damaged.fill(0xee, 3 * PAGE, 3 * PAGE + 20)
    const fileSystem = await fileSystemWith(PATH, damaged)
    await LastSignedFile.open(PATH, identity, fileSystem)
    const healed = fileSystem.afterPowerCut(PATH, 0)
    healed.fill(0xee, 4 * PAGE, 4 * PAGE + 20)
    expect(await heightAfter(healed)).toBe(5)
  })

  it('is durable before it is used again after a restart', async () => {
    const fileSystem = await saved(2)
    fileSystem.operations.length = 0
    await LastSignedFile.open(PATH, identity, fileSystem)
    expect(fileSystem.operations.slice(-2)).toEqual([
      { kind: 'sync', path: PATH },
      { kind: 'syncDirectory', path: '/data' },
    ])
  })

  it('refuses a file without a whole state, of a wrong size, or with states that do not follow', async () => {
    const data = await dataOf(await saved(5))
    const corrupt = { detail: { code: 'LAST_SIGNED_CORRUPT' } }
    const empty = data.slice().fill(0, PAGE)
    await expect(heightAfter(empty)).rejects.toMatchObject(corrupt)
    for (const length of [0, 1, PAGE, LAST_SIGNED_BYTES - 1])
      await expect(heightAfter(data.slice(0, length))).rejects.toMatchObject(corrupt)
    await expect(heightAfter(Uint8Array.from([...data, 0]))).rejects.toMatchObject(corrupt)
    const mixed = data.slice()
    mixed.set((await dataOf(await saved(2))).subarray(PAGE, 3 * PAGE), PAGE)
    await expect(heightAfter(mixed), 'states 2 and 5').rejects.toMatchObject(corrupt)
    const swapped = data.slice()
    swapped.set(data.subarray(PAGE, 3 * PAGE), 3 * PAGE)
    await expect(heightAfter(swapped), 'a generation in the wrong place').rejects.toMatchObject(
      corrupt,
    )
  })

  it('refuses the file of another key or chain, and a missing one', async () => {
    const fileSystem = await saved(1)
    const open = (other: object) => LastSignedFile.open(PATH, { ...identity, ...other }, fileSystem)
    const otherKey = { detail: { code: 'LAST_SIGNED_OTHER_KEY' } }
    await expect(open({ chainId: 1 })).rejects.toMatchObject(otherKey)
    await expect(open({ address: addressOf('other') })).rejects.toMatchObject(otherKey)
    const missing = LastSignedFile.open(PATH, identity, new MemoryFileSystem())
    await expect(missing).rejects.toMatchObject({ detail: { code: 'LAST_SIGNED_MISSING' } })
  })

  it('is made once, and whole or not at all', async () => {
    const fileSystem = await saved(3)
    await expect(LastSignedFile.create(PATH, identity, fileSystem)).rejects.toMatchObject({
      detail: { code: 'LAST_SIGNED_EXISTS' },
    })
    const reference = new MemoryFileSystem()
    await LastSignedFile.create(PATH, identity, reference)
    for (let stop = 0; stop < reference.operations.length; stop++) {
      const torn = new MemoryFileSystem()
      torn.partialWriteBytes = 100
      torn.onOperation = (_, index) => {
        if (index >= stop) throw osError('ENOSPC')
      }
      await expect(LastSignedFile.create(PATH, identity, torn)).rejects.toThrow()
      if (torn.durablePaths().includes(PATH)) expect.fail('a torn file has the name')
      torn.onOperation = () => {}
      const contents = await torn.read(PATH)
      if (contents === null) await LastSignedFile.create(PATH, identity, torn)
      expect((await LastSignedFile.open(PATH, identity, torn)).current.height).toBe(0)
    }
  })

  it('saves nothing more after an error', async () => {
    for (const failing of ['write', 'sync'] as const) {
      const fileSystem = await saved(3)
      const file = await LastSignedFile.open(PATH, identity, fileSystem)
      fileSystem.partialWriteBytes = 4_200
      fileSystem.onOperation = ({ kind }) => {
        if (kind === failing) throw osError('EIO')
      }
      const failed = { detail: { code: 'LAST_SIGNED_WRITE' } }
      await expect(file.save(state(4))).rejects.toMatchObject(failed)
      fileSystem.onOperation = () => {}
      const operations = fileSystem.operations.length
      await expect(file.save(state(5))).rejects.toMatchObject(failed)
      expect(fileSystem.operations.length).toBe(operations)
      expect(file.current.height).toBe(3)
    }
  })
})
