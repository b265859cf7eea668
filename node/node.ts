import './nativeHash.ts'
import type { ForkReport } from '../consensus/index.ts'
import { assertArenaHashesAgree } from '../core/arena/index.ts'
import { assertHashesAgree } from '../core/primitives/hash.ts'
import { assertSignaturesAgree, signatures } from '../core/primitives/signature.ts'
import { type Height, heightOf } from '../core/primitives/units.ts'
import { transactionGasCap } from '../evm/index.ts'
import { faucetOf, genesisHash } from '../genesis/index.ts'
import { Composition, type CompositionOptions } from './composition.ts'
import type { NodeConfig } from './config.ts'
import { systemClock } from './consensus/clock.ts'
import { acknowledgedFork, saveFork } from './consensus/forkFile.ts'
import { forkKey, isFork } from './consensus/forkWatch.ts'
import { meteredWal } from './consensus/meteredWal.ts'
import type { Commit } from './consensus/ports.ts'
import { StartGate } from './consensus/startGate.ts'
import { defaultWalDirectoryOptions, WalDirectory } from './consensus/walDirectory.ts'
import { removeWals } from './consensus/walFiles.ts'
import { DevnetControl } from './devnet/control.ts'
import { assertDevnetAllowed, isDevnetGenesis } from './devnet/faucet.ts'
import type { ChainPast } from './devnet/snapshots.ts'
import { coreRegistry } from './engines/registry.ts'
import { type ChainHead, storedValidatorSet } from './executor/chainHead.ts'
import { ExecutorClient } from './executor/executorClient.ts'
import { keptHistory } from './executor/retentionPolicy.ts'
import { BanFile } from './network/banFile.ts'
import { Network, type NetworkHandlers } from './network/network.ts'
import { networkOptionsOf } from './networkOptions.ts'
import { NodeGateway } from './nodeGateway.ts'
import type { NodeStatus, RunningNode, StartNodeOptions } from './nodeTypes.ts'
import type { LogLevel } from './observability/logger.ts'
import { RpcService } from './rpc/rpcService.ts'
import { openNodeSigner } from './signing.ts'
import { SnapshotMaker } from './snapshots/snapshotMaker.ts'
import { SnapshotShelf } from './snapshots/snapshotShelf.ts'
import { ChainReader, defaultChainReaderOptions } from './storage/chainReader.ts'
import { defaultDatabaseOptions } from './storage/database.ts'
import { nodeFileSystem } from './storage/fileSystem.ts'
import { joinChain } from './sync/joinChain.ts'
import { SenderRecovery } from './transactions/senderRecovery.ts'
import { readVersion } from './version.ts'

/** Makes the parts of a node, joins them and starts them. What fails on the way is closed again by the process's end. */
export async function startNode(options: StartNodeOptions): Promise<RunningNode> {
  assertHashesAgree()
  assertArenaHashesAgree()
  assertSignaturesAgree()
  const { config, log } = options
  assertDevnetAllowed(config.devnet.methods, options.genesis)
  const fork = acknowledgedFork(config.paths)
  if (fork !== null) log.warn('This node goes on after a fork', { fork: forkKey(fork) })
  await joinChain(options, options.stopSignal ?? new AbortController().signal)
  const { genesis } = options
  log.info('Cryptography checked', { signatures: signatures.name })
  const signer = await signerOf(options)
  const identity = { chainId: genesis.chainId, genesisHash: genesisHash(genesis) }
  // The first handle of a process owns LevelDB's block cache and must outlive the others: this
  // thread's, which ends last even when another thread dies.
  const reader = await ChainReader.open(config.paths.database, {
    ...defaultChainReaderOptions,
    database: { ...defaultDatabaseOptions, cacheBytes: config.storage.cacheBytes },
    ...identity,
  })
  const executor = new ExecutorClient(
    {
      databasePath: config.paths.database,
      genesisText: options.genesisText,
      historyBlocks: keptHistory(config.storage.historyBlocks),
      ...retentionOf(config),
      engineThreads: config.execution.engineThreads,
      evm: config.execution.evm,
    },
    options.onFatal,
  )
  const head = await executor.open()
  reader.refresh()
  const wal = await WalDirectory.open({
    ...defaultWalDirectoryOptions,
    ...identity,
    directory: config.paths.wal,
  })
  const node = new Node(options, { signer, executor, reader, wal, fork }, head)
  await node.start(head)
  return node
}

/** Nothing when all blocks are kept. */
function retentionOf({ storage, paths }: NodeConfig) {
  const { retainBlocks: blocks, lightBlockMs, historyBlocks } = storage
  if (blocks === 0) return {}
  return { retention: { blocks, lightBlockMs, historyBlocks, snapshots: paths.snapshots } }
}

/** Null: this node observes. It signs once `Node.start` has opened the gate. */
async function signerOf(options: StartNodeOptions): Promise<StartGate | null> {
  const { validatorKey: privateKey, config, genesis, log, metrics } = options
  const { chainId } = genesis
  const canRewind = config.devnet.methods && isDevnetGenesis(genesis)
  const signing = { config, chainId, privateKey, log, metrics: metrics.signer, canRewind }
  const signer = await openNodeSigner(signing)
  return signer === null ? null : new StartGate(signer)
}

function poolsOf({ config, genesis }: StartNodeOptions): CompositionOptions['pools'] {
  const {
    transactions: maxCount,
    bytes: maxBytes,
    perSender,
    lifetimeMs,
    priceBumpPercent,
  } = config.mempool
  return {
    pool: {
      ...{ maxCount, maxBytes, lifetimeMs },
      maxPerSender: perSender,
      // Batches of one sender may overtake each other.
      maxNonceGap: perSender,
      replacementPercent: priceBumpPercent,
    },
    core: {
      ...{ maxCount, maxBytes, lifetimeMs },
      blockGas: genesis.core.blockGas,
      maxPerSigner: perSender,
    },
  }
}

type Opened = {
  readonly signer: StartGate | null
  readonly executor: ExecutorClient
  readonly reader: ChainReader
  readonly wal: WalDirectory
  readonly fork: ForkReport | null
}

/** One validator or observer. Parts are made bottom up, started in that order and stopped in reverse. */
class Node implements RunningNode {
  readonly #options: StartNodeOptions
  readonly #opened: Opened
  readonly #recovery: SenderRecovery
  readonly #devnet: DevnetControl | null
  readonly #composition: Composition<Network>
  readonly #rpc: RpcService | null
  readonly #shelf: SnapshotShelf
  readonly #snapshots: SnapshotMaker | null
  #transactions = 0
  #stopping: Promise<void> | null = null
  #rewinding: Promise<unknown> = Promise.resolve()

  constructor(options: StartNodeOptions, opened: Opened, head: ChainHead) {
    this.#options = options
    this.#opened = opened
    const { genesis, config } = options
    const { maxBlockGas } = genesis.consensus
    const gasLimit = Math.min(maxBlockGas, transactionGasCap(genesis.evm.hardfork))
    this.#recovery = new SenderRecovery({
      rules: {
        ...{ chainId: genesis.chainId, blockGasLimit: gasLimit },
        impersonates: faucetOf(genesis) !== null,
      },
      engines: coreRegistry.engines,
      threads: config.mempool.signatureThreads,
      eager: true,
    })
    const { metrics } = options
    metrics.watchThreads({ name: 'executor', workers: () => opened.executor.workers })
    metrics.watchThreads({ name: 'signatures', workers: () => this.#recovery.workers })
    this.#shelf = new SnapshotShelf(config.paths.snapshots, opened.reader, systemClock)
    this.#snapshots = config.snapshots.everyBlocks > 0 ? this.#createSnapshots() : null
    this.#devnet = config.devnet.methods ? this.#createDevnet() : null
    this.#composition = this.#compose(head)
    this.#rpc = config.rpc.enabled ? this.#createRpc() : null
  }

  async start(head: ChainHead): Promise<void> {
    await this.#snapshots?.start()
    await this.network.start()
    this.#devnet?.start(head.summary.time)
    this.#composition.start(head)
    await this.#rpc?.start()
  }

  get rpcUrl(): string | null {
    return this.#rpc?.url ?? null
  }

  height(): number {
    return this.#composition.height
  }

  status(): NodeStatus {
    const { engine, sync } = this.#composition
    const { summary } = engine.head
    return {
      height: summary.height,
      lastBlockTime: summary.height === 0 ? null : summary.time,
      transactions: this.#transactions,
      peers: this.network.peerIds().length,
      catchingUp: sync.catchingUp,
    }
  }

  get network(): Network {
    return this.#composition.network
  }

  async metricsText(): Promise<string> {
    const others = this.#rpc === null ? [] : [await this.#rpc.metrics()]
    return this.#options.metrics.text(others)
  }

  setLogLevel(level: LogLevel): void {
    this.#rpc?.setLogLevel(level)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { signer, executor, reader, wal } = this.#opened
    this.#devnet?.stop()
    await this.#rewinding
    await this.#rpc?.stop()
    await this.#composition.stop()
    await this.network.stop()
    await this.#snapshots?.stop()
    await this.#recovery.close()
    await wal.close()
    await executor.stop()
    await reader.close()
    await signer?.close()
  }

  #createDevnet(): DevnetControl {
    const { signer } = this.#opened
    const head = () => this.#composition.engine.head.summary
    return new DevnetControl({
      clock: systemClock,
      head,
      isAlone: () => {
        if (signer === null) return false
        const validators = storedValidatorSet(head().validators)
        return validators.isQuorum(validators.powerOf(validators.indexOf(signer.address)))
      },
      onWanted: () => this.#composition.engine.notifyPending(),
      past: this.#past(),
    })
  }

  #past(): ChainPast {
    const { signer, executor } = this.#opened
    let head: ChainHead | null = null
    return {
      isOwn: () =>
        signer?.canRewind === true &&
        this.#snapshots === null &&
        this.network.peerIds().length === 0,
      hold: (height) => executor.hold(height === null ? null : heightOf(height)),
      rewind: async (height) => {
        const rewinding = this.#rewind(heightOf(height))
        // Halfway, nothing here stands where another part believes it to.
        this.#rewinding = rewinding.catch(this.#options.onFatal)
        head = await rewinding
        return head.summary
      },
      resume: () => {
        if (this.#stopping === null && head !== null) this.#composition.start(head, true)
      },
    }
  }

  /** Where the chain stands then; blocks are made again after `start`. */
  async #rewind(height: Height): Promise<ChainHead> {
    const { signer, executor, reader, wal } = this.#opened
    const { paths } = this.#options.config
    await this.#composition.stop()
    await wal.close()
    const head = await executor.rollBack(height)
    const reached = head.summary.height
    await removeWals(paths.wal, nodeFileSystem)
    await signer?.rewind(reached)
    reader.refresh()
    this.#composition.standAt(head)
    await this.#rpc?.rejoin()
    this.#options.log.info('Chain went back', { wanted: height, height: reached })
    return head
  }

  #createNetwork(handlers: NetworkHandlers): Network {
    const { config, log, metrics, onFatal } = this.#options
    return new Network(networkOptionsOf(this.#options, config.p2p.listen), {
      handlers,
      height: () => this.height(),
      clock: systemClock,
      log: log.child('network'),
      metrics: metrics.network,
      bans: new BanFile(config.paths.bans, { clock: systemClock, log: log.child('network') }),
      onFatal,
    })
  }

  #createSnapshots(): SnapshotMaker {
    const { config, genesis, log, onFatal } = this.#options
    const { everyBlocks, keep } = config.snapshots
    const { database: databasePath, snapshots: root } = config.paths
    return new SnapshotMaker(
      { databasePath, chainId: genesis.chainId, root, keep, everyBlocks },
      {
        reader: this.#opened.reader,
        log: log.child('snapshots'),
        onPublished: () => this.#shelf.refresh(),
        onFatal,
      },
    )
  }

  #compose(head: ChainHead): Composition<Network> {
    const { genesis, config, log, metrics, onFatal } = this.#options
    const { signer, executor, reader, wal, fork } = this.#opened
    const devnet = this.#devnet
    return new Composition(
      {
        chainId: genesis.chainId,
        params: genesis.consensus,
        timeouts: config.consensus.timeouts,
        acknowledgedFork: fork === null ? null : forkKey(fork),
        doubleSignCheckHeights: config.signing.doubleSignCheckHeights,
        pools: poolsOf(this.#options),
      },
      {
        clock: devnet?.clock ?? systemClock,
        ...(devnet === null ? {} : { sourceOver: (flow) => devnet.around(flow) }),
        createNetwork: (handlers) => this.#createNetwork(handlers),
        signer,
        wal: meteredWal(wal, metrics.storage, systemClock),
        executor: {
          speculate: (request) => executor.speculate(request),
          decide: async (request) => {
            await this.#snapshots?.ready()
            return executor.decide(request)
          },
          savePendingEvidence: (evidence) => executor.savePendingEvidence(evidence),
        },
        reader,
        recovery: this.#recovery,
        join: this.#shelf,
        log,
        metrics,
        onAdmitted: (transactions) =>
          this.#rpc?.notifyPending(transactions.map((transaction) => transaction.hash)),
        onCommitted: (commit) => this.#committed(commit),
        onFatal: (error) => {
          if (isFork(error)) saveFork(config.paths, error.detail.evidence)
          onFatal(error)
        },
      },
      head,
    )
  }

  #createRpc(): RpcService {
    const { config, genesis, log, onFatal } = this.#options
    const { signer } = this.#opened
    const composition = this.#composition
    return new RpcService(
      { config, genesis },
      {
        gateway: new NodeGateway({
          version: readVersion().nexus,
          config,
          validator: signer?.address ?? null,
          composition,
          fork: this.#opened.fork,
          devnet: this.#devnet,
        }),
        follow: (port) => this.#opened.executor.attach(port),
        log: log.child('rpc'),
        onFatal,
      },
    )
  }

  #committed({ head, certificate, result, commitSeconds }: Commit): void {
    const { log, metrics } = this.#options
    const { height } = head.summary
    this.#snapshots?.committed(height)
    this.#devnet?.committed(head.summary)
    this.#transactions += result.included.length
    metrics.storage.committed(commitSeconds, 0)
    metrics.execution.executed({ ...result, skipped: result.skipped.length })
    for (const [phase, seconds] of Object.entries(result.timings))
      metrics.execution.phase(phase, seconds)
    log.debug('Block committed', {
      height,
      round: certificate.round,
      blockId: certificate.blockId,
      transactions: result.included.length,
      skipped: result.skipped.length,
    })
  }
}
