import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nodeFileSystem, type OpenFile } from '../../../node/storage/fileSystem.ts'

const disk = vi.hoisted(() => ({ here: 0, trips: 0, syncMs: 0, fails: false }))
vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs')>()
  const wait = (): void => {
    if (disk.fails) throw new Error('EIO: made by the test')
    const end = performance.now() + disk.syncMs
    while (performance.now() < end);
  }
  return {
    ...fs,
    fdatasyncSync: (descriptor: number) => {
      disk.here++
      wait()
      fs.fdatasyncSync(descriptor)
    },
    fdatasync: (descriptor: number, done: (error: Error | null) => void) => {
      disk.trips++
      wait()
      fs.fdatasync(descriptor, done)
    },
  }
})

describe('a sync of a file', () => {
  let directory = ''
  let file: OpenFile
  beforeEach(async () => {
    Object.assign(disk, { here: 0, trips: 0, syncMs: 0, fails: false })
    directory = await mkdtemp(join(tmpdir(), 'nexus-files-'))
    file = await nodeFileSystem.create(join(directory, 'file'))
  })
  afterEach(async () => {
    await file.close()
    await rm(directory, { recursive: true, force: true })
  })
  const write = async (bytes: number): Promise<void> => {
    await file.write(new Uint8Array(bytes).fill(7), 0)
    await file.sync()
  }

  it('is waited for here when little was written, and elsewhere when much was', async () => {
    await write(200)
    expect(disk).toMatchObject({ here: 1, trips: 0 })
    await write(200_000)
    expect(disk).toMatchObject({ here: 1, trips: 1 })
    await write(200)
    expect(disk).toMatchObject({ here: 2, trips: 1 })
    expect((await readFile(join(directory, 'file'))).length).toBe(200_000)
  })

  it('blocks nobody for long on a slow disk, and is waited for here again on a fast one', async () => {
    disk.syncMs = 6
    for (let i = 0; i < 40; i++) await write(10)
    expect(disk.here).toBeGreaterThan(1)
    expect(disk.here).toBeLessThan(25)
    disk.syncMs = 0
    const before = disk.here
    for (let i = 0; i < 40; i++) await write(10)
    expect(disk.here).toBeGreaterThan(before)
  })

  it('rejects with what the disk said, either way', async () => {
    disk.fails = true
    await expect(write(10)).rejects.toThrow('EIO')
    await expect(write(200_000)).rejects.toThrow('EIO')
  })
})
