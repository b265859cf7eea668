import { assert } from '../../core/primitives/assert.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { type BlockId, heightOf } from '../../core/primitives/units.ts'
import { createEvmMachine, createGenesisState } from '../../evm/index.ts'
import { type Genesis, genesisHash, parseGenesis, validatorSetOf } from '../../genesis/index.ts'
import { ChainStore, defaultChainStoreOptions, type GenesisRecord } from '../storage/chainStore.ts'
import { Executor } from './executor.ts'
import type { ExecutorThreadOptions } from './executorThread.ts'
import { summaryOf } from './summaryOf.ts'

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
  if (!store.isInitialized) await store.initializeGenesis(await genesisRecordOf(genesis))
  const { hardfork, treasury } = genesis.evm
  const machine = await createEvmMachine({
    store: store.evmStore(),
    chainId: genesis.chainId,
    hardfork,
    now,
  })
  return new Executor({ params: genesis.consensus, treasury, now }, { machine, store })
}

const now = (): number => performance.now() / 1_000

/** Height 0: the funded accounts, the first two validator sets, and the genesis hash as block id. */
async function genesisRecordOf(genesis: Genesis): Promise<GenesisRecord> {
  const { header, changes } = await createGenesisState(genesis.accounts, {
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
    validators: validatorSetOf(genesis),
  })
  return {
    executed: { blockId, header, transactions: [], skipped: [] },
    evmChanges: changes,
    summary,
  }
}
