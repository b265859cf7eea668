// The RPC thread itself: a worker on a real database, spoken to over its port.
import type { MessagePort } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { defaultNodeConfig, type NodeConfig } from '../../../node/config.ts'
import type { PooledTransaction } from '../../../node/mempool/transaction.ts'
import { silentLogger } from '../../../node/observability/logger.ts'
import type { RpcGateway } from '../../../node/rpc/gateway.ts'
import { RpcService } from '../../../node/rpc/rpcService.ts'
import { data } from '../../../rpc/format/hex.ts'
import type { NodeStatus } from '../../../rpc/index.ts'
import { keyNumber, signTransaction } from '../../support/evmWorld.ts'
import { ask, call } from '../../support/jsonRpc.ts'
import { RealChain } from '../../support/realChain.ts'
import { until } from '../../support/wait.ts'

const [user, other] = [keyNumber(0), keyNumber(1)]
const status: NodeStatus = {
  ...{ moniker: 'solo', version: '0.1.0', validator: other.address, height: 0, catchingUp: false },
  ...{ highestKnown: 0, pendingTransactions: 0, peers: [], fork: null },
}

let chain: RealChain
let service: RpcService
let url: string
let pooled: PooledTransaction[]
let isCatchingUp = false
const fatal: Error[] = []

const gateway: RpcGateway = {
  submit: (transactions) => {
    pooled.push(...transactions)
    return transactions.map(() => ({ ok: true, value: null }))
  },
  submitActions: (actions) => actions.map(() => ({ ok: true, value: null })),
  pendingNonce: () => (pooled.length === 0 ? null : pooled.length),
  poolCounts: () => ({ pending: pooled.length, queued: 0 }),
  poolContent: () => ({ pending: pooled, queued: [] }),
  pendingTransaction: (hash) => pooled.find((one) => toHex(one.hash) === toHex(hash)) ?? null,
  status: () => status,
  catchingUp: () => isCatchingUp,
  consensusState: () => ({ step: 'propose' }),
}

const follow = async (port: MessagePort): Promise<void> => chain.executor.attach(port)

function configOf(port = 0): NodeConfig {
  const config = defaultNodeConfig(chain.directory)
  return {
    ...config,
    paths: { ...config.paths, database: chain.directory },
    rpc: { ...config.rpc, port },
  }
}

beforeEach(async () => {
  pooled = []
  isCatchingUp = false
  chain = await RealChain.create([user, other])
  service = new RpcService(
    { config: configOf(), genesis: chain.genesis },
    { gateway, follow, log: silentLogger, onFatal: (error) => fatal.push(error) },
  )
  await service.start()
  url = service.url ?? ''
})
afterEach(async () => {
  await service.stop()
  await chain.close()
  expect(fatal.splice(0)).toEqual([])
})

describe('RpcService', () => {
  it('shows a block as soon as it is told of', async () => {
    const raw = signTransaction({ nonce: 0, to: other.address, value: 1n }, user)
    const hash = data(keccak256(raw))
    await chain.block([raw])
    await until({ what: 'the receipt', everyMs: 1 }, () =>
      call(url, 'eth_getTransactionReceipt', [hash]),
    )
    expect(await call(url, 'eth_blockNumber')).toBe('0x1')
    expect(await call(url, 'web3_clientVersion')).toMatch(/^nexus\//)
  })

  it('passes transactions to the node thread and asks it for them', async () => {
    const raw = signTransaction({ nonce: 0, to: other.address, value: 1n }, user)
    const hash = await call<string>(url, 'eth_sendRawTransaction', [data(raw)])
    expect(pooled.map((one) => one.bytes)).toEqual([raw])
    expect(await call(url, 'eth_getTransactionByHash', [hash])).toMatchObject({
      hash,
      blockHash: null,
    })
    expect(await call(url, 'eth_getTransactionCount', [data(user.address), 'pending'])).toBe('0x1')
    expect(await call(url, 'nexus_consensusState')).toEqual({ step: 'propose' })
    expect(await call(url, 'nexus_status')).toMatchObject({ moniker: 'solo' })
  })

  it('tells subscribers of every height, of pending transactions and of syncing', async () => {
    const socket = new WebSocket(url.replace('http', 'ws'))
    const told: unknown[] = []
    socket.on('message', (text: Buffer) => {
      const message = JSON.parse(text.toString()) as { id?: number; params?: { result: unknown } }
      told.push(message.params?.result ?? message)
    })
    await new Promise((resolve) => socket.once('open', resolve))
    for (const kind of ['newHeads', 'newPendingTransactions', 'syncing'])
      socket.send(
        JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: [kind] }),
      )
    await until({ what: 'three subscriptions' }, () => told.length === 3)
    await chain.block([])
    await chain.block([])
    await until({ what: 'two heads' }, () => told.length === 5)
    expect(told.slice(3)).toMatchObject([{ number: '0x1' }, { number: '0x2' }])
    const hashes = [keccak256(Uint8Array.of(1)), keccak256(Uint8Array.of(2))]
    for (const hash of hashes) service.notifyPending([hash])
    await until({ what: 'two hashes' }, () => told.length === 7)
    expect(told.slice(5)).toEqual(hashes.map(data))
    isCatchingUp = true
    await until({ what: 'the news' }, () => told.includes(true))
    socket.terminate()
  })

  it('counts calls by method and code', async () => {
    await call(url, 'eth_chainId')
    await ask(url, 'eth_getBalance', ['0x12'])
    const metrics = JSON.stringify(await service.metrics())
    expect(metrics).toMatch(/"method":"eth_chainId","code":"ok"/)
    expect(metrics).toMatch(/"method":"eth_getBalance","code":"-32602"/)
  })

  it('says that its port is taken, and leaves nothing behind', async () => {
    const port = Number(new URL(url).port)
    const second = new RpcService(
      { config: configOf(port), genesis: chain.genesis },
      { gateway, follow, log: silentLogger, onFatal: (error) => fatal.push(error) },
    )
    await expect(second.start()).rejects.toMatchObject({ detail: { code: 'PORT_IN_USE', port } })
    await second.stop()
  })
})
