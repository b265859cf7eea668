import '../nativeHash.ts'
import { coreRootOf } from '../../core/chain/roots.ts'
import type { CoreMachine } from '../../core/machine/index.ts'
import { assert } from '../../core/primitives/assert.ts'
import { equalBytes, toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { Height } from '../../core/primitives/units.ts'
import { defaultEnginePoolOptions } from '../engines/enginePool.ts'
import { coreRegistry } from '../engines/registry.ts'
import { createCore, restoreCore } from '../executor/openCore.ts'
import { coreSourceAt } from '../storage/rollback.ts'
import type { StateSummary } from '../storage/stateSummary.ts'
import type { StoppedNode } from './stoppedNode.ts'

/**
 * Rebuilds the engines of a height from what a stopped node has stored, compares their root with the
 * committed one, and lets them be read. Throws STATE_MISMATCH, STATE_BROKEN, STORAGE_CORRUPT.
 */
export async function withEngines<T>(
  { database, read, genesis }: StoppedNode,
  height: Height,
  use: (machine: CoreMachine, summary: StateSummary) => T,
): Promise<T> {
  const source = coreSourceAt(database, read, height)
  const summary = source.summary(height)
  assert(summary !== null, 'a height within reach has a summary')
  const { machine, close } = await createCore({
    chainId: genesis.chainId,
    core: genesis.core,
    registry: coreRegistry,
    registryModule: defaultEnginePoolOptions.registryModule,
    engineThreads: 0,
    now: () => performance.now(),
  })
  try {
    await restoreCore(machine, source)
    const root = coreRootOf(machine.arenas.map((arena) => arena.root()))
    if (!equalBytes(root, summary.roots.coreRoot)) throw mismatch(height, root, summary)
    return use(machine, summary)
  } finally {
    await close()
  }
}

const mismatch = (height: Height, root: Uint8Array, { roots }: StateSummary): NexusError =>
  new NexusError(
    { code: 'STATE_MISMATCH', height, found: toHex(root) },
    {
      message: `the stored engines of height ${height} have root ${toHex(root)}, committed was ${toHex(roots.coreRoot)}`,
    },
  )
