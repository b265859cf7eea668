// A machine that is cheap and still shows every fault of the parts around it: who may send what is in
// its state, and its root follows from every block there was. Storage is the real one.
import { type Block, blockCodec, blockIdOf } from '../../../core/chain/block.ts'
import type { Evidence } from '../../../core/chain/evidence.ts'
import type { EthereumHeader, ExecutedTransaction } from '../../../core/chain/executedBlock.ts'
import { updatesToward } from '../../../core/chain/validatorUpdates.ts'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { decode } from '../../../core/primitives/codec.ts'
import { DOMAIN, hash, keccak256, ZERO_HASH } from '../../../core/primitives/hash.ts'
import { type BlockId, heightOf } from '../../../core/primitives/units.ts'
import { decodeAccount, EMPTY_ACCOUNT, encodeAccount } from '../../../evm/account.ts'
import type { EvmChange } from '../../../evm/store.ts'
import { validatorSetOf } from '../../../genesis/index.ts'
import {
  type ChainHead,
  type Decided,
  type DecideRequest,
  type ExecuteRequest,
  type ExecutionResult,
  type IncludedTransaction,
  storedValidatorSet,
} from '../../../node/executor/chainHead.ts'
import { summaryOf } from '../../../node/executor/summaryOf.ts'
import { ChainStore, defaultChainStoreOptions } from '../../../node/storage/chainStore.ts'
import type { CoreRecord } from '../../../node/storage/coreState.ts'
import type { OpenDatabase } from '../../../node/storage/database.ts'
import type { StateSummary } from '../../../node/storage/stateSummary.ts'
import type { SimChain } from './chain.ts'
import type { Membership } from './membership.ts'
import { CLIENT_BALANCE, decodeEcho } from './transactions.ts'

/** What a node needs of whatever executes. */
export type Machine = {
  readonly head: ChainHead
  speculate(request: ExecuteRequest): Promise<void>
  decide(request: DecideRequest): Promise<Decided>
  savePendingEvidence(evidence: Evidence): Promise<void>
}

const NOTHING: CoreRecord['outcome'] = { receipts: [], events: new Uint8Array(0) }
const NO_REPLAY: CoreRecord['replay'] = {
  ...{ systemCalls: [], systemGas: [], outcomes: [], calls: [], gas: [], burnedWei: 0n },
}
const HISTORY_BLOCKS = 4

export class EchoMachine implements Machine {
  readonly #store: ChainStore
  readonly #membership: Membership | null
  #head: ChainHead

  private constructor(store: ChainStore, membership: Membership | null) {
    this.#store = store
    this.#membership = membership
    this.#head = headOf(store.readHead().summary)
  }

  static async open(chain: SimChain, path: string, open: OpenDatabase): Promise<EchoMachine> {
    const options = {
      ...defaultChainStoreOptions,
      ...chain.identity,
      historyBlocks: HISTORY_BLOCKS,
      pointerSlots: 64,
    }
    const store = await ChainStore.open(path, options, open)
    if (!store.isInitialized) await store.initializeGenesis(genesisRecordOf(chain))
    return new EchoMachine(store, chain.membership)
  }

  get head(): ChainHead {
    return this.#head
  }

  async speculate(): Promise<void> {}

  async decide({ block: bytes, certificate }: DecideRequest): Promise<Decided> {
    const decoded = decode(blockCodec, bytes)
    if (!decoded.ok) throw new Error('the executor receives canonical blocks')
    const block = decoded.value
    const blockId = blockIdOf(block.header)
    const { changes, included, skipped } = this.#execute(block)
    const { summary: parent } = this.#head
    const { height, time } = block.header
    const header = headerOf(height, parent.roots.evmRoot, blockId)
    const transactions = included.map((one, index) => executedOf(one, index))
    const validators = storedValidatorSet(parent.nextValidators)
    const target = this.#membership?.targetAt(height)
    const validatorUpdates = target === undefined ? [] : updatesToward(validators, target)
    const summary = summaryOf({
      ...{ height, blockId, time, header, core: CORE_ROOTS, validators, validatorUpdates },
    })
    await this.#store.commitHeight({
      ...{ block, blockId, certificate, summary, evmChanges: changes },
      executed: { blockId, header, transactions, skipped },
      core: { outcome: NOTHING, replay: NO_REPLAY, checkpoint: null },
    })
    this.#head = headOf(summary)
    const result = { ...resultOf(summary, included, skipped), validatorUpdates }
    return { head: this.#head, result, commitSeconds: 0 }
  }

  savePendingEvidence(evidence: Evidence): Promise<void> {
    return this.#store.savePendingEvidence(evidence)
  }

  /** A transaction counts when its nonce is its sender's next one. */
  #execute({ payload }: Block) {
    const state = this.#store.evmStore()
    const nonces = new Map<string, { address: Uint8Array; before: Uint8Array; nonce: number }>()
    const included: (IncludedTransaction & { readonly bytes: Uint8Array })[] = []
    const skipped: { hash: Uint8Array; code: string }[] = []
    for (const bytes of payload.evm) {
      const transaction = decodeEcho(bytes)
      if (transaction === null) throw new Error('a valid block holds nothing unacceptable')
      const { sender, nonce } = transaction
      const before = state.get('account', sender) ?? new Uint8Array(0)
      const account = nonces.get(toHex(sender)) ?? {
        ...{ address: sender, before, nonce: decodeAccount(before).nonce },
      }
      nonces.set(toHex(sender), account)
      if (nonce === account.nonce) {
        account.nonce++
        included.push({ hash: transaction.hash, sender, nonce, bytes })
      } else skipped.push({ hash: transaction.hash, code: 'NONCE' })
    }
    const changes = [...nonces.values()].map(
      ({ address, before, nonce }): EvmChange => ({
        ...{ namespace: 'account', key: address, previous: before },
        value: encodeAccount({ ...EMPTY_ACCOUNT, nonce, balance: CLIENT_BALANCE }),
      }),
    )
    return { changes, included, skipped }
  }
}

const CORE_ROOTS = { coreRoot: ZERO_HASH, queueRoot: ZERO_HASH, receiptsHash: ZERO_HASH }
const BASE_FEE = 7n

const headOf = (summary: StateSummary): ChainHead => ({
  summary,
  header: headerOf(summary.height, summary.roots.evmRoot, summary.blockId),
  nextBaseFee: BASE_FEE,
  pendingMessages: [],
})

/** The state root follows from the one before and the block. */
function headerOf(height: number, parentRoot: Uint8Array, blockId: BlockId): EthereumHeader {
  const stateRoot = hash(DOMAIN.stateRoot, parentRoot, fromHex(blockId))
  return {
    ...{ hash: keccak256(stateRoot), parentHash: parentRoot, stateRoot, number: height },
    ...{ coinbase: new Uint8Array(20), transactionsRoot: ZERO_HASH, receiptsRoot: ZERO_HASH },
    ...{ logsBloom: NO_BLOOM, gasLimit: 30_000_000, gasUsed: 0, timestamp: 0 },
    ...{ extraData: new Uint8Array(0), prevRandao: ZERO_HASH, baseFeePerGas: BASE_FEE },
    ...{ withdrawalsRoot: ZERO_HASH, parentBeaconBlockRoot: ZERO_HASH, requestsHash: ZERO_HASH },
    size: 600,
  }
}
const NO_BLOOM = new Uint8Array(256)

const executedOf = (
  { hash, sender, bytes }: IncludedTransaction & { readonly bytes: Uint8Array },
  index: number,
): ExecutedTransaction => ({
  ...{ hash, sender, bytes },
  receipt: {
    ...{ type: 2, status: 1, gasUsed: 21_000, cumulativeGasUsed: 21_000 * (index + 1) },
    ...{ effectiveGasPrice: BASE_FEE, contractAddress: null, logs: [], logsBloom: NO_BLOOM },
  },
})

const resultOf = (
  { blockId, stateRoot, receiptsRoot }: StateSummary,
  included: readonly IncludedTransaction[],
  skipped: ExecutionResult['skipped'],
): ExecutionResult => ({
  ...{ blockId, stateRoot, receiptsRoot, included, skipped, gasUsed: 0, actions: [] },
  ...{ validatorUpdates: [] },
  ...{ coreCalls: { accepted: 0, rejected: 0 }, coreGas: {}, timings: {} },
})

function genesisRecordOf({ genesis, identity }: SimChain) {
  const blockId = toHex(identity.genesisHash) as BlockId
  const header = headerOf(0, ZERO_HASH, blockId)
  const evmChanges = genesis.accounts.map(
    ({ address, balance, nonce }): EvmChange => ({
      ...{ namespace: 'account', key: address, previous: null },
      value: encodeAccount({ ...EMPTY_ACCOUNT, nonce, balance }),
    }),
  )
  const summary = summaryOf({
    ...{ height: heightOf(0), blockId, time: genesis.genesisTime, header, core: CORE_ROOTS },
    validators: validatorSetOf(genesis),
    validatorUpdates: [],
  })
  return {
    ...{ evmChanges, summary, core: { outcome: NOTHING, replay: null, checkpoint: [] } },
    executed: { blockId, header, transactions: [], skipped: [] },
  }
}
