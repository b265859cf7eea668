// One life of a node: the real parts, joined as node/node.ts joins them, on virtual disk, wires and time.

import '../../../node/nativeHash.ts'
import type { TimeoutOptions } from '../../../consensus/index.ts'
import type { Block } from '../../../core/chain/block.ts'
import { Composition } from '../../../node/composition.ts'
import type { Clock } from '../../../node/consensus/clock.ts'
import { LastSignedFile } from '../../../node/consensus/lastSigned.ts'
import type { Commit } from '../../../node/consensus/ports.ts'
import { FileSigner, type GuardedSigner } from '../../../node/consensus/signer.ts'
import { StartGate } from '../../../node/consensus/startGate.ts'
import { WalDirectory, type WalFactory } from '../../../node/consensus/walDirectory.ts'
import { defaultPoolOptions } from '../../../node/mempool/pool.ts'
import type { NetworkHandlers } from '../../../node/network/network.ts'
import type { CertifiedBytes } from '../../../node/network/requests.ts'
import type { Logger } from '../../../node/observability/logger.ts'
import { ChainReader, defaultChainReaderOptions } from '../../../node/storage/chainReader.ts'
import type { OpenDatabase } from '../../../node/storage/database.ts'
import type { FileSystem } from '../../../node/storage/fileSystem.ts'
import type { SenderRecovery } from '../../../node/transactions/senderRecovery.ts'
import type { SimChain } from './chain.ts'
import type { Machine } from './echoMachine.ts'
import { VirtualExecutor } from './executor.ts'
import { consensusMetrics, mempoolMetrics, type QueueWatch, syncMetricsOf } from './metrics.ts'
import type { NodePort } from './port.ts'

/** One life of a node. */
export type NodeProcess = Composition<NodePort>

/** Places where tests plant a bug: each replaces a part by a wrong one. */
export type Mutation = {
  readonly wal?: (wal: WalFactory) => WalFactory
  readonly signer?: (signer: GuardedSigner, privateKey: Uint8Array) => GuardedSigner
  readonly openDatabase?: (open: OpenDatabase) => OpenDatabase
  readonly handlers?: (handlers: NetworkHandlers, process: () => NodeProcess) => NetworkHandlers
  /** Of what a peer answered with. */
  readonly synced?: (
    blocks: readonly CertifiedBytes[],
    process: NodeProcess,
  ) => readonly CertifiedBytes[]
  readonly process?: (process: NodeProcess) => void
}

export type Key = {
  readonly privateKey: Uint8Array
  readonly address: Uint8Array
  readonly lastSignedPath: string
}

export type ProcessOptions = {
  readonly chain: SimChain
  /** Null: an observer. */
  readonly key: Key | null
  readonly timeouts: TimeoutOptions
  readonly walPreallocatedBytes: number
  readonly doubleSignCheckHeights: number
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
export const DATABASE_PATH = 'data/db'
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
  const { head } = executor
  const process = compose(options, modules, { signer, reader, executor, wal })
  mutation.process?.(process)
  process.start(head)
  return process
}

async function openSigner(
  { chain, key, mutation }: ProcessOptions,
  { fileSystem }: ProcessModules,
): Promise<StartGate | null> {
  if (key === null) return null
  const { chainId } = chain.identity
  const { privateKey, address, lastSignedPath: statePath } = key
  if ((await fileSystem.read(statePath)) === null)
    await LastSignedFile.create(statePath, { chainId, address }, fileSystem)
  const signer = await FileSigner.open({ chainId, privateKey, statePath, fileSystem })
  return new StartGate(mutation.signer?.(signer, privateKey) ?? signer)
}

type Opened = {
  readonly signer: StartGate | null
  readonly reader: ChainReader
  readonly executor: VirtualExecutor
  readonly wal: WalFactory
}

function compose(
  { chain, timeouts, doubleSignCheckHeights, mutation }: ProcessOptions,
  modules: ProcessModules,
  opened: Opened,
): NodeProcess {
  const { port, recovery, clock, log, watch, onFatal } = modules
  const { genesis, identity } = chain
  const process: NodeProcess = new Composition(
    {
      ...{ chainId: identity.chainId, params: genesis.consensus, timeouts },
      ...{ acknowledgedFork: null, doubleSignCheckHeights },
      pools: {
        pool: { ...defaultPoolOptions, maxCount: POOL_LIMIT },
        core: { blockGas: genesis.core.blockGas, maxCount: POOL_LIMIT },
      },
    },
    {
      ...{ ...opened, clock, recovery, log, onFatal },
      createNetwork: (handlers) => {
        port.handlers = mutation.handlers?.(handlers, () => process) ?? handlers
        port.onSynced = (blocks) => mutation.synced?.(blocks, process) ?? blocks
        return port
      },
      metrics: {
        consensus: consensusMetrics(watch),
        mempool: mempoolMetrics(watch),
        sync: syncMetricsOf(watch),
      },
      onAdmitted: () => {},
      onCommitted: (commit) => {
        const block = opened.reader.block(commit.head.summary.height)
        if (block === null) throw new Error('the reader shows what is committed')
        modules.onCommitted(commit, block)
      },
    },
    opened.executor.head,
  )
  return process
}
