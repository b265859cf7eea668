// Everything that a node must refuse: each gets its code, nothing crashes, memory stays bounded.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { badTransactions } from '../support/badTransactions.ts'
import { accountOf, walletOf } from '../support/clients.ts'
import { Devnet, disposeAll, type ValidatorReport } from '../support/devnet.ts'
import { ask, call, post, type RpcError } from '../support/jsonRpc.ts'
import { junkFrames, junkRequests, pour } from '../support/junk.ts'
import { metricOf } from '../support/metrics.ts'
import { isRunning, NexusProcess } from '../support/processes.ts'
import { headOf } from '../support/sameChain.ts'
import { sleep, until } from '../support/wait.ts'

const VALIDATORS = 4
const MIB = 1024 * 1024
/** What a flood may leave behind in one process: heap that is not yet collected, never a queue that grew with the flood. */
const GROWTH_LIMIT = 200 * MIB

const indexes = Array.from({ length: VALIDATORS }, (_, i) => i)
let devnet: Devnet
let sends = 0

beforeAll(async () => {
  devnet = await Devnet.start({ validators: VALIDATORS })
})
afterAll(disposeAll)

const urlOf = (node: number): string => devnet.validator(node).rpc

/** A transfer through each node in turn becomes final on all of them: nobody crashed, nobody is stuck. */
async function expectAllWell(): Promise<void> {
  for (const node of indexes)
    expect(isRunning(devnet.pidOf(node)), `validator ${node} runs`).toBe(true)
  const wallet = walletOf(urlOf(sends++ % VALIDATORS), accountOf(devnet.report, 0))
  const hash = await wallet.sendTransaction({ to: wallet.account.address, value: 1n })
  for (const node of indexes) {
    await until({ what: `node ${node} to have ${hash}`, timeoutMs: 10_000 }, () =>
      call(urlOf(node), 'eth_getTransactionReceipt', [hash]),
    )
  }
}

const residentBytes = (): Promise<number[]> =>
  Promise.all(
    indexes.map((node) =>
      metricOf(devnet.validator(node).metrics, 'nexus_process_resident_memory_bytes'),
    ),
  )

async function expectBounded(before: readonly number[]): Promise<void> {
  const after = await residentBytes()
  after.forEach((bytes, node) => {
    const growth = bytes - (before[node] ?? 0)
    expect(growth, `validator ${node} grew by ${Math.round(growth / MIB)} MiB`).toBeLessThan(
      GROWTH_LIMIT,
    )
  })
}

describe('transactions', () => {
  test('each bad one is refused with its code and reason', async () => {
    const wallet = walletOf(urlOf(1), accountOf(devnet.report, 1))
    const raw = await wallet.signTransaction(
      await wallet.prepareTransactionRequest({ to: wallet.account.address, value: 2n }),
    )
    const hash = await wallet.sendRawTransaction({ serializedTransaction: raw })
    await wallet.waitForTransactionReceipt({ hash })
    const { gasLimit } = await wallet.getBlock()
    const table = await badTransactions({
      account: wallet.account,
      nonce: await wallet.getTransactionCount({ address: wallet.account.address }),
      chainId: devnet.report.chainId,
      included: raw,
      blockGasLimit: gasLimit,
    })
    const wrong: unknown[] = []
    for (const { name, raw: bytes, code, reason, message } of table) {
      const answer = await ask(urlOf(1), 'eth_sendRawTransaction', [bytes])
      const right =
        answer.kind === 'error' &&
        answer.code === code &&
        reasonIn(answer) === reason &&
        message.test(answer.message)
      if (!right) wrong.push({ name, answer })
    }
    expect(wrong).toEqual([])
    await expectAllWell()
  })

  test('a gap in the nonces waits for its missing link', async () => {
    const wallet = walletOf(urlOf(2), accountOf(devnet.report, 2))
    const request = { to: wallet.account.address, value: 1n, gas: 21_000n }
    const nonce = await wallet.getTransactionCount({ address: wallet.account.address })
    const second = await wallet.sendTransaction({ ...request, nonce: nonce + 1 })
    await sleep(300)
    expect(await call(urlOf(2), 'eth_getTransactionReceipt', [second])).toBeNull()
    const first = await wallet.sendTransaction({ ...request, nonce })
    const receipts = await Promise.all(
      [first, second].map((hash) => wallet.waitForTransactionReceipt({ hash, timeout: 10_000 })),
    )
    expect(receipts.map(({ status }) => status)).toEqual(['success', 'success'])
  })

  test('one that is replaced needs a better price', async () => {
    const wallet = walletOf(urlOf(3), accountOf(devnet.report, 3))
    const nonce = (await wallet.getTransactionCount({ address: wallet.account.address })) + 1
    const signed = (maxFeePerGas: bigint, value: bigint): Promise<Hex> =>
      wallet.signTransaction({
        type: 'eip1559',
        nonce,
        value,
        to: wallet.account.address,
        gas: 21_000n,
        maxFeePerGas,
        maxPriorityFeePerGas: maxFeePerGas / 2n,
      })
    const price = 20_000_000_000n
    const send = async (raw: Promise<Hex>) => ask(urlOf(3), 'eth_sendRawTransaction', [await raw])
    expect(await send(signed(price, 1n))).toMatchObject({ kind: 'result' })
    expect(await send(signed(price, 2n))).toMatchObject({
      kind: 'error',
      code: -32000,
      message: expect.stringMatching(/replacement transaction underpriced/),
    })
    expect(await send(signed(price * 2n, 3n))).toMatchObject({ kind: 'result' })
  })

  test('the same transaction on all nodes at once is executed once', async () => {
    const wallet = walletOf(urlOf(0), accountOf(devnet.report, 4))
    const to = '0x00000000000000000000000000000000000bad00'
    const raw = await wallet.signTransaction(
      await wallet.prepareTransactionRequest({ to, value: 5n }),
    )
    await Promise.all(indexes.map((node) => ask(urlOf(node), 'eth_sendRawTransaction', [raw])))
    await until(
      { what: 'the transfer' },
      async () => (await wallet.getBalance({ address: to })) > 0n,
    )
    await expectAllWell()
    expect(await wallet.getBalance({ address: to })).toBe(5n)
  })
})

describe('requests', () => {
  beforeEach(expectAllWell)

  test('each kind of junk has its status and code', async () => {
    const wrong: unknown[] = []
    for (const { name, body, headers, method, status, code } of junkRequests) {
      const answer = await post(urlOf(0), body, headers, 20_000, method).catch(String)
      const found = typeof answer === 'string' ? null : codeIn(answer.body)
      const right =
        typeof answer !== 'string' &&
        status.includes(answer.status) &&
        (code === undefined || found === code)
      if (!right) wrong.push({ name, answer: JSON.stringify(answer).slice(0, 300) })
    }
    expect(wrong).toEqual([])
  })

  test('a flood leaves nothing behind, and votes go on meanwhile', async () => {
    const before = await residentBytes()
    const from = await headOf(urlOf(3))
    const startedMs = performance.now()
    const call = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'eth_getLogs',
      params: [{ fromBlock: '0x0' }],
    })
    const batch = `[${Array(50).fill(call).join()}]`
    const large = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'eth_sendRawTransaction',
      params: [`0x${'ab'.repeat(100_000)}`],
    })
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        for (let j = 0; j < 100; j++)
          await post(
            urlOf((i + j) % 3),
            [batch, large, '['.repeat(100_000)][j % 3] ?? '',
            {},
            30_000,
          ).catch(String)
      }),
    )
    const seconds = (performance.now() - startedMs) / 1000
    // An idle chain makes a block a second.
    expect((await headOf(urlOf(3))) - from).toBeGreaterThanOrEqual(Math.floor(seconds / 2))
    await expectBounded(before)
  })
})

describe('peers', () => {
  beforeEach(expectAllWell)

  test.each(junkFrames)('%s on the port for peers', async (_name, bytes) => {
    await Promise.all(indexes.map((node) => pour(devnet.ports.p2p + node, bytes, 200)))
    await expectAllWell()
  })

  test('two hundred connections that say nothing', async () => {
    const before = await residentBytes()
    const sockets = Array.from({ length: 200 }, () =>
      connect(devnet.ports.p2p, '127.0.0.1').on('error', () => undefined),
    )
    await sleep(500)
    await expectAllWell()
    for (const socket of sockets) socket.destroy()
    await expectBounded(before)
  })
})

describe('a node of another chain, told to join and to serve one web page', () => {
  const page = 'https://app.example'
  let stranger: ValidatorReport
  let alone: NexusProcess

  beforeAll(async () => {
    const other = await Devnet.start({ validators: 1 })
    await other.stop()
    stranger = other.validator(0)
    const config = readFileSync(join(devnet.validator(1).home, 'config.json'), 'utf8')
    const { peers } = (JSON.parse(config) as { p2p: { peers: string[] } }).p2p
    const flags = ['--p2p-peers', peers.join(), '--rpc-cors-origins', page]
    alone = new NexusProcess(['start', '--home', stranger.home, ...flags])
    await until({ what: 'the stranger to run' }, () => headOf(stranger.rpc))
  })
  afterAll(() => alone.stop())

  test('is no peer, and harms nobody', async () => {
    await sleep(3_000)
    expect(alone.exit).toBeNull()
    expect(await call(stranger.rpc, 'net_peerCount')).toBe('0x0')
    for (const node of indexes) expect(await call(urlOf(node), 'net_peerCount')).toBe('0x3')
    await expectAllWell()
  })

  test('answers that page only, over HTTP and over WebSocket', async () => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] })
    const asks = async (origin: string) => {
      const { status } = await post(stranger.rpc, body, { origin })
      const opens = await new Promise((resolve) => {
        const socket = new WebSocket(stranger.ws, { origin })
        socket.once('open', () => resolve(true))
        socket.once('error', () => resolve(false))
        socket.once('open', () => socket.close())
      })
      return { status, opens }
    }
    expect(await asks(page)).toEqual({ status: 200, opens: true })
    expect(await asks('https://evil.example')).toEqual({ status: 403, opens: false })
  })
})

const reasonIn = ({ data }: RpcError): string | undefined =>
  (data as { code?: string } | undefined)?.code

function codeIn(body: string): number | null {
  try {
    const answer = JSON.parse(body) as { error?: { code: number } }
    return answer.error?.code ?? null
  } catch {
    return null
  }
}
