import { LRUCache } from 'lru-cache'
import type { Block } from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { Evidence } from '../../core/chain/evidence.ts'
import type { BlockOutline, EthereumHeader, ExecutedBlock } from '../../core/chain/executedBlock.ts'
import type { Validator } from '../../core/chain/validatorSet.ts'
import { assert } from '../../core/primitives/assert.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { type Height, heightOf } from '../../core/primitives/units.ts'
import type { EvmStore } from '../../evm/store.ts'
import {
  readBlock,
  readCertificate,
  readEthereumHash,
  readEvidenceHeight,
  readExecuted,
  readHeightOfHash,
  readLocation,
  readOutline,
  readPendingEvidence,
  readProgress,
  readSummary,
  type TransactionLocation,
} from './chainRecords.ts'
import { type CoreOutcome, readActionLocation, readCoreOutcome } from './coreState.ts'
import {
  type Database,
  type DatabaseOptions,
  type DatabaseSnapshot,
  defaultDatabaseOptions,
  ioError,
  type OpenDatabase,
  openDatabase,
} from './database.ts'
import { type EngineAnswers, readEngineAnswers } from './engineCalls.ts'
import { trieNodesBefore } from './evmRollback.ts'
import { latestEvmStore, pastEvmStore } from './evmState.ts'
import { LogIndexSearch, type LogPlaces, type LogStep } from './logSearch.ts'
import { type ChainIdentity, checkIdentity, type Progress } from './meta.ts'
import type { Read } from './record.ts'
import type { StateSummary } from './stateSummary.ts'
import { readValidators } from './validatorRecord.ts'

export type ChainReaderOptions = ChainIdentity & {
  readonly database: DatabaseOptions
  /** Decoded blocks kept: blocks never change, so they outlive snapshots. */
  readonly cachedBlocks: number
}

export const defaultChainReaderOptions = { database: defaultDatabaseOptions, cachedBlocks: 32 }

/** EVM state of one height. It holds a snapshot of the database until it is released. */
export type EvmStateView = EvmStore & { readonly height: Height; release(): void }

/**
 * Reads of the committed chain, synchronous and all as of one height: a snapshot that only
 * `refresh` moves on. Any thread of the process may have one while the executor writes.
 */
export class ChainReader {
  readonly #database: Database
  readonly #identity: ChainIdentity
  readonly #executed: LRUCache<number, { block: Block | null; executed: ExecutedBlock }>
  readonly #outlines: LRUCache<number, BlockOutline>
  #snapshot: SharedSnapshot | null = null
  #progress: Progress | null = null

  private constructor(database: Database, options: ChainReaderOptions) {
    this.#database = database
    this.#identity = options
    this.#executed = new LRUCache({ max: options.cachedBlocks })
    this.#outlines = new LRUCache({ max: options.cachedBlocks })
  }

  /** Throws DATABASE_LOCKED, DATABASE_VERSION, WRONG_CHAIN, WRONG_GENESIS, STORAGE_CORRUPT. */
  static async open(
    path: string,
    options: ChainReaderOptions,
    open: OpenDatabase = openDatabase,
  ): Promise<ChainReader> {
    const database = await open(path, options.database)
    const reader = new ChainReader(database, options)
    try {
      reader.refresh()
    } catch (error) {
      await database.close()
      throw error
    }
    return reader
  }

  /** Moves on to what is committed now. Views of the state taken before keep their height. */
  refresh(): void {
    const snapshot = new SharedSnapshot(this.#database)
    try {
      if (this.#progress === null) checkIdentity(snapshot.read, this.#identity)
      const known = this.#progress?.height ?? 0
      this.#progress = readProgress(snapshot.read)
      // The chain of a development network went back: its blocks are others from there.
      if (this.#progress !== null && this.#progress.height < known) {
        this.#executed.clear()
        this.#outlines.clear()
      }
    } catch (error) {
      snapshot.release()
      throw error
    }
    this.#snapshot?.release()
    this.#snapshot = snapshot
  }

  /** False until the executor has written the genesis and `refresh` has seen it. */
  get isInitialized(): boolean {
    return this.#progress !== null
  }
  get height(): Height {
    return this.#committed().height
  }
  /** The lowest height that `evmStoreAt` answers for. */
  get historyStart(): Height {
    return this.#committed().historyStart
  }

  /** Null at height 0, which has no consensus block, and above the committed height. */
  block(height: number): Block | null {
    return this.#executed.get(height)?.block ?? readBlock(this.#read, height, this.#committed())
  }
  /** The commit certificate of a height. */
  certificate(height: number): Certificate | null {
    return readCertificate(this.#read, height, this.#committed())
  }
  /** Null at the height of a restored snapshot, whose transactions are not kept. */
  executedBlock(height: number): ExecutedBlock | null {
    return this.#isRestored(height) ? null : this.#executedRecord(height)
  }
  /** Null where `executedBlock` is. */
  outline(height: number): BlockOutline | null {
    return this.#isRestored(height) ? null : this.#outlineRecord(height)
  }
  #isRestored(height: number): boolean {
    return height === this.start && height > 0
  }
  ethereumHeader(height: number): EthereumHeader | null {
    return this.#outlineRecord(height)?.header ?? null
  }
  /** For BLOCKHASH, without the block. */
  ethereumHash(height: number): Uint8Array | null {
    return readEthereumHash(this.#read, height, this.#committed())
  }
  /** What the database began with: no block up to this height is kept. */
  get start(): Height {
    return this.#committed().start
  }
  #executedRecord(height: number): ExecutedBlock | null {
    const reach = this.#committed()
    if (height < reach.start || height > reach.height) return null
    const cached = this.#executed.get(height)
    if (cached !== undefined) return cached.executed
    const block = readBlock(this.#read, height, reach)
    const executed = readExecuted(this.#read, height, block)
    this.#executed.set(height, { block, executed })
    return executed
  }
  #outlineRecord(height: number): BlockOutline | null {
    const reach = this.#committed()
    if (height < reach.start || height > reach.height) return null
    const known = this.#outlines.get(height)
    if (known !== undefined) return known
    const outline = readOutline(this.#read, height)
    this.#outlines.set(height, outline)
    return outline
  }
  /** A search for logs, a section of heights at a time; it goes on where the reader is. */
  logSearch(places: LogPlaces): (from: number, to: number) => LogStep {
    const search = new LogIndexSearch(this.#read, places)
    return (from, to) => search.step(from, to, this.height)
  }
  heightOfEthereumHash(hash: Uint8Array): Height | null {
    return readHeightOfHash(this.#read, hash)
  }
  transactionLocation(hash: Uint8Array): TransactionLocation | null {
    return readLocation(this.#read, hash)
  }
  /** Receipts and events of Core's actions; null above the committed height. */
  coreOutcome(height: number): CoreOutcome | null {
    return readCoreOutcome(this.#read, height, this.#committed())
  }
  /** What engines answered the EVM at a height, in order; as far as the state's history goes. */
  engineAnswers(height: number): EngineAnswers {
    return readEngineAnswers(this.#read, height)
  }
  /** By hash of the signed envelope. */
  actionLocation(hash: Uint8Array): TransactionLocation | null {
    return readActionLocation(this.#read, hash)
  }
  summary(height: number): StateSummary | null {
    return readSummary(this.#read, height, this.#committed())
  }
  /** The set that judges a height, in address order: from height 1 to two above the committed one. */
  validators(height: number): readonly Validator[] | null {
    return readValidators(this.#read, height)
  }
  /** Whether a block holds this evidence. */
  hasEvidence(hash: Uint8Array): boolean {
    return readEvidenceHeight(this.#read, hash) !== null
  }
  /** Evidence that no block holds yet, oldest first. */
  pendingEvidence(): Evidence[] {
    return readPendingEvidence(this.#read)
  }

  /** The state of the snapshot's height. Release it after use. */
  evmStore(): EvmStateView {
    return this.#view(latestEvmStore, this.height)
  }
  /**
   * The state after an earlier height; null when that is not kept (or not reached) any more. Asking
   * it for a trie node throws NO_TRIE_HISTORY. Release it after use.
   */
  evmStoreAt(height: number): EvmStateView | null {
    const { height: latest, historyStart } = this.#committed()
    if (height === latest) return this.evmStore()
    if (!Number.isInteger(height) || height < historyStart || height > latest) return null
    return this.#view((read) => pastEvmStore(read, height), heightOf(height))
  }

  /**
   * The same with the trie of that height, which is made from the changes since: null also when
   * more keys than `maxKeys` changed. Release it after use.
   */
  evmProofStoreAt(height: number, maxKeys: number): EvmStateView | null {
    const summary = this.summary(height)
    const view = this.evmStoreAt(height)
    if (view === null || summary === null || height === this.height) return view
    const past = { from: this.height, to: heightOf(height), evmRoot: summary.roots.evmRoot }
    const nodes = trieNodesBefore(this.#read, { ...past, maxKeys })
    if (nodes === null) {
      view.release()
      return null
    }
    const latest = this.evmStore()
    return {
      height: view.height,
      get: (namespace, key) => {
        if (namespace !== 'trieNode') return view.get(namespace, key)
        const node = nodes.get(toHex(key))
        return node === undefined ? latest.get(namespace, key) : (node ?? undefined)
      },
      release: () => {
        view.release()
        latest.release()
      },
    }
  }

  /** Before the handle that was opened first in this process. Views must be released. */
  async close(): Promise<void> {
    this.#snapshot?.release()
    this.#snapshot = null
    this.#executed.clear()
    await this.#database.close()
  }

  readonly #read: Read = (key) => this.#current().read(key)

  #current(): SharedSnapshot {
    assert(this.#snapshot !== null, 'a reader is not used after it is closed')
    return this.#snapshot
  }

  #committed(): Progress {
    assert(this.#progress !== null, 'the chain is read after its genesis is written')
    return this.#progress
  }

  #view(storeOf: (read: Read) => EvmStore, height: Height): EvmStateView {
    const snapshot = this.#current().retain()
    const store = storeOf(snapshot.read)
    let held = true
    return {
      height,
      get: (namespace, key) => {
        assert(held, 'a state view is not used after its release')
        return store.get(namespace, key)
      },
      release: () => {
        if (held) snapshot.release()
        held = false
      },
    }
  }
}

/** A database snapshot that lives until its last holder lets go. */
class SharedSnapshot {
  readonly read: Read
  readonly #snapshot: DatabaseSnapshot
  #holders = 1

  constructor(database: Database) {
    const snapshot = database.snapshot()
    const options = { snapshot, keyEncoding: 'view', valueEncoding: 'view' } as const
    this.#snapshot = snapshot
    this.read = (key) => {
      try {
        return database.getSync(key, options)
      } catch (error) {
        throw ioError('read', error, key)
      }
    }
  }

  retain(): this {
    assert(this.#holders > 0, 'a closed snapshot is not taken again')
    this.#holders++
    return this
  }

  release(): void {
    this.#holders--
    // Closing is synchronous inside; the promise only says so.
    if (this.#holders === 0) void this.#snapshot.close()
  }
}
