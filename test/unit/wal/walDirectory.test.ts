import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WalDirectory } from '../../../node/consensus/walDirectory.ts'
import { HEADER_BYTES, RECORD_HEAD_BYTES } from '../../../node/consensus/walFormat.ts'
import { VirtualDisk } from '../../sim/disk/virtualDisk.ts'
import { MemoryFileSystem, osError } from '../../support/memoryFileSystem.ts'
import { bytesFrom, IDENTITY } from '../../support/storedChain.ts'

const directory = '/wal'
/** A mark of a height and a record of 39 bytes fill a quarter. */
const MARK_BYTES = RECORD_HEAD_BYTES + 8
const PAYLOAD_BYTES = 39
const preallocatedBytes = 4 * (MARK_BYTES + RECORD_HEAD_BYTES + PAYLOAD_BYTES)
const optionsOf = (fileSystem: MemoryFileSystem) => ({
  ...IDENTITY,
  directory,
  fileSystem,
  randomBytes: (length: number) => bytesFrom('salt', length),
  preallocatedBytes,
})
const nameOf = (height: number): string => `${String(height).padStart(16, '0')}.wal`
const names = async (fileSystem: MemoryFileSystem): Promise<string[]> =>
  [...(await fileSystem.list(directory))].toSorted()
const payloadOf = (height: number): Uint8Array => new Uint8Array(PAYLOAD_BYTES).fill(height)
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A height as the engine runs it: opened, written, flushed, committed. */
async function pass(wals: WalDirectory, height: number): Promise<void> {
  await wals.removeBelow(height)
  const { wal } = await wals.open(height)
  wal.append(1, payloadOf(height))
  await wal.flush()
  wal.append(1, payloadOf(255))
  wal.discard()
  await turn()
}

async function directoryOn(fileSystem: MemoryFileSystem, heights: readonly number[]) {
  const wals = await WalDirectory.open(optionsOf(fileSystem))
  for (const height of heights) await pass(wals, height)
  return wals
}

/** What a new process finds of a height. */
async function foundIn(fileSystem: MemoryFileSystem, height: number): Promise<number[]> {
  const wals = await WalDirectory.open(optionsOf(fileSystem))
  const { entries } = await wals.open(height)
  await wals.close()
  return entries.map(({ payload }) => payload[0] as number)
}

describe('WalDirectory', () => {
  it('writes several heights to a file, one sync each, and begins the next when it is three quarters full', async () => {
    const fileSystem = new MemoryFileSystem()
    const wals = await directoryOn(fileSystem, [5])
    const before = fileSystem.operations.length
    await pass(wals, 6)
    expect(fileSystem.operations.slice(before).map(({ kind }) => kind)).toEqual(['write', 'sync'])
    await pass(wals, 7)
    expect(await names(fileSystem)).toEqual([nameOf(5), nameOf(8)])
    const made = fileSystem.operations.length
    await pass(wals, 8)
    const since = fileSystem.operations.slice(made)
    expect(since.some(({ kind }) => kind === 'create' || kind === 'rename')).toBe(false)
    await pass(wals, 9)
    expect(await names(fileSystem)).toEqual([nameOf(8)])
    await wals.close()
    expect(await foundIn(fileSystem, 9)).toEqual([9])
  })

  it('gives a new process the height in flight, whichever it is, and nothing of the others', async () => {
    for (let last = 5; last <= 12; last++) {
      const heights = Array.from({ length: last - 4 }, (_, i) => 5 + i)
      const fileSystem = new MemoryFileSystem()
      const wals = await directoryOn(fileSystem, heights)
      await wals.close()
      expect(await foundIn(fileSystem, last), `height ${last}`).toEqual([last])
      expect(await foundIn(fileSystem, last + 1)).toEqual([])
    }
  })

  it('forgets what a committed height had not flushed, and keeps what a stopped one had not', async () => {
    const fileSystem = new MemoryFileSystem()
    const wals = await directoryOn(fileSystem, [5])
    const { wal } = await wals.open(6)
    wal.append(1, payloadOf(6))
    await wal.close()
    expect(() => wal.append(1, payloadOf(6))).toThrow()
    await wals.close()
    expect(await foundIn(fileSystem, 5)).toEqual([5])
    expect(await foundIn(fileSystem, 6)).toEqual([6])
  })

  it('closes the log of the height before, which then changes nothing', async () => {
    const fileSystem = new MemoryFileSystem()
    const wals = await directoryOn(fileSystem, [5])
    const six = await wals.open(6)
    six.wal.append(1, payloadOf(99))
    const seven = await wals.open(7)
    seven.wal.append(1, payloadOf(7))
    six.wal.discard()
    expect(() => six.wal.append(1, payloadOf(6))).toThrow()
    await expect(six.wal.flush()).rejects.toMatchObject({ detail: { code: 'WAL_CLOSED' } })
    await seven.wal.flush()
    expect(await foundIn(fileSystem, 7)).toEqual([7])
  })

  it('opens a height again, any later height, and a height whose file is ahead of the database', async () => {
    const fileSystem = new MemoryFileSystem()
    const wals = await directoryOn(fileSystem, [5, 9])
    expect((await wals.open(9)).entries.length).toBe(1)
    await wals.close()
    const older = await WalDirectory.open(optionsOf(fileSystem))
    expect((await older.open(7)).entries).toEqual([])
    expect((await older.open(9)).entries.length).toBe(1)
    await older.close()
    expect(await foundIn(fileSystem, 9)).toEqual([9])
  })

  it('deletes the files of lower heights and nothing else', async () => {
    const fileSystem = new MemoryFileSystem()
    await fileSystem.create('/wal/notes.txt')
    await fileSystem.create(`/wal/${nameOf(1)}.copy`)
    const wals = await directoryOn(fileSystem, [1, 2, 3, 4, 5])
    await wals.close()
    expect(await names(fileSystem)).toEqual([nameOf(4), 'notes.txt'])
  })

  // Found by the kill loop: a validator that came back died of a file that it had deleted itself.
  it('keeps the file that it made, where block sync passes its height meanwhile', async () => {
    const fileSystem = new MemoryFileSystem()
    const create = fileSystem.create.bind(fileSystem)
    let release: () => void = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    fileSystem.create = async (path) => {
      const file = await create(path)
      if (!path.includes(nameOf(8))) return file
      return { ...file, sync: () => held.then(() => file.sync()) }
    }
    const wals = await directoryOn(fileSystem, [5, 6, 7])
    await wals.removeBelow(20)
    setImmediate(release)
    await pass(wals, 20)
    await pass(wals, 21)
    await wals.close()
    expect(await names(fileSystem)).toEqual([nameOf(8)])
    expect(await foundIn(fileSystem, 21)).toEqual([21])
  })

  it('does not write to a file of an earlier process that waits to be removed', async () => {
    const fileSystem = new MemoryFileSystem()
    await directoryOn(fileSystem, [5, 6, 7])
    expect(await names(fileSystem)).toEqual([nameOf(5), nameOf(8)])
    const wals = await directoryOn(fileSystem, [7, 8, 30])
    await wals.close()
    expect(await foundIn(fileSystem, 30)).toEqual([30])
  })

  it('reports a file that cannot be made when its height comes', async () => {
    const fileSystem = new MemoryFileSystem()
    const wals = await WalDirectory.open(optionsOf(fileSystem))
    fileSystem.onOperation = ({ kind, path }) => {
      if (kind === 'create' && path.includes(nameOf(8))) throw osError('ENOSPC')
    }
    for (const height of [5, 6, 7]) await pass(wals, height)
    await expect(wals.open(8)).rejects.toMatchObject({ detail: { code: 'WAL_OPEN' } })
  })

  it('goes on at a height that begins behind damage, and refuses damage in front of its records', async () => {
    const spoiled = async (at: number): Promise<MemoryFileSystem> => {
      const fileSystem = new MemoryFileSystem()
      const wals = await directoryOn(fileSystem, [5])
      const { wal } = await wals.open(6)
      for (const value of [6, 7]) {
        wal.append(1, payloadOf(value))
        await wal.flush()
      }
      await wals.close()
      const bytes = (await fileSystem.read(`/wal/${nameOf(5)}`)) as Uint8Array
      bytes[at] = (bytes[at] as number) ^ 1
      const file = await fileSystem.create(`/wal/${nameOf(5)}`)
      await file.write(bytes, 0)
      return fileSystem
    }
    const second = HEADER_BYTES + MARK_BYTES + RECORD_HEAD_BYTES + PAYLOAD_BYTES
    for (let at = HEADER_BYTES; at < second; at++)
      expect(await foundIn(await spoiled(at), 6), `byte ${at}`).toEqual([6, 7])
    for (const at of [4, second + 3, second + MARK_BYTES + 5])
      await expect(foundIn(await spoiled(at), 6)).rejects.toMatchObject({
        detail: { code: 'WAL_CORRUPT' },
      })
  })

  it('keeps what was flushed, through any order of heights and crashes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            skip: fc.nat(2),
            records: fc.nat(3),
            bytes: fc.nat(150),
            unflushed: fc.boolean(),
            crash: fc.constantFrom(null, 'none' as const, 'subset' as const, 'kill' as const),
          }),
          { maxLength: 14 },
        ),
        async (steps) => {
          const disk = new VirtualDisk({ random: (bound) => bound >> 1 })
          const options = { ...optionsOf(new MemoryFileSystem()), fileSystem: disk.fileSystem }
          let wals = await WalDirectory.open(options)
          let height = 1
          for (const { skip, records, bytes, unflushed, crash } of steps) {
            height += 1 + skip
            await wals.removeBelow(height)
            const { wal, entries } = await wals.open(height)
            expect(entries).toEqual([])
            for (let i = 0; i < records; i++) {
              wal.append(2, new Uint8Array(bytes).fill(i + 1))
              await wal.flush()
            }
            if (unflushed) wal.append(2, Uint8Array.of(77))
            if (crash === null) {
              wal.discard()
              continue
            }
            disk.powerCut()
            disk.restart(crash)
            wals = await WalDirectory.open(options)
            const again = await wals.open(height)
            expect(again.entries.map(({ payload }) => [...payload])).toEqual(
              Array.from({ length: records }, (_, i) => new Array(bytes).fill(i + 1)),
            )
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})
