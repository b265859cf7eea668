import { MessageChannel } from 'node:worker_threads'
import { coreRegistry } from '../../node/engines/registry.ts'
import type { FeedMessage } from '../../node/executor/committedFeed.ts'
import { CoreReplica } from '../../node/rpc/coreReplica.ts'
import type { RealChain } from './realChain.ts'

/** A replica that follows the executor of a chain, a turn of the event loop behind. `onHeld` when a message has to wait. */
export async function replicaOf(chain: RealChain, onHeld = (): void => {}): Promise<CoreReplica> {
  const replica = new CoreReplica(coreRegistry)
  const { port1, port2 } = new MessageChannel()
  const first = new Promise<void>((resolve) => {
    port1.on('message', (message: FeedMessage) => {
      if (!replica.receive(message)) onHeld()
      resolve()
    })
  })
  port1.unref()
  chain.executor.attach(port2)
  await first
  return replica
}
