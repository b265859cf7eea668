import type { ArenaPage } from '../../core/arena/index.ts'
import { type Block, blockCodec } from '../../core/chain/block.ts'
import { type Certificate, certificateCodec } from '../../core/chain/certificate.ts'
import { type Evidence, evidenceCodec, evidenceHash } from '../../core/chain/evidence.ts'
import type { EthereumHeader, ExecutedBlock } from '../../core/chain/executedBlock.ts'
import { heightCodec } from '../../core/chain/vote.ts'
import type { ReplayRecord } from '../../core/host/replay.ts'
import { assert } from '../../core/primitives/assert.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import type { NexusError } from '../../core/primitives/errors.ts'
import { type BlockId, type Height, heightOf } from '../../core/primitives/units.ts'
import type { EvmChange, EvmStore } from '../../evm/store.ts'
import { BatchWriter } from './batchWriter.ts'
import {
  locationCodec,
  readBlock,
  readEthereumHash,
  readEvidenceHeight,
  readExecuted,
  readPendingHashes,
  readProgress,
  readSummary,
} from './chainRecords.ts'
import {
  type CoreRecord,
  readCheckpointHeight,
  readPages,
  readReplay,
  writeCore,
} from './coreState.ts'
import { crc32c } from './crc32c.ts'
import {
  type Database,
  type DatabaseOptions,
  defaultDatabaseOptions,
  ioError,
  type OpenDatabase,
  openDatabase,
} from './database.ts'
import { latestEvmStore, pruneChangeset, writeEvmChanges } from './evmState.ts'
import { executedRecordCodec } from './executedRecord.ts'
import { LogIndexWriter } from './logIndex.ts'
import {
  type ChainIdentity,
  checkIdentity,
  identityCodec,
  PENDING_EVIDENCE_LIMIT,
  type Progress,
  pendingListCodec,
  progressCodec,
} from './meta.ts'
import { PointerCache } from './pointerCache.ts'
import { pruneBlocks } from './pruneBlocks.ts'
import { corrupt, type Read, sealedRecord, sealInPlace } from './record.ts'
import { lowestBound, type RetentionPolicy, retentionBounds } from './retention.ts'
import { ROLLBACK_STEP, rollBackTo, rollbackReach } from './rollback.ts'
import { FORMAT_VERSION, heightKey, keyOf, META } from './schema.ts'
import { type StateSummary, summaryRecordCodec } from './stateSummary.ts'
import {
  readValidatorBase,
  readValidators,
  sameValidators,
  type ValidatorBase,
  validatorRecordOf,
} from './validatorRecord.ts'

export type ChainStoreOptions = ChainIdentity & {
  /** Past heights at which the EVM state stays readable; 0: only the latest. */
  readonly historyBlocks: number
  /** Deletes old blocks, a few after each height. Null: all are kept. */
  readonly retention: RetentionPolicy | null
  /** Of the cache of keys used lately, 64 bytes each; a power of two. */
  readonly pointerSlots: number
  readonly database: DatabaseOptions
}

export const defaultChainStoreOptions = {
  historyBlocks: 1_024,
  retention: null,
  // 8 MiB: the accounts and slots that a busy chain touches again and again.
  pointerSlots: 1 << 17,
  database: defaultDatabaseOptions,
}

/** Height 0. `executed` holds the genesis Ethereum header and no transactions. */
export type GenesisRecord = {
  readonly executed: ExecutedBlock
  readonly evmChanges: readonly EvmChange[]
  readonly core: CoreRecord
  readonly summary: StateSummary
}

/** All that a decided height leaves behind. `evmChanges` has one change per key. */
export type HeightRecord = GenesisRecord & {
  readonly block: Block
  readonly blockId: BlockId
  readonly certificate: Certificate
}

/** The set two heights above the committed one, and the whole set that its record refers to. */
type KnownValidators = {
  readonly next: StateSummary['validators']
  readonly base: ValidatorBase
}

/** Of the genesis, or of the last committed block. */
export type StoredHead = { readonly summary: StateSummary; readonly header: EthereumHeader }

/** Bounded work when a smaller window or an earlier run left more than one changeset to prune. */
const PRUNED_PER_HEIGHT = 4

/** First guess at the bytes of a block: what fits a few hundred transfers. */
const LARGE_RECORD = 64 * 1024

/** LevelDB skips damaged stretches of its log in silence; as many heights as a log can hold of idle blocks are checked for gaps. */
const CHECKED_HEIGHTS = 4_096

/**
 * The only writer of the database: one synced batch per height, so there is nothing to reconcile
 * after a crash. The first error of a write is final; the store refuses everything after it.
 */
export class ChainStore {
  readonly #database: Database
  readonly #options: ChainStoreOptions
  readonly #read: Read
  readonly #state: { readonly read: Read; readonly pointers: PointerCache }
  readonly #logIndex: LogIndexWriter
  #progress: Progress | null = null
  #validators: KnownValidators | null = null
  #failure: NexusError | null = null
  #writing = false
  #held = Number.POSITIVE_INFINITY
  /** Writes take turns: each one reads what it replaces. */
  #lastWrite: Promise<void> = Promise.resolve()

  private constructor(database: Database, options: ChainStoreOptions) {
    this.#database = database
    this.#options = options
    this.#read = (key) => {
      try {
        return database.getSync(key)
      } catch (error) {
        throw ioError('read', error, key)
      }
    }
    this.#state = { read: this.#read, pointers: new PointerCache(options.pointerSlots) }
    this.#logIndex = new LogIndexWriter(this.#read)
  }

  /** Opens or makes the database. Throws DATABASE_LOCKED, DATABASE_VERSION, WRONG_CHAIN, WRONG_GENESIS, STORAGE_CORRUPT. */
  static async open(
    path: string,
    options: ChainStoreOptions,
    open: OpenDatabase = openDatabase,
  ): Promise<ChainStore> {
    const database = await open(path, options.database)
    const store = new ChainStore(database, options)
    try {
      if (checkIdentity(store.#read, options) !== null) await store.#load()
    } catch (error) {
      await database.close()
      throw error
    }
    return store
  }

  get isInitialized(): boolean {
    return this.#progress !== null
  }
  /** The committed height. Only after the genesis. */
  get height(): Height {
    return this.#committed().height
  }
  get historyStart(): Height {
    return this.#committed().historyStart
  }

  /** The latest state. Not to be asked for keys of a height whose commit is under way. */
  evmStore(): EvmStore {
    // What a read sees while a commit is on its way may be older than what the commit remembered.
    return latestEvmStore(this.#read, (key, pointer) => {
      if (!this.#writing) this.#state.pointers.set(key, crc32c(key), pointer)
    })
  }
  readHead(): StoredHead {
    const { height } = this
    const summary = this.summary(height)
    assert(summary !== null, 'the committed height has a summary')
    return { summary, header: this.#executed(height).header }
  }
  summary(height: number): StateSummary | null {
    return readSummary(this.#read, height, this.#committed())
  }
  /** Hash of a committed Ethereum block, for BLOCKHASH; null above the committed height, and where it is not kept. */
  ethereumHashOf(height: number): Uint8Array | null {
    return readEthereumHash(this.#read, height, this.#committed())
  }

  /** The height whose engine memories are stored; those after it have a replay record each. */
  coreCheckpoint(engines: number): Height {
    return readCheckpointHeight(this.#read, engines)
  }
  corePages(engine: number): AsyncGenerator<ArenaPage> {
    return readPages(this.#database, this.#read, engine)
  }
  /** What does a height after the checkpoint again. */
  replayOf(height: Height): { readonly block: Block; readonly record: ReplayRecord } {
    const block = readBlock(this.#read, height, this.#committed())
    assert(block !== null, 'a committed height has a block')
    return { block, record: readReplay(this.#read, height) }
  }

  /** From now on what going back to this height needs is kept, however far it is; null: nothing but the usual. */
  hold(height: Height | null): void {
    this.#held = height ?? Number.POSITIVE_INFINITY
  }

  initializeGenesis(genesis: GenesisRecord): Promise<void> {
    return this.#inTurn(() => this.#writeGenesis(genesis))
  }

  /** Makes a height durable: after it resolves, a crash at any instant keeps all of it. */
  commitHeight(record: HeightRecord): Promise<void> {
    const committed = this.#inTurn(() => this.#writeHeight(record))
    const { retention } = this.#options
    // In its own turn: nobody waits for it. What it fails with, the next height meets.
    if (retention !== null) this.#inTurn(() => this.#pruneSome(retention)).catch(() => undefined)
    return committed
  }

  /** Keeps evidence until a block holds it; kept or committed already, it changes nothing. */
  savePendingEvidence(evidence: Evidence): Promise<void> {
    return this.#inTurn(() => this.#writePending(evidence))
  }

  /**
   * Goes back to an earlier height; false, and nothing is changed, when that is not kept any more. Of no use
   * afterwards but to be closed: what it remembers is of the heights that are gone.
   */
  async rollBack(to: Height): Promise<boolean> {
    let isDone = false
    await this.#inTurn(async () => {
      if (rollbackReach(this.#read).lowest > to) return
      for (let height: number = this.height; height > to; ) {
        height = Math.max(to, height - ROLLBACK_STEP)
        await rollBackTo(this.#database, this.#read, heightOf(height))
      }
      isDone = true
    })
    return isDone
  }

  async close(): Promise<void> {
    await this.#lastWrite
    await this.#database.close()
  }

  async #writeGenesis(genesis: GenesisRecord): Promise<void> {
    const { summary, executed, evmChanges } = genesis
    assert(this.#progress === null, 'a database is initialized once')
    assert(summary.height === 0, 'the genesis has height 0')
    const batch = new BatchWriter(this.#database)
    const { chainId, genesisHash } = this.#options
    const identity = { formatVersion: FORMAT_VERSION, chainId, genesisHash }
    batch.putRecord(identityCodec, META.identity, identity)
    writeEvmChanges(batch, this.#state, { height: 0, changes: evmChanges, keepHistory: false })
    const first = validatorRecordOf(heightOf(1), summary.validators, null)
    const second = validatorRecordOf(heightOf(2), summary.nextValidators, first.base)
    batch.putSealed(first.key, first.value)
    batch.putSealed(second.key, second.value)
    putOutcome(batch, { executed, summary, payload: [] })
    writeCore(batch, this.#read, heightOf(0), genesis.core, this.#held)
    const zero = heightOf(0)
    this.#logIndex.write(batch, executed, zero)
    await this.#advance(batch, { height: zero, start: zero, historyStart: zero, prunedTo: zero })
    this.#validators = { next: summary.nextValidators, base: second.base }
  }

  async #writeHeight(record: HeightRecord): Promise<void> {
    const { block, certificate, executed, summary } = record
    const progress = this.#committed()
    this.#assertFollows(record)
    const { height } = summary
    const batch = new BatchWriter(this.#database)
    const next = this.#nextProgress(progress, height)
    // Before the changes: a key that comes back must not be deleted after it was written.
    for (let pruned = progress.prunedTo + 1; pruned <= next.prunedTo; pruned++)
      pruneChangeset(batch, this.#read, pruned)
    writeEvmChanges(batch, this.#state, {
      height,
      changes: record.evmChanges,
      keepHistory: this.#options.historyBlocks > 0,
    })
    batch.putRecord(blockCodec, heightKey('block', height), block, LARGE_RECORD)
    batch.putRecord(certificateCodec, heightKey('certificate', height), certificate)
    putOutcome(batch, { executed, summary, payload: block.payload.evm })
    this.#logIndex.write(batch, executed, progress.start)
    writeCore(batch, this.#read, height, record.core, this.#held)
    this.#putEvidence(batch, block.payload.evidence, height)
    const validators = this.#nextValidators()
    const after = validatorRecordOf(heightOf(height + 2), summary.nextValidators, validators.base)
    batch.putSealed(after.key, after.value)
    await this.#advance(batch, next)
    this.#validators = { next: summary.nextValidators, base: after.base }
  }

  async #pruneSome(retention: RetentionPolicy): Promise<void> {
    // Behind those who wait for the height that was just committed.
    await new Promise(setImmediate)
    const bounds = retentionBounds(this.#read, retention)
    if (bounds === null) return
    const progress = this.#committed()
    const to = Math.min(lowestBound(bounds).height, progress.start + PRUNED_PER_HEIGHT)
    if (to <= progress.start) return
    const batch = new BatchWriter(this.#database)
    const next = pruneBlocks(batch, this.#read, progress, heightOf(to))
    batch.putRecord(progressCodec, META.progress, next)
    await this.#flush(batch, { sync: false })
    this.#progress = next
  }

  async #writePending(evidence: Evidence): Promise<void> {
    const hash = evidenceHash(evidence)
    const hashes = readPendingHashes(this.#read)
    if (hashes.some((other) => equalBytes(other, hash))) return
    if (readEvidenceHeight(this.#read, hash) !== null) return
    const batch = new BatchWriter(this.#database)
    const kept = [...hashes, hash]
    for (const dropped of kept.splice(0, Math.max(0, kept.length - PENDING_EVIDENCE_LIMIT)))
      batch.delete(keyOf('pendingEvidence', dropped))
    batch.putRecord(evidenceCodec, keyOf('pendingEvidence', hash), evidence)
    batch.putRecord(pendingListCodec, META.pendingEvidence, kept)
    await this.#flush(batch)
  }

  async #load(): Promise<void> {
    const progress = readProgress(this.#read)
    if (progress === null) throw corrupt(META.progress, 'MISSING')
    const { height } = progress
    const next = readValidators(this.#read, height + 2)
    if (next === null) throw corrupt(heightKey('validators', height + 2), 'MISSING')
    this.#validators = { next, base: readValidatorBase(this.#read, heightOf(height + 2)) }
    await this.#checkNoGaps(progress)
    this.#progress = progress
    // Decodes and checks every record of the head: what a restart builds on.
    this.readHead()
  }

  async #checkNoGaps({ height, start }: Progress): Promise<void> {
    const lowest = Math.max(start, height - CHECKED_HEIGHTS + 1)
    const range = { gte: heightKey('summary', lowest), lte: heightKey('summary', height) }
    const keys = await this.#database.keys(range).all()
    if (keys.length === height - lowest + 1) return
    const missing = keys.findIndex(
      (key, index) => !equalBytes(key, heightKey('summary', lowest + index)),
    )
    const gap = missing < 0 ? lowest + keys.length : lowest + missing
    throw corrupt(heightKey('summary', gap), 'MISSING')
  }

  #executed(height: Height): ExecutedBlock {
    return readExecuted(this.#read, height, readBlock(this.#read, height, this.#committed()))
  }

  #nextProgress(progress: Progress, height: Height): Progress {
    const { historyBlocks } = this.#options
    const wanted = Math.min(height - historyBlocks, this.#held)
    const historyStart = Math.max(progress.historyStart, wanted)
    const prunedTo = Math.min(historyStart, progress.prunedTo + PRUNED_PER_HEIGHT)
    const { start } = progress
    return { height, start, historyStart: heightOf(historyStart), prunedTo: heightOf(prunedTo) }
  }

  #putEvidence(batch: BatchWriter, committed: readonly Evidence[], height: Height): void {
    if (committed.length === 0) return
    const hashes = committed.map(evidenceHash)
    for (const hash of hashes) batch.putRecord(heightCodec, keyOf('evidence', hash), height)
    const pending = readPendingHashes(this.#read)
    const left = pending.filter((hash) => !hashes.some((other) => equalBytes(other, hash)))
    if (left.length === pending.length) return
    for (const hash of hashes) batch.delete(keyOf('pendingEvidence', hash))
    batch.putRecord(pendingListCodec, META.pendingEvidence, left)
  }

  #assertFollows({ block, blockId, certificate, executed, summary }: HeightRecord): void {
    const { height } = summary
    assert(height === this.height + 1, 'heights are committed in order')
    assert(block.header.height === height, 'the block has the height of its summary')
    assert(certificate.height === height, 'the certificate has the height of its block')
    assert(executed.header.number === height, 'the Ethereum block has the number of the height')
    const ids = [certificate.blockId, executed.blockId, summary.blockId]
    assert(
      ids.every((id) => id === blockId),
      'all records of a height name one block',
    )
    assert(
      sameValidators(summary.validators, this.#nextValidators().next),
      'the set that judges the next height was fixed one height before',
    )
  }

  #nextValidators(): KnownValidators {
    assert(this.#validators !== null, 'the validators are known once the genesis is')
    return this.#validators
  }

  #committed(): Progress {
    assert(this.#progress !== null, 'the genesis comes first')
    return this.#progress
  }

  #inTurn(write: () => Promise<void>): Promise<void> {
    const turn = this.#lastWrite.then(() => {
      if (this.#failure !== null) throw this.#failure
      return write()
    })
    this.#lastWrite = turn.catch(() => undefined)
    return turn
  }

  async #advance(batch: BatchWriter, progress: Progress): Promise<void> {
    batch.putRecord(progressCodec, META.progress, progress)
    await this.#flush(batch)
    this.#progress = progress
  }

  async #flush(batch: BatchWriter, options = { sync: true }): Promise<void> {
    this.#writing = true
    try {
      await batch.write(options)
    } catch (error) {
      this.#failure = ioError('write', error)
      throw this.#failure
    } finally {
      this.#writing = false
    }
  }
}

function putOutcome(
  batch: BatchWriter,
  outcome: {
    readonly executed: ExecutedBlock
    readonly summary: StateSummary
    readonly payload: readonly Uint8Array[]
  },
): void {
  const { executed, summary, payload } = outcome
  const { height } = summary
  assert(equalBytes(executed.header.hash, summary.ethereumHash), 'a summary names its block')
  batch.putRecord(
    executedRecordCodec(payload),
    heightKey('executed', height),
    executed,
    LARGE_RECORD,
  )
  batch.putRecord(summaryRecordCodec, heightKey('summary', height), summary)
  batch.putRecord(heightCodec, keyOf('ethereumHash', executed.header.hash), height)
  putLocations(batch, executed, height)
}

/** The bytes of locationCodec, of which only the index differs within a block. */
function putLocations(batch: BatchWriter, { transactions }: ExecutedBlock, height: Height): void {
  const value = sealedRecord(locationCodec, META.progress, { height, index: 0 })
  const view = new DataView(value.buffer, value.byteOffset)
  for (const [index, { hash }] of transactions.entries()) {
    const key = keyOf('transaction', hash)
    view.setUint32(LOCATION_INDEX_AT, index)
    batch.putSealed(key, sealInPlace(crc32c(key), value))
  }
}

const LOCATION_INDEX_AT = 8
