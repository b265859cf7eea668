import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { Wal, type WalOptions } from '../../../node/consensus/wal.ts'
import {
  HEADER_BYTES,
  RECORD_HEAD_BYTES,
  type WalEntry,
} from '../../../node/consensus/walFormat.ts'
import { crc32c } from '../../../node/storage/crc32c.ts'
import { nodeFileSystem } from '../../../node/storage/fileSystem.ts'
import { VirtualDisk } from '../../sim/disk/virtualDisk.ts'
import { fileSystemWith, MemoryFileSystem, osError } from '../../support/memoryFileSystem.ts'
import { bytesFrom, digest, IDENTITY } from '../../support/storedChain.ts'

const DIRECTORY = '/wal'
const PATH = '/wal/0000000000000007.wal'
const salt = digest('salt').slice(0, 16)

const optionsOf = (fileSystem: WalOptions['fileSystem'], height = 7): WalOptions => ({
  ...IDENTITY,
  height,
  fileSystem,
  salt,
  preallocatedBytes: 0,
})

const ENTRIES: readonly WalEntry[] = [
  { type: 1, payload: bytesFrom('first', 40) },
  { type: 2, payload: new Uint8Array(0) },
  { type: 255, payload: bytesFrom('third', 70) },
  { type: 0, payload: Uint8Array.of(9) },
]

const plain = (entries: readonly WalEntry[]) =>
  entries.map(({ type, payload }) => ({ type, payload: [...payload] }))

/** Offsets at which records start, and the end. */
function boundaries(entries: readonly WalEntry[]): number[] {
  const offsets = [HEADER_BYTES]
  for (const { payload } of entries)
    offsets.push((offsets.at(-1) as number) + RECORD_HEAD_BYTES + payload.length)
  return offsets
}

/** Each entry is flushed before the next one comes. */
async function fileOf(entries: readonly WalEntry[], options: Partial<WalOptions> = {}) {
  const fileSystem = new MemoryFileSystem()
  const { wal } = await Wal.open(DIRECTORY, { ...optionsOf(fileSystem), ...options })
  for (const { type, payload } of entries) {
    wal.append(type, payload)
    await wal.flush()
  }
  await wal.close()
  return (await fileSystem.read(PATH)) as Uint8Array
}

async function reopen(data: Uint8Array) {
  const fileSystem = await fileSystemWith(PATH, data)
  const opened = await Wal.open(DIRECTORY, optionsOf(fileSystem))
  return { ...opened, fileSystem }
}

describe('Wal on real files', () => {
  let directory = ''
  afterEach(() => rm(directory, { recursive: true, force: true }))

  it('gives back what was appended, in order, and appends behind it', async () => {
    directory = await mkdtemp(join(tmpdir(), 'nexus-wal-'))
    const first = await Wal.open(directory, optionsOf(nodeFileSystem))
    expect(first.entries).toEqual([])
    for (const { type, payload } of ENTRIES) first.wal.append(type, payload)
    await first.wal.close()
    const second = await Wal.open(directory, optionsOf(nodeFileSystem))
    expect(plain(second.entries)).toEqual(plain(ENTRIES))
    const large = { type: 5, payload: bytesFrom('large', LIMITS.walRecordBytes) }
    second.wal.append(large.type, large.payload)
    await second.wal.close()
    const third = await Wal.open(directory, optionsOf(nodeFileSystem))
    await third.wal.close()
    expect(third.entries.length).toBe(ENTRIES.length + 1)
    expect(Buffer.compare(third.entries.at(-1)?.payload as Uint8Array, large.payload)).toBe(0)
  })

  it('cuts a torn end off the file itself', async () => {
    directory = await mkdtemp(join(tmpdir(), 'nexus-wal-'))
    const { wal } = await Wal.open(directory, optionsOf(nodeFileSystem))
    for (const { type, payload } of ENTRIES) wal.append(type, payload)
    await wal.close()
    const path = join(directory, '0000000000000007.wal')
    const whole = await readFile(path)
    await writeFile(path, whole.subarray(0, whole.length - 3))
    const { wal: again, entries } = await Wal.open(directory, optionsOf(nodeFileSystem))
    await again.close()
    expect(plain(entries)).toEqual(plain(ENTRIES.slice(0, -1)))
    expect((await readFile(path)).length).toBe(boundaries(ENTRIES)[3])
  })
})

describe('Wal with preallocated zeros', () => {
  const preallocatedBytes = 512

  it('writes records into the zeros, and finds them again', async () => {
    const data = await fileOf(ENTRIES, { preallocatedBytes })
    expect(data.length).toBe(HEADER_BYTES + preallocatedBytes)
    const { entries, wal, fileSystem } = await reopen(data)
    expect(plain(entries)).toEqual(plain(ENTRIES))
    wal.append(9, Uint8Array.of(1))
    await wal.close()
    expect(((await fileSystem.read(PATH)) as Uint8Array).length).toBe(data.length)
    const again = await Wal.open(DIRECTORY, optionsOf(fileSystem))
    expect(again.entries.length).toBe(ENTRIES.length + 1)
  })

  it('keeps the whole records when the power is cut at any byte of a write', async () => {
    const data = await fileOf(ENTRIES, { preallocatedBytes })
    const offsets = boundaries(ENTRIES)
    for (let cut = HEADER_BYTES; cut <= data.length; cut++) {
      const torn = data.slice()
      torn.fill(0, cut)
      const { entries, wal, fileSystem } = await reopen(torn)
      const end = offsets.at(-1) as number
      // A payload that ends in zeros is whole when only zeros are missing.
      const missing = data.slice(cut, end).some((byte) => byte !== 0)
      const whole = missing
        ? offsets.filter((offset) => !data.slice(cut, offset).some((byte) => byte !== 0)).length - 1
        : ENTRIES.length
      expect(plain(entries), `cut at ${cut}`).toEqual(plain(ENTRIES.slice(0, whole)))
      wal.append(9, Uint8Array.of(7))
      await wal.close()
      const after = await Wal.open(DIRECTORY, optionsOf(fileSystem))
      expect(after.entries.length, `appended after a cut at ${cut}`).toBe(whole + 1)
    }
  })

  it('is new when its making was cut, and corrupt when a record follows a damaged header', async () => {
    const blank = await fileOf([], { preallocatedBytes })
    blank[3] = 0xff
    expect((await reopen(blank)).entries).toEqual([])
    const used = await fileOf(ENTRIES, { preallocatedBytes })
    used[3] = 0xff
    await expect(reopen(used)).rejects.toMatchObject({ detail: { code: 'WAL_CORRUPT' } })
  })

  it('takes zeros for nothing, whatever the salt', async () => {
    for (let i = 0; i < 64; i++) {
      const data = await fileOf([], { preallocatedBytes, salt: digest(`salt ${i}`).slice(0, 16) })
      expect((await reopen(data)).entries).toEqual([])
    }
  })
})

describe('Wal recovery', () => {
  it('keeps the whole records of a file cut at any byte, and goes on behind them', async () => {
    const data = await fileOf(ENTRIES)
    const offsets = boundaries(ENTRIES)
    for (let length = 0; length <= data.length; length++) {
      const { wal, entries, fileSystem } = await reopen(data.slice(0, length))
      const whole = Math.max(0, offsets.filter((offset) => offset <= length).length - 1)
      expect(plain(entries), `cut at ${length}`).toEqual(plain(ENTRIES.slice(0, whole)))
      wal.append(9, Uint8Array.of(length & 0xff))
      await wal.close()
      const { entries: after } = await Wal.open(DIRECTORY, optionsOf(fileSystem))
      expect(after.length, `appended after a cut at ${length}`).toBe(whole + 1)
      expect(after.at(-1)?.type).toBe(9)
    }
  })

  it('refuses a damaged byte with good records behind it, and cuts off a damaged last record', async () => {
    const data = await fileOf(ENTRIES)
    const offsets = boundaries(ENTRIES)
    const last = offsets.at(-2) as number
    for (let at = 0; at < data.length; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const damaged = data.slice()
        damaged[at] = (damaged[at] as number) ^ flip
        const opened = reopen(damaged)
        if (at >= last) {
          expect(plain((await opened).entries), `byte ${at}`).toEqual(plain(ENTRIES.slice(0, -1)))
          continue
        }
        const start = at < HEADER_BYTES ? 0 : offsets.findLast((offset) => offset <= at)
        await expect(opened, `byte ${at}`).rejects.toMatchObject({
          detail: { code: 'WAL_CORRUPT', file: PATH, offset: start },
        })
      }
    }
  })

  it('cuts off what a power cut leaves of one flush, in whatever order the disk wrote it', async () => {
    const fileSystem = new MemoryFileSystem()
    const { wal } = await Wal.open(DIRECTORY, optionsOf(fileSystem))
    const [promised, ...together] = ENTRIES as [WalEntry, ...WalEntry[]]
    wal.append(promised.type, promised.payload)
    await wal.flush()
    for (const { type, payload } of together) wal.append(type, payload)
    await wal.close()
    const data = (await fileSystem.read(PATH)) as Uint8Array
    const offsets = boundaries(ENTRIES)
    // Any of the records written together is missing, and any of those behind it is there.
    for (let missing = 1; missing < ENTRIES.length; missing++) {
      const torn = data.slice()
      torn.fill(0, offsets[missing], offsets[missing + 1])
      const { entries } = await reopen(torn)
      expect(plain(entries), `record ${missing}`).toEqual(plain(ENTRIES.slice(0, missing)))
    }
    const lost = data.slice()
    lost.fill(0, offsets[0], offsets[1])
    await expect(reopen(lost)).rejects.toMatchObject({ detail: { code: 'WAL_CORRUPT' } })
  })

  it('makes a file anew whose header is damaged and holds no record', async () => {
    const header = await fileOf([])
    header[3] = 0
    const { entries, wal, fileSystem } = await reopen(header)
    expect(entries).toEqual([])
    wal.append(1, Uint8Array.of(1))
    await wal.close()
    const again = await Wal.open(DIRECTORY, optionsOf(fileSystem))
    expect(again.entries.length).toBe(1)
  })

  it('ignores any junk behind the last record', async () => {
    const data = await fileOf(ENTRIES)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (junk) => {
        const { entries } = await reopen(Uint8Array.from([...data, ...junk]))
        expect(plain(entries)).toEqual(plain(ENTRIES))
      }),
    )
  })

  it('takes no record of another place or another file for a good one', async () => {
    const data = await fileOf(ENTRIES)
    const [first, second] = boundaries(ENTRIES) as [number, number]
    const stray = Uint8Array.of(0, ...data.subarray(first, second))
    const moved = await reopen(Uint8Array.from([...data, ...stray]))
    expect(plain(moved.entries), 'a copy of its own record').toEqual(plain(ENTRIES))
    const other = await fileOf(ENTRIES, { salt: digest('other salt').slice(0, 16) })
    const foreign = data.slice()
    foreign[first + 4] = 77
    foreign.set(other.subarray(second), second)
    const { entries } = await reopen(foreign)
    expect(entries, 'records with another salt after a damaged one').toEqual([])
  })

  it('is not fooled by records inside a payload whose writing was torn', async () => {
    const inner = await fileOf([{ type: 3, payload: bytesFrom('inner', 30) }], {
      salt: digest('guessed').slice(0, 16),
    })
    // The attacker knows the format and where the payload will lie, not the salt.
    const payload = Uint8Array.from([...inner.subarray(HEADER_BYTES), ...new Uint8Array(40)])
    const data = await fileOf([{ type: 1, payload }])
    const { entries } = await reopen(data.slice(0, data.length - 1))
    expect(entries).toEqual([])
  })

  it('believes no length that was not written', async () => {
    const data = await fileOf(ENTRIES)
    const offsets = boundaries(ENTRIES)
    for (const length of [0xffffffff, LIMITS.walRecordBytes, LIMITS.walRecordBytes + 1, 200, 1]) {
      const crafted = data.slice()
      new DataView(crafted.buffer).setUint32(offsets[1] as number, length)
      await expect(reopen(crafted), `length ${length}`).rejects.toMatchObject({
        detail: { code: 'WAL_CORRUPT', offset: offsets[1] },
      })
    }
  })

  it('searches a large torn record in bounded time', async () => {
    const payload = new Uint8Array(LIMITS.walRecordBytes)
    const data = await fileOf([{ type: 1, payload }])
    const start = performance.now()
    const { entries } = await reopen(data.slice(0, data.length - 1))
    expect(entries).toEqual([])
    expect(performance.now() - start).toBeLessThan(10_000)
  })

  it('refuses the file of another chain, genesis, height or version', async () => {
    const data = await fileOf(ENTRIES)
    const fileSystem = await fileSystemWith(PATH, data)
    const options = optionsOf(fileSystem)
    for (const wrong of [
      { ...options, chainId: 1 },
      { ...options, genesisHash: digest('another genesis') },
    ])
      await expect(Wal.open(DIRECTORY, wrong)).rejects.toMatchObject({
        detail: { code: 'WAL_WRONG_CHAIN' },
      })
    const eight = await fileSystemWith('/wal/0000000000000008.wal', data)
    await expect(Wal.open(DIRECTORY, optionsOf(eight, 8))).rejects.toMatchObject({
      detail: { code: 'WAL_WRONG_CHAIN' },
    })
  })

  it('goes on with a file of the version before as one of its own, and refuses a later one', async () => {
    const data = await fileOf(ENTRIES)
    expect((await reopen(ofVersion(data, 2))).entries).toEqual(ENTRIES)
    const fileSystem = await fileSystemWith(PATH, ofVersion(data, 2))
    await (await Wal.open(DIRECTORY, optionsOf(fileSystem))).wal.close()
    expect(versionOf((await fileSystem.read(PATH)) as Uint8Array)).toBe(3)
    await expect(reopen(ofVersion(data, 4))).rejects.toMatchObject({
      detail: { code: 'WAL_VERSION', found: 4, expected: 3 },
    })
  })
})

const versionOf = (file: Uint8Array): number => new DataView(file.buffer).getUint32(4)

function ofVersion(file: Uint8Array, version: number): Uint8Array {
  const changed = file.slice()
  const view = new DataView(changed.buffer)
  view.setUint32(4, version)
  view.setUint32(HEADER_BYTES - 4, crc32c(changed.subarray(0, HEADER_BYTES - 4)))
  return changed
}

describe('Wal durability', () => {
  it('keeps everything flushed, and only whole records, when the power is cut at any instant', async () => {
    const groups = [ENTRIES.slice(0, 1), ENTRIES.slice(1, 3), ENTRIES.slice(3)]
    const reference = new MemoryFileSystem()
    await runGroups(reference, groups)
    for (let stop = 0; stop <= reference.operations.length; stop++) {
      const fileSystem = new MemoryFileSystem()
      fileSystem.onOperation = (_, index) => {
        if (index >= stop) throw osError('EIO')
      }
      const flushed = await runGroups(fileSystem, groups)
      if (!fileSystem.durablePaths().includes(PATH)) {
        expect(flushed, `operation ${stop}`).toBe(0)
        continue
      }
      for (let bytes = 0; bytes <= fileSystem.unsyncedBytes(PATH); bytes++) {
        const { entries } = await reopen(fileSystem.afterPowerCut(PATH, bytes))
        const context = `operation ${stop}, ${bytes} bytes`
        expect(entries.length, context).toBeGreaterThanOrEqual(flushed)
        expect(plain(entries), context).toEqual(plain(ENTRIES.slice(0, entries.length)))
      }
    }
  })

  it('stays failed after the first error, whichever operation it was', async () => {
    const operations = ['write', 'sync'] as const
    for (const kind of operations) {
      for (const code of ['ENOSPC', 'EIO']) {
        const fileSystem = new MemoryFileSystem()
        const { wal } = await Wal.open(DIRECTORY, optionsOf(fileSystem))
        wal.append(1, Uint8Array.of(1))
        await wal.flush()
        fileSystem.partialWriteBytes = 5
        fileSystem.onOperation = (operation) => {
          if (operation.kind === kind) throw osError(code)
        }
        wal.append(2, Uint8Array.of(2))
        const failed = { detail: { code: 'WAL_WRITE' } }
        await expect(wal.flush(), `${kind} ${code}`).rejects.toMatchObject(failed)
        fileSystem.onOperation = () => {}
        const writes = fileSystem.operations.length
        await expect(wal.flush(), 'a retry is no success').rejects.toMatchObject(failed)
        expect(() => wal.append(3, Uint8Array.of(3))).toThrow(
          expect.objectContaining({ detail: expect.objectContaining(failed.detail) }),
        )
        expect(fileSystem.operations.length, 'nothing more is written').toBe(writes)
        const { entries } = await reopen(fileSystem.afterPowerCut(PATH, 0))
        expect(plain(entries)).toEqual([{ type: 1, payload: [1] }])
      }
    }
  })

  it('makes the new file and its name durable before the first record', async () => {
    const fileSystem = new MemoryFileSystem()
    await Wal.open(DIRECTORY, optionsOf(fileSystem))
    expect(fileSystem.operations.map((operation) => operation.kind)).toEqual([
      'create',
      'write',
      'sync',
      'rename',
      'syncDirectory',
    ])
  })

  it('has what it recovered on disk before anybody acts on it', async () => {
    const { fileSystem } = await reopen(await fileOf(ENTRIES))
    expect(fileSystem.operations.map((operation) => operation.kind)).toEqual([
      'create',
      'write',
      'sync',
      'rename',
      'syncDirectory',
    ])
  })

  it('has it there also after a failed sync, whose pages the system takes for clean', async () => {
    let failing = true
    const disk = new VirtualDisk({ random: () => 0 })
    disk.faultOn = ({ kind }) => (kind === 'sync' && failing ? 'fsync' : null)
    await disk.fileSystem.makeDirectory(DIRECTORY)
    failing = false
    const first = await Wal.open(DIRECTORY, optionsOf(disk.fileSystem))
    for (const { type, payload } of ENTRIES) first.wal.append(type, payload)
    failing = true
    await expect(first.wal.flush()).rejects.toThrow()
    failing = false
    disk.restart('kill')
    const second = await Wal.open(DIRECTORY, optionsOf(disk.fileSystem))
    disk.powerCut()
    disk.restart('none')
    const third = await Wal.open(DIRECTORY, optionsOf(disk.fileSystem))
    expect(plain(third.entries)).toEqual(plain(second.entries))
    expect(third.entries.length).toBe(ENTRIES.length)
  })

  it('covers many flushes by one sync, and each flush covers what came before it', async () => {
    const fileSystem = new MemoryFileSystem()
    const { wal } = await Wal.open(DIRECTORY, optionsOf(fileSystem))
    fileSystem.operations.length = 0
    const flushes = Array.from({ length: 20 }, (_, index) => {
      wal.append(1, Uint8Array.of(index))
      return wal.flush()
    })
    await Promise.all(flushes)
    const syncs = fileSystem.operations.filter((operation) => operation.kind === 'sync')
    expect(syncs.length).toBe(2)
    expect((await reopen(fileSystem.afterPowerCut(PATH, 0))).entries.length).toBe(20)
  })

  it('resolves no flush before its records are on disk, however calls interleave', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(6), { maxLength: 30 }), async (pauses) => {
        const fileSystem = new MemoryFileSystem()
        const { wal } = await Wal.open(DIRECTORY, optionsOf(fileSystem))
        const flushOne = async (index: number): Promise<void> => {
          for (let i = 0; i < (pauses[index] as number); i++) await Promise.resolve()
          wal.append(1, Uint8Array.of(index))
          await wal.flush()
          const { entries } = await reopen(fileSystem.afterPowerCut(PATH, 0))
          expect(entries.map(({ payload }) => payload[0])).toContain(index)
          // Straight from the end of one flush into the next.
          wal.append(2, Uint8Array.of(index))
          await wal.flush()
          expect(
            (await reopen(fileSystem.afterPowerCut(PATH, 0))).entries.some(
              ({ type, payload }) => type === 2 && payload[0] === index,
            ),
          ).toBe(true)
        }
        await Promise.all(pauses.map((_, index) => flushOne(index)))
      }),
      { numRuns: 30 },
    )
  })

  it('asserts the record limit', async () => {
    const { wal } = await Wal.open(DIRECTORY, optionsOf(new MemoryFileSystem()))
    const tooLong = new Uint8Array(LIMITS.walRecordBytes + 1)
    expect(() => wal.append(1, tooLong)).toThrow('a WAL record is within its limit')
  })
})

/** The number of records whose flush succeeded. */
async function runGroups(fileSystem: MemoryFileSystem, groups: readonly (readonly WalEntry[])[]) {
  let flushed = 0
  try {
    const { wal } = await Wal.open(DIRECTORY, optionsOf(fileSystem))
    for (const group of groups) {
      for (const { type, payload } of group) wal.append(type, payload)
      await wal.flush()
      flushed += group.length
    }
  } catch {
    return flushed
  }
  return flushed
}
