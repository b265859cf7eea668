import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

export type Junk = {
  readonly name: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
  /** HTTP statuses that are right; and the JSON-RPC code where the answer is JSON-RPC. */
  readonly status: readonly number[]
  readonly code?: number
}

const callBody = (fields: object): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [], ...fields })
const chainId = callBody({})

/** Requests that no client library makes. JSON-RPC answers its own mistakes with 200 or 400. */
export const junkRequests: readonly Junk[] = [
  { name: 'nothing', body: '', status: [200, 400], code: -32700 },
  { name: 'no JSON', body: '{"jsonrpc":', status: [200, 400], code: -32700 },
  { name: 'no UTF-8', body: '\u0000\uffff', status: [200, 400], code: -32700 },
  { name: 'deep nesting', body: '['.repeat(100_000), status: [200, 400] },
  {
    name: 'closed deep nesting',
    body: '['.repeat(20_000) + ']'.repeat(20_000),
    status: [200, 400],
  },
  {
    name: 'deep parameters',
    body: callBody({}).replace('[]', '['.repeat(5_000) + ']'.repeat(5_000)),
    status: [200, 400],
  },
  { name: 'an empty batch', body: '[]', status: [200, 400], code: -32600 },
  {
    name: 'a batch of ten thousand',
    body: `[${Array(10_000).fill(chainId).join()}]`,
    status: [200, 400, 413],
  },
  { name: 'a body of 16 MiB', body: `${' '.repeat(16 * 1024 * 1024)}${chainId}`, status: [413] },
  { name: 'no method', body: callBody({ method: undefined }), status: [200, 400], code: -32600 },
  {
    name: 'a method that is a list',
    body: callBody({ method: ['eth_chainId'] }),
    status: [200, 400],
    code: -32600,
  },
  {
    name: 'an unknown method',
    body: callBody({ method: 'eth_stealCoins' }),
    status: [200],
    code: -32601,
  },
  {
    name: 'a method of the prototype',
    body: callBody({ method: 'constructor' }),
    status: [200],
    code: -32601,
  },
  {
    name: 'parameters that are a word',
    body: callBody({ params: 'all' }),
    status: [200, 400],
    code: -32602,
  },
  {
    name: 'a bad address',
    body: callBody({ method: 'eth_getBalance', params: ['0x12', 'latest'] }),
    status: [200],
    code: -32602,
  },
  {
    name: 'a bad tag',
    body: callBody({ method: 'eth_getBlockByNumber', params: ['newest', false] }),
    status: [200],
    code: -32602,
  },
  {
    name: 'another content type',
    body: chainId,
    headers: { 'content-type': 'text/plain' },
    status: [415],
  },
  { name: 'another host', body: chainId, headers: { host: 'evil.example' }, status: [403] },
  { name: 'another HTTP method', body: chainId, method: 'PUT', status: [404, 405] },
]

/** Byte streams for a port that expects the handshake of a peer. */
export const junkFrames: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ['nothing', new Uint8Array(0)],
  ['random bytes', randomBytes(64 * 1024)],
  ['zeros', new Uint8Array(64 * 1024)],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ['a length of 4 GiB', Buffer.from('ffffffff0f', 'hex')],
  ['a length that never ends', new Uint8Array(1024).fill(0xff)],
  [
    'the protocol name and then noise',
    Buffer.concat([Buffer.from('\x13/multistream/1.0.0\n'), randomBytes(4096)]),
  ],
  [
    'a noise frame of full length',
    Buffer.concat([
      Buffer.from('\x13/multistream/1.0.0\n\x07/noise\n'),
      Buffer.from('ffff', 'hex'),
      randomBytes(65_535),
    ]),
  ],
]

/** Connects, writes, and leaves when the other side hangs up or after `holdMs`. */
export function pour(port: number, bytes: Uint8Array, holdMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(bytes)
      setTimeout(() => socket.destroy(), holdMs)
    })
    socket.on('error', () => undefined)
    socket.on('data', () => undefined)
    socket.on('close', () => resolve())
  })
}
