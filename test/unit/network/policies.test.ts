// The parts without a socket: rates, scores, requests, queues, redialing.
import type { Stream } from '@libp2p/interface'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { Dialer } from '../../../node/network/dialer.ts'
import {
  OutboundChannel,
  type OutboundChannelOptions,
} from '../../../node/network/outboundChannel.ts'
import { defaultPeerScoreOptions, PeerScores } from '../../../node/network/peerScores.ts'
import { RequestClient } from '../../../node/network/requestClient.ts'
import { RequestServer } from '../../../node/network/requestServer.ts'
import { fittingPrefix, type Request, type Response } from '../../../node/network/requests.ts'
import { TokenBucket } from '../../../node/network/tokenBucket.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe('TokenBucket', () => {
  it('lets a burst through, then asks to wait for what is owed', () => {
    const bucket = new TokenBucket({ perSecond: 100, burst: 10 }, 0)
    expect(bucket.take(10, 0)).toBe(0)
    expect(bucket.take(1, 0)).toBe(10)
    expect(bucket.take(1, 20)).toBe(0)
  })

  it('never lets more through than the burst and the rate together', () => {
    const step = fc.record({ amount: fc.nat(50), waitMs: fc.nat(200) })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 50 }), (steps) => {
        const bucket = new TokenBucket({ perSecond: 100, burst: 20 }, 0)
        let [now, taken] = [0, 0]
        for (const { amount, waitMs } of steps) {
          now += waitMs
          taken += amount
          now += bucket.take(amount, now)
          expect(taken).toBeLessThanOrEqual(20 + (now * 100) / 1_000 + 1e-6)
        }
      }),
    )
  })
})

describe('PeerScores', () => {
  const scores = (overrides = {}): PeerScores =>
    new PeerScores({ ...defaultPeerScoreOptions, ...overrides })

  it('disconnects for one garbled message and bans for repeating it', () => {
    const subject = scores()
    expect(subject.penalize('a', 'TRUNCATED', 0)).toBe('disconnect')
    expect(subject.isBanned('a', 0)).toBe(false)
    expect(subject.penalize('a', 'TRUNCATED', 1_000)).toBe('disconnect')
    expect(subject.penalize('a', 'TRUNCATED', 2_000)).toBe('ban')
    expect(subject.isBanned('a', 2_000)).toBe(true)
    expect(subject.scoreOf('b', 2_000)).toBe(0)
  })

  it('bans for one provable lie', () => {
    expect(scores().penalize('a', 'BAD_SIGNATURE', 0)).toBe('ban')
  })

  it('tolerates lateness that is spread out', () => {
    const subject = scores()
    for (let minute = 0; minute < 600; minute++)
      expect(subject.penalize('a', 'REQUEST_TIMEOUT', minute * 60_000)).toBe('keep')
  })

  it('forgets half in a half-life, and a served ban whole', () => {
    const subject = scores({ halfLifeMs: 1_000, banMs: 5_000 })
    subject.penalize('a', 'TRUNCATED', 0)
    expect(subject.scoreOf('a', 1_000)).toBeCloseTo(-10)
    subject.penalize('b', 'WRONG_BLOCK', 0)
    expect(subject.isBanned('b', 4_999)).toBe(true)
    expect(subject.isBanned('b', 5_000)).toBe(false)
    expect(subject.scoreOf('b', 5_000)).toBe(0)
  })

  it('remembers a bounded number of peers, the banned ones longest', () => {
    const subject = scores({ maxEntries: 3 })
    subject.penalize('banned', 'WRONG_BLOCK', 0)
    for (const id of ['a', 'b', 'c', 'd']) subject.penalize(id, 'REQUEST_TIMEOUT', 1)
    expect(subject.isBanned('banned', 2)).toBe(true)
    expect(subject.scoreOf('a', 2)).toBe(0)
    expect(subject.scoreOf('d', 2)).toBeLessThan(0)
  })
})

/** A stream that takes `room` bytes and then wants a drain. */
function fakeStream(room: number) {
  const listeners = new Map<string, (() => void)[]>()
  const sent: number[] = []
  const stream = {
    writeStatus: 'writable',
    writableNeedsDrain: room <= 0,
    room,
    addEventListener: (type: string, listener: () => void) =>
      void listeners.set(type, [...(listeners.get(type) ?? []), listener]),
    send(bytes: Uint8Array) {
      sent.push(...bytes)
      stream.room -= bytes.length
      stream.writableNeedsDrain = stream.room <= 0
      return !stream.writableNeedsDrain
    },
  }
  const emit = (type: string): void => {
    for (const listener of listeners.get(type) ?? []) listener()
  }
  const drain = (more: number): void => {
    stream.room = more
    stream.writableNeedsDrain = more <= 0
    emit('drain')
  }
  return { stream: stream as unknown as Stream, sent, drain, emit }
}

function channelWith(options: Partial<OutboundChannelOptions> = {}) {
  const events = {
    sent: [] as string[],
    dropped: [] as string[],
    failed: [] as string[],
    queued: 0,
  }
  const channel = new OutboundChannel(
    { maxBytes: 100, maxFrames: 10, overflow: 'dropOldest', ...options },
    {
      onSent: (kind) => void events.sent.push(kind),
      onDropped: (kind) => void events.dropped.push(kind),
      onFailed: (code) => void events.failed.push(code),
      onQueued: (change) => {
        events.queued += change
      },
    },
  )
  return { channel, events }
}
const frame = (value: number, size: number): Uint8Array => new Uint8Array(size).fill(value)

describe('OutboundChannel', () => {
  it('sends in the call when the stream takes it', () => {
    const { channel, events } = channelWith()
    const { stream, sent } = fakeStream(1_000)
    channel.attach(stream)
    channel.send(frame(1, 3), 'vote')
    expect(sent).toEqual([1, 1, 1])
    expect(events).toEqual({ sent: ['vote'], dropped: [], failed: [], queued: 0 })
  })

  it('keeps what is sent before the stream is open, in order', () => {
    const { channel, events } = channelWith()
    channel.send(frame(1, 2), 'a')
    channel.send(frame(2, 2), 'b')
    expect(events.queued).toBe(2)
    const { stream, sent } = fakeStream(1_000)
    channel.attach(stream)
    expect(sent).toEqual([1, 1, 2, 2])
    expect(events.queued).toBe(0)
  })

  it('drops the oldest whole frame, never one that has begun', () => {
    const { channel, events } = channelWith({ maxBytes: 200_000 })
    const { stream, sent, drain } = fakeStream(1)
    channel.attach(stream)
    channel.send(frame(1, 100_000), 'first')
    channel.send(frame(2, 100_000), 'second')
    channel.send(frame(3, 100_000), 'third')
    expect(events.dropped).toEqual(['second'])
    drain(1_000_000)
    expect(sent.length).toBe(200_000)
    expect(sent.indexOf(3)).toBe(100_000)
    expect(events.queued).toBe(0)
  })

  it('gives the peer up where nothing may be dropped', () => {
    const { channel, events } = channelWith({ overflow: 'fail', maxFrames: 3 })
    channel.attach(fakeStream(0).stream)
    for (let i = 0; i < 10; i++) channel.send(frame(i, 1), 'vote')
    expect(events.failed).toEqual(['SEND_QUEUE_FULL'])
    expect(events.queued).toBe(0)
  })

  it('says once that its stream is gone', async () => {
    const { channel, events } = channelWith()
    const { stream, emit } = fakeStream(0)
    channel.attach(stream)
    channel.send(frame(1, 1), 'vote')
    const idle = channel.whenIdle()
    emit('close')
    emit('close')
    channel.send(frame(1, 1), 'vote')
    await idle
    expect(events).toEqual({ sent: [], dropped: [], failed: ['STREAM_CLOSED'], queued: 0 })
  })
})

describe('RequestClient', () => {
  const clientWith = (maxOutstanding = 4) => {
    const asked: Request[] = []
    const client = new RequestClient(
      { maxOutstanding },
      'peer',
      (request) => void asked.push(request),
    )
    return { client, asked }
  }
  const ask = (client: RequestClient, signal: AbortSignal | null = null, timeoutMs = 1_000) =>
    client.ask({ kind: 'getBlocks', from: 1 as never, count: 1 }, { timeoutMs, signal })
  const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
    asked.then(
      () => 'answered',
      (error) => error.detail.code,
    )
  const answer = (id: number): Response => ({ kind: 'blocks', id, blocks: [] })

  it('gives each question its own answer', async () => {
    const { client, asked } = clientWith()
    const [first, second] = [ask(client), ask(client)]
    const [a, b] = asked.map(({ id }) => id) as [number, number]
    const block = new Uint8Array([1])
    expect(client.receive({ kind: 'blocks', id: b, blocks: [{ block, certificate: block }] })).toBe(
      true,
    )
    expect(client.receive(answer(a))).toBe(true)
    expect((await first).blocks).toEqual([])
    expect((await second).blocks.length).toBe(1)
  })

  it('refuses answers that nobody asked for, repeated ones and ones of another kind', async () => {
    const { client, asked } = clientWith()
    expect(client.receive(answer(1))).toBe(false)
    const question = ask(client)
    const id = asked[0]?.id ?? 0
    expect(client.receive({ kind: 'block', id, block: null })).toBe(false)
    expect(client.receive(answer(id))).toBe(true)
    await question
    expect(client.receive(answer(id))).toBe(false)
  })

  it('takes a late answer once', async () => {
    vi.useFakeTimers()
    const { client, asked } = clientWith()
    const code = codeOf(ask(client))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await code).toBe('REQUEST_TIMEOUT')
    expect(client.receive(answer(asked[0]?.id ?? 0))).toBe(true)
    expect(client.receive(answer(asked[0]?.id ?? 0))).toBe(false)
  })

  it('ends by abort, refusal, a lost peer, and asks no more than it may', async () => {
    const { client, asked } = clientWith(3)
    const stop = new AbortController()
    const codes = [ask(client, stop.signal), ask(client), ask(client), ask(client)].map(codeOf)
    stop.abort()
    client.receive({ kind: 'refused', id: asked[1]?.id ?? 0 })
    client.close()
    expect(await Promise.all(codes)).toEqual([
      'REQUEST_ABORTED',
      'REQUEST_REFUSED',
      'PEER_GONE',
      'REQUESTS_EXHAUSTED',
    ])
    expect(await codeOf(ask(client))).toBe('PEER_GONE')
  })
})

describe('RequestServer', () => {
  it('serves one at a time, refuses what exceeds its queue, and reports a fault of ours', async () => {
    const responses: Response[] = []
    const fatal: unknown[] = []
    const gate = Promise.withResolvers<readonly Uint8Array[]>()
    const server = new RequestServer(
      { maxWaiting: 1 },
      {
        server: {
          serveBatches: () => gate.promise,
          serveBlocks: () => [],
          serveBlock: () => {
            throw new Error('a fault of ours')
          },
        },
        respond: async (response) => void responses.push(response),
        onFatal: (error) => void fatal.push(error),
      },
    )
    server.receive({ kind: 'getBatches', id: 1, digests: [] })
    server.receive({ kind: 'getBlock', id: 2, height: 1 as never, blockId: '' as never })
    server.receive({ kind: 'getBlocks', id: 3, from: 1 as never, count: 1 })
    expect(responses).toEqual([{ kind: 'refused', id: 3 }])
    gate.resolve([])
    await vi.waitFor(() => expect(fatal.length).toBe(1))
    expect(responses[1]).toEqual({ kind: 'batches', id: 1, batches: [] })
  })

  it('answers with as many items as one frame holds', () => {
    const item = new Uint8Array(1024 * 1024)
    const items = Array(8).fill(item)
    const fitting = fittingPrefix(items, (bytes) => [bytes])
    expect(fitting.length).toBe(4)
    expect((fitting.length + 1) * (item.length + 4)).toBeGreaterThan(LIMITS.syncFrameBytes)
  })
})

describe('Dialer', () => {
  const dialerWith = (dial: () => Promise<void>) => {
    const connected = new Set<string>()
    const dialed: number[] = []
    const dialer = new Dialer(
      [{ address: '/a', peerId: 'a' }],
      { minMs: 50, maxMs: 2_000 },
      {
        dial: () => {
          dialed.push(Date.now())
          return dial()
        },
        isConnected: (id) => connected.has(id),
        random: () => 1,
      },
    )
    return { dialer, connected, dialed }
  }

  it('tries again, slower each time up to its maximum', async () => {
    vi.useFakeTimers({ now: 0 })
    const { dialer, dialed } = dialerWith(() => Promise.reject(new Error('refused')))
    dialer.start()
    await vi.advanceTimersByTimeAsync(20_000)
    dialer.stop()
    const gaps = dialed.slice(1).map((at, i) => at - (dialed[i] as number))
    expect(gaps.slice(0, 7)).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000])
    const count = dialed.length
    await vi.advanceTimersByTimeAsync(20_000)
    expect(dialed.length).toBe(count)
  })

  it('leaves a connected peer alone, and dials it soon after it is lost', async () => {
    vi.useFakeTimers({ now: 0 })
    const { dialer, connected, dialed } = dialerWith(async () => {})
    dialer.start()
    connected.add('a')
    dialer.connected('a')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(dialed.length).toBe(1)
    connected.delete('a')
    dialer.disconnected('a')
    await vi.advanceTimersByTimeAsync(50)
    expect(dialed.length).toBe(2)
    dialer.stop()
  })

  it('keeps dialing when connections open but no handshake follows', async () => {
    vi.useFakeTimers({ now: 0 })
    const { dialer, dialed } = dialerWith(async () => {})
    dialer.start()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(dialed.length).toBeGreaterThan(2)
    dialer.stop()
  })
})
