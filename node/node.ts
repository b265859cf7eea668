import './nativeHash.ts'
import type { ForkReport } from '../consensus/index.ts'
import { assertArenaHashesAgree } from '../core/arena/index.ts'
import { blockCodec } from '../core/chain/block.ts'
import { certificateCodec } from '../core/chain/certificate.ts'
import { encode } from '../core/primitives/codec.ts'
import { assertHashesAgree } from '../core/primitives/hash.ts'
import { assertSignaturesAgree, signatures } from '../core/primitives/signature.ts'
import { heightOf } from '../core/primitives/units.ts'
import { genesisHash } from '../genesis/index.ts'
import type { NodeConfig } from './config.ts'
import { systemClock } from './consensus/clock.ts'
import { assertNoUnknownSignature } from './consensus/doubleSignScan.ts'
import { NexusBft } from './consensus/engine.ts'
import { EvidencePool } from './consensus/evidencePool.ts'
import { acknowledgedFork, saveFork } from './consensus/forkFile.ts'
import { forkKey, isFork } from './consensus/forkWatch.ts'
import { meteredWal } from './consensus/meteredWal.ts'
import type { Commit } from './consensus/ports.ts'
import { StartGate } from './consensus/startGate.ts'
import { defaultWalDirectoryOptions, WalDirectory } from './consensus/wal.ts'
import { coreRegistry } from './engines/registry.ts'
import { type ChainHead, storedValidatorSet } from './executor/chainHead.ts'
import { ExecutorClient } from './executor/executorClient.ts'
import { keptHistory } from './executor/retentionPolicy.ts'
import type { Announcement } from './network/messages.ts'
import { Network, type NetworkHandlers } from './network/network.ts'
import { defaultNetworkOptions } from './network/options.ts'
import type { CertifiedBytes } from './network/requests.ts'
import { NodeGateway } from './nodeGateway.ts'
import type { NodeStatus, RunningNode, StartNodeOptions } from './nodeTypes.ts'
import { RpcService } from './rpc/rpcService.ts'
import { openNodeSigner } from './signing.ts'
import { SnapshotMaker } from './snapshots/snapshotMaker.ts'
import { SnapshotShelf } from './snapshots/snapshotShelf.ts'
import { ChainReader, defaultChainReaderOptions } from './storage/chainReader.ts'
import { defaultDatabaseOptions } from './storage/database.ts'
import { BlockSync, defaultBlockSyncOptions } from './sync/blockSync.ts'
import { joinChain } from './sync/joinChain.ts'
import { SenderRecovery } from './transactions/senderRecovery.ts'
import { TransactionFlow } from './transactions/transactionFlow.ts'
import { readVersion } from './version.ts'

/** Makes the parts of a node, joins them and starts them. What fails on the way is closed again by the process's end. */
export async function startNode(options: StartNodeOptions): Promise<RunningNode> {
  assertHashesAgree()
  assertArenaHashesAgree()
  assertSignaturesAgree()
  const { config, log } = options
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
  const signing = { config, chainId, privateKey, log, metrics: metrics.signer }
  const signer = await openNodeSigner(signing)
  return signer === null ? null : new StartGate(signer)
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
  readonly #network: Network
  readonly #flow: TransactionFlow
  readonly #engine: NexusBft
  readonly #sync: BlockSync
  readonly #rpc: RpcService | null
  readonly #shelf: SnapshotShelf
  readonly #snapshots: SnapshotMaker | null
  #expiry: NodeJS.Timeout | null = null
  #announcement: Announcement | null = null
  #announcing: NodeJS.Timeout | null = null
  #transactions = 0
  #stopping: Promise<void> | null = null

  constructor(options: StartNodeOptions, opened: Opened, head: ChainHead) {
    this.#options = options
    this.#opened = opened
    const { genesis, config } = options
    this.#recovery = new SenderRecovery({
      rules: { chainId: genesis.chainId, blockGasLimit: genesis.consensus.maxBlockGas },
      engines: coreRegistry.engines,
      threads: config.mempool.signatureThreads,
      eager: true,
    })
    this.#shelf = new SnapshotShelf(config.paths.snapshots, opened.reader, systemClock)
    this.#snapshots = config.snapshots.everyBlocks > 0 ? this.#createSnapshots() : null
    this.#network = this.#createNetwork()
    this.#flow = this.#createFlow(head)
    this.#engine = this.#createEngine()
    this.#sync = new BlockSync(defaultBlockSyncOptions, {
      engine: this.#engine,
      network: this.#network,
      clock: systemClock,
      log: options.log.child('sync'),
      metrics: options.metrics.sync,
    })
    this.#rpc = config.rpc.enabled ? this.#createRpc() : null
  }

  async start(head: ChainHead): Promise<void> {
    await this.#snapshots?.start()
    await this.#network.start()
    this.#engine.start(head)
    this.#sync.start()
    this.#openGate(head)
    await this.#rpc?.start()
    this.#expiry = setInterval(() => this.#flow.expire(), EXPIRY_INTERVAL_MS)
  }

  /** DOUBLE_SIGN_RISK; see `assertNoUnknownSignature`. */
  async #checkSignatures(head: number): Promise<void> {
    const { signer, reader } = this.#opened
    const heights = this.#options.config.signing.doubleSignCheckHeights
    if (signer === null || heights === 0) return
    const last = await signer.lastSigned()
    assertNoUnknownSignature(reader, { heights, head, last, address: signer.address })
  }

  /**
   * The newest blocks are searched once peers have given them: of an old copy of the data, which holds
   * only old ones, the search would say yes or no for ever.
   */
  #openGate({ summary }: ChainHead): void {
    const { signer } = this.#opened
    const validators = storedValidatorSet(summary.validators)
    signer?.start({
      clock: systemClock,
      log: this.#options.log.child('signer'),
      view: () => ({
        alone: validators.isQuorum(validators.powerOf(validators.indexOf(signer.address))),
        height: this.height(),
        target: this.#sync.targetHeight,
        peers: this.#network.peerIds().length,
      }),
      check: () => this.#checkSignatures(this.height()),
      onFatal: this.#options.onFatal,
    })
  }

  get rpcUrl(): string | null {
    return this.#rpc?.url ?? null
  }

  height(): number {
    return this.#engine.head.summary.height
  }

  status(): NodeStatus {
    const { summary } = this.#engine.head
    return {
      height: summary.height,
      lastBlockTime: summary.height === 0 ? null : summary.time,
      transactions: this.#transactions,
      peers: this.#network.peerIds().length,
      catchingUp: this.#sync.catchingUp,
    }
  }

  get network(): Network {
    return this.#network
  }

  async metricsText(): Promise<string> {
    const others = this.#rpc === null ? [] : [await this.#rpc.metrics()]
    return this.#options.metrics.text(others)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { signer, executor, reader, wal } = this.#opened
    clearInterval(this.#expiry ?? undefined)
    clearTimeout(this.#announcing ?? undefined)
    await this.#rpc?.stop()
    await this.#sync.stop()
    await this.#engine.stop()
    this.#flow.stop()
    await this.#network.stop()
    await this.#snapshots?.stop()
    await this.#recovery.close()
    await wal.close()
    await executor.stop()
    await reader.close()
    await signer?.close()
  }

  #createNetwork(): Network {
    const { config, genesis, nodeKey, log, metrics, onFatal } = this.#options
    return new Network(
      {
        ...defaultNetworkOptions,
        privateKey: nodeKey,
        listen: config.p2p.listen,
        peers: config.p2p.peers,
        maxPeers: config.p2p.maxPeers,
        chainId: genesis.chainId,
        genesisHash: genesisHash(genesis),
        softwareVersion: readVersion().nexus,
        moniker: config.moniker,
      },
      {
        handlers: this.#handlers(),
        height: () => this.height(),
        clock: systemClock,
        log: log.child('network'),
        metrics: metrics.network,
        onFatal,
      },
    )
  }

  #handlers(): NetworkHandlers {
    return {
      onConsensus: (peerId, message) => {
        if (message.kind === 'status') this.#sync.noteHeight(peerId, message.height)
        else this.#engine.receive(peerId, message)
      },
      onBatch: (_peerId, bytes, digest) => this.#flow.receiveBatch(bytes, digest),
      onAnnouncement: (peerId, { height }) => this.#sync.noteHeight(peerId, height),
      onPeerConnected: (peer) => {
        this.#sync.noteHeight(peer.id, peer.height)
        // It may have started while we committed, and nothing else tells it where we stand.
        this.#engine.greet(peer.id)
      },
      onPeerDisconnected: (peerId) => this.#sync.forget(peerId),
      serveBatches: (digests) => this.#flow.batchesOf(digests),
      serveBlocks: (from, count, maxBytes) => this.#serveBlocks(from, count, maxBytes),
      serveBlock: (height, blockId) => this.#serveBlock(height, blockId),
      join: this.#shelf,
    }
  }

  #serveBlocks(from: number, count: number, maxBytes: number): CertifiedBytes[] {
    const { reader } = this.#opened
    const served: CertifiedBytes[] = []
    let bytes = 0
    for (let height = from; height < from + count && bytes < maxBytes; height++) {
      const [block, certificate] = [reader.block(height), reader.certificate(height)]
      if (block === null || certificate === null) break
      const one = {
        block: encode(blockCodec, block),
        certificate: encode(certificateCodec, certificate),
      }
      bytes += one.block.length + one.certificate.length
      served.push(one)
    }
    return served
  }

  #serveBlock(height: number, blockId: string): Uint8Array | null {
    const undecided = this.#engine.blockBytes(height, blockId)
    if (undecided !== null) return undecided
    const decided = this.#opened.reader.block(height)
    if (decided === null || this.#opened.reader.summary(height)?.blockId !== blockId) return null
    return encode(blockCodec, decided)
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

  #createFlow(head: ChainHead): TransactionFlow {
    const { genesis, config, log, metrics } = this.#options
    return new TransactionFlow(
      {
        maxBlockGas: genesis.consensus.maxBlockGas,
        baseFee: head.nextBaseFee,
        pool: {
          maxCount: config.mempool.transactions,
          maxBytes: config.mempool.bytes,
          maxPerSender: config.mempool.perSender,
          // Batches of one sender may overtake each other.
          maxNonceGap: config.mempool.perSender,
          lifetimeMs: config.mempool.lifetimeMs,
          replacementPercent: config.mempool.priceBumpPercent,
        },
        core: {
          blockGas: genesis.core.blockGas,
          maxCount: config.mempool.transactions,
          maxBytes: config.mempool.bytes,
          maxPerSigner: config.mempool.perSender,
          lifetimeMs: config.mempool.lifetimeMs,
        },
      },
      {
        network: this.#network,
        recovery: this.#recovery,
        reader: this.#opened.reader,
        clock: systemClock,
        log: log.child('mempool'),
        metrics: metrics.mempool,
        onPending: () => this.#engine.notifyPending(),
        onAdmitted: (transactions) =>
          this.#rpc?.notifyPending(transactions.map((transaction) => transaction.hash)),
      },
    )
  }

  #createEngine(): NexusBft {
    const { genesis, config, log, metrics, onFatal } = this.#options
    const { signer, executor, reader, wal, fork } = this.#opened
    const evidence = new EvidencePool({
      reader,
      save: (found) => executor.savePendingEvidence(found),
      log: log.child('evidence'),
      metrics: metrics.consensus,
    })
    return new NexusBft(
      {
        chainId: genesis.chainId,
        params: genesis.consensus,
        timeouts: config.consensus.timeouts,
        acknowledgedFork: fork === null ? null : forkKey(fork),
      },
      {
        signer,
        wal: meteredWal(wal, metrics.storage, systemClock),
        network: this.#network,
        executor: {
          speculate: (request) => executor.speculate(request),
          decide: async (request) => {
            await this.#snapshots?.ready()
            return executor.decide(request)
          },
        },
        transactions: this.#flow,
        evidence,
        reader,
        clock: systemClock,
        log: log.child('consensus'),
        metrics: metrics.consensus,
        onCommitted: (commit) => this.#committed(commit),
        onPeerHeight: (peerId, height) => this.#sync.noteHeight(peerId, height),
        onFatal: (error) => {
          if (isFork(error)) saveFork(config.paths, error.detail.evidence)
          onFatal(error)
        },
      },
    )
  }

  #createRpc(): RpcService {
    const { config, genesis, log, onFatal } = this.#options
    const { signer } = this.#opened
    return new RpcService(
      { config, genesis },
      {
        gateway: new NodeGateway({
          version: readVersion().nexus,
          config,
          validator: signer?.address ?? null,
          engine: this.#engine,
          flow: this.#flow,
          sync: this.#sync,
          network: this.#network,
          fork: this.#opened.fork,
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
    this.#transactions += result.included.length
    metrics.storage.committed(commitSeconds, 0)
    metrics.execution.executed({ ...result, skipped: result.skipped.length })
    for (const [phase, seconds] of Object.entries(result.timings))
      metrics.execution.phase(phase, seconds)
    // One announcement a block is enough for those who do not vote: its proposer's.
    if (this.#engine.proposedLast)
      this.#announce({ height: heightOf(height), blockId: certificate.blockId })
    log.debug('Block committed', {
      height,
      round: certificate.round,
      blockId: certificate.blockId,
      transactions: result.included.length,
      skipped: result.skipped.length,
    })
  }

  /** Voters know already; whoever else follows can wait until the block's receipts are out, and needs the newest height only. */
  #announce(announcement: Announcement): void {
    this.#announcement = announcement
    this.#announcing ??= setTimeout(() => {
      this.#announcing = null
      if (this.#announcement !== null) this.#network.publishAnnouncement(this.#announcement)
    }, ANNOUNCE_DELAY_MS)
  }
}

const ANNOUNCE_DELAY_MS = 50
const EXPIRY_INTERVAL_MS = 10_000
