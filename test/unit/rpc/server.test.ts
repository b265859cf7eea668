// The doors: HTTP and WebSocket on one port, who may come in, and what happens to those who abuse it.
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { isHostAllowed, isOriginAllowed } from '../../../rpc/access.ts'
import { data } from '../../../rpc/format/hex.ts'
import { defaultRpcOptions, type RpcServer, startRpcServer } from '../../../rpc/index.ts'
import type { RpcLimits, RpcOptions } from '../../../rpc/options.ts'
import { addressOf, digest, FakeRpcBackend } from '../../support/fakeRpcBackend.ts'
import { until } from '../../support/wait.ts'

const chainId = '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'
const open: { server: RpcServer; sockets: WebSocket[] }[] = []

async function start(options: Partial<RpcOptions> = {}, limits: Partial<RpcLimits> = {}) {
  const backend = new FakeRpcBackend([[{}]])
  const faults: unknown[] = []
  const refused: string[] = []
  const server = await startRpcServer(
    {
      ...defaultRpcOptions,
      port: 0,
      ...options,
      limits: { ...defaultRpcOptions.limits, ...limits },
    },
    {
      backend,
      onCall: () => undefined,
      onRefused: (reason) => refused.push(reason),
      onFault: (fault) => faults.push(fault),
    },
  )
  const opened = { server, sockets: [] as WebSocket[] }
  open.push(opened)
  const post = (body: string, headers: Record<string, string> = {}) =>
    fetch(server.url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    })
  return { backend, server, faults, refused, post, sockets: opened.sockets }
}

afterEach(async () => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.terminate()
    await server.close()
  }
})

/** A socket and what came over it. */
async function dial(
  started: { server: RpcServer; sockets: WebSocket[] },
  headers: Record<string, string> = {},
) {
  const socket = new WebSocket(started.server.url.replace('http', 'ws'), { headers })
  started.sockets.push(socket)
  const messages: { id?: unknown; result?: unknown; params?: { result: unknown } }[] = []
  socket.on('message', (text: Buffer) => messages.push(JSON.parse(text.toString())))
  let closed = false
  socket.on('close', () => {
    closed = true
  })
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  const ask = async (method: string, params: readonly unknown[] = []): Promise<unknown> => {
    const id = Math.random()
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    await until({ what: `an answer to ${method}` }, () => messages.some((one) => one.id === id))
    return messages.find((one) => one.id === id)
  }
  const told = () => messages.flatMap(({ params }) => (params === undefined ? [] : [params.result]))
  return { socket, messages, ask, told, isClosed: () => closed }
}

describe('HTTP', () => {
  it('answers JSON-RPC to POST', async () => {
    const { post } = await start()
    const response = await post(chainId)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await response.json()).toEqual({ jsonrpc: '2.0', id: 1, result: '0xf64' })
  })

  it('gives people a hint, and nothing to a notification', async () => {
    const { server, post } = await start()
    expect(await (await fetch(server.url)).text()).toMatch(/JSON-RPC/)
    const silent = await post('{"jsonrpc":"2.0","method":"eth_chainId"}')
    expect([silent.status, await silent.text()]).toEqual([204, ''])
  })

  it.each([
    ['another content type', chainId, { 'content-type': 'text/plain' }, 415, -32600],
    ['a form', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, -32600],
    ['another host', chainId, { host: 'evil.example' }, 403, -32600],
    ['a host that begins well', chainId, { host: 'localhost.evil.example' }, 403, -32600],
    ['a foreign page', chainId, { origin: 'https://evil.example' }, 403, -32600],
    ['no page at all', chainId, { origin: 'null' }, 403, -32600],
    ['a body too large', ' '.repeat(70_000), {}, 413, -32600],
    ['nothing', '', {}, 200, -32700],
    ['half an object', '{', {}, 200, -32700],
  ] as const)('refuses %s in JSON-RPC', async (_, body, headers, status, code) => {
    const { server } = await start({}, { bodyBytes: 65_536 })
    const answer = await rawPost(server, body, headers)
    expect(answer).toMatchObject({ status, body: { jsonrpc: '2.0', id: null, error: { code } } })
  })

  it('lets a client finish a body too large, so that it reads the answer', async () => {
    const { post } = await start({}, { bodyBytes: 65_536 })
    for (let i = 0; i < 3; i++) {
      const response = await post(' '.repeat(16 * 1024 * 1024))
      expect(response.status).toBe(413)
      // Closing would reach the client before the answer does.
      expect(response.headers.get('connection')).toBe('keep-alive')
      expect(await response.json()).toMatchObject({ error: { code: -32600 } })
    }
    expect((await post(chainId)).status).toBe(200)
  })

  it('refuses a body of unknown length once it is too large', async () => {
    const { server } = await start({}, { bodyBytes: 65_536 })
    const parts = Array(200)
      .fill(`8000\r\n${' '.repeat(0x8000)}\r\n`)
      .join('')
    const answer = await rawPost(server, parts, { 'transfer-encoding': 'chunked' })
    expect(answer).toMatchObject({ status: 413, body: { error: { code: -32600 } } })
  })

  it('has one path and few verbs', async () => {
    const { server } = await start()
    expect((await fetch(`${server.url}/other`, { method: 'POST' })).status).toBe(404)
    expect((await fetch(server.url, { method: 'PUT' })).status).toBe(404)
  })

  it('tells browsers of allowed pages only', async () => {
    const allowed = 'https://app.example'
    const { server } = await start({ corsOrigins: [allowed] })
    const preflight = (origin: string) =>
      fetch(server.url, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      })
    const yes = await preflight(allowed)
    expect(yes.status).toBe(204)
    expect(yes.headers.get('access-control-allow-origin')).toBe(allowed)
    expect(yes.headers.get('access-control-allow-headers')).toBe('content-type')
    const no = await preflight('https://evil.example')
    expect(no.status).toBe(403)
    expect(no.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('turns requests away when there are too many', async () => {
    const { backend, post } = await start({}, { inFlight: 1, requestMs: 200 })
    backend.onCall = () => new Promise(() => undefined)
    const slow = post('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{}]}')
    await until({ what: 'the first to be in progress' }, () => backend.calls.length === 1)
    const second = await post(chainId)
    expect([second.status, second.headers.get('retry-after')]).toEqual([429, '1'])
    expect(await second.json()).toMatchObject({ error: { code: -32005 } })
    expect(await (await slow).json()).toMatchObject({ error: { code: -32002 } })
  })

  it('says that a port is taken', async () => {
    const { server } = await start()
    await expect(start({ port: server.port })).rejects.toMatchObject({
      detail: { code: 'PORT_IN_USE', port: server.port },
    })
  })
})

describe('hosts and origins', () => {
  it.each([
    ['localhost', true],
    ['LOCALHOST:8545', true],
    ['127.0.0.1:8545', true],
    ['[::1]:8545', true],
    ['192.168.1.5:8545', true],
    ['node.example', true],
    ['NODE.example:1', true],
    ['evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['', false],
    [undefined, false],
  ])('host %s: %s', (host, expected) => {
    expect(isHostAllowed(host, ['node.example'])).toBe(expected)
  })

  it.each([
    [undefined, true],
    ['https://app.example', true],
    ['https://APP.example', true],
    ['http://app.example', false],
    ['https://app.example:444', false],
    ['https://app.example.evil', false],
    ['http://localhost', true],
    ['http://localhost:3000', true],
    ['http://localhost:3000.evil', false],
    ['http://localhost.evil:3000', false],
    ['chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn', true],
    ['null', false],
  ])('origin %s: %s', (origin, expected) => {
    expect(isOriginAllowed(origin, ['https://app.example', 'http://localhost:*'])).toBe(expected)
  })

  it('are all allowed by a star', () => {
    expect(isHostAllowed('any.example', ['*'])).toBe(true)
    expect(isOriginAllowed('https://any.example', ['*'])).toBe(true)
  })
})

describe('WebSocket', () => {
  it('answers calls and batches on the port of HTTP', async () => {
    const { ask, socket, messages } = await dial(await start())
    expect(await ask('eth_chainId')).toMatchObject({ result: '0xf64' })
    socket.send(`[${chainId},${chainId}]`)
    await until({ what: 'a batch' }, () => messages.some((one) => Array.isArray(one)))
    socket.send('{')
    await until({ what: 'an error' }, () => messages.some((one) => one.id === null))
  })

  it.each([
    ['a foreign page', { origin: 'https://evil.example' }, '403'],
    ['another host', { host: 'evil.example' }, '403'],
  ])('refuses %s', async (_, headers, status) => {
    await expect(dial(await start(), headers)).rejects.toThrow(status)
  })

  it('takes only so many clients', async () => {
    const started = await start({}, { webSocketClients: 2 })
    const [first] = [await dial(started), await dial(started)]
    await expect(dial(started)).rejects.toThrow('503')
    first.socket.close()
    await until({ what: 'a place' }, () => started.server.load().webSocketClients === 1)
    await dial(started)
  })

  it('answers a client that asks for too much with a time to wait, over both', async () => {
    const limits = { clientUnitsPerSecond: 1, clientBurstUnits: 3 }
    const started = await start({ unlimitedClients: [] }, limits)
    const client = await dial(started)
    expect(await client.ask('eth_chainId')).toMatchObject({ result: '0xf64' })
    expect((await started.post(chainId)).status).toBe(200)
    const answered = await started.post(chainId)
    expect([answered.status, Number(answered.headers.get('retry-after'))]).toEqual([429, 1])
    expect(await answered.json()).toMatchObject({ error: { data: { code: 'RATE_LIMITED' } } })
    expect(await client.ask('eth_chainId')).toMatchObject({
      error: { code: -32005, data: { code: 'RATE_LIMITED' } },
    })
    expect(started.refused).toEqual(['RATE_LIMITED', 'RATE_LIMITED'])
  })

  it('tells of new heads, logs, pending transactions and syncing', async () => {
    const started = await start()
    const client = await dial(started)
    const other = await dial(started)
    await client.ask('eth_subscribe', ['newHeads'])
    await client.ask('eth_subscribe', ['logs', { address: data(addressOf('token')) }])
    await other.ask('eth_subscribe', ['newPendingTransactions'])
    await other.ask('eth_subscribe', ['newPendingTransactions', true])
    await other.ask('eth_subscribe', ['syncing'])
    const { backend } = started
    const log = { address: addressOf('token'), topics: [], data: new Uint8Array(1) }
    const foreign = { ...log, address: addressOf('another') }
    backend.append([{ logs: [foreign, log] }])
    await until({ what: 'a head and a log' }, () => client.told().length === 2)
    expect(client.told()).toMatchObject([
      { number: '0x2', hash: data(digest('block 2')) },
      { blockNumber: '0x2', logIndex: '0x1', address: data(addressOf('token')) },
    ])
    expect(client.told()[0]).not.toHaveProperty('transactions')
    const { hash } = backend.addPending('a')
    backend.emit({ kind: 'pendingTransactions', hashes: [hash] })
    backend.emit({ kind: 'syncing', isCatchingUp: true })
    await until({ what: 'both forms' }, () => other.told().length === 3)
    expect(other.told()).toContain(data(hash))
    expect(other.told()).toContain(true)
    expect(other.told()).toContainEqual(expect.objectContaining({ hash: data(hash), nonce: '0x7' }))
    expect(client.told()).toHaveLength(2)
  })

  it('tells nothing after the end of a subscription', async () => {
    const started = await start()
    const { ask, told } = await dial(started)
    const { result: id } = (await ask('eth_subscribe', ['newHeads'])) as { result: string }
    expect(await ask('eth_unsubscribe', [id])).toMatchObject({ result: true })
    expect(await ask('eth_unsubscribe', [id])).toMatchObject({
      error: { message: 'subscription not found' },
    })
    started.backend.append([])
    await ask('eth_chainId')
    expect(told()).toEqual([])
  })

  it.each([
    ['an unknown kind', ['newCoins'], -32602],
    ['a bad filter', ['logs', { address: '0x12' }], -32602],
    ['a bad flag', ['newPendingTransactions', 'yes'], -32602],
    ['no kind', [], -32602],
  ])('refuses a subscription to %s', async (_, params, code) => {
    const { ask } = await dial(await start())
    expect(await ask('eth_subscribe', params)).toMatchObject({ error: { code } })
  })

  it('bounds the subscriptions of a connection, and lets go of them with it', async () => {
    const started = await start({}, { subscriptions: 2 })
    const { ask, socket } = await dial(started)
    await ask('eth_subscribe', ['newHeads'])
    await ask('eth_subscribe', ['newHeads'])
    expect(await ask('eth_subscribe', ['newHeads'])).toMatchObject({ error: { code: -32005 } })
    expect(started.server.load().subscriptions).toBe(2)
    socket.close()
    await until({ what: 'none left' }, () => started.server.load().subscriptions === 0)
  })

  it('drops a client that does not read', async () => {
    const started = await start({}, { outgoingBytes: 1_000_000 })
    const { ask, socket, isClosed } = await dial(started)
    await ask('eth_subscribe', ['logs'])
    socket.pause()
    const logs = Array.from({ length: 50 }, () => ({
      address: addressOf('token'),
      topics: [],
      data: new Uint8Array(50_000),
    }))
    await until({ what: 'the client to be dropped' }, () => {
      started.backend.append([{ logs }])
      return started.server.load().webSocketClients === 0
    })
    socket.resume()
    await until({ what: 'the client to notice' }, isClosed)
    expect(started.faults).toEqual([])
  })

  it('drops a client whose message is too large', async () => {
    const started = await start({}, { bodyBytes: 10_000 })
    const { socket, isClosed } = await dial(started)
    socket.send('x'.repeat(20_000))
    await until({ what: 'the client to be dropped' }, isClosed)
    expect((await fetch(started.server.url)).status).toBe(200)
  })

  it('has no subscriptions over HTTP', async () => {
    const { post } = await start()
    const body = '{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}'
    expect(await (await post(body)).json()).toMatchObject({
      error: { code: -32601, message: 'notifications not supported' },
    })
  })

  it('ends with the server, which lets go of the node', async () => {
    const started = await start()
    const { isClosed } = await dial(started)
    expect(started.backend.listeners).toBe(1)
    await started.server.close()
    await until({ what: 'the end' }, isClosed)
    expect(started.backend.listeners).toBe(0)
  })
})

/** A POST with any Host header, which `fetch` does not send. */
function rawPost(
  { port }: RpcServer,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const all = {
    host: `127.0.0.1:${port}`,
    'content-type': 'application/json',
    ...(headers['transfer-encoding'] === undefined
      ? { 'content-length': String(Buffer.byteLength(body)) }
      : {}),
    connection: 'close',
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (part) => {
      text += part
    })
    // The server may hang up on what it does not read; what counts is what it said.
    socket.on('error', (error) => {
      if (text === '') reject(error)
    })
    socket.on('close', () => {
      const status = Number(text.split(' ')[1])
      resolve({ status, body: JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as unknown })
    })
    socket.write(`POST / HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
  })
}
