// The typed client against the real server on loopback: HTTP, WebSocket, binary frames.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { WebSocket as Socket } from 'ws'
import { keccak256 } from '../../../../core/primitives/hash.ts'
import { addressOfPrivateKey, signatures } from '../../../../core/primitives/signature.ts'
import {
  createNexusClient,
  createNonces,
  privateKeySigner,
  walletSigner,
} from '../../../../rpc/client/index.ts'
import { data } from '../../../../rpc/format/hex.ts'
import { fail } from '../../../../rpc/index.ts'
import type { RpcServer } from '../../../../rpc/server.ts'
import { alice, bob, engineTables, order } from '../../../support/coreAccounts.ts'
import { cleanups, serve, start } from '../../../support/coreServer.ts'
import { FakeRpcBackend } from '../../../support/fakeRpcBackend.ts'
import { TEST_CHAIN_ID } from '../../../support/testChain.ts'
import { until } from '../../../support/wait.ts'

describe('a client', () => {
  it.each([['HTTP'], ['WebSocket']])('acts and reads over %s', async (transport) => {
    const { alice: client, mineEach } = await start()
    mineEach()
    if (transport === 'WebSocket') await client.connect()
    const { exchange } = client.actions
    const placed = await client.run(exchange.placeOrder(order('buy', 990, 5)))
    expect(placed).toMatchObject({ filled: 0, open: 5 })
    const book = await client.view.exchange.book({ market: 0, depth: 5 })
    expect(book.bids).toEqual([{ price: 990, size: 5, orders: 1 }])
    const shown = await client.view.exchange.order({ market: 0, orderId: placed.orderId })
    expect(shown).toMatchObject({ account: data(alice.address), side: 'buy', clientId: 0n })
    const { code, height, calls } = await client.sendAndWait([
      exchange.cancel({ market: 0, orderId: placed.orderId }),
      exchange.cancel({ market: 0, orderId: placed.orderId }),
    ])
    expect({ code, height }).toEqual({ code: null, height: 2 })
    expect(calls[0].result?.size).toBe(5)
    expect(calls[1]).toMatchObject({ code: 'UNKNOWN_ORDER', result: null, name: 'exchange.cancel' })
    expect(await client.chainId()).toBe(TEST_CHAIN_ID)
    expect(await client.view.ledger.gasPrice()).toEqual({ gasPrice: 1 })
  })

  it('throws the stable code of whoever refuses', async () => {
    const { alice: client, core, mineEach } = await start()
    mineEach()
    const { exchange, ledger } = client.actions
    const refused = (code: string) => ({ detail: { code } })
    await expect(client.view.exchange.best({ market: 9 })).rejects.toMatchObject(
      refused('UNKNOWN_MARKET'),
    )
    await expect(client.run(exchange.cancel({ market: 0, orderId: 7 }))).rejects.toMatchObject(
      refused('UNKNOWN_ORDER'),
    )
    expect(() => exchange.cancel({ market: -1, orderId: 7 })).toThrow(
      expect.objectContaining({ detail: { code: 'BAD_ARGUMENTS', path: 'market' } }),
    )
    await expect(client.call('nexus_coins')).rejects.toMatchObject({
      detail: { code: 'RPC_ERROR', number: -32_601 },
    })
    for (const connected of [false, true]) {
      if (connected) await client.connect()
      core.onSubmit = async () => fail({ code: 'CORE_REJECTED', reject: 'NONCE_TOO_OLD' })
      await expect(client.send([ledger.noop()])).rejects.toMatchObject(refused('NONCE_TOO_OLD'))
      await expect(client.wait({ hash: `0x${'11'.repeat(32)}` }, [], 1)).rejects.toMatchObject(
        refused('ACTION_TIMED_OUT'),
      )
    }
    const nowhere = createNexusClient({ url: 'http://127.0.0.1:9', engines: engineTables })
    await expect(nowhere.chainId()).rejects.toMatchObject(refused('NO_ANSWER'))
    await expect(nowhere.connect()).rejects.toMatchObject(refused('NO_CONNECTION'))
    await expect(nowhere.send([])).rejects.toMatchObject(refused('NO_SIGNER'))
  })

  it('lets a wallet sign, which sees every field of a single action', async () => {
    const { server, core } = await start()
    const { hashTypedData } = await import('viem')
    const seen: string[] = []
    const signer = walletSigner(data(bob.address) as `0x${string}`, async (typed) => {
      seen.push(typed.primaryType)
      const digest = hashTypedData(typed as Parameters<typeof hashTypedData>[0])
      const signed = signatures.sign(Buffer.from(digest.slice(2), 'hex'), bob.key)
      return data(Uint8Array.of(...signed.signature, 27 + signed.recovery))
    })
    const client = createNexusClient({ url: server.url, engines: engineTables, signer })
    const { transfer } = client.actions.ledger
    const one = transfer({ to: data(alice.address) as `0x${string}`, asset: 0, amount: 5 })
    await client.send([one])
    await client.send([one, one])
    expect(seen).toEqual(['LedgerTransfer', 'NexusBatch'])
    expect(core.pool).toHaveLength(2)
  })

  it('numbers its envelopes by the clock and never twice', () => {
    let now = 1_000
    const next = createNonces(() => now)
    expect([next(), next(), next()]).toEqual([1_000, 1_001, 1_002])
    now = 999
    expect(next()).toBe(1_003)
    now = 5_000
    expect(next()).toBe(5_000)
  })

  it('imports nothing that a browser lacks', () => {
    const folder = new URL('../../../../rpc/client/', import.meta.url)
    const imports = readdirSync(folder).flatMap((file) =>
      [
        ...readFileSync(new URL(file, folder), 'utf8').matchAll(
          /^(?:import|export|\}) .*from '([^']+)'/gm,
        ),
      ].map(([line, target]) => ({ line, target: target ?? '' })),
    )
    expect(imports.length).toBeGreaterThan(20)
    const foreign = imports.filter(
      ({ line, target }) =>
        !target.startsWith('./') &&
        !/^\.\.\/\.\.\/(core\/|consensus\/light\/|evm\/rlp\.ts$)/.test(target) &&
        !line.startsWith('import type'),
    )
    expect(foreign).toEqual([])
  })
})

describe('binary frames', () => {
  const frameOf = (id: number, body: Uint8Array): Uint8Array => {
    const frame = new Uint8Array(4 + body.length)
    new DataView(frame.buffer).setUint32(0, id)
    frame.set(body, 4)
    return frame
  }
  async function dial({ url }: RpcServer) {
    const socket = new Socket(url.replace('http', 'ws'))
    cleanups.push(() => socket.terminate())
    const answers: Buffer[] = []
    socket.on('message', (message: Buffer, isBinary: boolean) => {
      if (isBinary) answers.push(message)
    })
    await new Promise((resolve) => socket.once('open', resolve))
    const ask = async (frame: Uint8Array): Promise<Buffer> => {
      const before = answers.length
      socket.send(frame)
      await until({ what: 'an answer', everyMs: 2 }, () => answers.length > before)
      return answers[before] as Buffer
    }
    return { ask, answers, socket }
  }

  it('carry an envelope in and a hash or a code out', async () => {
    const { server, alice: client, core } = await start()
    const { ask } = await dial(server)
    const { bytes, hash } = await client.sign([client.actions.ledger.noop()])
    const accepted = await ask(frameOf(0xfffffffe, bytes))
    expect([accepted.readUInt32BE(0), accepted[4], data(accepted.subarray(5))]).toEqual([
      0xfffffffe,
      0,
      hash,
    ])
    expect(core.pool).toEqual([bytes])
    const changed = bytes.slice()
    changed[37] = (changed[37] as number) ^ 1
    for (const [frame, code] of [
      [frameOf(7, Uint8Array.of(0xa0)), 'BAD_ENVELOPE'],
      [frameOf(7, changed), 'WRONG_SIGNER'],
      [frameOf(7, new Uint8Array(0)), 'BAD_ENVELOPE'],
    ] as const) {
      const answer = await ask(frame)
      expect([answer.readUInt32BE(0), answer[4], answer.subarray(5).toString()]).toEqual([
        7,
        1,
        code,
      ])
    }
    const short = await ask(Uint8Array.of(9))
    expect([short[0], short[4], short.subarray(5).toString()]).toEqual([9, 1, 'BAD_ENVELOPE'])
  })

  it('are answered each, in any number, and only so many at a time', async () => {
    const { server, alice: client, core } = await start({ limits: { inFlight: 50 } })
    const { socket, answers } = await dial(server)
    const release: (() => void)[] = []
    core.onSubmit = () =>
      new Promise((resolve) => release.push(() => resolve({ ok: true, value: null })))
    const { bytes } = await client.sign([client.actions.ledger.noop()])
    for (let id = 0; id < 60; id++) socket.send(frameOf(id, bytes))
    await until({ what: 'the surplus', everyMs: 2 }, () => answers.length === 10)
    expect(answers.map((answer) => answer.subarray(5).toString())).toEqual(
      Array(10).fill('TOO_BUSY'),
    )
    for (const go of release) go()
    await until({ what: 'all', everyMs: 2 }, () => answers.length === 60)
    const ids = answers.map((answer) => answer.readUInt32BE(0)).sort((a, b) => a - b)
    expect(ids).toEqual(Array.from({ length: 60 }, (_, i) => i))
  })

  it('are what a connected client sends: many at once', async () => {
    const { alice: client, core } = await start()
    await client.connect()
    const sent = await Promise.all(
      Array.from({ length: 200 }, () => client.send([client.actions.ledger.noop()])),
    )
    expect(core.pool.map((bytes) => data(keccak256(bytes)))).toEqual(sent.map(({ hash }) => hash))
  })

  it('are text to a node without engines', async () => {
    const server = await serve(new FakeRpcBackend())
    const socket = new Socket(server.url.replace('http', 'ws'))
    cleanups.push(() => socket.terminate())
    await new Promise((resolve) => socket.once('open', resolve))
    const answer = new Promise<Buffer>((resolve) => socket.once('message', resolve))
    socket.send(Uint8Array.of(1, 2, 3, 4, 5))
    expect(JSON.parse((await answer).toString())).toMatchObject({ error: { code: -32_700 } })
  })
})

it('signs as the address it names', () => {
  expect(privateKeySigner(data(alice.key) as `0x${string}`).address).toEqual(
    addressOfPrivateKey(alice.key),
  )
  expect(() => privateKeySigner('0x12')).toThrow(
    expect.objectContaining({ detail: { code: 'BAD_PRIVATE_KEY' } }),
  )
})
