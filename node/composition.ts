import type { TimeoutOptions } from '../consensus/index.ts'
import { blockCodec } from '../core/chain/block.ts'
import { certificateCodec } from '../core/chain/certificate.ts'
import type { ConsensusParams } from '../core/chain/params.ts'
import { encode } from '../core/primitives/codec.ts'
import { heightOf } from '../core/primitives/units.ts'
import type { Clock } from './consensus/clock.ts'
import { assertNoUnknownSignature } from './consensus/doubleSignScan.ts'
import { NexusBft } from './consensus/engine.ts'
import { EvidencePool } from './consensus/evidencePool.ts'
import type { Commit, ConsensusNetwork, TransactionSource } from './consensus/ports.ts'
import type { StartGate } from './consensus/startGate.ts'
import type { WalFactory } from './consensus/walDirectory.ts'
import { type ChainHead, storedValidatorSet } from './executor/chainHead.ts'
import type { ExecutorClient } from './executor/executorClient.ts'
import type { Announcement } from './network/messages.ts'
import type { NetworkHandlers } from './network/network.ts'
import type { CertifiedBytes } from './network/requests.ts'
import type { Logger } from './observability/logger.ts'
import type { ConsensusMetrics, MempoolMetrics, SyncMetrics } from './observability/metrics.ts'
import type { ChainReader } from './storage/chainReader.ts'
import { BlockSync, defaultBlockSyncOptions, type SyncNetwork } from './sync/blockSync.ts'
import type { LanesOptions } from './transactions/lanes.ts'
import {
  type FlowModules,
  type FlowNetwork,
  TransactionFlow,
} from './transactions/transactionFlow.ts'

export type CompositionOptions = {
  readonly chainId: number
  readonly params: ConsensusParams
  readonly timeouts: TimeoutOptions
  /** `forkKey` of a fork that the operator knows of. */
  readonly acknowledgedFork: string | null
  /** See `assertNoUnknownSignature`; 0 searches nothing. */
  readonly doubleSignCheckHeights: number
  readonly pools: Pick<LanesOptions, 'pool' | 'core'>
}

type ComposedNetwork = ConsensusNetwork &
  FlowNetwork &
  SyncNetwork & { publishAnnouncement(announcement: Announcement): void }

/** What the parts stand on: everything outside of them, real or simulated. */
type CompositionPorts<N extends ComposedNetwork> = {
  readonly clock: Clock
  /** Nothing may call the handlers before the composition is started. */
  readonly createNetwork: (handlers: NetworkHandlers) => N
  /** Null: an observer. */
  readonly signer: StartGate | null
  readonly wal: WalFactory
  readonly executor: Pick<ExecutorClient, 'speculate' | 'decide' | 'savePendingEvidence'>
  readonly reader: ChainReader
  readonly recovery: FlowModules['recovery']
  readonly join?: NetworkHandlers['join']
  readonly log: Logger
  readonly metrics: {
    readonly consensus: ConsensusMetrics
    readonly mempool: MempoolMetrics
    readonly sync: SyncMetrics
  }
  /** What consensus proposes from instead of the flow itself. */
  readonly sourceOver?: (flow: TransactionSource) => TransactionSource
  readonly onAdmitted: FlowModules['onAdmitted']
  readonly onCommitted: (commit: Commit) => void
  readonly onFatal: (error: unknown) => void
}

type Parts = {
  readonly flow: TransactionFlow
  readonly engine: NexusBft
  readonly sync: BlockSync
}

/** Mempool, consensus and block sync, joined with each other and with their network. */
export class Composition<N extends ComposedNetwork> {
  readonly #options: CompositionOptions
  readonly #ports: CompositionPorts<N>
  readonly network: N
  #parts: Parts
  #cancelExpiry: (() => void) | null = null
  #announcement: Announcement | null = null
  #cancelAnnouncing: (() => void) | null = null

  constructor(options: CompositionOptions, ports: CompositionPorts<N>, head: ChainHead) {
    this.#options = options
    this.#ports = ports
    this.network = ports.createNetwork(this.#handlers())
    this.#parts = this.#partsAt(head)
  }

  get flow(): TransactionFlow {
    return this.#parts.flow
  }
  get engine(): NexusBft {
    return this.#parts.engine
  }
  get sync(): BlockSync {
    return this.#parts.sync
  }

  /** The newest committed height. */
  get height(): number {
    return this.engine.head.summary.height
  }

  /** Once the network listens. `rests`: see `NexusBft.start`. */
  start(head: ChainHead, rests = false): void {
    this.engine.start(head, rests)
    this.sync.start()
    this.#openGate(head)
    this.#expire()
  }

  /** After `stop`: everything but the network anew, at another place of the chain. `start` follows. */
  standAt(head: ChainHead): void {
    this.#parts = this.#partsAt(head)
  }

  #partsAt(head: ChainHead): Parts {
    const { clock, log, metrics } = this.#ports
    const flow = this.#createFlow(head)
    const engine = this.#createEngine(flow)
    engine.standAt(head)
    const sync = new BlockSync(defaultBlockSyncOptions, {
      ...{ engine, network: this.network, clock },
      log: log.child('sync'),
      metrics: metrics.sync,
    })
    return { flow, engine, sync }
  }

  /** Everything but the network, which may still call the handlers. */
  async stop(): Promise<void> {
    this.#cancelExpiry?.()
    this.#cancelAnnouncing?.()
    this.#cancelAnnouncing = null
    this.#announcement = null
    await this.sync.stop()
    await this.engine.stop()
    this.flow.stop()
  }

  #expire(): void {
    this.#cancelExpiry = this.#ports.clock.setTimer(() => {
      this.flow.expire()
      this.#expire()
    }, EXPIRY_INTERVAL_MS)
  }

  /** DOUBLE_SIGN_RISK; see `assertNoUnknownSignature`. */
  async #checkSignatures(head: number): Promise<void> {
    const { signer, reader } = this.#ports
    const heights = this.#options.doubleSignCheckHeights
    if (signer === null || heights === 0) return
    const last = await signer.lastSigned()
    assertNoUnknownSignature(reader, { heights, head, last, address: signer.address })
  }

  /**
   * The newest blocks are searched once peers have given them: of an old copy of the data, which holds
   * only old ones, the search would say yes or no for ever.
   */
  #openGate({ summary }: ChainHead): void {
    const { signer, clock, log, onFatal } = this.#ports
    const validators = storedValidatorSet(summary.validators)
    signer?.start({
      clock,
      log: log.child('signer'),
      view: () => ({
        alone: validators.isQuorum(validators.powerOf(validators.indexOf(signer.address))),
        height: this.height,
        target: this.sync.targetHeight,
        peers: this.network.peerIds().length,
      }),
      check: () => this.#checkSignatures(this.height),
      onFatal,
    })
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
        // It may have started while we committed, and nothing else tells it where we stand.
        this.engine.greet(peer.id)
      },
      onPeerDisconnected: (peerId) => this.sync.forget(peerId),
      serveBatches: (digests) => this.flow.batchesOf(digests),
      serveBlocks: (from, count, maxBytes) => this.#serveBlocks(from, count, maxBytes),
      serveBlock: (height, blockId) => this.#serveBlock(height, blockId),
      ...(this.#ports.join === undefined ? {} : { join: this.#ports.join }),
    }
  }

  #serveBlocks(from: number, count: number, maxBytes: number): CertifiedBytes[] {
    const { reader } = this.#ports
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
    const { reader } = this.#ports
    const decided = reader.block(height)
    if (decided === null || reader.summary(height)?.blockId !== blockId) return null
    return encode(blockCodec, decided)
  }

  #createFlow(head: ChainHead): TransactionFlow {
    const { clock, recovery, reader, log, metrics, onAdmitted } = this.#ports
    const { params, pools } = this.#options
    return new TransactionFlow(
      { ...pools, maxBlockGas: params.maxBlockGas, baseFee: head.nextBaseFee },
      {
        ...{ network: this.network, clock, recovery, reader, onAdmitted },
        log: log.child('mempool'),
        metrics: metrics.mempool,
        onPending: () => this.engine.notifyPending(),
      },
    )
  }

  #createEngine(flow: TransactionFlow): NexusBft {
    const { clock, signer, wal, executor, reader, log, metrics, onFatal } = this.#ports
    const { sourceOver = (inner) => inner } = this.#ports
    const { chainId, params, timeouts, acknowledgedFork } = this.#options
    const evidence = new EvidencePool({
      reader,
      save: (found) => executor.savePendingEvidence(found),
      log: log.child('evidence'),
      metrics: metrics.consensus,
    })
    return new NexusBft(
      { chainId, params, timeouts, acknowledgedFork },
      {
        ...{ clock, signer, wal, executor, reader, evidence, onFatal },
        network: this.network,
        transactions: sourceOver(flow),
        log: log.child('consensus'),
        metrics: metrics.consensus,
        onCommitted: (commit) => this.#committed(commit),
        onPeerHeight: (peerId, height) => this.sync.noteHeight(peerId, height),
      },
    )
  }

  #committed(commit: Commit): void {
    const { head, certificate } = commit
    this.#ports.onCommitted(commit)
    // One announcement a block is enough for those who do not vote: its proposer's.
    if (this.engine.proposedLast)
      this.#announce({
        height: heightOf(head.summary.height),
        blockId: certificate.blockId,
      })
  }

  /** Voters know already; whoever else follows can wait until the block's receipts are out, and needs the newest height only. */
  #announce(announcement: Announcement): void {
    this.#announcement = announcement
    this.#cancelAnnouncing ??= this.#ports.clock.setTimer(() => {
      this.#cancelAnnouncing = null
      if (this.#announcement !== null) this.network.publishAnnouncement(this.#announcement)
    }, ANNOUNCE_DELAY_MS)
  }
}

const ANNOUNCE_DELAY_MS = 50
const EXPIRY_INTERVAL_MS = 10_000
