import * as fs from 'node:fs'
import * as path from 'node:path'
import type { ArenaPage } from '../../core/arena/index.ts'
import type { EthereumHeader } from '../../core/chain/executedBlock.ts'
import { coreRootOf } from '../../core/chain/roots.ts'
import type { CoreMachine } from '../../core/machine/index.ts'
import { assert } from '../../core/primitives/assert.ts'
import { equalBytes, fromHex, toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { EvmChange } from '../../evm/store.ts'
import type { Genesis } from '../../genesis/genesis.ts'
import { genesisHash } from '../../genesis/index.ts'
import { createCore } from '../executor/openCore.ts'
import type { ExecutorSurroundings } from '../executor/openExecutor.ts'
import { BatchWriter } from '../storage/batchWriter.ts'
import { pageKey, readPages } from '../storage/coreState.ts'
import {
  type Database,
  type DatabaseOptions,
  defaultDatabaseOptions,
  ioError,
} from '../storage/database.ts'
import { writeEvmChanges } from '../storage/evmState.ts'
import { PointerCache } from '../storage/pointerCache.ts'
import type { Read } from '../storage/record.ts'
import type { Anchor, CheckedManifest } from './checkManifest.ts'
import {
  checkAccountsPart,
  checkAncestorsPart,
  checkCodesPart,
  checkRunPart,
  checkStoragePart,
  nodeChanges,
  type PartCode,
} from './checkParts.ts'
import { type ContractParts, type Part, partsOf } from './manifest.ts'
import { writeRestoredHead } from './restoredHead.ts'

export type RestoreOptions = {
  readonly genesis: Genesis
  /** Where the database will be; it must not hold a chain. */
  readonly directory: string
  readonly surroundings: Pick<ExecutorSurroundings, 'open' | 'registry' | 'registryModule'>
  readonly database?: DatabaseOptions
}

export type RestoreCode = PartCode | 'SNAPSHOT_INCOMPLETE'

/** Whether a directory holds no database yet: a restore never replaces one. */
export const isFresh = (directory: string): boolean =>
  !fs.existsSync(path.join(directory, 'CURRENT'))

const unfinishedOf = (directory: string): string => `${directory}.restoring`

/**
 * Builds a database from the parts of a snapshot, each checked before it is written, beside the place
 * where it belongs. What a crash leaves is thrown away by the next attempt.
 */
export class Restore {
  readonly #options: RestoreOptions
  readonly #checked: CheckedManifest
  readonly #anchor: Anchor
  #database: Database
  readonly #contracts: ReadonlyMap<string, ContractParts>
  readonly #parts: readonly Part[]
  readonly #missing: Set<number>
  /** Accounts name the codes and the contracts that must come. */
  readonly #codes = new Set<string>()
  readonly #seenContracts = new Set<string>()
  #accountsMissing: number
  #codeOrder: readonly Uint8Array[] = []
  #ancestors: readonly EthereumHeader[] = []

  private constructor(
    options: RestoreOptions,
    snapshot: { readonly checked: CheckedManifest; readonly anchor: Anchor },
    database: Database,
  ) {
    this.#options = options
    this.#checked = snapshot.checked
    this.#anchor = snapshot.anchor
    this.#database = database
    const { manifest } = snapshot.checked
    this.#contracts = new Map(manifest.contracts.map((one) => [toHex(one.address), one]))
    this.#parts = partsOf(manifest)
    this.#missing = new Set(this.#parts.keys())
    this.#accountsMissing = manifest.accounts.length
  }

  /** RESTORE_TARGET_EXISTS when there is a database in the directory already. */
  static async begin(
    options: RestoreOptions,
    snapshot: { readonly checked: CheckedManifest; readonly anchor: Anchor },
  ): Promise<Restore> {
    const { directory, surroundings } = options
    if (!isFresh(directory))
      throw new NexusError(
        { code: 'RESTORE_TARGET_EXISTS', path: directory },
        { message: `there is a database in ${directory} already` },
      )
    const unfinished = unfinishedOf(directory)
    fs.rmSync(unfinished, { recursive: true, force: true })
    const database = await surroundings.open(unfinished, options.database ?? defaultDatabaseOptions)
    return new Restore(options, snapshot, database)
  }

  get parts(): readonly Part[] {
    return this.#parts
  }
  get missing(): number {
    return this.#missing.size
  }

  /** Whether a part can be checked now: storage and codes only after all accounts have named them. */
  isDue({ index, kind }: Part): boolean {
    if (!this.#missing.has(index)) return false
    return this.#accountsMissing === 0 || (kind !== 'storage' && kind !== 'codes')
  }

  /**
   * Checks a part and writes it; the code says why its bytes are not those of the snapshot. Only
   * SNAPSHOT_INCOMPLETE is the fault of the manifest: its accounts have storage or codes that it leaves out.
   */
  async accept(part: Part, bytes: Uint8Array): Promise<RestoreCode | null> {
    assert(this.isDue(part), 'a part is taken when it is due, and once')
    if (bytes.length !== part.bytes) return 'PART_WRONG_SIZE'
    switch (part.kind) {
      case 'ancestors': {
        const headers = checkAncestorsPart(bytes, this.#checked.manifest)
        if (!headers.ok) return headers.code
        this.#ancestors = headers.value
        break
      }
      case 'accounts': {
        const accounts = checkAccountsPart(bytes, part.part, this.#contracts)
        if (!accounts.ok) return accounts.code
        await this.#writeChanges(accounts.value.changes)
        for (const code of accounts.value.codes) this.#codes.add(code)
        for (const address of accounts.value.contracts) this.#seenContracts.add(address)
        this.#accountsMissing--
        break
      }
      case 'run': {
        const { schema } = this.#engine(part.part.engine)
        const pages = checkRunPart(bytes, part.part, schema)
        if (!pages.ok) return pages.code
        await this.#writePages(part.part.engine, pages.value)
        break
      }
      case 'storage': {
        const slots = checkStoragePart(bytes, part.contract.address, part.part)
        if (!slots.ok) return slots.code
        await this.#writeChanges(slots.value)
        break
      }
      case 'codes': {
        const hashes = this.#codeOrder.slice(part.first, part.first + part.count)
        const codes = checkCodesPart(bytes, hashes)
        if (!codes.ok) return codes.code
        await this.#writeChanges(codes.value)
        break
      }
    }
    this.#missing.delete(part.index)
    const isLastOfAccounts = part.kind === 'accounts' && this.#accountsMissing === 0
    return isLastOfAccounts ? this.#afterAccounts() : null
  }

  /** The manifest must name all storage and all codes, and nothing else. */
  #afterAccounts(): RestoreCode | null {
    const { contracts, codes } = this.#checked.manifest
    const count = codes.reduce((sum, part) => sum + part.count, 0)
    this.#codeOrder = [...this.#codes].sort().map(fromHex)
    const isWhole = count === this.#codes.size && this.#seenContracts.size === contracts.length
    return isWhole ? null : 'SNAPSHOT_INCOMPLETE'
  }

  /** Builds what is derived, compares the roots of everything, and puts the database in its place. */
  async finish(): Promise<void> {
    assert(this.#missing.size === 0, 'a restore is finished when every part is there')
    const { accountNodes, contractNodes, manifest } = this.#checked
    await this.#writeChanges(nodeChanges(null, accountNodes))
    for (const { address, writes } of contractNodes)
      await this.#writeChanges(nodeChanges(address, writes))
    await this.#finishEngines()
    await this.#settle()
    const { genesis } = this.#options
    await writeRestoredHead(this.#database, {
      identity: { chainId: genesis.chainId, genesisHash: genesisHash(genesis) },
      manifest,
      anchor: this.#anchor,
      ancestors: this.#ancestors,
    })
    await this.#database.close()
    const { directory } = this.#options
    fs.rmSync(directory, { recursive: true, force: true })
    fs.renameSync(unfinishedOf(directory), directory)
    const parent = fs.openSync(path.dirname(directory), 'r')
    fs.fsyncSync(parent)
    fs.closeSync(parent)
  }

  /** A synced write syncs LevelDB's newest log only; opening moves what the older ones hold into synced tables. */
  async #settle(): Promise<void> {
    const { directory, surroundings, database } = this.#options
    await this.#database.close()
    const options = database ?? defaultDatabaseOptions
    this.#database = await surroundings.open(unfinishedOf(directory), options)
  }

  /** Leaves nothing behind. */
  async abandon(): Promise<void> {
    await this.#database.close()
    fs.rmSync(unfinishedOf(this.#options.directory), { recursive: true, force: true })
  }

  #engine(index: number): ExecutorSurroundings['registry']['engines'][number] {
    const engine = this.#options.surroundings.registry.engines[index]
    assert(engine !== undefined, 'a checked manifest names engines of this chain')
    return engine
  }

  /** Indexes and levels anew; the engines then judge themselves as at every start. */
  async #finishEngines(): Promise<void> {
    const { genesis, surroundings } = this.#options
    const { machine, close } = await createCore({
      chainId: genesis.chainId,
      core: genesis.core,
      registry: surroundings.registry,
      registryModule: surroundings.registryModule,
      engineThreads: 0,
      now: () => performance.now(),
    })
    try {
      for (const [engine, arena] of machine.arenas.entries()) {
        const pages: ArenaPage[] = []
        for await (const page of readPages(this.#database, this.#read, engine)) pages.push(page)
        arena.loadPages(pages)
        arena.rebuildDerived()
        arena.seal()
        await this.#writePages(engine, arena.pages())
      }
      this.#checkEngines(machine)
    } finally {
      await close()
    }
  }

  /** Every part was checked: a difference here is a fault of this program. */
  #checkEngines(machine: CoreMachine): void {
    const coreRoot = coreRootOf(machine.arenas.map((arena) => arena.root()))
    const { height, roots } = this.#checked.manifest
    if (!equalBytes(coreRoot, roots.coreRoot))
      throw new NexusError(
        { code: 'STATE_MISMATCH', height, found: toHex(coreRoot) },
        {
          message: `the restored engines of height ${height} have another root than was certified`,
        },
      )
    const broken = machine.checkFull()
    if (broken.length > 0)
      throw new NexusError(
        { code: 'STATE_BROKEN', broken },
        { message: `the restored state of the engines is not sound: ${broken.join('; ')}` },
      )
  }

  readonly #read: Read = (key) => {
    try {
      return this.#database.getSync(key)
    } catch (error) {
      throw ioError('read', error, key)
    }
  }

  /** As if the genesis had placed it: there is no history before a snapshot. */
  #writeChanges(changes: readonly EvmChange[]): Promise<void> {
    return this.#write((batch) => {
      const state = { read: this.#read, pointers: new PointerCache(4) }
      writeEvmChanges(batch, state, { height: 0, changes, keepHistory: false })
    })
  }

  async #writePages(engine: number, pages: Iterable<ArenaPage>): Promise<void> {
    let some: ArenaPage[] = []
    const flush = (): Promise<void> =>
      this.#write((batch) => {
        for (const { index, bytes } of some) batch.put(pageKey(engine, index), bytes)
      })
    for (const page of pages) {
      some.push(page)
      if (some.length < PAGES_PER_BATCH) continue
      await flush()
      some = []
    }
    await flush()
  }

  /** Not synced: nothing counts before the last write, which is. */
  async #write(fill: (batch: BatchWriter) => void): Promise<void> {
    const batch = new BatchWriter(this.#database)
    fill(batch)
    try {
      await batch.write({ sync: false })
    } catch (error) {
      throw ioError('write', error)
    }
  }
}

const PAGES_PER_BATCH = 256
