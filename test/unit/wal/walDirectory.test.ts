import { describe, expect, it } from 'vitest'
import { WalDirectory } from '../../../node/consensus/wal.ts'
import { MemoryFileSystem, osError } from '../../support/memoryFileSystem.ts'
import { bytesFrom, IDENTITY } from '../../support/storedChain.ts'

const directory = '/wal'
const optionsOf = (fileSystem: MemoryFileSystem) => ({
  ...IDENTITY,
  directory,
  fileSystem,
  randomBytes: (length: number) => bytesFrom('salt', length),
  preallocatedBytes: 128,
})
const names = (fileSystem: MemoryFileSystem) => fileSystem.list(directory)

describe('WalDirectory', () => {
  it('makes the file of the next height while this one runs', async () => {
    const fileSystem = new MemoryFileSystem()
    const wals = await WalDirectory.open(optionsOf(fileSystem))
    const { wal } = await wals.open(5)
    wal.append(1, Uint8Array.of(5))
    await wal.close()
    await new Promise((resolve) => setImmediate(resolve))
    const before = fileSystem.operations.length
    const six = await wals.open(6)
    await six.wal.flush()
    const forSix = fileSystem.operations.slice(before).filter(({ path }) => path.includes('06.wal'))
    expect(forSix).toEqual([])
    await six.wal.close()
    await wals.close()
    const again = await WalDirectory.open(optionsOf(fileSystem))
    expect((await again.open(5)).entries.length).toBe(1)
    expect((await again.open(6)).entries).toEqual([])
  })

  it('opens any height, prepared or not', async () => {
    const fileSystem = new MemoryFileSystem()
    const wals = await WalDirectory.open(optionsOf(fileSystem))
    await wals.open(5)
    const nine = await wals.open(9)
    nine.wal.append(1, Uint8Array.of(9))
    await nine.wal.close()
    expect((await wals.open(9)).entries.length).toBe(1)
  })

  it('deletes the files of lower heights and nothing else', async () => {
    const fileSystem = new MemoryFileSystem()
    await fileSystem.create('/wal/notes.txt')
    const wals = await WalDirectory.open(optionsOf(fileSystem))
    for (const height of [1, 2, 3]) await (await wals.open(height)).wal.close()
    await wals.removeBelow(3)
    await wals.close()
    expect((await names(fileSystem)).toSorted()).toEqual([
      '0000000000000003.wal',
      '0000000000000004.wal',
      'notes.txt',
    ])
  })

  // Found by the kill loop: a validator that came back died of a file that it had deleted itself.
  it('lets a file be made before it is removed, where block sync passes its height meanwhile', async () => {
    const fileSystem = new MemoryFileSystem()
    const create = fileSystem.create.bind(fileSystem)
    let release: () => void = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    fileSystem.create = async (path) => {
      const file = await create(path)
      if (!path.includes('06.wal')) return file
      return { ...file, sync: () => held.then(() => file.sync()) }
    }
    const wals = await WalDirectory.open(optionsOf(fileSystem))
    await wals.open(5)
    await new Promise((resolve) => setImmediate(resolve))
    await wals.removeBelow(8)
    await new Promise((resolve) => setImmediate(resolve))
    release()
    expect((await wals.open(8)).entries).toEqual([])
    await wals.removeBelow(8)
    await wals.close()
    expect((await names(fileSystem)).toSorted()).toEqual([
      '0000000000000008.wal',
      '0000000000000009.wal',
    ])
  })

  it('reports a file that cannot be made when its height comes', async () => {
    const fileSystem = new MemoryFileSystem()
    const wals = await WalDirectory.open(optionsOf(fileSystem))
    fileSystem.onOperation = ({ kind, path }) => {
      if (kind === 'create' && path.includes('06.wal')) throw osError('ENOSPC')
    }
    await wals.open(5)
    await new Promise((resolve) => setImmediate(resolve))
    await expect(wals.open(6)).rejects.toMatchObject({
      detail: { code: 'WAL_OPEN' },
    })
  })
})
