import { defaultTimeoutOptions } from '../../../consensus/index.ts'
import { assert } from '../../../core/primitives/assert.ts'
import { decode } from '../../../core/primitives/codec.ts'
import { addressOfPrivateKey } from '../../../core/primitives/signature.ts'
import { millisOf } from '../../../core/primitives/units.ts'
import type { Clock } from '../../../node/consensus/clock.ts'
import { NexusBft } from '../../../node/consensus/engine.ts'
import { EvidencePool } from '../../../node/consensus/evidencePool.ts'
import { LastSignedFile } from '../../../node/consensus/lastSigned.ts'
import type { TransactionSource } from '../../../node/consensus/ports.ts'
import { wholeBodyOf } from '../../../node/consensus/proposalBody.ts'
import { FileSigner } from '../../../node/consensus/signer.ts'
import { defaultWalDirectoryOptions, WalDirectory } from '../../../node/consensus/walDirectory.ts'
import { batchCodec, type ConsensusMessage } from '../../../node/network/messages.ts'
import { silentLogger } from '../../../node/observability/logger.ts'
import { ChainReader, defaultChainReaderOptions } from '../../../node/storage/chainReader.ts'
import { ChainStore, defaultChainStoreOptions } from '../../../node/storage/chainStore.ts'
import {
  BlockSync,
  defaultBlockSyncOptions,
  type SyncNetwork,
} from '../../../node/sync/blockSync.ts'
import { bytesFrom, IDENTITY } from '../../support/storedChain.ts'
import { TEST_PARAMS, type TestValidators } from '../../support/testChain.ts'
import type { SignatureChecker } from './checker.ts'
import { Ledger } from './ledger.ts'
import type { VirtualDisk } from './virtualDisk.ts'

export const PATHS = {
  data: '/data',
  database: '/data/db',
  wal: '/data/wal',
  signed: '/data/signed',
}

/** What a machine sees of the world around it. */
export type Surroundings = {
  readonly index: number
  readonly validators: TestValidators
  readonly disk: VirtualDisk
  readonly clock: Clock
  readonly checker: SignatureChecker
  readonly randomBytes: (length: number) => Uint8Array
  send(to: number, message: ConsensusMessage): void
  /** The machines that run. */
  peers(): readonly number[]
  requestBlocks: SyncNetwork['requestBlocks']
  requestBlock(peerId: string, height: number, blockId: string): Promise<Uint8Array | null>
  penalize(peerId: string, code: string): void
  /** A height is durable and told to the others. */
  announce(height: number): void
  onFatal(error: Error): void
}

/** One boot of a validator: the node's parts on a virtual disk. */
export type Boot = {
  readonly engine: NexusBft
  readonly sync: BlockSync
  readonly reader: ChainReader
}

/** Throws what a node refuses to start with. */
export async function boot(world: Surroundings): Promise<Boot> {
  const { disk, index, validators, clock, checker } = world
  const { fileSystem, openDatabase } = disk
  const signer = checker.watch(await openSigner(world))
  const reader = await ChainReader.open(
    PATHS.database,
    { ...defaultChainReaderOptions, ...IDENTITY },
    openDatabase,
  )
  const options = { ...defaultChainStoreOptions, ...IDENTITY, historyBlocks: 2 }
  const store = await ChainStore.open(PATHS.database, options, openDatabase)
  const ledger = await Ledger.open(store, validators.set)
  reader.refresh()
  const wal = await WalDirectory.open({
    ...defaultWalDirectoryOptions,
    ...IDENTITY,
    directory: PATHS.wal,
    fileSystem,
    randomBytes: world.randomBytes,
    // Files of one height and of two, made before they are needed and not; records within what was allocated and beyond it.
    preallocatedBytes: 5_120,
  })
  const others = (): readonly number[] => world.peers().filter((peer) => peer !== index)
  const evidence = new EvidencePool({
    reader,
    save: (found) => store.savePendingEvidence(found),
    log: silentLogger,
    metrics: NO_METRICS,
  })
  const engine: NexusBft = new NexusBft(
    { chainId: IDENTITY.chainId, params: PARAMS, timeouts: defaultTimeoutOptions },
    {
      signer,
      wal,
      network: {
        broadcast: (message) => {
          for (const to of others()) world.send(to, message)
        },
        send: (peerId, message) => world.send(Number(peerId), message),
        penalize: world.penalize,
        peerIds: () => others().map(String),
        requestBlock: world.requestBlock,
      },
      executor: { speculate: () => {}, decide: (request) => ledger.decide(request) },
      transactions: SOURCE,
      evidence,
      reader,
      clock,
      log: silentLogger,
      metrics: NO_METRICS,
      onCommitted: ({ head }) => world.announce(head.summary.height),
      onPeerHeight: (peerId, height) => sync.noteHeight(peerId, height),
      onFatal: world.onFatal,
    },
  )
  const sync = new BlockSync(defaultBlockSyncOptions, {
    engine,
    network: {
      requestBlocks: world.requestBlocks,
      penalize: world.penalize,
      peerIds: () => others().map(String),
    },
    clock,
    log: silentLogger,
    metrics: NO_METRICS,
  })
  engine.start(ledger.head)
  sync.start()
  return { engine, sync, reader }
}

/** As `ensureLastSigned` does: made only where nothing else is. */
async function openSigner({ disk, validators, index }: Surroundings): Promise<FileSigner> {
  const { fileSystem } = disk
  const privateKey = validators.keys[index]
  assert(privateKey !== undefined, 'a machine has a key')
  const { chainId } = IDENTITY
  const identity = { chainId, address: addressOfPrivateKey(privateKey) }
  const isNew = !disk.hasDatabase(PATHS.database) && (await fileSystem.read(PATHS.signed)) === null
  if (isNew) await LastSignedFile.create(PATHS.signed, identity, fileSystem)
  return FileSigner.open({ chainId, privateKey, statePath: PATHS.signed, fileSystem })
}

const PARAMS = { ...TEST_PARAMS, emptyBlockIntervalMs: millisOf(30) }
const NOBODY = { senders: new Uint8Array(0), signers: new Uint8Array(0) }

/** Some of every height's transactions, small and large, the same on all machines. */
const SOURCE: TransactionSource = {
  hasPending: () => true,
  select: ({ summary }) => {
    const height = summary.height + 1
    const evm = [
      bytesFrom(`small ${height}`, 117),
      bytesFrom(`large ${height}`, (height % 3) * 2_500 + 40),
    ]
    const content = { evm, core: [] }
    const payload = { ...content, messages: [], evidence: [], lastCommit: null }
    const { batches, inline, transactions } = wholeBodyOf(payload)
    return { ...content, ...NOBODY, batches, inline, transactions }
  },
  resolve: (body) => {
    const batches = body.inline.map((bytes) => decode(batchCodec, bytes))
    const evm = body.transactions.map(({ batch, position }) => {
      const found = batches[batch]
      return found?.ok ? (found.value[position] as Uint8Array) : new Uint8Array(0)
    })
    return { evm, core: [], ...NOBODY }
  },
  signatoriesOf: async () => NOBODY,
  committed: () => {},
}

const NO_METRICS = {
  stepChanged() {},
  decided() {},
  proposed() {},
  voteLate() {},
  rejected() {},
  dropped() {},
  equivocation() {},
  queueLength() {},
  validatorSet() {},
  blockApplied() {},
  catchingUp() {},
}
