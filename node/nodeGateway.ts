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
import type { PooledTransaction } from './mempool/transaction.ts'
import type { Network } from './network/network.ts'
import type { NotNowCode, RpcGateway, Verdicts } from './rpc/gateway.ts'
import type { BlockSync } from './sync/blockSync.ts'
import type { TransactionFlow } from './transactions/transactionFlow.ts'

export type NodeGatewayModules = {
  /** Of the software. */
  readonly version: string
  readonly config: NodeConfig
  /** Null: an observer. */
  readonly validator: Uint8Array | null
  /** Its parts are others after a development network went back. */
  readonly composition: {
    readonly engine: ConsensusEngine
    readonly flow: TransactionFlow
    readonly sync: BlockSync
    readonly network: Network
  }
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

  readonly submit: RpcGateway['submit'] = (transactions) =>
    this.#whereRoom(transactions, () => this.#modules.composition.flow.submit(transactions))

  readonly submitActions: RpcGateway['submitActions'] = (actions) =>
    this.#whereRoom(actions, () => this.#modules.composition.flow.submitActions(actions))

  /** Far behind, the state that a transaction is judged by is too old to tell anything. */
  #whereRoom<C extends string>(
    items: readonly unknown[],
    submit: () => Verdicts<C>,
  ): Verdicts<C | NotNowCode> | Promise<Verdicts<C | NotNowCode>> {
    if (this.catchingUp()) return items.map(() => reject('CATCHING_UP'))
    const room = this.#modules.composition.flow.room(items.length)
    if (room === true) return submit()
    return room.then((hasRoom) => (hasRoom ? submit() : items.map(() => reject('CHAIN_BUSY'))))
  }

  pendingNonce(address: Uint8Array): number | null {
    return this.#modules.composition.flow.pool.pendingNonce(address)
  }

  pendingTransaction(hash: Uint8Array): SignedTransaction | null {
    const pooled = this.#modules.composition.flow.pool.get(hash)
    return pooled === undefined ? null : { hash, sender: pooled.sender, bytes: pooled.bytes }
  }

  poolCounts(): PoolCounts {
    return this.#modules.composition.flow.pool.counts()
  }

  poolContent({ sender, limit }: PoolRequest): PoolContent {
    const { pending, queued } = this.#modules.composition.flow.pool.contents(sender, limit)
    return { pending: pending.map(signedOf), queued: queued.map(signedOf) }
  }

  status(): NodeStatus {
    const { version, config, validator, composition, fork } = this.#modules
    const { engine, flow, sync, network } = composition
    return {
      moniker: config.moniker,
      version,
      validator,
      height: engine.head.summary.height,
      catchingUp: this.catchingUp(),
      highestKnown: sync.knownHeight,
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
    return this.#modules.composition.sync.catchingUp
  }

  devnet(request: DevnetRequest): Promise<Result<DevnetAnswer, DevnetCode>> {
    const { devnet } = this.#modules
    assert(devnet !== null, 'only the RPC thread of a devnet asks')
    return devnet.request(request)
  }

  consensusState(): unknown {
    return this.#modules.composition.engine.state
  }
}

const signedOf = ({ hash, sender, bytes }: PooledTransaction): SignedTransaction => ({
  hash,
  sender,
  bytes,
})
