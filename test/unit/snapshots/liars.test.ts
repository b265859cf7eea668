// State sync over real connections: one peer is honest, the others do all that a peer can do.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Stream } from '@libp2p/interface'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { lightBlockCodec } from '../../../consensus/light/index.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { heightOf } from '../../../core/primitives/units.ts'
import { systemClock } from '../../../node/consensus/clock.ts'
import { defaultExecutorSurroundings } from '../../../node/executor/openExecutor.ts'
import { defaultNetworkOptions } from '../../../node/network/options.ts'
import type { JoinServer } from '../../../node/network/requestServer.ts'
import { silentLogger } from '../../../node/observability/logger.ts'
import { lightBlockOf } from '../../../node/snapshots/anchors.ts'
import { SnapshotShelf } from '../../../node/snapshots/snapshotShelf.ts'
import { ChainReader, defaultChainReaderOptions } from '../../../node/storage/chainReader.ts'
import { defaultPartFetcherOptions } from '../../../node/sync/partFetcher.ts'
import { defaultStateSyncTimes, StateSync } from '../../../node/sync/stateSync.ts'
import { follow, SnapshotWorld } from '../../support/snapshotWorld.ts'
import { CHANNELS, introduce, startRogue, stopRogues } from '../network/rogue.ts'
import { startNode, stopAll, type TestNode, until } from '../network/support.ts'

let world: SnapshotWorld
let reader: ChainReader
let honest: JoinServer
beforeAll(async () => {
  world = await SnapshotWorld.create({ accounts: 400, contracts: [0, 30, 8_000] })
  reader = await ChainReader.open(world.chain.directory, {
    ...defaultChainReaderOptions,
    ...world.chain.identity,
  })
  honest = new SnapshotShelf(world.root, reader, systemClock)
}, 60_000)
afterAll(async () => {
  await reader.close()
  await world.close()
})

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-liars-'))
})
afterEach(async () => {
  await stopRogues()
  await stopAll()
  rmSync(folder, { recursive: true, force: true })
})

/** An answer of these is given up after this long. */
const BLOCK_MS = 400
const PART_MS = 800
const requests = { ...defaultNetworkOptions.requests, blockMs: BLOCK_MS, blocksMs: PART_MS }
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const serving = (join: Partial<JoinServer>): Promise<TestNode> =>
  startNode({
    handlers: {
      join: {
        serveLightBlock: (height) => honest.serveLightBlock(height),
        serveSnapshots: () => honest.serveSnapshots(),
        serveSnapshotPart: (id, part) => honest.serveSnapshotPart(id, part),
        ...join,
      },
    },
  })

/** A node that knows these, and takes everything from them that it can. */
async function victimOf(peers: readonly TestNode[]): Promise<TestNode> {
  const victim = await startNode({ requests, peers: peers.map(({ address }) => address) })
  await until('all connected', () => victim.connected.length === peers.length)
  return victim
}

async function expectSynced(victim: TestNode, withinMs: number): Promise<void> {
  const { genesis } = world.chain
  const directory = join(folder, 'db')
  const startedAt = performance.now()
  const sync = new StateSync(
    {
      ...{ ...defaultStateSyncTimes, gatherMs: 0, retryMs: 50, giveUpMs: 50_000 },
      fetcher: { ...defaultPartFetcherOptions, slowMs: 200 },
      restore: { genesis, directory, surroundings: defaultExecutorSurroundings },
      trust: { genesis, trusted: null, nowMs: () => world.chain.head.summary.time + 1_000 },
    },
    {
      network: victim.network,
      clock: systemClock,
      log: silentLogger,
      signal: new AbortController().signal,
    },
  )
  expect(await sync.run()).toBe(world.height)
  expect(performance.now() - startedAt).toBeLessThan(withinMs)
  const executor = await world.open(directory)
  await follow(executor, world.chain)
  expect(executor.head).toEqual(world.chain.head)
  await executor.close()
  expect(victim.fatal).toEqual([])
}

const bansOf = (victim: TestNode): { id: string; code: string }[] =>
  victim.network.bans().map(({ id, code }) => ({ id, code }))

const changed = (bytes: Uint8Array | null): Uint8Array | null => {
  const copy = bytes?.slice() ?? null
  if (copy !== null) copy[copy.length >> 1] = (copy[copy.length >> 1] as number) ^ 1
  return copy
}

const forgedLightBlock: JoinServer['serveLightBlock'] = (height) => {
  const block = lightBlockOf(reader, height === 0 ? reader.height : height)
  if (block === null) return null
  const [first, ...rest] = block.certificate.signatures
  if (first === undefined) return null
  const signatures = [{ ...first, signature: changed(first.signature) ?? first.signature }, ...rest]
  return encode(lightBlockCodec, { ...block, certificate: { ...block.certificate, signatures } })
}

const partsOnly =
  (change: (bytes: Uint8Array | null) => Uint8Array | null): JoinServer['serveSnapshotPart'] =>
  async (id, part) => {
    const bytes = await honest.serveSnapshotPart(id, part)
    return part === 0 ? bytes : change(bytes)
  }

/** The honest one is slower, so that the lie is told for certain. */
const late: Partial<JoinServer> = {
  serveSnapshotPart: async (id, part) => {
    await sleep(part === 0 ? 0 : 30)
    return honest.serveSnapshotPart(id, part)
  },
}

describe('a peer that lies is banned, and the sync ends from another', () => {
  const LIES: readonly (readonly [string, string, Partial<JoinServer>])[] = [
    ['changed parts', 'BAD_SNAPSHOT_PART', { serveSnapshotPart: partsOnly(changed) }],
    [
      'parts cut short',
      'BAD_SNAPSHOT_PART',
      { serveSnapshotPart: partsOnly((bytes) => bytes?.subarray(0, -1) ?? null) },
    ],
    [
      'parts with more behind them',
      'BAD_SNAPSHOT_PART',
      {
        serveSnapshotPart: partsOnly((bytes) =>
          bytes === null ? null : Uint8Array.of(...bytes.subarray(0, 100_000), 1, 2, 3),
        ),
      },
    ],
    [
      'as much as a frame holds instead of a part',
      'BAD_SNAPSHOT_PART',
      { serveSnapshotPart: partsOnly(() => new Uint8Array(4 * 1024 * 1024)) },
    ],
    [
      'another manifest than it offers',
      'BAD_SNAPSHOT',
      {
        serveSnapshots: () => [{ height: heightOf(world.height), id: new Uint8Array(32) }],
        serveSnapshotPart: () => world.manifest,
      },
    ],
    ['forged light blocks', 'BAD_LIGHT_BLOCK', { serveLightBlock: forgedLightBlock }],
    [
      'light blocks that are garbage',
      'BAD_LIGHT_BLOCK',
      { serveLightBlock: () => Uint8Array.of(1, 2, 3) },
    ],
    [
      'light blocks of other heights',
      'BAD_LIGHT_BLOCK',
      { serveLightBlock: (height) => honest.serveLightBlock(heightOf(Math.max(1, height - 3))) },
    ],
  ]
  it.each(LIES)(
    '%s: %s',
    async (_, code, lie) => {
      const liar = await serving(lie)
      const victim = await victimOf([liar, await serving(late)])
      await expectSynced(victim, 40_000)
      expect(bansOf(victim)).toEqual([{ id: liar.id, code }])
      await until('hung up on', () => victim.disconnected.includes(liar.id))
    },
    30_000,
  )

  it('all of them at once', async () => {
    const liars = await Promise.all(LIES.map(([, , lie]) => serving(lie)))
    const friend = await serving(late)
    const victim = await victimOf([...liars, friend])
    await expectSynced(victim, 60_000)
    const banned = bansOf(victim).map(({ id }) => id)
    expect(banned).not.toContain(friend.id)
    expect(banned.length).toBeGreaterThanOrEqual(3)
  }, 90_000)
})

describe('a peer that is of no use is not waited for', () => {
  it('where it never answers', async () => {
    const never = (): Promise<never> => new Promise(() => undefined)
    const silent = await serving({ serveSnapshotPart: never, serveLightBlock: never })
    const victim = await victimOf([silent, await serving({})])
    await expectSynced(victim, 40_000)
    expect(bansOf(victim)).toEqual([])
  }, 60_000)

  it('where it takes as long as it may for every part', async () => {
    const drip = await serving({
      serveSnapshotPart: async (id, part) => {
        await sleep(PART_MS - 100)
        return honest.serveSnapshotPart(id, part)
      },
    })
    const victim = await victimOf([drip, await serving({})])
    await expectSynced(victim, 40_000)
    expect(bansOf(victim)).toEqual([])
  }, 60_000)

  it('where it offers heights that nobody has, and says nothing of them', async () => {
    const offers = Array.from({ length: 16 }, (_, i) => ({
      height: heightOf(1_000_000 + i),
      id: new Uint8Array(32).fill(i),
    }))
    let asked = 0
    const boaster = await serving({
      serveSnapshots: () => offers,
      serveLightBlock: async () => {
        asked++
        return null
      },
    })
    const victim = await victimOf([boaster, await serving({})])
    await expectSynced(victim, 40_000)
    expect(asked).toBeLessThan(8)
    expect(victim.codes).toContain('OFFER_NOT_SERVED')
  }, 60_000)

  it('where its answer is larger than any may be', async () => {
    const victim = await victimOf([await serving({})])
    const rogue = await startRogue()
    const answers: Stream[] = []
    const { connection } = await introduce(rogue, victim)
    await until('its streams', () => rogue.opened.length >= 3)
    for (const { protocol, stream } of rogue.opened)
      if (protocol === CHANNELS[2])
        stream.addEventListener('message', () => {
          answers.push(stream)
          stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 7))
        })
    await expectSynced(victim, 40_000)
    expect(answers.length).toBeGreaterThan(0)
    await until('hung up', () => connection.status !== 'open')
    expect(victim.codes).toContain('FRAME_TOO_LARGE')
  }, 60_000)
})
