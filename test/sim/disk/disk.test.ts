import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultDatabaseOptions } from '../../../node/storage/database.ts'
import { Prng } from '../core/prng.ts'
import { type PowerCut, SECTOR } from './sectors.ts'
import { VirtualDisk } from './virtualDisk.ts'

const CUTS: readonly PowerCut[] = ['none', 'all', 'prefix', 'subset', 'garbage', 'sector']
const anyCut = fc.constantFrom(...CUTS)
const LENGTH = 5 * SECTOR

function diskOf(seed: number): VirtualDisk {
  const prng = new Prng(seed)
  return new VirtualDisk({ random: (bound) => prng.u32() % bound })
}

/** A file of ones, durable with its name. */
async function diskWithFile(seed: number) {
  const disk = diskOf(seed)
  const { fileSystem } = disk
  await fileSystem.makeDirectory('/d')
  const file = await fileSystem.create('/d/a')
  await file.write(new Uint8Array(LENGTH).fill(1), 0)
  await file.sync()
  await fileSystem.syncDirectory('/d')
  return { disk, fileSystem, file }
}

describe('VirtualDisk', () => {
  test('keeps what was synced through any power cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), anyCut, async (seed, cut) => {
        const { disk, fileSystem, file } = await diskWithFile(seed)
        await file.write(Uint8Array.of(2), LENGTH)
        disk.powerCut()
        disk.restart(cut)
        const data = await fileSystem.read('/d/a')
        const intact = cut === 'sector' ? LENGTH - SECTOR : LENGTH
        expect(data?.subarray(0, intact).every((byte) => byte === 1)).toBe(true)
      }),
    )
  })

  test('loses any sectors of what was not, each whole, and in the end every combination', async () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 400; seed++) {
      const { disk, fileSystem, file } = await diskWithFile(seed)
      await file.write(new Uint8Array(LENGTH).fill(2), 0)
      disk.powerCut()
      disk.restart('subset')
      const data = (await fileSystem.read('/d/a')) ?? new Uint8Array(0)
      let pattern = ''
      for (let at = 0; at < LENGTH; at += SECTOR) {
        const values = new Set(data.subarray(at, at + SECTOR))
        expect(values.size).toBe(1)
        pattern += [...values]
      }
      seen.add(pattern)
    }
    expect(seen.size).toBe(2 ** 5)
  })

  test('loses names that their directory was not synced for; a rename happens or does not', async () => {
    const found = new Set<string>()
    for (let seed = 0; seed < 60; seed++) {
      const { disk, fileSystem } = await diskWithFile(seed)
      const other = await fileSystem.create('/d/b')
      await other.write(Uint8Array.of(7), 0)
      await other.sync()
      await fileSystem.rename('/d/b', '/d/a')
      disk.powerCut()
      disk.restart('subset')
      const target = await fileSystem.read('/d/a')
      expect([1, 7]).toContain(target?.[0])
      found.add(`${target?.[0]} ${(await fileSystem.list('/d')).join()}`)
    }
    expect([...found].sort()).toEqual(['1 a', '1 a,b', '7 a'])
  })

  test('calls clean what a failed sync did not write', async () => {
    const { disk, fileSystem, file } = await diskWithFile(3)
    await file.write(new Uint8Array(LENGTH).fill(2), 0)
    disk.faultOn = ({ kind }) => (kind === 'sync' ? 'fsync' : null)
    await expect(file.sync()).rejects.toThrow('EIO')
    disk.faultOn = () => null
    await file.sync()
    expect((await fileSystem.read('/d/a'))?.every((byte) => byte === 2)).toBe(true)
    disk.powerCut()
    disk.restart('all')
    expect((await fileSystem.read('/d/a'))?.some((byte) => byte === 1)).toBe(true)
  })

  test('answers nothing any more once it is off, nor what an earlier process asks', async () => {
    const { disk, fileSystem, file } = await diskWithFile(4)
    disk.crashAt(disk.operations, 'before')
    const turn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve, 'silent'))
    const cut = file.sync()
    expect(await Promise.race([cut, turn()])).toBe('silent')
    expect(disk.isOff).toBe(true)
    const asked = [fileSystem.read('/d/a'), file.close(), fileSystem.open('/d/a')]
    expect(await Promise.race([...asked, turn()])).toBe('silent')
    disk.restart('none')
    expect(await Promise.race([file.sync(), turn()])).toBe('silent')
    expect(await fileSystem.read('/d/a')).not.toBeNull()
  })

  test('keeps of a database a prefix of its batches, with every synced one', async () => {
    const lengths = new Set<number>()
    for (let seed = 0; seed < 60; seed++) {
      const disk = diskOf(seed)
      const database = await disk.openDatabase('/db', defaultDatabaseOptions)
      for (let i = 0; i < 6; i++) {
        const batch = database.batch()
        batch.put(Uint8Array.of(i, 1), Uint8Array.of(i))
        batch.put(Uint8Array.of(i, 2), Uint8Array.of(i))
        await batch.write({ sync: i === 2 })
      }
      disk.powerCut()
      disk.restart('subset')
      const again = await disk.openDatabase('/db', defaultDatabaseOptions)
      const range = { gte: Uint8Array.of(0), lte: Uint8Array.of(255) }
      const keys = (await again.keys(range).all()).map(([first]) => first)
      lengths.add(keys.length)
      expect(keys).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5].slice(0, keys.length))
    }
    expect([...lengths].sort((a, b) => a - b)).toEqual([6, 8, 10, 12])
  })

  test('reads a database as of a snapshot, whatever is written meanwhile', async () => {
    const database = await diskOf(1).openDatabase('/db', defaultDatabaseOptions)
    const key = Uint8Array.of(1)
    const put = async (value: number): Promise<void> => {
      const batch = database.batch()
      batch.put(key, Uint8Array.of(value))
      await batch.write({ sync: true })
    }
    await put(1)
    const snapshot = database.snapshot()
    const options = { snapshot, keyEncoding: 'view', valueEncoding: 'view' } as const
    for (const value of [2, 3, 4]) await put(value)
    expect(database.getSync(key, options)).toEqual(Uint8Array.of(1))
    expect(database.getSync(key)).toEqual(Uint8Array.of(4))
  })
})
