// A chain of its own goes back to a height that it held: database, engines and what follows them.
import { MessageChannel } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { toHex } from '../../../core/primitives/bytes.ts'
import { heightOf } from '../../../core/primitives/units.ts'
import { devnetCore } from '../../../node/devnet/core.ts'
import { coreRegistry } from '../../../node/engines/registry.ts'
import type { FeedMessage } from '../../../node/executor/committedFeed.ts'
import { CoreReplica } from '../../../node/rpc/coreReplica.ts'
import { ChainReader, defaultChainReaderOptions } from '../../../node/storage/chainReader.ts'
import { callOf, signedAction } from '../../support/chainActions.ts'
import { keyNumber, signTransaction } from '../../support/evmWorld.ts'
import { RealChain } from '../../support/realChain.ts'

const [alice, bob] = [keyNumber(1), keyNumber(2)] as const
let chain: RealChain | null = null
afterEach(async () => {
  await chain?.close()
  chain = null
})

const create = async (historyBlocks = 2): Promise<RealChain> => {
  chain = await RealChain.create([alice, bob], {
    historyBlocks,
    core: devnetCore([alice.address, bob.address]),
    surroundings: { checkpoints: { everyBlocks: 4 } },
  })
  return chain
}

/** Something changes in both domains. */
async function block(on: RealChain, nonce: number): Promise<void> {
  const sent = signTransaction({ nonce, to: bob.address, value: 1n }, alice)
  const deposit = callOf('ledger', 'depositTo', { engine: 2, asset: 0, amount: 1 + nonce })
  const action = signedAction(bob, on.head.summary.time + nonce, [deposit])
  const result = await on.block([sent], [action])
  expect([result.included.length, result.actions[0]?.code]).toEqual([1, null])
}

const rootsOf = ({ head }: RealChain) => [head.summary.height, toHex(head.summary.stateRoot)]

async function snapshotOf(on: RealChain): Promise<FeedMessage> {
  const { port1, port2 } = new MessageChannel()
  const first = new Promise<FeedMessage>((resolve) => port1.once('message', resolve))
  on.executor.attach(port2)
  const message = await first
  port1.close()
  return message
}
const next = async (replica: CoreReplica, on: RealChain): Promise<void> =>
  void replica.receive(await snapshotOf(on))

describe('the database', () => {
  it('goes back beyond what it keeps to a height that was held, and no further', async () => {
    const on = await create()
    for (let i = 0; i < 3; i++) await block(on, i)
    const before = rootsOf(on)
    on.executor.hold(heightOf(3))
    for (let i = 3; i < 150; i++) await block(on, i)
    expect(await on.executor.rollBack(heightOf(2))).toBe(false)
    expect(await on.executor.rollBack(heightOf(3))).toBe(true)
    await on.restart()
    expect(rootsOf(on)).toEqual(before)
  }, 60_000)

  it('lets go of it when nobody holds it any more', async () => {
    const on = await create()
    for (let i = 0; i < 3; i++) await block(on, i)
    on.executor.hold(heightOf(3))
    for (let i = 3; i < 10; i++) await block(on, i)
    on.executor.hold(null)
    for (let i = 10; i < 12; i++) await block(on, i)
    expect(await on.executor.rollBack(heightOf(3))).toBe(false)
    await on.restart()
    expect(on.head.summary.height).toBe(12)
  })
})

describe('whoever reads along', () => {
  it('has nothing left of pages that were written since', async () => {
    const on = await create()
    await block(on, 0)
    const message = await snapshotOf(on)
    if (message.kind !== 'snapshot') throw new Error('the first message is everything')
    const fresh = new CoreReplica(coreRegistry)
    fresh.receive(message)
    const replica = new CoreReplica(coreRegistry)
    const later = message.pages.map((pages) => {
      const known = new Set(pages.map(({ index }) => index))
      const index = [...Array(known.size + 1).keys()].find((at) => !known.has(at)) ?? 0
      return [...pages, { index, bytes: new Uint8Array(4_096).fill(1) }]
    })
    replica.receive({ ...message, pages: later })
    const roots = () => replica.arenas.map((arena) => toHex(arena.root()))
    expect(roots()).not.toEqual(fresh.arenas.map((arena) => toHex(arena.root())))
    replica.receive(message)
    expect(roots()).toEqual(fresh.arenas.map((arena) => toHex(arena.root())))
    for (const [i, arena] of replica.arenas.entries()) {
      const known = new Set(message.pages[i]?.map(({ index }) => index))
      const others = arena.allPages().filter(({ index }) => !known.has(index))
      expect(others.every(({ bytes }) => bytes.every((byte) => byte === 0))).toBe(true)
    }
  })

  it('sees the blocks of the new branch, and the engines as they were', async () => {
    const on = await create(100)
    const reader = await ChainReader.open(on.directory, {
      ...defaultChainReaderOptions,
      ...on.identity,
    })
    try {
      const replica = new CoreReplica(coreRegistry)
      const at: string[][] = []
      const told: number[] = []
      for (let i = 0; i < 6; i++) {
        await next(replica, on)
        at.push(replica.arenas.map((arena) => toHex(arena.root())))
        await block(on, i)
      }
      reader.refresh()
      const gone = reader.executedBlock(3)?.header.hash
      await next(replica, on)
      replica.onTaken = () => told.push(replica.height)
      await on.executor.rollBack(heightOf(2))
      await on.restart()
      await next(replica, on)
      expect(told).toEqual([2])
      expect(replica.arenas.map((arena) => toHex(arena.root()))).toEqual(at[2])
      expect(replica.arenas.flatMap((arena) => arena.verifyDerived())).toEqual([])
      reader.refresh()
      expect(reader.height).toBe(2)
      expect(reader.executedBlock(3)).toBeNull()
      expect(reader.heightOfEthereumHash(gone ?? new Uint8Array(32))).toBeNull()
    } finally {
      await reader.close()
    }
  })
})
