import type { ForkReport } from '../consensus/index.ts'
import { assert } from '../core/primitives/assert.ts'
import type { Result } from '../core/primitives/result.ts'
import { reject } from '../core/primitives/result.ts'
import type {
  DevnetAnswer,
  DevnetCode,
  DevnetRequest,
  NodeStatus,
  PoolContent,
  PoolCounts,
  PoolRequest,
  SignedTransaction,
} from '../rpc/index.ts'
import type { NodeConfig } from './config.ts'
import type { ConsensusEngine } from './consensus/engine.ts'
import type { DevnetControl } from './devnet/control.ts'
import type { PooledAction } from './mempool/action.ts'
import type { PooledTransaction } from './mempool/transaction.ts'
import type { Network } from './network/network.ts'
import type { ActionSubmissionCode, RpcGateway, SubmissionCode } from './rpc/gateway.ts'
import type { BlockSync } from './sync/blockSync.ts'
import type { TransactionFlow } from './transactions/transactionFlow.ts'

export type NodeGatewayModules = {
  /** Of the software. */
  readonly version: string
  readonly config: NodeConfig
  /** Null: an observer. */
  readonly validator: Uint8Array | null
  readonly engine: ConsensusEngine
  readonly flow: TransactionFlow
  readonly sync: BlockSync
  readonly network: Network
  readonly fork: ForkReport | null
  /** Null: this is no devnet. */
  readonly devnet: DevnetControl | null
}

/** What the RPC thread may ask of the node thread. */
export class NodeGateway implements RpcGateway {
  readonly #modules: NodeGatewayModules

  constructor(modules: NodeGatewayModules) {
    this.#modules = modules
  }

  /** Far behind, the state that a transaction is judged by is too old to tell anything. */
  submit(transactions: readonly PooledTransaction[]): readonly Result<null, SubmissionCode>[] {
    if (this.catchingUp()) return transactions.map(() => reject('CATCHING_UP'))
    return this.#modules.flow.submit(transactions)
  }

  submitActions(actions: readonly PooledAction[]): readonly Result<null, ActionSubmissionCode>[] {
    if (this.catchingUp()) return actions.map(() => reject('CATCHING_UP'))
    return this.#modules.flow.submitActions(actions)
  }

  pendingNonce(address: Uint8Array): number | null {
    return this.#modules.flow.pool.pendingNonce(address)
  }

  pendingTransaction(hash: Uint8Array): SignedTransaction | null {
    const pooled = this.#modules.flow.pool.get(hash)
    return pooled === undefined ? null : { hash, sender: pooled.sender, bytes: pooled.bytes }
  }

  poolCounts(): PoolCounts {
    return this.#modules.flow.pool.counts()
  }

  poolContent({ sender, limit }: PoolRequest): PoolContent {
    const { pending, queued } = this.#modules.flow.pool.contents(sender, limit)
    return { pending: pending.map(signedOf), queued: queued.map(signedOf) }
  }

  status(): NodeStatus {
    const { version, config, validator, engine, flow, sync, network, fork } = this.#modules
    return {
      moniker: config.moniker,
      version,
      validator,
      height: engine.head.summary.height,
      catchingUp: this.catchingUp(),
      highestKnown: sync.targetHeight,
      pendingTransactions: flow.pool.size,
      peers: network.peers().map(({ id, moniker, address, direction, height }) => ({
        id,
        moniker,
        address,
        direction,
        height,
        // Peers prove who they are as machines, not as validators.
        validator: null,
      })),
      fork,
    }
  }

  catchingUp(): boolean {
    return this.#modules.sync.catchingUp
  }

  devnet(request: DevnetRequest): Promise<Result<DevnetAnswer, DevnetCode>> {
    const { devnet } = this.#modules
    assert(devnet !== null, 'only the RPC thread of a devnet asks')
    return devnet.request(request)
  }

  consensusState(): unknown {
    return this.#modules.engine.state
  }
}

const signedOf = ({ hash, sender, bytes }: PooledTransaction): SignedTransaction => ({
  hash,
  sender,
  bytes,
})
