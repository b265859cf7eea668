import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChainReader, defaultChainReaderOptions } from '../../../node/storage/chainReader.ts'
import { follow, SnapshotWorld } from '../../support/snapshotWorld.ts'

let world: SnapshotWorld
beforeAll(async () => {
  // 12,000 accounts and 40,000 slots are cut into several parts, 8,000 slots are one, fewer travel with their account.
  world = await SnapshotWorld.create({
    accounts: 12_000,
    contracts: [0, 100, 6_000, 8_000, 40_000],
  })
}, 120_000)
afterAll(() => world.close())

const openReader = (directory: string): Promise<ChainReader> =>
  ChainReader.open(directory, { ...defaultChainReaderOptions, ...world.chain.identity })

describe('a database restored from a snapshot', () => {
  it('has the state of the height and goes on from it like the chain', async () => {
    const directory = await world.restored()
    const executor = await world.open(directory)
    try {
      const reader = await openReader(world.chain.directory)
      expect(executor.head.summary).toEqual(reader.summary(world.height))
      await reader.close()
      await follow(executor, world.chain)
      expect(executor.head).toEqual(world.chain.head)
    } finally {
      await executor.close()
    }
  }, 60_000)
})
