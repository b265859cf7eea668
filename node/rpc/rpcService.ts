import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { AssertionError, assert } from '../../core/primitives/assert.ts'
import { concatBytes } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { faucetOf, type Genesis, genesisHash } from '../../genesis/index.ts'
import type { NodeConfig } from '../config.ts'
import { unlockedAccounts } from '../devnet/faucet.ts'
import type { Logger, LogLevel } from '../observability/logger.ts'
import type { MetricsSnapshot } from '../observability/metrics.ts'
import { Channel } from '../threads/channel.ts'
import { HEAP_LIMITS } from '../threads/heapLimits.ts'
import { clientVersion, readVersion } from '../version.ts'
import type { GatewayApi, RpcFault, RpcGateway, RpcThreadApi, RpcThreadEvents } from './gateway.ts'
import type { RpcThreadOptions } from './rpcThread.ts'

export type RpcServiceOptions = { readonly config: NodeConfig; readonly genesis: Genesis }

export type RpcServiceModules = {
  readonly gateway: RpcGateway
  /** Makes the executor tell what is committed at the other end of the port. */
  readonly follow: (port: MessagePort) => Promise<void>
  readonly log: Logger
  readonly onFatal: (error: Error) => void
}

const RESTART_MS = 1_000
const SYNC_CHECK_MS = 1_000

/** The RPC thread as the node thread sees it. Events cost it a message each and never wait. */
export class RpcService {
  readonly #options: RpcThreadOptions
  readonly #modules: RpcServiceModules
  #thread: Thread | null = null
  #url: string | null = null
  #pending: Uint8Array[] = []
  #wasCatchingUp = false
  #logLevel: LogLevel
  #timer: NodeJS.Timeout | null = null
  #restart: NodeJS.Timeout | null = null
  #stopping = false

  constructor({ config, genesis }: RpcServiceOptions, modules: RpcServiceModules) {
    const { suggestedTip, signatureThreads, enabled: _, ...rpc } = config.rpc
    this.#modules = modules
    this.#options = {
      databasePath: config.paths.database,
      chain: { chainId: genesis.chainId, genesisHash: genesisHash(genesis) },
      hardfork: genesis.evm.hardfork,
      faucet: faucetOf(genesis),
      blockGasLimit: genesis.consensus.maxBlockGas,
      fees: {
        baseFeeRecipient: genesis.consensus.baseFeeRecipient,
        tipRecipient: genesis.consensus.tipRecipient,
        treasury: genesis.evm.treasury,
      },
      core: {
        chainId: genesis.chainId,
        blockGas: genesis.core.blockGas,
        gasRatio: genesis.core.gasRatio,
      },
      signatureThreads,
      clientVersion: clientVersion(readVersion()),
      devnetAccounts: config.devnet.methods ? unlockedAccounts(genesis) : null,
      rpc: { ...rpc, suggestedTip: BigInt(suggestedTip) },
      log: { ...config.log, node: config.moniker },
    }
    this.#logLevel = config.log.level
  }

  /** Of the thread's own lines, now and after it was made anew. */
  setLogLevel(level: LogLevel): void {
    this.#logLevel = level
    this.#thread?.channel.emit('logLevel', level)
  }

  /** Null until it listens. */
  get url(): string | null {
    return this.#url
  }

  /** Resolves when the port is open. PORT_IN_USE, PORT_UNAVAILABLE, or what opening the database throws. */
  async start(): Promise<void> {
    this.#url = await this.#open()
    this.#modules.log.info('RPC is listening', { url: this.#url })
    this.#timer = setInterval(() => this.#checkSync(), SYNC_CHECK_MS)
  }

  /** Gathered until the turn of the event loop ends: transactions come in batches. */
  notifyPending(hashes: readonly Uint8Array[]): void {
    if (this.#thread === null) return
    if (this.#pending.length === 0) setImmediate(() => this.#flushPending())
    this.#pending.push(...hashes)
  }

  /** After the chain went back: what is read from now on is where it stands. */
  async rejoin(): Promise<void> {
    const thread = this.#thread
    // One that is away finds it so when it comes back.
    if (thread === null) return
    const { port1, port2 } = new MessageChannel()
    await Promise.all([thread.channel.call('rejoin', port1, [port1]), this.#modules.follow(port2)])
  }

  /** Empty while the thread is away. */
  async metrics(): Promise<MetricsSnapshot> {
    return (await this.#thread?.channel.call('metrics', undefined).catch(() => [])) ?? []
  }

  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#timer ?? undefined)
    clearTimeout(this.#restart ?? undefined)
    const thread = this.#thread
    this.#thread = null
    if (thread === null) return
    await thread.channel.call('stop', undefined).catch(() => undefined)
    thread.channel.close(stopped())
    await thread.worker.terminate()
  }

  async #open(): Promise<string> {
    const worker = new Worker(new URL('./rpcThread.ts', import.meta.url), {
      workerData: this.#options,
      name: 'rpc',
      resourceLimits: HEAP_LIMITS.rpc,
    })
    const channel = new Channel<RpcThreadApi, RpcThreadEvents>({
      port: worker,
      handlers: gatewayApi(this.#modules.gateway),
      onEvent: (name, argument) => {
        if (name === 'fault') this.#fault(argument)
      },
    })
    const thread = { worker, channel }
    const lost = (error: Error): void => this.#lost(thread, error)
    worker.on('error', lost)
    worker.on('exit', (exitCode) => lost(new NexusError({ code: 'RPC_THREAD_EXITED', exitCode })))
    try {
      const { port1, port2 } = new MessageChannel()
      const [url] = await Promise.all([
        channel.call('start', port1, [port1]),
        this.#modules.follow(port2),
      ])
      this.#thread = thread
      channel.emit('logLevel', this.#logLevel)
      return url
    } catch (error) {
      channel.close(stopped())
      await worker.terminate()
      throw error
    }
  }

  /** Out of memory is what a flood can do: the thread is made anew. Anything else is a bug. */
  #lost(thread: Thread, error: Error): void {
    thread.channel.close(error)
    const isCurrent = this.#thread === thread
    if (!isCurrent || this.#stopping) return
    this.#thread = null
    this.#pending = []
    if (!('code' in error) || error.code !== 'ERR_WORKER_OUT_OF_MEMORY') {
      this.#modules.onFatal(error)
      return
    }
    this.#modules.log.error('RPC ran out of memory and starts again', { error })
    this.#restart = setTimeout(() => this.#reopen(), RESTART_MS)
  }

  #reopen(): void {
    this.#open().then(
      (url) => {
        this.#url = url
      },
      (error: Error) => {
        if (!this.#stopping) this.#modules.onFatal(error)
      },
    )
  }

  #fault({ isFatal, stack, message, ...context }: RpcFault): void {
    this.#modules.log.error('RPC method failed', { ...context, reason: message, stack })
    if (!isFatal) return
    const error = new AssertionError(`${context.method}: ${message}`)
    error.stack = stack
    this.#modules.onFatal(error)
  }

  #flushPending(): void {
    const hashes = this.#pending
    this.#pending = []
    if (hashes.length > 0) this.#thread?.channel.emit('pendingTransactions', concatBytes(...hashes))
  }

  #checkSync(): void {
    const isCatchingUp = this.#modules.gateway.catchingUp()
    if (isCatchingUp === this.#wasCatchingUp) return
    this.#wasCatchingUp = isCatchingUp
    this.#thread?.channel.emit('syncing', isCatchingUp)
  }
}

type Thread = {
  readonly worker: Worker
  readonly channel: Channel<RpcThreadApi, RpcThreadEvents>
}

const stopped = (): NexusError => new NexusError({ code: 'RPC_STOPPED' })

const gatewayApi = (gateway: RpcGateway): GatewayApi => ({
  submit: (transactions) => gateway.submit(transactions),
  submitActions: (actions) => gateway.submitActions(actions),
  pendingNonce: (address) => gateway.pendingNonce(address),
  pendingTransaction: (hash) => gateway.pendingTransaction(hash),
  poolCounts: () => gateway.poolCounts(),
  poolContent: (request) => gateway.poolContent(request),
  status: () => gateway.status(),
  consensusState: () => gateway.consensusState(),
  devnet: (request) => {
    assert(gateway.devnet !== undefined, 'the RPC thread of a devnet asks the node of a devnet')
    return gateway.devnet(request)
  },
})
