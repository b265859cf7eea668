import { LRUCache } from 'lru-cache'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { BlockOutline, EthereumHeader, ExecutedBlock } from '../../core/chain/executedBlock.ts'
import type { Validator } from '../../core/chain/validatorSet.ts'
import { type CoreParams, createCoreSimulation } from '../../core/machine/index.ts'
import { assert } from '../../core/primitives/assert.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import {
  decodeTransaction,
  getProof,
  nextBaseFee,
  type Simulator,
  type TransactionRules,
} from '../../evm/index.ts'
import {
  type AccessListResult,
  type AccountProof,
  type BackendEvent,
  type CallRequest,
  type CertifiedBlock,
  fail,
  isPast,
  type LogCandidates,
  type LogCriteria,
  type NodeIdentity,
  type NodeStatus,
  type Outcome,
  type RpcBackend,
  type SignedTransaction,
  type StateReader,
  type TransactionLocation,
  type TransactionView,
} from '../../rpc/index.ts'
import type { DevnetWallet } from '../devnet/wallet.ts'
import { isAction, type PooledAction } from '../mempool/action.ts'
import type { PooledTransaction } from '../mempool/transaction.ts'
import type { ChainReader, EvmStateView } from '../storage/chainReader.ts'
import type { Channel } from '../threads/channel.ts'
import type { SenderRecovery } from '../transactions/senderRecovery.ts'
import { accountProofOf } from './accountProof.ts'
import { certifiedBlockOf } from './certifiedBlock.ts'
import type { CoreReplica } from './coreReplica.ts'
import { CoreService } from './coreService.ts'
import { DevnetService } from './devnetService.ts'
import type {
  ActionSubmissionCode,
  GatewayApi,
  RpcThreadEvents,
  SubmissionCode,
} from './gateway.ts'
import { ChainInspection, type ReplayFees } from './inspection.ts'
import { Outbox } from './outbox.ts'
import { SignedIntake } from './signedIntake.ts'
import { type Simulation, simulationOf } from './simulation.ts'
import { senderStateOf, stateReaderOf } from './stateReader.ts'
import { malformed, objectionTo, pooledOf, poolObjection } from './submission.ts'
import { transactionViewOf } from './transactionView.ts'
import { Turns } from './turns.ts'

export type ChainBackendOptions = {
  readonly identity: NodeIdentity
  readonly rules: TransactionRules
  readonly core: CoreParams
  readonly fees: ReplayFees
  /** Most gas that a call may use. */
  readonly callGas: number
  /** Headers kept, the ones asked for last; about 3 KiB each. */
  readonly cachedHeaders: number
}

export const defaultChainBackendOptions = { callGas: 50_000_000, cachedHeaders: 1_024 }

export type ChainBackendModules = {
  readonly reader: ChainReader
  readonly simulator: Simulator
  readonly node: Pick<Channel<GatewayApi, RpcThreadEvents>, 'call'>
  readonly replica: CoreReplica
  readonly recovery: Pick<SenderRecovery, 'decode'>
  /** Null or absent: this is no devnet. */
  readonly devnet?: { readonly wallet: DevnetWallet; readonly hardfork: string } | null
}

/** Accounts and slots that changed since a height whose trie is made for a proof: about a fifth of a second. */
const MAX_PROOF_KEYS = 10_000

/** The node behind the RPC server: committed blocks and state from the database, the rest from the node thread. */
export class ChainBackend implements RpcBackend {
  readonly identity: NodeIdentity
  readonly core: CoreService
  readonly inspection: ChainInspection
  readonly devnet?: DevnetService
  readonly #options: ChainBackendOptions
  readonly #reader: ChainReader
  readonly #node: ChainBackendModules['node']
  readonly #outbox: Outbox<PooledTransaction, SubmissionCode>
  readonly #intake: SignedIntake
  readonly #replica: CoreReplica
  readonly #simulation: Simulation
  readonly #turns = new Turns()
  readonly #headers: LRUCache<number, EthereumHeader>
  readonly #listeners = new Set<(event: BackendEvent) => void>()
  /** The last height that listeners were told of. */
  #published: number
  /** The last height of Core that they were told of. */
  #told: number

  constructor(options: ChainBackendOptions, modules: ChainBackendModules) {
    const { reader, simulator, node, replica, recovery } = modules
    this.identity = options.identity
    this.#options = options
    this.#reader = reader
    this.#node = node
    this.#outbox = new Outbox((transactions) => node.call('submit', transactions))
    const actions = new Outbox<PooledAction, ActionSubmissionCode>((sent) =>
      node.call('submitActions', sent),
    )
    this.#intake = new SignedIntake(recovery)
    this.core = new CoreService(options.identity.chainId, {
      replica,
      reader,
      judge: (bytes) => this.#intake.judge(bytes),
      submit: (action) => actions.submit(action),
    })
    this.#replica = replica
    this.#headers = new LRUCache({ max: options.cachedHeaders })
    const parts = {
      simulator,
      gasCap: options.callGas,
      ancestorHash: (height: number) => reader.ethereumHash(height),
      core: createCoreSimulation({
        registry: replica.registry,
        arenas: replica.arenas,
        params: options.core,
      }),
    }
    this.#simulation = simulationOf({ ...parts, coreAt: () => replica })
    this.inspection = new ChainInspection({
      ...{ ...parts, reader, node, replica, fees: options.fees },
      onState: (place, run) => this.#simulate(place, run),
    })
    this.#published = reader.height
    this.#told = replica.height
    const { devnet = null } = modules
    if (devnet !== null)
      this.devnet = new DevnetService(devnet.hardfork, {
        wallet: devnet.wallet,
        request: (request) => node.call('devnet', request),
        height: () => this.#published,
        subscribe: (listener) => this.subscribe(listener),
      })
    replica.onTaken = () => this.#tellCore()
  }

  height(): number {
    return this.#reader.height
  }
  header(height: number): EthereumHeader | null {
    const known = this.#headers.get(height)
    if (known !== undefined) return known
    const header = this.#reader.ethereumHeader(height)
    if (header !== null) this.#headers.set(height, header)
    return header
  }
  block(height: number): ExecutedBlock | null {
    return this.#reader.executedBlock(height)
  }
  outline(height: number): BlockOutline | null {
    return this.#reader.outline(height)
  }
  heightOfHash(hash: Uint8Array): number | null {
    return this.#reader.heightOfEthereumHash(hash)
  }
  logSearch(criteria: LogCriteria): (from: number, to: number) => LogCandidates {
    return this.#reader.logSearch(criteria)
  }
  location(transactionHash: Uint8Array): TransactionLocation | null {
    return this.#reader.transactionLocation(transactionHash)
  }
  certificate(height: number): Certificate | null {
    return this.#reader.certificate(height)
  }
  validators(height: number): readonly Validator[] | null {
    return this.#reader.validators(height)
  }
  lightBlock(height: number): CertifiedBlock | null {
    return certifiedBlockOf(this.#reader, height)
  }
  transaction(signed: SignedTransaction): TransactionView {
    return transactionViewOf(signed)
  }
  nextBaseFee(height: number): bigint {
    return nextBaseFee(this.#existingHeader(height))
  }

  state<T>(height: number, read: (state: StateReader) => T): Outcome<T> {
    const view = this.#stateAt(height)
    if (!view.ok) return view
    try {
      return { ok: true, value: read(stateReaderOf(view.value)) }
    } finally {
      view.value.release()
    }
  }

  async proof(
    height: number,
    address: Uint8Array,
    slots: readonly Uint8Array[],
  ): Promise<Outcome<AccountProof>> {
    return this.#turns.take(async () => {
      const state = this.#stateAt(height)
      if (!state.ok) return state
      state.value.release()
      const view = this.#reader.evmProofStoreAt(height, MAX_PROOF_KEYS)
      if (view === null) {
        const problem = { height, latest: this.height(), maxKeys: MAX_PROOF_KEYS }
        return fail({ code: 'PROOF_NOT_AVAILABLE', ...problem })
      }
      try {
        return { ok: true, value: accountProofOf(getProof(view, address, slots)) }
      } finally {
        view.release()
      }
    })
  }

  call(request: CallRequest): Promise<Outcome<Uint8Array>> {
    return this.#simulate(request, (view, header) => this.#simulation.call(view, header, request))
  }
  estimateGas(request: CallRequest): Promise<Outcome<bigint>> {
    return this.#simulate(request, (view, header) =>
      this.#simulation.estimateGas(view, header, request),
    )
  }
  createAccessList(request: CallRequest): Promise<Outcome<AccessListResult>> {
    return this.#simulate(request, (view, header) =>
      this.#simulation.createAccessList(view, header, request),
    )
  }

  /** Form and signature first, then the latest state; what passes goes to the pool. */
  async submit(bytes: Uint8Array): Promise<Outcome<Uint8Array>> {
    const transaction =
      bytes.length > LIMITS.transactionBytes ? null : await this.#intake.judge(bytes)
    if (transaction === null || isAction(transaction)) {
      const decoded = decodeTransaction(bytes, this.#options.rules)
      assert(!decoded.ok, 'what is wrong with a transaction can be said')
      return fail(malformed(decoded.code, bytes))
    }
    const { sender } = transaction
    // Every node of a devnet takes it; this one only from those who said whom they play.
    if (transaction.isImpersonated && this.devnet?.impersonates(sender) !== true)
      return fail({ code: 'BAD_SIGNATURE' })
    const baseFee = this.nextBaseFee(this.height())
    const objection = objectionTo(transaction, { ...this.#senderState(sender), baseFee })
    if (objection !== null) return fail(objection)
    const result = await this.#outbox.submit(pooledOf(transaction))
    if (result.ok) return { ok: true, value: transaction.hash }
    return fail(poolObjection(result.code, transaction, this.#senderState(sender).account))
  }

  pendingNonce(address: Uint8Array): Promise<number | null> {
    return this.#node.call('pendingNonce', address)
  }
  pendingTransaction(hash: Uint8Array): Promise<SignedTransaction | null> {
    return this.#node.call('pendingTransaction', hash)
  }
  status(): Promise<NodeStatus> {
    return this.#node.call('status', undefined)
  }
  consensusState(): Promise<unknown> {
    return this.#node.call('consensusState', undefined)
  }

  subscribe(listener: (event: BackendEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The executor committed a height: from now on reads see it. Each height is told once, in order; Core's part when the replica has it. */
  committed(): void {
    this.#reader.refresh()
    if (this.#reader.height < this.#published) this.#wentBack()
    this.core.committed()
    while (this.#published < this.#reader.height) {
      this.#published++
      const outline = this.#reader.outline(this.#published)
      assert(outline !== null, 'a committed height has its block')
      this.#emit({ kind: 'head', outline })
    }
  }

  /** While the replica stands at the height: whoever looks at the state meanwhile sees that height's. */
  #tellCore(): void {
    this.committed()
    const { height, time } = this.#replica
    if (height <= this.#told) this.#emit({ kind: 'coreWentBack', height, time })
    const isNew = height > this.#told
    this.#told = height
    if (!isNew) return
    this.#emit(this.core.heightOf(this.#replica.height, this.#replica.time))
  }

  #wentBack(): void {
    this.#published = this.#reader.height
    this.#headers.clear()
    this.core.wentBack()
    this.#emit({ kind: 'wentBack', height: this.#published })
  }

  /** Before the reader is closed: commits are of no more interest. */
  close(): void {
    this.#replica.onTaken = () => undefined
  }

  pendingTransactions(hashes: readonly Uint8Array[]): void {
    this.#emit({ kind: 'pendingTransactions', hashes })
  }

  syncing(isCatchingUp: boolean): void {
    this.#emit({ kind: 'syncing', isCatchingUp })
  }

  #emit(event: BackendEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  #existingHeader(height: number): EthereumHeader {
    const header = this.header(height)
    assert(header !== null, 'a committed height has its header')
    return header
  }

  #senderState(sender: Uint8Array): ReturnType<typeof senderStateOf> {
    const view = this.#reader.evmStore()
    try {
      return senderStateOf(view, sender)
    } finally {
      view.release()
    }
  }

  #stateAt(height: number): Outcome<EvmStateView> {
    const view = this.#reader.evmStoreAt(height)
    return view === null
      ? fail({ code: 'STATE_NOT_AVAILABLE', height, oldest: this.#reader.historyStart })
      : { ok: true, value: view }
  }

  /** The state is taken when the call's turn comes: who waits holds no snapshot. */
  #simulate<T>(
    { height, deadline }: Pick<CallRequest, 'height' | 'deadline'>,
    run: (view: EvmStateView, header: EthereumHeader) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    return this.#turns.take(async () => {
      if (isPast(deadline)) return fail({ code: 'TIMED_OUT' })
      const view = this.#stateAt(height)
      if (!view.ok) return view
      try {
        const header = this.#existingHeader(height)
        return await this.#replica.holding(() => run(view.value, header))
      } finally {
        view.value.release()
      }
    })
  }
}
