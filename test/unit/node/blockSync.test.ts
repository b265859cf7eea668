import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Block } from '../../../core/chain/block.ts'
import { blockCodec } from '../../../core/chain/block.ts'
import { certificateCodec } from '../../../core/chain/certificate.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { NexusError } from '../../../core/primitives/errors.ts'
import { heightOf, millisOf } from '../../../core/primitives/units.ts'
import { buildBlock } from '../../../node/consensus/blockBuilder.ts'
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
function certified(height: number): CertifiedBytes {
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
    timeMs: height + 1,
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
let answerMs: number
let verdict: (height: number) => string | null
let sync: BlockSync

beforeEach(() => {
  vi.useFakeTimers()
  height = 0
  now = 0
  penalties = []
  asked = []
  answerMs = 0
  peers = new Map()
  verdict = () => null
  sync = new BlockSync(defaultBlockSyncOptions, {
    engine: {
      get head() {
        return { summary: { height } } as ChainHead
      },
      applyCertified: async (block) => {
        const code = verdict(block.header.height)
        if (code === null && block.header.height === height + 1) height++
        return code
      },
    },
    network: {
      requestBlocks: async (peerId, from, count) => {
        asked.push(peerId)
        if (answerMs > 0) await new Promise((resolve) => setTimeout(resolve, answerMs))
        const answer = peers.get(peerId)?.(from, count) ?? []
        if (answer instanceof Error) throw answer
        return answer
      },
      penalize: (peerId, code) => void penalties.push(`${peerId} ${code}`),
    },
    clock: { wallMs: () => now, monoMs: () => now },
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

describe('BlockSync', () => {
  it('fetches what a peer has, in requests of bounded size, to its end', async () => {
    peers.set('a', honest(150))
    sync.noteHeight('a', 150)
    expect(sync.catchingUp, 'far behind').toBe(true)
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
    verdict = (at) => (at === 1 && asked.at(-1) === 'forger' ? 'BAD_SIGNATURE' : null)
    peers.set('forger', honest(9))
    peers.set('garbage', () => [{ block: Uint8Array.of(1), certificate: Uint8Array.of(2) }])
    peers.set('silent', () => new NexusError({ code: 'REQUEST_TIMEOUT' }))
    peers.set('honest', honest(9))
    for (const peer of ['forger', 'garbage', 'silent', 'honest']) sync.noteHeight(peer, 9)
    await pass(5_000)
    expect(height).toBe(9)
    for (const penalty of penalties)
      expect(['forger BAD_SIGNATURE', 'garbage BAD_BLOCK_ENCODING']).toContain(penalty)
  })

  it('is not catching up for being a few heights behind for a moment', async () => {
    answerMs = 4_000
    sync.noteHeight('a', 3)
    await pass(100)
    expect(sync.catchingUp).toBe(false)
    for (let i = 0; i < 300; i++) {
      sync.noteHeight('a', 3 + i)
      await pass(10)
    }
    expect(sync.catchingUp, 'no progress').toBe(true)
    height = 302
    await pass(100)
    expect(sync.catchingUp).toBe(false)
    await pass(4_000)
  })

  it('drops the claims of a peer that left', async () => {
    sync.noteHeight('a', 7)
    sync.forget('a')
    await pass(1_000)
    expect(asked).toEqual([])
    expect(sync.targetHeight).toBe(0)
  })
})
