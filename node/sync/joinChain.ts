import { NexusError } from '../../core/primitives/errors.ts'
import type { BlockId } from '../../core/primitives/units.ts'
import { systemClock } from '../consensus/clock.ts'
import { defaultExecutorSurroundings } from '../executor/openExecutor.ts'
import { BanFile } from '../network/banFile.ts'
import { Network, type NetworkHandlers } from '../network/network.ts'
import { networkOptionsOf } from '../networkOptions.ts'
import type { StartNodeOptions } from '../nodeTypes.ts'
import { isFresh } from '../snapshots/restore.ts'
import { defaultStateSyncTimes, StateSync } from './stateSync.ts'
import type { TrustedBlock } from './trust.ts'

/** The start was ended on purpose; the next one begins again. */
export const STOPPED_WHILE_JOINING = 'STOPPED_WHILE_JOINING'

/**
 * Before a node with an empty database opens it: fills it from a snapshot of its peers, if its operator wants
 * that. Talks to them under the node's own identity, serves nothing and listens to nobody; a node that has a
 * chain is left alone.
 */
export async function joinChain(options: StartNodeOptions, signal: AbortSignal): Promise<void> {
  const { config, genesis, log } = options
  if (!config.stateSync.enabled || !isFresh(config.paths.database)) return
  const network = joinNetworkOf(options)
  await network.start()
  try {
    const sync = new StateSync(
      {
        ...defaultStateSyncTimes,
        restore: {
          genesis,
          directory: config.paths.database,
          surroundings: defaultExecutorSurroundings,
        },
        trust: { genesis, trusted: trustedOf(config.stateSync), nowMs: systemClock.wallMs },
      },
      { network, clock: systemClock, log: log.child('stateSync'), signal },
    )
    await sync.run()
  } finally {
    await network.stop()
  }
  // To go on would write a genesis, and the next start would have a chain.
  if (signal.aborted) throw new NexusError({ code: STOPPED_WHILE_JOINING })
}

function trustedOf({
  trustHeight,
  trustHash,
}: {
  readonly trustHeight: number
  readonly trustHash: string | null
}): TrustedBlock | null {
  return trustHash === null
    ? null
    : { height: trustHeight, id: trustHash.slice(2).toLowerCase() as BlockId }
}

function joinNetworkOf(options: StartNodeOptions): Network {
  const { log, onFatal } = options
  const handlers: NetworkHandlers = {
    onConsensus: () => {},
    onBatch: () => 'ignore',
    onAnnouncement: () => {},
    onPeerConnected: () => {},
    onPeerDisconnected: () => {},
    serveBatches: () => [],
    serveBlocks: () => [],
    serveBlock: () => null,
  }
  return new Network(networkOptionsOf(options, []), {
    handlers,
    height: () => 0,
    clock: systemClock,
    log: log.child('network'),
    metrics: null,
    bans: new BanFile(options.config.paths.bans, { clock: systemClock, log }),
    onFatal,
  })
}
