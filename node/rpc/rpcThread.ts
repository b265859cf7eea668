import '../nativeHash.ts'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { CoreParams } from '../../core/machine/index.ts'
import { AssertionError, assert } from '../../core/primitives/assert.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { createSimulator, transactionGasCap } from '../../evm/index.ts'
import type { Hardfork } from '../../genesis/genesis.ts'
import { type RpcOptions, type RpcServer, startRpcServer } from '../../rpc/index.ts'
import { faucetAccount } from '../devnet/faucet.ts'
import { DevnetWallet } from '../devnet/wallet.ts'
import { coreRegistry } from '../engines/registry.ts'
import type { FeedMessage } from '../executor/committedFeed.ts'
import type { MnemonicAccount } from '../keys/mnemonic.ts'
import { createLogger, type LogOptions } from '../observability/logger.ts'
import { createMetrics } from '../observability/metrics.ts'
import {
  ChainReader,
  type ChainReaderOptions,
  defaultChainReaderOptions,
} from '../storage/chainReader.ts'
import type { ChainIdentity } from '../storage/meta.ts'
import { Channel } from '../threads/channel.ts'
import { NICE, yieldToConsensus } from '../threads/priority.ts'
import { SenderRecovery } from '../transactions/senderRecovery.ts'
import { ChainBackend, defaultChainBackendOptions } from './chainBackend.ts'
import { CoreReplica } from './coreReplica.ts'
import type { GatewayApi, RpcFault, RpcThreadApi, RpcThreadEvents } from './gateway.ts'
import type { ReplayFees } from './inspection.ts'

export type RpcThreadOptions = {
  readonly databasePath: string
  readonly chain: ChainIdentity
  readonly hardfork: Hardfork
  /** Null: not a development network. */
  readonly faucet: Uint8Array | null
  readonly blockGasLimit: number
  readonly fees: ReplayFees
  readonly core: CoreParams
  readonly signatureThreads: number
  readonly clientVersion: string
  /** Null: this is no devnet. */
  readonly devnetAccounts: readonly MnemonicAccount[] | null
  readonly rpc: RpcOptions
  readonly log: LogOptions
}

type Running = {
  readonly replica: CoreReplica
  readonly reader: ChainReader
  readonly backend: ChainBackend
  readonly server: RpcServer
  readonly recovery: SenderRecovery
}

yieldToConsensus(NICE.requests)
const options = workerData as RpcThreadOptions
const metrics = createMetrics({ thread: 'rpc', now: () => performance.now() / 1_000 })
const logging = createLogger(options.log)
const log = logging.log.child('rpc')
let running: Running | null = null

const api: RpcThreadApi = {
  start: async (feed) => {
    assert(running === null, 'the RPC thread is started once')
    running = await start(feed)
    return running.server.url
  },
  rejoin: async (feed) => {
    assert(running !== null, 'only a thread that runs is told of another beginning')
    await follow(feed, running.replica)
  },
  metrics: () => {
    if (running !== null) {
      const { webSocketClients, subscriptions } = running.server.load()
      metrics.rpc.connections('websocket', webSocketClients)
      metrics.rpc.subscriptions(subscriptions)
    }
    return metrics.snapshot()
  },
  stop: async () => {
    await running?.server.close()
    running?.backend.close()
    await running?.recovery.close()
    await running?.reader.close()
    running = null
    metrics.stop()
    logging.flush()
  },
}

assert(parentPort !== null, 'RPC runs in a worker thread')
const node = new Channel<GatewayApi, RpcThreadEvents>({
  port: parentPort,
  handlers: api,
  onEvent: receive,
})

async function start(feed: MessagePort): Promise<Running> {
  const readerOptions: ChainReaderOptions = { ...defaultChainReaderOptions, ...options.chain }
  const reader = await ChainReader.open(options.databasePath, readerOptions)
  const replica = new CoreReplica(coreRegistry)
  try {
    const { chainId } = options.chain
    await follow(feed, replica)
    reader.refresh()
    const { hardfork, faucet } = options
    const blockGasLimit = Math.min(options.blockGasLimit, transactionGasCap(hardfork))
    const rules = { chainId, blockGasLimit, impersonates: faucet !== null }
    const recovery = new SenderRecovery({
      rules,
      engines: coreRegistry.engines,
      threads: options.signatureThreads,
      eager: false,
    })
    metrics.watchThreads({ name: 'rpcSignatures', workers: () => recovery.workers })
    const simulator = await createSimulator({ chainId, hardfork, faucet })
    const backend = new ChainBackend(
      {
        ...defaultChainBackendOptions,
        identity: { ...options.chain, clientVersion: options.clientVersion },
        rules,
        core: options.core,
        fees: options.fees,
      },
      { reader, simulator, node, replica, recovery, devnet: devnetOf(options) },
    )
    const server = await startRpcServer(options.rpc, {
      backend,
      onCall: (method, code, seconds) => {
        metrics.rpc.answered(method, code, seconds)
        log.debug('Call answered', { method, code, seconds })
      },
      onRefused: (reason) => {
        metrics.rpc.refused(reason)
        log.debug('Request refused', { reason })
      },
      onFault: (error, method) => node.emit('fault', faultOf(error, method)),
    })
    return { replica, reader, backend, server, recovery }
  } catch (error) {
    replica.onTaken = () => undefined
    await reader.close()
    throw error
  }
}

function devnetOf({ chain, hardfork, devnetAccounts }: RpcThreadOptions) {
  if (devnetAccounts === null) return null
  const wallet = new DevnetWallet(chain.chainId, devnetAccounts, faucetAccount())
  return { wallet, hardfork }
}

let followed: MessagePort | null = null

/** Resolves once the replica has its first state; it moves on from there before anything is served. */
function follow(feed: MessagePort, replica: CoreReplica): Promise<void> {
  followed = feed
  return new Promise((resolve, reject) => {
    feed.once('close', () => reject(new NexusError({ code: 'EXECUTOR_GONE' })))
    feed.on('message', (message: FeedMessage) => {
      // What is left of a feed whose chain went back is of no interest.
      if (feed !== followed) return
      // Blocks and receipts do not wait for a call that holds the engines' state.
      if (!replica.receive(message)) running?.backend.committed()
      resolve()
    })
  })
}

/** What happens before the start needs no telling: the start reads where the chain is. */
function receive(name: keyof RpcThreadEvents, argument: never): void {
  if (name === 'logLevel') logging.setLevel(argument)
  if (running === null) return
  const { backend } = running
  switch (name) {
    case 'pendingTransactions':
      backend.pendingTransactions(hashesOf(argument))
      return
    case 'syncing':
      backend.syncing(argument)
      return
    case 'logLevel':
    case 'fault':
      return
  }
}

const HASH_BYTES = 32

function hashesOf(joined: Uint8Array): Uint8Array[] {
  return Array.from({ length: joined.length / HASH_BYTES }, (_, index) =>
    joined.slice(index * HASH_BYTES, (index + 1) * HASH_BYTES),
  )
}

function faultOf(error: unknown, method: string): RpcFault {
  const code = error instanceof NexusError ? error.detail.code : 'RPC_METHOD_FAILED'
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: '' }
  // A library's complaint about a caller's input is the caller's problem; these are ours.
  const isFatal = error instanceof AssertionError || code.startsWith('STORAGE_')
  return { method, code, message, stack: stack ?? '', isFatal }
}
