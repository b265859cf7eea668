import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Block } from '../../../core/chain/block.ts'
import { blockCodec } from '../../../core/chain/block.ts'
import { certificateCodec } from '../../../core/chain/certificate.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { NexusError } from '../../../core/primitives/errors.ts'
import { heightOf, millisOf } from '../../../core/primitives/units.ts'
import { buildBlock } from '../../../node/consensus/blockBuilder.ts'
import { systemClock } from '../../../node/consensus/clock.ts'
import type { ChainHead } from '../../../node/executor/chainHead.ts'
import type { CertifiedBytes } from '../../../node/network/requests.ts'
import { silentLogger } from '../../../node/observability/logger.ts'
import { BlockSync, defaultBlockSyncOptions } from '../../../node/sync/blockSync.ts'
import {
  blockIdOf,
  emptyRoots,
  TEST_PARAMS,
  testBlockId,
  testCertificate,
  testValidators,
} from '../../support/testChain.ts'

const { set, keys } = testValidators([1, 1, 1, 1])

/** Height is all that sync looks at; whether a block is true is the engine's question. */
function certified(height: number, laterMs = 1): CertifiedBytes {
  const block: Block = buildBlock({
    chainId: 3940,
    params: TEST_PARAMS,
    head: {
      height: heightOf(height - 1),
      blockId: testBlockId(height),
      time: millisOf(height),
      roots: emptyRoots,
      stateRoot: new Uint8Array(32),
      receiptsRoot: new Uint8Array(32),
      ethereumHash: new Uint8Array(32),
      validators: set.validators,
      nextValidators: set.validators,
    },
    validators: set,
    nextValidators: set,
    proposer: set.addresses[0] as Uint8Array,
    timeMs: height + laterMs,
    transactions: [],
    actions: [],
    messages: [],
    evidence: [],
    lastCommit: null,
  })
  const blockId = blockIdOf(block.header)
  const certificate = testCertificate(keys, {
    height: heightOf(height),
    blockId,
    signers: [0, 1, 2],
  })
  return { block: encode(blockCodec, block), certificate: encode(certificateCodec, certificate) }
}

type Peer = (from: number, count: number) => readonly CertifiedBytes[] | Error

let height: number
let now: number
let penalties: string[]
let asked: string[]
let peers: Map<string, Peer>
let connected: readonly string[]
let answerMs: number
/** Whose answers take just less than a request may. */
let dripping: string
let verdict: (height: number, block: Block) => string | null
let sync: BlockSync

const EVERYBODY = [
  ...[
    'a',
    'b',
    'c',
    'd',
    'e',
    'f',
    'ahead',
    'drip',
    'forger',
    'garbage',
    'gone',
    'honest',
    'liar',
    'pruned',
  ],
  ...['quick', 'silent', 'slow'],
]

beforeEach(() => {
  vi.useFakeTimers()
  height = 0
  now = 0
  penalties = []
  asked = []
  connected = EVERYBODY
  answerMs = 0
  dripping = ''
  peers = new Map()
  verdict = () => null
  sync = new BlockSync(defaultBlockSyncOptions, {
    engine: {
      get head() {
        return { summary: { height } } as ChainHead
      },
      applyCertified: async (block) => {
        const code = verdict(block.header.height, block)
        if (code === null && block.header.height === height + 1) height++
        return code
      },
    },
    network: {
      requestBlocks: async (peerId, from, count) => {
        asked.push(peerId)
        const waitMs = peerId === dripping ? 9_900 : answerMs
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
        const answer = peers.get(peerId)?.(from, count) ?? []
        if (answer instanceof Error) throw answer
        return answer
      },
      penalize: (peerId, code) => void penalties.push(`${peerId} ${code}`),
      peerIds: () => connected,
    },
    clock: { ...systemClock, wallMs: () => now, monoMs: () => now },
    log: silentLogger,
    metrics: { blockApplied() {}, catchingUp() {} },
  })
  sync.start()
})
afterEach(async () => {
  await sync.stop()
  vi.useRealTimers()
})

async function pass(ms: number): Promise<void> {
  for (let spent = 0; spent < ms; spent += 10) {
    now += 10
    await vi.advanceTimersByTimeAsync(10)
  }
}

const honest =
  (upTo: number): Peer =>
  (from, count) =>
    Array.from({ length: Math.max(0, Math.min(count, upTo - from + 1)) }, (_, i) =>
      certified(from + i),
    )

/** How the times of forged blocks differ. */
const FORGED_MS = 7

describe('BlockSync', () => {
  it('does not ask again and again, without a pause, a peer that is gone', async () => {
    // It claims a height that nobody has and leaves, while its range is committed here by votes.
    answerMs = 100
    peers.set('liar', () => new NexusError({ code: 'PEER_UNKNOWN' }))
    sync.noteHeight('liar', 1_000_000)
    await pass(250)
    expect(asked.length).toBeGreaterThan(0)
    const slots = defaultBlockSyncOptions.maxSlots
    height = 5
    answerMs = 0
    peers.set('liar', () => {
      // So that a failure of this test ends.
      if (asked.length > 1_000) void sync.stop()
      return new NexusError({ code: 'PEER_UNKNOWN' })
    })
    const before = asked.length
    await pass(100)
    expect(asked.length - before).toBeLessThanOrEqual(3 * slots)
  })

  it('fetches what a peer has, in requests of bounded size, to its end', async () => {
    peers.set('a', honest(150))
    sync.noteHeight('a', 150)
    await pass(3_000)
    expect(height).toBe(150)
    expect(sync.catchingUp).toBe(false)
    expect(asked).toHaveLength(3)
    expect(penalties).toEqual([])
  })

  it('does not ask for a block that consensus is about to decide', async () => {
    peers.set('a', honest(1))
    sync.noteHeight('a', 1)
    await pass(100)
    height = 1
    await pass(1_000)
    expect(asked).toEqual([])
  })

  it('forgets a claim that its peer does not back, and asks others', async () => {
    peers.set('liar', () => [])
    peers.set('honest', honest(5))
    sync.noteHeight('liar', 1_000_000)
    sync.noteHeight('honest', 5)
    await pass(3_000)
    expect(height).toBe(5)
    expect(sync.targetHeight).toBe(5)
    expect(asked.filter((peer) => peer === 'liar').length).toBeLessThanOrEqual(1)
  })

  it('punishes bad blocks and bad bytes, and ends from an honest peer', async () => {
    verdict = (at, { header }) => (header.time === at + FORGED_MS ? 'BAD_SIGNATURE' : null)
    peers.set('forger', (from) => [certified(from, FORGED_MS)])
    peers.set('garbage', () => [{ block: Uint8Array.of(1), certificate: Uint8Array.of(2) }])
    peers.set('silent', () => new NexusError({ code: 'REQUEST_TIMEOUT' }))
    peers.set('honest', honest(9))
    for (const peer of ['forger', 'garbage', 'silent', 'honest']) sync.noteHeight(peer, 9)
    await pass(5_000)
    expect(height).toBe(9)
    for (const penalty of penalties)
      expect(['forger BAD_SIGNATURE', 'garbage BAD_BLOCK_ENCODING']).toContain(penalty)
  })

  it('refuses blocks of other heights than were asked for', async () => {
    peers.set('liar', (from) => [certified(from + 1)])
    peers.set('honest', honest(3))
    sync.noteHeight('liar', 3)
    await pass(300)
    expect(penalties).toEqual(['liar WRONG_BLOCK'])
    expect(height).toBe(0)
    sync.noteHeight('honest', 3)
    await pass(300)
    expect(height).toBe(3)
  })

  it('asks several peers at a time, and no more than it can hold', async () => {
    answerMs = 100
    for (const peer of ['a', 'b', 'c', 'd', 'e', 'f']) {
      peers.set(peer, honest(1_000))
      sync.noteHeight(peer, 1_000)
    }
    await pass(200)
    expect(new Set(asked).size).toBe(defaultBlockSyncOptions.maxSlots)
    expect(asked).toHaveLength(defaultBlockSyncOptions.maxSlots)
    await pass(3_000)
    expect(height).toBe(1_000)
  })

  it('asks another where a slow peer holds up all others', async () => {
    peers.set('slow', honest(64))
    answerMs = 9_000
    sync.noteHeight('slow', 64)
    await pass(1_000)
    answerMs = 0
    peers.set('quick', honest(64))
    sync.noteHeight('quick', 64)
    await pass(1_000)
    expect(height).toBe(0)
    await pass(500)
    expect(height).toBe(64)
    expect(penalties).toEqual([])
    await pass(9_000)
  })

  it('does not listen for a while to a peer that claims again what it does not have', async () => {
    peers.set('liar', () => [])
    for (let spent = 0; spent < 10_000; spent += 100) {
      sync.noteHeight('liar', 10 ** 15)
      await pass(100)
    }
    // At 0, 1, 3 and 7 seconds.
    expect(asked.length).toBeLessThanOrEqual(5)
  })

  it('does not believe a height that one unproven peer of several claims', async () => {
    answerMs = 5_000
    for (const peer of ['a', 'b', 'liar']) peers.set(peer, honest(10))
    sync.noteHeight('liar', 10 ** 12)
    sync.noteHeight('a', 10)
    sync.noteHeight('b', 9)
    await pass(100)
    expect(sync.targetHeight).toBe(10)
    expect(sync.catchingUp).toBe(false)
    await pass(6_000)
  })

  describe('says that it is catching up', () => {
    /** Both say so, and nobody sends anything. */
    const bothSay = (to: number): void => {
      sync.noteHeight('a', to)
      sync.noteHeight('b', to)
    }

    it('not while it is behind but moves, however many blocks a second there are', async () => {
      answerMs = 60_000
      for (let i = 0; i < 1_000; i++) {
        bothSay(100 + i)
        height = Math.max(0, i - 100)
        await pass(10)
        expect(sync.catchingUp, `at ${height} of ${100 + i}`).toBe(false)
      }
      await sync.stop()
      await pass(60_000)
    })

    it('when it has not had what the chain had five seconds ago', async () => {
      answerMs = 60_000
      bothSay(2)
      await pass(4_900)
      expect(sync.catchingUp).toBe(false)
      await pass(300)
      expect(sync.catchingUp).toBe(true)
      height = 2
      expect(sync.catchingUp, 'at once').toBe(false)
      await sync.stop()
      await pass(60_000)
    })

    it('at once when most of its peers are far ahead', async () => {
      answerMs = 60_000
      bothSay(100_000)
      expect(sync.catchingUp).toBe(true)
      expect(sync.knownHeight).toBe(100_000)
      await sync.stop()
      await pass(60_000)
    })

    it.each([
      ['that has nothing', () => []],
      ['that does not answer', () => new NexusError({ code: 'REQUEST_TIMEOUT' })],
    ] as const)('never for one liar %s, among two and more or alone', async (_, answer) => {
      peers.set('liar', answer)
      for (const others of [[], ['a'], ['b', 'c']]) {
        for (const peer of others) {
          peers.set(peer, honest(0))
          sync.noteHeight(peer, 0)
        }
        for (let spent = 0; spent < 30_000; spent += 100) {
          sync.noteHeight('liar', 10 ** 15)
          await pass(100)
          expect(sync.catchingUp).toBe(false)
          expect(sync.knownHeight).toBe(0)
        }
      }
    })

    it('never again for long because of a liar that has once sent good blocks', async () => {
      peers.set('liar', honest(128))
      peers.set('a', honest(0))
      sync.noteHeight('a', 0)
      sync.noteHeight('liar', 128)
      await pass(1_000)
      expect(height).toBe(128)
      answerMs = 10_000
      let said = 0
      for (let spent = 0; spent < 60_000; spent += 100) {
        sync.noteHeight('liar', 10 ** 15)
        await pass(100)
        if (sync.catchingUp) said += 100
      }
      expect(said).toBeLessThanOrEqual(defaultBlockSyncOptions.claims.creditMs)
      await sync.stop()
      await pass(10_000)
    })

    it('while whole runs of good blocks show it, even if most peers are behind too', async () => {
      answerMs = 100
      peers.set('ahead', honest(100_000))
      for (const peer of ['a', 'b', 'c']) sync.noteHeight(peer, 0)
      sync.noteHeight('ahead', 100_000)
      await pass(1_000)
      expect(height).toBeGreaterThan(0)
      expect(sync.catchingUp).toBe(true)
      expect(sync.knownHeight).toBe(100_000)
    })
  })

  it('charges a little for a claim that is answered with nothing, and nothing for a peer that left', async () => {
    peers.set('pruned', () => [])
    peers.set('gone', () => new NexusError({ code: 'PEER_GONE' }))
    sync.noteHeight('pruned', 5)
    sync.noteHeight('gone', 5)
    await pass(500)
    expect(penalties).toEqual(['pruned CLAIM_NOT_SERVED'])
  })

  it('does not let one peer that drips slow down a long sync more than once in a while', async () => {
    const quick = honest(3_200)
    peers.set('quick', quick)
    peers.set('drip', quick)
    sync.noteHeight('quick', 3_200)
    sync.noteHeight('drip', 3_200)
    dripping = 'drip'
    await pass(20_000)
    expect(height).toBe(3_200)
    // Paused for 1, 2, 4 and 8 s: with every run asked of it once it would be one in two.
    expect(asked.filter((peer) => peer === 'drip').length).toBeLessThanOrEqual(5)
    expect(penalties).toEqual([])
    await sync.stop()
    await pass(10_000)
  })

  it('drops the claims of a peer that left', async () => {
    sync.noteHeight('a', 7)
    sync.forget('a')
    await pass(1_000)
    expect(asked).toEqual([])
    expect(sync.targetHeight).toBe(0)
  })

  it('notes nothing of peers that are gone, however many', async () => {
    sync.noteHeight('a', 7)
    connected = []
    sync.forget('a')
    // What was still queued of it, and of a thousand that came and went.
    for (const peer of ['a', ...Array.from({ length: 1_000 }, (_, i) => `fresh${i}`)])
      sync.noteHeight(peer, 9)
    expect([sync.targetHeight, sync.knownHeight]).toEqual([0, 0])
    await pass(1_000)
    expect(asked).toEqual([])
    // Had they been noted, more than half would say 9.
    connected = ['b']
    sync.noteHeight('b', 3)
    expect(sync.targetHeight).toBe(3)
  })
})
