import { coreRootOf, queueRootOf } from '../../core/chain/roots.ts'
import type { CoreMachine } from '../../core/machine/index.ts'
import { assert } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES, toHex } from '../../core/primitives/bytes.ts'
import { ZERO_HASH } from '../../core/primitives/hash.ts'
import { type BlockId, heightOf } from '../../core/primitives/units.ts'
import { createEvmMachine, createGenesisState } from '../../evm/index.ts'
import { coreParamsOf } from '../../genesis/coreParams.ts'
import { evmAccountsOf } from '../../genesis/evmAccounts.ts'
import { type Genesis, genesisHash, parseGenesis, validatorSetOf } from '../../genesis/index.ts'
import { ChainStore, defaultChainStoreOptions, type GenesisRecord } from '../storage/chainStore.ts'
import { Checkpoints, defaultCheckpointOptions } from './checkpoints.ts'
import { CommittedFeed } from './committedFeed.ts'
import { Executor } from './executor.ts'
import type { ExecutorThreadOptions } from './executorThread.ts'
import { createCore, restoreCore } from './openCore.ts'
import { type CoreRoots, summaryOf } from './summaryOf.ts'

/** Opens the database, writes the genesis state into an empty one, and builds the machine on it. */
export async function openExecutor(options: ExecutorThreadOptions): Promise<Executor> {
  const parsed = parseGenesis(options.genesisText)
  assert(parsed.ok, 'the node thread has parsed the same genesis')
  const genesis = parsed.value
  const store = await ChainStore.open(options.databasePath, {
    ...defaultChainStoreOptions,
    chainId: genesis.chainId,
    genesisHash: genesisHash(genesis),
    historyBlocks: options.historyBlocks,
  })
  const { machine: core, close } = await createCore({
    chainId: genesis.chainId,
    core: genesis.core,
    engineThreads: options.engineThreads ?? 0,
    now: nowMs,
  })
  const checkpoints = new Checkpoints(defaultCheckpointOptions, core.arenas)
  if (store.isInitialized) await restoreCore(core, store)
  else await store.initializeGenesis(await genesisRecordOf(genesis, core, checkpoints))
  const { hardfork, treasury } = genesis.evm
  const machine = await createEvmMachine({
    store: store.evmStore(),
    chainId: genesis.chainId,
    hardfork,
    now,
  })
  const feed = new CommittedFeed(core.arenas)
  return new Executor(
    { params: genesis.consensus, treasury, now },
    { machine, core, store, checkpoints, feed, closeCore: close },
  )
}

const now = (): number => performance.now() / 1_000
const nowMs = (): number => performance.now()

/** Height 0: the funded accounts, the first two validator sets, and the genesis hash as block id. */
async function genesisRecordOf(
  genesis: Genesis,
  core: CoreMachine,
  checkpoints: Checkpoints,
): Promise<GenesisRecord> {
  core.genesis(coreParamsOf(genesis))
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
