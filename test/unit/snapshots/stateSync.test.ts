// State sync over a network that is a function: honest peers, and one for each kind of lie.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { lightBlockCodec } from '../../../consensus/light/index.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { decode, encode } from '../../../core/primitives/codec.ts'
import { NexusError } from '../../../core/primitives/errors.ts'
import { heightOf } from '../../../core/primitives/units.ts'
import { systemClock } from '../../../node/consensus/clock.ts'
import { defaultExecutorSurroundings } from '../../../node/executor/openExecutor.ts'
import { silentLogger } from '../../../node/observability/logger.ts'
import { lightBlockOf } from '../../../node/snapshots/anchors.ts'
import {
  encodeManifest,
  type Manifest,
  manifestCodec,
  manifestIdOf,
  partsOf,
} from '../../../node/snapshots/manifest.ts'
import { SnapshotShelf } from '../../../node/snapshots/snapshotShelf.ts'
import { ChainReader, defaultChainReaderOptions } from '../../../node/storage/chainReader.ts'
import type { JoinNetwork } from '../../../node/sync/joinNetwork.ts'
import { defaultPartFetcherOptions } from '../../../node/sync/partFetcher.ts'
import {
  defaultStateSyncTimes,
  StateSync,
  type StateSyncOptions,
} from '../../../node/sync/stateSync.ts'
import { follow, SnapshotWorld } from '../../support/snapshotWorld.ts'

type Peer = Omit<JoinNetwork, 'peerIds' | 'penalize'>

let world: SnapshotWorld
let reader: ChainReader
let honest: Peer
beforeAll(async () => {
  world = await SnapshotWorld.create({ accounts: 400, contracts: [0, 30, 8_000] })
  reader = await ChainReader.open(world.chain.directory, {
    ...defaultChainReaderOptions,
    ...world.chain.identity,
  })
  const shelf = new SnapshotShelf(world.root, reader, systemClock)
  honest = {
    requestLightBlock: async (_, height) => shelf.serveLightBlock(heightOf(height)),
    requestSnapshots: async () => shelf.serveSnapshots(),
    requestSnapshotPart: (_, id, part) => shelf.serveSnapshotPart(id, part),
  }
}, 60_000)
afterAll(async () => {
  await reader.close()
  await world.close()
})

let folder: string
let peers: Map<string, Peer>
let banned: Map<string, string>
let onBan: () => void
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-join-'))
  peers = new Map()
  banned = new Map()
  onBan = () => {}
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const of = (peerId: string): Peer => {
  const peer = peers.get(peerId)
  if (peer === undefined || banned.has(peerId)) throw new NexusError({ code: 'PEER_UNKNOWN' })
  return peer
}
const network: JoinNetwork = {
  peerIds: () => [...peers.keys()].filter((peerId) => !banned.has(peerId)),
  requestLightBlock: async (peerId, height) => of(peerId).requestLightBlock(peerId, height),
  requestSnapshots: async (peerId) => of(peerId).requestSnapshots(peerId),
  requestSnapshotPart: async (peerId, id, part) => of(peerId).requestSnapshotPart(peerId, id, part),
  penalize: (peerId, code) => {
    banned.set(peerId, code)
    onBan()
  },
}

const directory = (): string => join(folder, 'db')
const nowMs = (): number => world.chain.head.summary.time + 1_000

function syncOf(options: Partial<StateSyncOptions> = {}, signal = new AbortController().signal) {
  const { genesis } = world.chain
  const surroundings = defaultExecutorSurroundings
  return new StateSync(
    {
      ...defaultStateSyncTimes,
      gatherMs: 0,
      retryMs: 10,
      giveUpMs: 3_000,
      restore: { genesis, directory: directory(), surroundings },
      trust: { genesis, trusted: null, nowMs },
      ...options,
    },
    { network, clock: systemClock, log: silentLogger, signal },
  )
}

async function expectSynced(): Promise<void> {
  expect(await syncOf().run()).toBe(world.height)
  const executor = await world.open(directory())
  await follow(executor, world.chain)
  expect(executor.head).toEqual(world.chain.head)
  await executor.close()
}

const manifest = (): Manifest => {
  const decoded = decode(manifestCodec, world.manifest)
  if (!decoded.ok) throw new Error(decoded.code)
  return decoded.value
}
const kindOf = (part: number): string | undefined => partsOf(manifest())[part - 1]?.kind
const corrupt = (bytes: Uint8Array | null): Uint8Array | null => {
  const changed = bytes?.slice() ?? null
  if (changed !== null) changed[changed.length >> 1] = (changed[changed.length >> 1] as number) ^ 1
  return changed
}

/** Sends the parts of one kind changed by a function. */
const lyingAbout = (kind: string, change: typeof corrupt): Peer => ({
  ...honest,
  requestSnapshotPart: async (peerId, id, part) => {
    const bytes = await honest.requestSnapshotPart(peerId, id, part)
    return kindOf(part) === kind ? change(bytes) : bytes
  },
})

/** Offers a manifest of its own. */
const offering = (bytes: Uint8Array, height = world.height): Peer => ({
  ...honest,
  requestSnapshots: async () => [{ height: heightOf(height), id: manifestIdOf(bytes) }],
  requestSnapshotPart: async (peerId, _, part) =>
    part === 0 ? bytes : honest.requestSnapshotPart(peerId, manifestIdOf(world.manifest), part),
})

describe('state sync', () => {
  it('restores from one honest peer and goes on', async () => {
    peers.set('honest', honest)
    await expectSynced()
    expect([...banned]).toEqual([])
  })

  for (const kind of ['ancestors', 'accounts', 'run', 'storage', 'codes'])
    for (const [how, change] of [
      ['changed', corrupt],
      ['cut short', (bytes: Uint8Array | null) => bytes?.slice(0, -1) ?? null],
      ['empty', () => new Uint8Array(0)],
    ] as const)
      it(`bans a peer that sends ${kind} ${how}, and ends from another`, async () => {
        peers.set('liar', lyingAbout(kind, change))
        // So that the lie is told for certain; in the next test both are asked at once.
        onBan = () => void peers.set('honest', honest)
        await expectSynced()
        expect([...banned]).toEqual([['liar', 'BAD_SNAPSHOT_PART']])
      })

  it('bans those who lie among others, and uses the rest', async () => {
    for (const kind of ['ancestors', 'accounts', 'run', 'storage', 'codes'])
      peers.set(`liar about ${kind}`, lyingAbout(kind, corrupt))
    peers.set('honest', honest)
    await expectSynced()
    expect(banned.has('honest')).toBe(false)
    expect(banned.size).toBeGreaterThan(0)
    expect([...banned.values()].every((code) => code === 'BAD_SNAPSHOT_PART')).toBe(true)
  })

  it('bans who offers a manifest that is not of the certified state', async () => {
    const { roots, codes } = manifest()
    const other = { ...roots, evmRoot: new Uint8Array(32) }
    peers.set('root', offering(encodeManifest({ ...manifest(), roots: other })))
    const many = Array.from({ length: 90_000 }, () => ({ count: 1, bytes: 1 }))
    peers.set('huge', offering(encodeManifest({ ...manifest(), codes: many })))
    peers.set('garbage', offering(Uint8Array.of(1, 2, 3)))
    peers.set('incomplete', offering(encodeManifest({ ...manifest(), codes: codes.slice(1) })))
    peers.set('honest', honest)
    await expectSynced()
    for (const [peerId, code] of banned)
      expect(`${peerId} ${code}`).toMatch(/^(root|huge|garbage|incomplete) BAD_SNAPSHOT/)
    expect(banned.has('honest')).toBe(false)
  })

  it('bans who sends another manifest than it offered', async () => {
    const offer = manifestIdOf(Uint8Array.of(9))
    peers.set('liar', {
      ...honest,
      requestSnapshots: async () => [{ height: heightOf(world.height), id: offer }],
      requestSnapshotPart: async () => world.manifest,
    })
    expect(await syncOf({ giveUpMs: 200 }).run()).toBeNull()
    expect([...banned]).toEqual([['liar', 'BAD_SNAPSHOT']])
    expect(existsSync(directory())).toBe(false)
  })

  it('does not believe heights that nobody can certify', async () => {
    peers.set('liar', offering(world.manifest, 10_000_000))
    peers.set('honest', honest)
    await expectSynced()
  })

  it('bans who sends forged light blocks, and ends without them', async () => {
    const forged = (height: number): Uint8Array => {
      const wanted = height === 0 ? reader.height : height
      const block = lightBlockOf(reader, wanted)
      if (block === null) throw new Error('committed')
      const [first, ...rest] = block.certificate.signatures
      if (first === undefined) throw new Error('signed')
      const signature = corrupt(first.signature) ?? first.signature
      const signatures = [{ ...first, signature }, ...rest]
      return encode(lightBlockCodec, {
        ...block,
        certificate: { ...block.certificate, signatures },
      })
    }
    peers.set('liar', { ...honest, requestLightBlock: async (_, height) => forged(height) })
    peers.set('honest', honest)
    await expectSynced()
    expect([...banned]).toEqual([['liar', 'BAD_LIGHT_BLOCK']])
  })

  it('does without peers that answer nothing', async () => {
    peers.set('silent', {
      ...honest,
      requestSnapshotPart: async () => {
        throw new NexusError({ code: 'REQUEST_TIMEOUT' })
      },
    })
    peers.set('empty', { ...honest, requestSnapshotPart: async () => null })
    peers.set('honest', honest)
    await expectSynced()
    expect([...banned]).toEqual([])
  })

  it('asks another for what a peer keeps it waiting for', async () => {
    const asked: number[] = []
    peers.set('stuck', {
      ...honest,
      requestSnapshotPart: (peerId, id, part) => {
        if (part === 0) return honest.requestSnapshotPart(peerId, id, part)
        asked.push(part)
        return new Promise(() => undefined)
      },
    })
    peers.set('honest', honest)
    const fetcher = { ...defaultPartFetcherOptions, slowMs: 40 }
    expect(await syncOf({ fetcher }).run()).toBe(world.height)
    expect(asked.length).toBe(fetcher.perPeer)
    expect([...banned]).toEqual([])
  })

  it('does without a witness that never answers', async () => {
    let asked = 0
    peers.set('mute', {
      ...honest,
      requestSnapshots: async () => [],
      requestLightBlock: async () => {
        asked++
        throw new NexusError({ code: 'REQUEST_TIMEOUT' })
      },
    })
    peers.set('honest', honest)
    await expectSynced()
    expect(asked).toBeGreaterThan(0)
    expect(asked).toBeLessThan(5)
  })

  it('asks who boasts of heights that nobody has only once, however many', async () => {
    let asked = 0
    peers.set('boaster', {
      ...honest,
      requestSnapshots: async () =>
        Array.from({ length: 16 }, (_, i) => ({
          height: heightOf(10_000_000 + i),
          id: new Uint8Array(32).fill(i),
        })),
      requestLightBlock: async () => {
        asked++
        return null
      },
    })
    peers.set('honest', honest)
    await expectSynced()
    expect([...banned]).toEqual([['boaster', 'OFFER_NOT_SERVED']])
    expect(asked).toBe(1)
  })

  it('begins anew after a crash in the middle', async () => {
    const crash = new Error('the power went out')
    peers.set('honest', {
      ...honest,
      requestSnapshotPart: async (peerId, id, part) => {
        if (kindOf(part) === 'storage') throw crash
        return honest.requestSnapshotPart(peerId, id, part)
      },
    })
    await expect(syncOf().run()).rejects.toBe(crash)
    expect(existsSync(directory())).toBe(false)
    // What a process leaves that had no time to clean up.
    mkdirSync(`${directory()}.restoring`)
    writeFileSync(join(`${directory()}.restoring`, 'CURRENT'), 'MANIFEST-000099')
    peers.set('honest', honest)
    await expectSynced()
  })

  it('gives up when nobody has a snapshot, and stops when it is told to', async () => {
    peers.set('young', { ...honest, requestSnapshots: async () => [] })
    expect(await syncOf({ giveUpMs: 100 }).run()).toBeNull()
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 50)
    expect(await syncOf({ giveUpMs: 60_000 }, stop.signal).run()).toBeNull()
    expect(existsSync(directory())).toBe(false)
  })

  it('trusts a block that the operator names, and no other', async () => {
    peers.set('honest', honest)
    const { genesis } = world.chain
    const block = reader.summary(3)
    if (block === null) throw new Error('committed')
    const late = () => nowMs() + 30 * 86_400_000
    await expect(
      syncOf({ trust: { genesis, trusted: null, nowMs: late } }).run(),
    ).rejects.toMatchObject({ detail: { code: 'TRUST_NEEDED' } })
    const wrong = { height: 3, id: toHex(new Uint8Array(32)) as typeof block.blockId }
    expect(
      await syncOf({ giveUpMs: 100, trust: { genesis, trusted: wrong, nowMs } }).run(),
    ).toBeNull()
    banned.clear()
    const trusted = { height: 3, id: block.blockId }
    expect(await syncOf({ trust: { genesis, trusted, nowMs } }).run()).toBe(world.height)
  })
})
