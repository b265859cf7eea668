// One life of a node: the real parts, joined as node/node.ts joins them, on virtual disk, wires and time.

import type { TimeoutOptions } from '../../../consensus/index.ts'
import { type Block, blockCodec } from '../../../core/chain/block.ts'
import { certificateCodec } from '../../../core/chain/certificate.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { addressOfPrivateKey } from '../../../core/primitives/signature.ts'
import { heightOf } from '../../../core/primitives/units.ts'
import type { Clock } from '../../../node/consensus/clock.ts'
import { NexusBft } from '../../../node/consensus/engine.ts'
import { EvidencePool } from '../../../node/consensus/evidencePool.ts'
import { LastSignedFile } from '../../../node/consensus/lastSigned.ts'
import type { Commit } from '../../../node/consensus/ports.ts'
import { FileSigner, type Signer } from '../../../node/consensus/signer.ts'
import { WalDirectory, type WalFactory } from '../../../node/consensus/wal.ts'
import type { ChainHead } from '../../../node/executor/chainHead.ts'
import { defaultPoolOptions } from '../../../node/mempool/pool.ts'
import type { NetworkHandlers } from '../../../node/network/network.ts'
import type { CertifiedBytes } from '../../../node/network/requests.ts'
import type { Logger } from '../../../node/observability/logger.ts'
import { ChainReader, defaultChainReaderOptions } from '../../../node/storage/chainReader.ts'
import type { OpenDatabase } from '../../../node/storage/database.ts'
import type { FileSystem } from '../../../node/storage/fileSystem.ts'
import { BlockSync, defaultBlockSyncOptions } from '../../../node/sync/blockSync.ts'
import type { SenderRecovery } from '../../../node/transactions/senderRecovery.ts'
import { TransactionFlow } from '../../../node/transactions/transactionFlow.ts'
import type { SimChain } from './chain.ts'
import type { Machine } from './echoMachine.ts'
import { VirtualExecutor } from './executor.ts'
import { consensusMetrics, mempoolMetrics, type QueueWatch, syncMetricsOf } from './metrics.ts'
import type { NodePort } from './port.ts'

/** Places where tests plant a bug: each replaces a part by a wrong one. */
export type Mutation = {
  readonly wal?: (wal: WalFactory) => WalFactory
  readonly signer?: (signer: Signer, privateKey: Uint8Array) => Signer
  readonly openDatabase?: (open: OpenDatabase) => OpenDatabase
  readonly handlers?: (handlers: NetworkHandlers, engine: NexusBft) => NetworkHandlers
}

export type ProcessOptions = {
  readonly chain: SimChain
  /** Null: an observer. */
  readonly privateKey: Uint8Array | null
  readonly timeouts: TimeoutOptions
  readonly walPreallocatedBytes: number
  readonly mutation: Mutation
}

export type ProcessModules = {
  readonly fileSystem: FileSystem
  readonly openDatabase: OpenDatabase
  readonly clock: Clock
  readonly port: NodePort
  readonly openMachine: (path: string, open: OpenDatabase) => Promise<Machine>
  readonly recovery: Pick<SenderRecovery, 'decode'>
  readonly randomBytes: (length: number) => Uint8Array
  /** Resolves when a block's execution would have ended. */
  readonly work: () => Promise<void>
  readonly log: Logger
  readonly watch: QueueWatch
  readonly onCommitted: (commit: Commit, block: Block) => void
  readonly onFatal: (error: unknown) => void
}

export const WAL_DIRECTORY = 'data/wal'
export const LAST_SIGNED_PATH = 'keys/last-signed'
const DATABASE_PATH = 'data/db'
const EXPIRY_INTERVAL_MS = 10_000
const POOL_LIMIT = 2_000

/** Opens everything, as `startNode` does. Rejects with what a real node would not start with. */
export async function startProcess(
  options: ProcessOptions,
  modules: ProcessModules,
): Promise<NodeProcess> {
  const { chain, mutation, walPreallocatedBytes: preallocatedBytes } = options
  const { fileSystem, onFatal, work } = modules
  const open = mutation.openDatabase?.(modules.openDatabase) ?? modules.openDatabase
  const signer = await openSigner(options, modules)
  const readerOptions = { ...defaultChainReaderOptions, ...chain.identity }
  const reader = await ChainReader.open(DATABASE_PATH, readerOptions, open)
  const machine = await modules.openMachine(DATABASE_PATH, open)
  const executor = new VirtualExecutor(machine, { work, onFatal })
  reader.refresh()
  const directory = await WalDirectory.open({
    ...{ ...chain.identity, directory: WAL_DIRECTORY, fileSystem, preallocatedBytes },
    randomBytes: modules.randomBytes,
  })
  const wal = mutation.wal?.(directory) ?? directory
  return new NodeProcess(options, modules, { signer, reader, executor, wal })
}

async function openSigner(
  { chain, privateKey, mutation }: ProcessOptions,
  { fileSystem }: ProcessModules,
): Promise<Signer | null> {
  if (privateKey === null) return null
  const { chainId } = chain.identity
  if ((await fileSystem.read(LAST_SIGNED_PATH)) === null) {
    const identity = { chainId, address: addressOfPrivateKey(privateKey) }
    await LastSignedFile.create(LAST_SIGNED_PATH, identity, fileSystem)
  }
  const statePath = LAST_SIGNED_PATH
  const signer = await FileSigner.open({ chainId, privateKey, statePath, fileSystem })
  return mutation.signer?.(signer, privateKey) ?? signer
}

type Opened = {
  readonly signer: Signer | null
  readonly reader: ChainReader
  readonly executor: VirtualExecutor
  readonly wal: WalFactory
}

export class NodeProcess {
  readonly #options: ProcessOptions
  readonly #modules: ProcessModules
  readonly #opened: Opened
  readonly flow: TransactionFlow
  readonly engine: NexusBft
  readonly sync: BlockSync

  constructor(options: ProcessOptions, modules: ProcessModules, opened: Opened) {
    this.#options = options
    this.#modules = modules
    this.#opened = opened
    const { port, clock, log } = modules
    this.flow = this.#createFlow(opened.executor.head)
    this.engine = this.#createEngine()
    this.sync = new BlockSync(defaultBlockSyncOptions, {
      ...{ engine: this.engine, network: port, clock, log, metrics: syncMetricsOf(modules.watch) },
    })
    const handlers = this.#handlers()
    port.handlers = options.mutation.handlers?.(handlers, this.engine) ?? handlers
    this.engine.start(opened.executor.head)
    this.sync.start()
    this.#expire()
  }

  get reader(): ChainReader {
    return this.#opened.reader
  }

  #expire(): void {
    this.#modules.clock.setTimer(() => {
      this.flow.expire()
      this.#expire()
    }, EXPIRY_INTERVAL_MS)
  }

  #handlers(): NetworkHandlers {
    return {
      onConsensus: (peerId, message) => {
        if (message.kind === 'status') this.sync.noteHeight(peerId, message.height)
        else this.engine.receive(peerId, message)
      },
      onBatch: (_peerId, bytes, digest) => this.flow.receiveBatch(bytes, digest),
      onAnnouncement: (peerId, { height }) => this.sync.noteHeight(peerId, height),
      onPeerConnected: (peer) => {
        this.sync.noteHeight(peer.id, peer.height)
        this.engine.greet(peer.id)
      },
      onPeerDisconnected: (peerId) => this.sync.forget(peerId),
      serveBatches: (digests) => this.flow.batchesOf(digests),
      serveBlocks: (from, count, maxBytes) => this.#serveBlocks(from, count, maxBytes),
      serveBlock: (height, blockId) => this.#serveBlock(height, blockId),
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
    const undecided = this.engine.blockBytes(height, blockId)
    if (undecided !== null) return undecided
    const decided = this.#opened.reader.block(height)
    if (decided === null || this.#opened.reader.summary(height)?.blockId !== blockId) return null
    return encode(blockCodec, decided)
  }

  #createFlow(head: ChainHead): TransactionFlow {
    const { genesis } = this.#options.chain
    const { port, recovery, clock, log, watch } = this.#modules
    return new TransactionFlow(
      {
        maxBlockGas: genesis.consensus.maxBlockGas,
        baseFee: head.nextBaseFee,
        pool: { ...defaultPoolOptions, maxCount: POOL_LIMIT },
        core: { blockGas: genesis.core.blockGas, maxCount: POOL_LIMIT },
      },
      {
        ...{ network: port, recovery, reader: this.#opened.reader, clock, log },
        metrics: mempoolMetrics(watch),
        onPending: () => this.engine.notifyPending(),
        onAdmitted: () => {},
      },
    )
  }

  #createEngine(): NexusBft {
    const { chain, timeouts } = this.#options
    const { port, clock, log, watch, onFatal } = this.#modules
    const { signer, reader, executor, wal } = this.#opened
    const metrics = consensusMetrics(watch)
    const evidence = new EvidencePool({
      ...{ reader, log, metrics, save: (found) => executor.savePendingEvidence(found) },
    })
    return new NexusBft(
      { chainId: chain.identity.chainId, params: chain.genesis.consensus, timeouts },
      {
        ...{ signer, wal, network: port, executor, transactions: this.flow, evidence, reader },
        ...{ clock, log, metrics, onFatal },
        onCommitted: (commit) => this.#committed(commit),
        onPeerHeight: (peerId, height) => this.sync.noteHeight(peerId, height),
      },
    )
  }

  #committed(commit: Commit): void {
    const { height } = commit.head.summary
    const block = this.#opened.reader.block(height)
    if (block === null) throw new Error('the reader shows what is committed')
    this.#modules.onCommitted(commit, block)
    if (this.engine.proposedLast)
      this.#modules.port.publishAnnouncement({
        ...{ height: heightOf(height), blockId: commit.certificate.blockId },
      })
  }
}
