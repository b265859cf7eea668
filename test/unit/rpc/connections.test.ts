// What a client may do with connections instead of requests: hold them, drip, and not read.
import { connect, type Socket } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { ConnectionShares } from '../../../rpc/connectionShares.ts'
import { defaultHttpTimes, type HttpTimes } from '../../../rpc/http.ts'
import { defaultRpcOptions, type RpcServer, startRpcServer } from '../../../rpc/index.ts'
import type { RpcLimits } from '../../../rpc/options.ts'
import { FakeRpcBackend } from '../../support/fakeRpcBackend.ts'
import { sleep, until } from '../../support/wait.ts'

let server: RpcServer | null = null
const sockets = new Set<Socket>()
let refused: string[] = []
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  await server?.close()
  refused = []
})

const QUICK: HttpTimes = {
  headersMs: 200,
  requestMs: 400,
  keepAliveMs: 300,
  idleMs: 600,
  checkMs: 50,
}

async function start(
  times: Partial<HttpTimes> = {},
  limits: Partial<RpcLimits> = {},
  unlimitedClients: readonly string[] = [],
): Promise<FakeRpcBackend> {
  const backend = new FakeRpcBackend([[{}]])
  server = await startRpcServer(
    {
      ...{ ...defaultRpcOptions, port: 0, unlimitedClients },
      limits: { ...defaultRpcOptions.limits, ...limits },
    },
    {
      backend,
      onCall: () => undefined,
      onRefused: (reason) => refused.push(reason),
      onFault: () => undefined,
      httpTimes: { ...QUICK, ...times },
    },
  )
  return backend
}

function open(text = ''): {
  readonly socket: Socket
  readonly isClosed: () => boolean
  received: number
} {
  const socket = connect(server?.port ?? 0, '127.0.0.1')
  sockets.add(socket)
  const state = { socket, isClosed: () => socket.destroyed, received: 0 }
  socket.on('error', () => undefined)
  socket.on('data', (bytes) => {
    state.received += bytes.length
  })
  if (text !== '') socket.write(text)
  return state
}

const HEAD = 'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
const requestOf = (body: string): string => `${HEAD}content-length: ${body.length}\r\n\r\n${body}`
const CHAIN_ID = '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'

/** Adds a byte at a time until the connection is gone; the milliseconds it took. */
async function drip(socket: Socket, byte: string): Promise<number> {
  const startedAt = performance.now()
  while (!socket.destroyed && performance.now() - startedAt < 5_000) {
    socket.write(byte)
    await sleep(20)
  }
  return performance.now() - startedAt
}

describe('a connection over which', () => {
  it('nothing comes is closed', async () => {
    await start()
    const { isClosed } = open()
    await until({ what: 'the end', timeoutMs: 3_000 }, isClosed)
  })

  it('headers drip is closed', async () => {
    await start()
    const { socket } = open('POST / HTTP/1.1\r\nhost: localhost\r\nx-long: ')
    expect(await drip(socket, 'a')).toBeLessThan(3_000)
  })

  it('a body drips is closed', async () => {
    await start()
    const { socket } = open(`${HEAD}content-length: 1000\r\n\r\n`)
    const ms = await drip(socket, ' ')
    expect(ms).toBeGreaterThan(QUICK.headersMs)
    expect(ms).toBeLessThan(3_000)
  })

  it('one request came and no other is closed', async () => {
    await start()
    const client = open(requestOf(CHAIN_ID))
    await until({ what: 'the answer' }, () => client.received > 0)
    await until({ what: 'the end', timeoutMs: 3_000 }, client.isClosed)
  })

  it('an answer is not read is closed, with what it held', async () => {
    const BYTES = 10 * 1024 * 1024
    const backend = await start({ keepAliveMs: 10 })
    backend.onCall = async () => ({ ok: true, value: new Uint8Array(BYTES) }) as never
    const client = open(requestOf('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{}]}'))
    client.socket.pause()
    await until({ what: 'the call' }, () => backend.calls.length === 1)
    await sleep(3 * QUICK.idleMs)
    client.socket.resume()
    await until({ what: 'the end' }, client.isClosed)
    // What the sockets between them hold had left before.
    expect(client.received).toBeLessThan(2 * BYTES)
  })

  it('requests come now and then stays', async () => {
    await start({ keepAliveMs: 2_000 })
    const client = open()
    for (let i = 1; i <= 8; i++) {
      client.socket.write(requestOf(CHAIN_ID))
      await until({ what: 'an answer' }, () => client.received >= i * 100)
      await sleep(100)
    }
    expect(client.isClosed()).toBe(false)
  })
})

describe('connections of one address', () => {
  it('are so many and no more, and are given back', async () => {
    await start(defaultHttpTimes, { connectionsPerClient: 3 })
    const clients = Array.from({ length: 5 }, () => open(requestOf(CHAIN_ID)))
    await until(
      { what: 'three answers' },
      () => clients.filter(({ received }) => received > 0).length === 3,
    )
    await until({ what: 'two refusals' }, () => refused.length === 2)
    expect(new Set(refused)).toEqual(new Set(['TOO_MANY_CONNECTIONS']))
    for (const { socket } of clients) socket.destroy()
    await until({ what: 'an answer to a new one' }, async () => {
      const client = open(requestOf(CHAIN_ID))
      await sleep(50)
      return client.received > 0
    })
  })

  it('are not counted where its calls are not', async () => {
    await start(defaultHttpTimes, { connectionsPerClient: 1 }, ['127.0.0.1'])
    const clients = Array.from({ length: 5 }, () => open(requestOf(CHAIN_ID)))
    await until({ what: 'five answers' }, () => clients.every(({ received }) => received > 0))
    expect(refused).toEqual([])
  })

  it('are as many as were taken and not given back, whoever they are of', () => {
    const addresses = ['10.0.0.1', '::ffff:10.0.0.1', '10.0.0.2', 'fe80::1', 'fe80::2', undefined]
    const nameOf = ['a', 'a', 'b', 'c', 'c', 'd']
    const step = fc.record({ who: fc.nat(5), gives: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const shares = new ConnectionShares(3, ['127.0.0.1'])
        const held = new Map<string, (() => void)[]>()
        for (const { who, gives } of steps) {
          const own = held.get(nameOf[who] ?? '') ?? []
          held.set(nameOf[who] ?? '', own)
          if (gives) {
            const release = own.pop()
            release?.()
            release?.()
            continue
          }
          const release = shares.take(addresses[who])
          expect(release === null).toBe(own.length >= 3)
          if (release !== null) own.push(release)
        }
        for (let i = 0; i < 10; i++) expect(shares.take('127.0.0.1')).not.toBeNull()
      }),
    )
  })
})
