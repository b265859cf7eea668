import { coreRootOf, queueRootOf } from '../../core/chain/roots.ts'
import type { Registry } from '../../core/host/registry.ts'
import type { CoreMachine, GenesisParams } from '../../core/machine/index.ts'
import { assert } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES, toHex } from '../../core/primitives/bytes.ts'
import { ZERO_HASH } from '../../core/primitives/hash.ts'
import { type BlockId, heightOf } from '../../core/primitives/units.ts'
import { createEvmMachine, createGenesisState } from '../../evm/index.ts'
import { evmAccountsOf } from '../../genesis/evmAccounts.ts'
import {
  faucetOf,
  type Genesis,
  genesisHash,
  parseGenesis,
  validatorSetOf,
} from '../../genesis/index.ts'
import { defaultEnginePoolOptions } from '../engines/enginePool.ts'
import { coreRegistry, genesisParamsOf } from '../engines/registry.ts'
import { ChainStore, defaultChainStoreOptions, type GenesisRecord } from '../storage/chainStore.ts'
import { type OpenDatabase, openDatabase } from '../storage/database.ts'
import { type CheckpointOptions, Checkpoints, defaultCheckpointOptions } from './checkpoints.ts'
import { CommittedFeed } from './committedFeed.ts'
import { Executor } from './executor.ts'
import type { ExecutorThreadOptions } from './executorThread.ts'
import { createCore, randomArenaSeed, restoreCore } from './openCore.ts'
import { retentionPolicyOf } from './retentionPolicy.ts'
import { type CoreRoots, summaryOf } from './summaryOf.ts'

/** What tests replace: the disk below the executor, how often the engines are stored, and the engines. */
export type ExecutorSurroundings = {
  readonly open: OpenDatabase
  readonly checkpoints: CheckpointOptions
  readonly registry: Registry
  /** Of a module that exports the same registry as `coreRegistry`, for engine threads. */
  readonly registryModule: URL
  readonly genesisParamsOf: (genesis: Genesis) => GenesisParams
  /** Monotonic, for timings only. */
  readonly nowMs: () => number
  readonly arenaSeed: () => number
}

export const defaultExecutorSurroundings: ExecutorSurroundings = {
  open: openDatabase,
  checkpoints: defaultCheckpointOptions,
  registry: coreRegistry,
  registryModule: defaultEnginePoolOptions.registryModule,
  genesisParamsOf,
  nowMs: () => performance.now(),
  arenaSeed: randomArenaSeed,
}

/** Opens the database, writes the genesis state into an empty one, and builds the machine on it. */
export async function openExecutor(
  options: ExecutorThreadOptions,
  surroundings = defaultExecutorSurroundings,
): Promise<Executor> {
  const parsed = parseGenesis(options.genesisText)
  assert(parsed.ok, 'the node thread has parsed the same genesis')
  const genesis = parsed.value
  const storeOptions = {
    ...defaultChainStoreOptions,
    chainId: genesis.chainId,
    genesisHash: genesisHash(genesis),
    historyBlocks: options.historyBlocks,
    retention:
      options.retention === undefined ? null : retentionPolicyOf(genesis, options.retention),
  }
  const store = await ChainStore.open(options.databasePath, storeOptions, surroundings.open)
  const { registry, registryModule, nowMs, arenaSeed } = surroundings
  const now = (): number => nowMs() / 1_000
  const { machine: core, close } = await createCore(
    {
      chainId: genesis.chainId,
      core: genesis.core,
      ...{ registry, registryModule },
      engineThreads: options.engineThreads ?? 0,
      now: nowMs,
    },
    arenaSeed(),
  )
  const checkpoints = new Checkpoints(surroundings.checkpoints, core.arenas)
  if (store.isInitialized) await restoreCore(core, store)
  else {
    core.genesis(surroundings.genesisParamsOf(genesis))
    await store.initializeGenesis(await genesisRecordOf(genesis, core, checkpoints))
  }
  const { hardfork, treasury } = genesis.evm
  const machine = await createEvmMachine({
    store: store.evmStore(),
    chainId: genesis.chainId,
    hardfork,
    faucet: faucetOf(genesis),
    execution: options.evm ?? 'nexus',
    now,
  })
  const feed = new CommittedFeed(core.arenas)
  return new Executor(
    { params: genesis.consensus, treasury, now },
    { machine, core, registry, store, checkpoints, feed, closeCore: close },
  )
}

/** Height 0: the funded accounts, the first two validator sets, and the genesis hash as block id. */
async function genesisRecordOf(
  genesis: Genesis,
  core: CoreMachine,
  checkpoints: Checkpoints,
): Promise<GenesisRecord> {
  const { header, changes } = await createGenesisState(evmAccountsOf(genesis), {
    timestampMs: genesis.genesisTime,
    gasLimit: genesis.consensus.maxBlockGas,
    baseFeePerGas: genesis.evm.baseFeePerGas,
  })
  const blockId = toHex(genesisHash(genesis)) as BlockId
  const summary = summaryOf({
    height: heightOf(0),
    blockId,
    time: genesis.genesisTime,
    header,
    core: genesisRoots(core),
    validators: validatorSetOf(genesis),
    validatorUpdates: [],
  })
  return {
    executed: { blockId, header, transactions: [], skipped: [] },
    evmChanges: changes,
    core: {
      outcome: { receipts: [], events: EMPTY_BYTES },
      replay: null,
      checkpoint: checkpoints.takeNow(),
    },
    summary,
  }
}

/** Nothing is queued and nothing has happened before the first block. */
const genesisRoots = (core: CoreMachine): CoreRoots => ({
  coreRoot: coreRootOf(core.arenas.map((arena) => arena.root())),
  queueRoot: queueRootOf([]),
  receiptsHash: ZERO_HASH,
})
