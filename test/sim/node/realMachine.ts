import type { Clock } from '../../../node/consensus/clock.ts'
import { defaultExecutorSurroundings, openExecutor } from '../../../node/executor/openExecutor.ts'
import type { OpenDatabase } from '../../../node/storage/database.ts'
import { coreRegistry, genesisParamsOf } from '../../support/engines/chainRegistry.ts'
import type { Random } from '../random.ts'
import type { SimChain } from './chain.ts'
import type { Machine } from './echoMachine.ts'

/** Often enough that restarts find both pages and heights to do again. */
const CHECKPOINT_EVERY_BLOCKS = 8

/** Both machines as a node runs them, in this thread. */
export function openRealMachine(
  { genesisText, acted }: SimChain,
  modules: {
    readonly path: string
    readonly open: OpenDatabase
    readonly clock: Clock
    readonly random: Random
  },
): Promise<Machine> {
  const { path, open, clock, random } = modules
  return openExecutor(
    { databasePath: path, genesisText, historyBlocks: 4, engineThreads: 0 },
    {
      ...defaultExecutorSurroundings,
      ...(acted === null ? {} : { registry: coreRegistry, genesisParamsOf }),
      open,
      checkpoints: { everyBlocks: CHECKPOINT_EVERY_BLOCKS },
      nowMs: () => clock.monoMs(),
      arenaSeed: () => random.range(1, 2 ** 31 - 1),
    },
  )
}
