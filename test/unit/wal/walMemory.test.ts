import { expect, it } from 'vitest'
import { Wal, type WalOptions } from '../../../node/consensus/wal.ts'
import type { OpenFile } from '../../../node/storage/fileSystem.ts'
import { MemoryFileSystem } from '../../support/memoryFileSystem.ts'
import { bytesFrom, digest, IDENTITY } from '../../support/storedChain.ts'

const DIRECTORY = '/wal'
const optionsOf = (fileSystem: WalOptions['fileSystem']): WalOptions => ({
  ...IDENTITY,
  height: 7,
  fileSystem,
  salt: digest('salt').slice(0, 16),
  preallocatedBytes: 0,
})

/** Takes the bytes of a write when its sync ends, as late as a system may. */
class LateFileSystem extends MemoryFileSystem {
  override async open(path: string): Promise<OpenFile> {
    return this.#late(await super.open(path))
  }
  override async create(path: string): Promise<OpenFile> {
    return this.#late(await super.create(path))
  }

  #late(file: OpenFile): OpenFile {
    const writes: { readonly bytes: Uint8Array; readonly position: number }[] = []
    return {
      write: async (bytes, position) => void writes.push({ bytes, position }),
      sync: async () => {
        for (const turn of [1, 2, 3]) await new Promise((resolve) => setTimeout(resolve, turn))
        for (const { bytes, position } of writes.splice(0)) await file.write(bytes, position)
        await file.sync()
      },
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
    }
  }
}

it('logs that write at the same time do not get into each other, whatever memory they pass on', async () => {
  const payloads = [5_000, 300_000, 10, 90_000, 70_000, 20, 600_000, 40, 130_000]
  const logs = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => {
      const fileSystem = new LateFileSystem()
      const { wal } = await Wal.open(DIRECTORY, optionsOf(fileSystem))
      return { name, fileSystem, wal, flushes: [] as Promise<void>[] }
    }),
  )
  for (const [at, length] of payloads.entries()) {
    for (const { name, wal, flushes } of logs) {
      wal.append(at, bytesFrom(`${name}${at}`, length))
      flushes.push(wal.flush())
    }
    if (at % 3 === 2) await Promise.all(logs.flatMap(({ flushes }) => flushes.splice(0)))
  }
  for (const { name, fileSystem, wal } of logs) {
    await wal.close()
    const { entries } = await Wal.open(DIRECTORY, optionsOf(fileSystem))
    const expected = payloads.map((length, at) => bytesFrom(`${name}${at}`, length))
    expect(entries.map(({ type }) => type)).toEqual(payloads.map((_, at) => at))
    for (const [at, { payload }] of entries.entries())
      expect(Buffer.compare(payload, expected[at] as Uint8Array)).toBe(0)
  }
})
