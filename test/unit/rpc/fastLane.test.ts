// Requests as bytes: however they are cut and whatever they are mixed with, each gets its answer in turn.
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { defaultRpcOptions, type RpcServer, startRpcServer } from '../../../rpc/index.ts'
import type { RpcLimits, RpcOptions } from '../../../rpc/options.ts'
import { plainBodyBytes } from '../../../rpc/requestHead.ts'
import { FakeRpcBackend } from '../../support/fakeRpcBackend.ts'
import { sleep, until } from '../../support/wait.ts'

const open: { server: RpcServer; sockets: Socket[] }[] = []
afterEach(async () => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy()
    await server.close()
  }
})

async function start(options: Partial<RpcOptions> = {}, limits: Partial<RpcLimits> = {}) {
  const backend = new FakeRpcBackend([[{}]])
  const faults: unknown[] = []
  const server = await startRpcServer(
    {
      ...{ ...defaultRpcOptions, port: 0, ...options },
      limits: { ...defaultRpcOptions.limits, ...limits },
    },
    {
      ...{ backend, onCall: () => undefined, onRefused: () => undefined },
      onFault: (fault) => faults.push(fault),
    },
  )
  const sockets: Socket[] = []
  open.push({ server, sockets })
  const dial = () => {
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    sockets.push(socket)
    const client = { socket, text: '', isEnded: false }
    socket.setNoDelay(true)
    socket.setEncoding('latin1')
    socket.on('error', () => undefined)
    socket.on('data', (part: string) => {
      client.text += part
    })
    socket.on('end', () => {
      client.isEnded = true
    })
    return client
  }
  return { backend, server, faults, dial }
}

type Response = {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** The whole responses at the beginning of what came. */
function responsesOf(text: string): readonly Response[] {
  const found: Response[] = []
  for (let at = 0; ; ) {
    const headEnd = text.indexOf('\r\n\r\n', at)
    if (headEnd < 0) return found
    const [first = '', ...lines] = text.slice(at, headEnd).split('\r\n')
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(': ')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)] as const
      }),
    )
    const end = headEnd + 4 + Number(headers.get('content-length') ?? 0)
    if (end > text.length) return found
    const body = Buffer.from(text.slice(headEnd + 4, end), 'latin1').toString('utf8')
    found.push({ status: Number(first.split(' ')[1]), headers, body })
    at = end
  }
}

const call = (id: unknown, method = 'eth_chainId', params: readonly unknown[] = []): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })

/** A request, plain but for the headers given. */
const post = (body: string, ...headers: readonly string[]): Buffer =>
  Buffer.from(
    [
      'POST / HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...headers,
      '',
      body,
    ].join('\r\n'),
  )

const chunked = (body: string): Buffer =>
  Buffer.from(
    `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${[
      ...body,
    ]
      .map((character) => `${Buffer.byteLength(character).toString(16)}\r\n${character}\r\n`)
      .join('')}0\r\n\r\n`,
  )

const resultOf = (response: Response | undefined): unknown =>
  (JSON.parse(response?.body ?? '') as { result?: unknown }).result

describe('a plain request', () => {
  it('is answered, and so is the next on its connection', async () => {
    const client = (await start()).dial()
    for (let i = 1; i <= 3; i++) {
      client.socket.write(post(call(i)))
      await until({ what: 'the answer' }, () => responsesOf(client.text).length === i)
    }
    for (const [i, response] of responsesOf(client.text).entries()) {
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe('application/json')
      expect(response.headers.get('connection')).toBe('keep-alive')
      expect(Date.parse(response.headers.get('date') ?? '')).toBeGreaterThan(Date.now() - 5_000)
      expect(JSON.parse(response.body)).toEqual({ jsonrpc: '2.0', id: i + 1, result: '0xf64' })
    }
  })

  it('may hold more than ASCII', async () => {
    const client = (await start()).dial()
    const id = 'é \u{1f980} 漢'
    client.socket.write(Buffer.concat([post(call(id)), post(call(2))]))
    await until({ what: 'both answers' }, () => responsesOf(client.text).length === 2)
    const [first] = responsesOf(client.text)
    expect(JSON.parse(first?.body ?? '')).toMatchObject({ id })
  })

  it('without an id gets a status', async () => {
    const client = (await start()).dial()
    client.socket.write(post('{"jsonrpc":"2.0","method":"eth_chainId"}'))
    await until({ what: 'the answer' }, () => responsesOf(client.text).length === 1)
    const [only] = responsesOf(client.text)
    expect([only?.status, only?.body, only?.headers.has('content-length')]).toEqual([
      204,
      '',
      false,
    ])
  })

  it('is answered to a client that has closed its half', async () => {
    const { backend, dial } = await start()
    let finish = (): void => undefined
    backend.onCall = () =>
      new Promise((resolve) => {
        finish = () => resolve({ ok: true, value: new Uint8Array([7]) } as never)
      })
    const client = dial()
    client.socket.end(post(call(1, 'eth_call', [{}])))
    await until({ what: 'the call' }, () => backend.calls.length === 1)
    await sleep(30)
    finish()
    await until({ what: 'the end' }, () => client.isEnded)
    expect(resultOf(responsesOf(client.text)[0])).toBe('0x07')
  })

  it('may be forgotten by its client', async () => {
    const { backend, server, faults, dial } = await start()
    let finish = (): void => undefined
    backend.onCall = () =>
      new Promise((resolve) => {
        finish = () => resolve({ ok: true, value: new Uint8Array([7]) } as never)
      })
    for (const headers of [[], ['X-Other: 1']]) {
      const { socket } = dial()
      const before = backend.calls.length
      socket.write(post(call(1, 'eth_call', [{}]), ...headers))
      await until({ what: 'the call' }, () => backend.calls.length === before + 1)
      socket.resetAndDestroy()
      await sleep(30)
      finish()
      await until({ what: 'the end of the call' }, () => server.load().inFlight === 0)
    }
    const client = dial()
    client.socket.write(post(call(1)))
    await until({ what: 'an answer to another' }, () => responsesOf(client.text).length === 1)
    expect(faults).toEqual([])
  })
})

describe('requests on one connection', () => {
  const forms: readonly ((body: string) => Buffer)[] = [
    (body) => post(body),
    (body) => post(body, 'Connection: keep-alive', 'Accept: */*'),
    (body) => post(body, 'X-Other: 1'),
    (body) => post(body, 'Origin: chrome-extension://abc'),
    chunked,
  ]
  const request = fc.record({
    form: fc.oneof({ arbitrary: fc.constant(0), weight: 3 }, fc.nat(forms.length - 1)),
    method: fc.constantFrom(
      'eth_chainId',
      'eth_call',
      'eth_call',
      'eth_sendRawTransaction',
      'eth_none',
    ),
  })

  it('are answered in their order, however their bytes are cut', async () => {
    const { backend, dial } = await start()
    backend.onCall = async () => {
      await sleep(15)
      return { ok: true, value: new Uint8Array([7]) } as never
    }
    const params = { eth_call: [{}], eth_sendRawTransaction: ['0x1234'] } as const
    await fc.assert(
      fc.asyncProperty(
        fc.array(request, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(1_500), { maxLength: 5 }),
        fc.boolean(),
        async (requests, cuts, isCutBetween) => {
          const each = requests.map(({ form, method }, id) =>
            (forms[form] as (body: string) => Buffer)(
              call(id, method, params[method as 'eth_call'] ?? []),
            ),
          )
          const bytes = Buffer.concat(each)
          let end = 0
          const ends = each.map(({ length }) => (end += length))
          const client = dial()
          const places = [0, ...cuts, ...(isCutBetween ? ends : []), end].sort((a, b) => a - b)
          for (const [i, place] of places.entries()) {
            client.socket.write(bytes.subarray(place, places[i + 1]))
            await sleep(1)
          }
          const answered = () => responsesOf(client.text).length === requests.length
          await until({ what: 'all answers', timeoutMs: 5_000, everyMs: 2 }, answered)
          const bodies = responsesOf(client.text).map(({ body }) => JSON.parse(body))
          expect(bodies.map(({ id }) => id)).toEqual(requests.map((_, id) => id))
          client.socket.destroy()
        },
      ),
      { numRuns: 60 },
    )
  })

  it('are not read while too many answers are unread', async () => {
    const { backend, server, dial } = await start()
    const BYTES = 1024 * 1024
    backend.onCall = async () => ({ ok: true, value: new Uint8Array(BYTES) }) as never
    const client = dial()
    client.socket.pause()
    const one = post(call(1, 'eth_call', [{}]))
    for (let i = 0; i < 60; i++) {
      const before = backend.calls.length
      client.socket.write(one)
      // Each after the answer to the one before, while there is one.
      const isAnswered = () => backend.calls.length > before && server.load().inFlight === 0
      for (let waits = 0; waits < 20 && !isAnswered(); waits++) await sleep(2)
    }
    await sleep(100)
    // What sockets hold is some megabytes; each answer has two.
    expect(backend.calls.length).toBeLessThan(30)
    client.socket.resume()
    await until({ what: 'all answers', timeoutMs: 20_000 }, () => backend.calls.length === 60)
  })

  it('are judged one by one: a page that may not call, a path that is none', async () => {
    const client = (await start()).dial()
    client.socket.write(post(call(1)))
    await until({ what: 'the first' }, () => responsesOf(client.text).length === 1)
    client.socket.write(post(call(2), 'Origin: https://evil.example'))
    await until({ what: 'the second' }, () => responsesOf(client.text).length === 2)
    client.socket.write('POST /other HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n')
    await until({ what: 'the third' }, () => responsesOf(client.text).length === 3)
    expect(responsesOf(client.text).map(({ status }) => status)).toEqual([200, 403, 404])
  })
})

describe('a request that is not plain', () => {
  it.each([
    ['another host', post(call(1)).toString().replace('localhost', 'evil.example'), 403],
    ['another type', post(call(1)).toString().replace('/json', '/xml'), 415],
    ['a method nobody has', 'BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['a body that is none', 'DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n', 404],
    ['two lengths', post(call(1), 'Content-Length: 1').toString(), 400],
    ['a length and chunks', post(call(1), 'Transfer-Encoding: chunked').toString(), 400],
    ['a line feed alone', post(call(1)).toString().replace('localhost\r\n', 'localhost\n'), 400],
    ['a folded header', post(call(1), 'Accept: a', ' b').toString(), 400],
    ['a space before the colon', post(call(1), 'Accept : a').toString(), 400],
    ['no host', post(call(1)).toString().replace('Host: localhost\r\n', ''), 400],
    ['a long header', post(call(1), `Accept: ${'a'.repeat(20_000)}`).toString(), 431],
    ['a length above the limit', post(`"${'a'.repeat(5_000)}"`).toString(), 413],
  ] as const)('with %s is answered as one', async (_, text, status) => {
    const client = (await start({}, { bodyBytes: 4_096 })).dial()
    client.socket.write(text)
    await until({ what: 'the answer' }, () => /^HTTP\/1.1 \d+/.test(client.text))
    expect(client.text).toContain(`HTTP/1.1 ${status}`)
  })

  it('may have many headers', async () => {
    const client = (await start()).dial()
    client.socket.write(post(call(1), ...Array.from({ length: 500 }, (_, i) => `X-${i}: ${i}`)))
    await until({ what: 'the answer' }, () => responsesOf(client.text).length === 1)
    expect(responsesOf(client.text)[0]?.status).toBe(200)
  })

  it('may ask first whether to send its body', async () => {
    const client = (await start()).dial()
    const bytes = post(call(1), 'Expect: 100-continue')
    const bodyAt = bytes.indexOf('\r\n\r\n') + 4
    client.socket.write(bytes.subarray(0, bodyAt))
    await until({ what: 'the leave' }, () => client.text.includes('100 Continue'))
    client.socket.write(bytes.subarray(bodyAt))
    await until({ what: 'the answer' }, () => client.text.includes('"0xf64"'))
  })

  it('gets no body to HEAD', async () => {
    const client = (await start()).dial()
    client.socket.write('HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    await until({ what: 'the end' }, () => client.isEnded)
    expect(client.text).toMatch(/^HTTP\/1.1 404 [\s\S]*\r\n\r\n$/)
  })

  it('is closed after its answer when it says so', async () => {
    const client = (await start()).dial()
    client.socket.write(post(call(1), 'Connection: close'))
    await until({ what: 'the end' }, () => client.isEnded)
    expect(resultOf(responsesOf(client.text)[0])).toBe('0xf64')
  })
})

it('a server that closes lets go of connections that wait', async () => {
  const { server, dial } = await start()
  const [idle, used] = [dial(), dial()]
  used.socket.write(post(call(1)))
  await until({ what: 'the answer' }, () => responsesOf(used.text).length === 1)
  await server.close()
  await until({ what: 'both ends' }, () => idle.isEnded && used.isEnded)
})

describe('a head that is taken for plain', () => {
  const value = fc.constantFrom(
    'localhost',
    'application/json',
    '3',
    '03',
    '+3',
    '3, 3',
    'keep-alive',
    'close',
    '*/*',
    'a\tb',
    'é',
    '',
  )
  const name = fc.constantFrom(
    'Host',
    'content-type',
    'Content-Length',
    'Connection',
    'Accept',
    'user-agent',
    'Transfer-Encoding',
    'Expect',
    'Upgrade',
    'Origin',
    'Host ',
    ' x',
    '',
  )
  const line = fc
    .tuple(name, fc.constantFrom(': ', ':', ' : ', ''), value)
    .map((parts) => parts.join(''))
  const usual = fc.constantFrom(
    'Host: localhost',
    'Content-Type: application/json',
    'Content-Length: 3',
    'content-length:  3 ',
    'Connection: keep-alive',
  )
  const head = fc
    .tuple(
      fc.constantFrom(
        'POST / HTTP/1.1',
        'POST / HTTP/1.0',
        'POST /x HTTP/1.1',
        'GET / HTTP/1.1',
        'post / HTTP/1.1',
      ),
      fc.array(fc.oneof({ arbitrary: usual, weight: 6 }, line), { maxLength: 6 }),
      fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r'),
    )
    .map(([first, lines, end]) => [first, ...lines].join(end))
  const base =
    'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 3'
  const near = fc
    .tuple(
      fc.nat(base.length),
      fc.constantFrom('\r', '\n', '\t', ' ', ':', '\0', 'x', '\r\n', '\x7f'),
    )
    .map(([at, text]) => base.slice(0, at) + text + base.slice(at))

  it('is read by a whole HTTP server as the same', async () => {
    let seen: { method: string; url: string; headers: IncomingHttpHeaders; body: string } | null =
      null
    const whole = createServer((request, response) => {
      let body = ''
      request.on('data', (part: Buffer) => {
        body += part.toString()
      })
      request.on('end', () => {
        const { method = '', url = '', headers } = request
        seen = { method, url, headers, body }
        response.end()
      })
    })
    await new Promise<void>((resolve) => whole.listen(0, '127.0.0.1', resolve))
    let plain = 0
    const check = async (text: string): Promise<void> => {
      const bytes = plainBodyBytes(text, [])
      if (bytes === null) return
      plain++
      seen = null
      const socket = connect((whole.address() as AddressInfo).port, '127.0.0.1')
      socket.write(`${text}\r\n\r\n${'b'.repeat(bytes)}`)
      await new Promise((resolve) => socket.once('data', resolve))
      socket.destroy()
      expect(seen).toMatchObject({ method: 'POST', url: '/', body: 'b'.repeat(bytes) })
      expect(seen).toMatchObject({
        headers: { host: 'localhost', 'content-type': 'application/json' },
      })
    }
    try {
      await fc.assert(fc.asyncProperty(fc.oneof(head, near), check), { numRuns: 4_000 })
      await check(base)
    } finally {
      whole.close()
    }
    expect(plain).toBeGreaterThan(20)
  })
})
