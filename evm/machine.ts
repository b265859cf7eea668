import {
  type EthereumHeader,
  type ExecutedBlock,
  type ExecutedTransaction,
  type Receipt,
  type SkippedTransaction,
  SYSTEM_TRANSACTION_TYPE,
} from '../core/chain/executedBlock.ts'
import type { FeeRecipient } from '../core/chain/params.ts'
import type { CorePort, SystemOutcome, SystemTransaction } from '../core/host/corePort.ts'
import { assert } from '../core/primitives/assert.ts'
import { bytesToBigint } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { BLOB_BASE_FEE, ethereumBlockOf } from './blockEnvironment.ts'
import { type BlockState, finishBlockState } from './blockState.ts'
import { contractAddress } from './contractAddress.ts'
import { createEngine, type Engine, enter } from './engine.ts'
import { sealHeader } from './header.ts'
import type { Hardfork } from './interpreter/common.ts'
import type { MessageOutcome } from './message.ts'
import { bloomOf, encodeReceipt, mergeBlooms } from './receipts.ts'
import { CommittedState, type StateCacheOptions } from './state/committedState.ts'
import { FlatState } from './state/flatState.ts'
import { StateTrie } from './stateTrie.ts'
import type { EvmChange, EvmStore } from './store.ts'
import {
  applySystemTransaction,
  encodeSystemTransaction,
  systemOutcomeOf,
} from './systemTransaction.ts'
import { type DecodedTransaction, decodeTransaction } from './transaction.ts'
import {
  type AppliedTransaction,
  applyTransaction,
  type BlockContext,
  type FeeTotals,
} from './transition.ts'
import { orderedRoot } from './trie/orderedRoot.ts'

export type EvmCacheOptions = StateCacheOptions & {
  readonly cachedNodes: number
  readonly cachedHashes: number
}

/** About 150 MB when full: an account 300 bytes, a slot 150, a trie node 1 KB. */
export const defaultEvmCacheOptions: EvmCacheOptions = {
  cachedAccounts: 100_000,
  cachedSlots: 200_000,
  cachedCodes: 1_000,
  cachedNodes: 50_000,
  cachedHashes: 200_000,
}

export type EvmMachineOptions = {
  readonly store: EvmStore
  readonly chainId: number
  readonly hardfork: Hardfork
  readonly caches?: EvmCacheOptions
  /** Monotonic seconds, for timings only; never reaches the state. */
  readonly now: () => number
}

export type EvmTransactionInput = {
  readonly bytes: Uint8Array
  /** Null: not recovered yet. */
  readonly sender: Uint8Array | null
  readonly hash?: Uint8Array
}

export type EvmBlockInput = {
  readonly number: number
  readonly timestampMs: number
  /** The proposer. */
  readonly coinbase: Uint8Array
  readonly parent: EthereumHeader
  /** Nexus id of the block before, shown as `parentBeaconBlockRoot`. */
  readonly parentBlockId: Uint8Array
  readonly prevRandao: Uint8Array
  readonly gasLimit: number
  readonly baseFeePerGas: bigint
  readonly baseFeeRecipient: FeeRecipient
  readonly tipRecipient: FeeRecipient
  readonly treasury: Uint8Array
  readonly transactions: readonly EvmTransactionInput[]
  /** Ethereum hash of an earlier block, for BLOCKHASH; asked for the last 256 only. */
  readonly ancestorHash: (number: number) => Uint8Array | null
  /** Absent: no engine answers. */
  readonly core?: EvmBlockCore
}

/** NexusCore's part in a block of the EVM. */
export type EvmBlockCore = {
  readonly port: CorePort
  /** Run first, in order; they may call engines like any other. The sum of their gas limits fits the block. */
  readonly systemTransactions: readonly SystemTransaction[]
  /** Told what they did; transactions wait for it, since they see Core after its own actions. */
  afterSystem(outcomes: readonly SystemOutcome[]): Promise<void>
}

export type EvmTimings = {
  readonly decode: number
  readonly execute: number
  readonly stateRoot: number
  readonly header: number
}

export type IncludedTransaction = {
  readonly hash: Uint8Array
  readonly sender: Uint8Array
  readonly nonce: number
}

export type EvmBlockResult = {
  readonly executed: Omit<ExecutedBlock, 'blockId'>
  readonly included: readonly IncludedTransaction[]
  readonly changes: readonly EvmChange[]
  /** Fees in wei: burned, and paid to the treasury and to the proposer. */
  readonly fees: Readonly<FeeTotals>
  /** Σ of new − old balances in wei: what was minted, less `burnedWei` and less what engines took in. */
  readonly nativeDelta: bigint
  /** Base fees burned and coins that contracts destroyed, in wei. */
  readonly burnedWei: bigint
  /** A slot after this block; until the next one is executed. */
  readonly slot: (address: Uint8Array, slot: Uint8Array) => bigint
  /** Seconds by phase. */
  readonly timings: EvmTimings
}

export type EvmMachine = {
  /**
   * Runs a block on the committed state and leaves its result pending. Deterministic: the same
   * input on the same state gives the same result.
   */
  execute(input: EvmBlockInput): Promise<EvmBlockResult>
  /** Makes the pending result the base of the next block. The store holds its changes by then. */
  commit(): void
  /** Drops the pending result, if there is one. */
  discard(): void
}

export async function createEvmMachine(options: EvmMachineOptions): Promise<EvmMachine> {
  const { store, chainId, hardfork, caches = defaultEvmCacheOptions } = options
  const committed = new CommittedState(store, caches)
  const trie = new StateTrie({ store, ...caches })
  const engine = await createEngine({ chainId, hardfork, committed })
  let pending: BlockState | null = null
  let running = false
  return {
    async execute(input) {
      assert(pending === null && !running, 'a block is executed on a committed state')
      running = true
      try {
        enter(engine, new FlatState(committed), input.core?.port ?? null)
        const { result, state } = await executeBlock(options, engine, trie, input)
        pending = state
        return result
      } finally {
        running = false
      }
    },
    commit() {
      assert(pending !== null, 'there is a pending result to commit')
      for (const [key, entry] of pending.accounts) committed.learnAccount(key, entry)
      for (const [key, value] of pending.slots) committed.learnSlot(key, value)
      for (const [hash, code] of pending.codes) committed.learnCode(hash, code)
      trie.commit()
      pending = null
    },
    discard() {
      trie.discard()
      pending = null
    },
  }
}

type Body = {
  readonly transactions: ExecutedTransaction[]
  readonly included: IncludedTransaction[]
  readonly skipped: SkippedTransaction[]
  gasUsed: number
}

async function executeBlock(
  options: EvmMachineOptions,
  engine: Engine,
  trie: StateTrie,
  input: EvmBlockInput,
): Promise<{ readonly result: EvmBlockResult; readonly state: BlockState }> {
  const { now } = options
  assert(input.number === input.parent.number + 1, 'a block follows its parent')
  const context = contextOf(input)
  engine.ancestors.hashOf = input.ancestorHash
  const started = now()
  const decoded = input.transactions.map((transaction) =>
    decodeOne(options.chainId, input.gasLimit, transaction),
  )
  const ready = now()
  const body: Body = { transactions: [], included: [], skipped: [], gasUsed: 0 }
  if (input.core !== undefined) await runCore(engine, context, input.core, body)
  for (const { hash, result } of decoded) {
    if (result.ok) await runOne(engine, context, result.value, body)
    else body.skipped.push({ hash, code: result.code })
  }
  const executed = now()
  const { flat } = engine.manager
  const state = finishBlockState(flat, trie)
  const rooted = now()
  const header = headerOf(input, body, state.stateRoot)
  const timings = {
    decode: ready - started,
    execute: executed - ready,
    stateRoot: rooted - executed,
    header: now() - rooted,
  }
  const { transactions, included, skipped } = body
  const result: EvmBlockResult = {
    executed: { header, transactions, skipped },
    included,
    changes: state.changes,
    fees: context.totals,
    nativeDelta: state.nativeDelta,
    burnedWei: context.totals.burned + flat.destroyed,
    slot: (address, slot) => bytesToBigint(flat.slot(address, slot)),
    timings,
  }
  return { result, state }
}

function contextOf(input: EvmBlockInput): BlockContext {
  const environment = {
    number: input.number,
    timestamp: secondsOf(input.timestampMs),
    coinbase: input.coinbase,
    prevRandao: input.prevRandao,
    gasLimit: input.gasLimit,
    baseFeePerGas: input.baseFeePerGas,
    blobBaseFee: BLOB_BASE_FEE,
  }
  const { baseFeeRecipient, tipRecipient, treasury, coinbase: proposer } = input
  return {
    environment,
    block: ethereumBlockOf(environment),
    fees: { baseFeeRecipient, tipRecipient, treasury, proposer },
    totals: { burned: 0n, treasury: 0n, proposer: 0n },
  }
}

const secondsOf = (timestampMs: number): number => Math.floor(timestampMs / 1_000)

function decodeOne(chainId: number, blockGasLimit: number, input: EvmTransactionInput) {
  const hash = input.hash ?? keccak256(input.bytes)
  const rules = { chainId, blockGasLimit }
  return { hash, result: decodeTransaction(input.bytes, rules, { sender: input.sender, hash }) }
}

/** System transactions, then what Core does before the block's own (phases 2 and 3). */
async function runCore(
  engine: Engine,
  context: BlockContext,
  core: EvmBlockCore,
  body: Body,
): Promise<void> {
  await core.afterSystem(await runSystem(engine, context, core.systemTransactions, body))
}

async function runSystem(
  engine: Engine,
  { block, environment }: BlockContext,
  systemTransactions: readonly SystemTransaction[],
  body: Body,
): Promise<readonly SystemOutcome[]> {
  const promised = systemTransactions.reduce((sum, { gasLimit }) => sum + gasLimit, 0)
  assert(promised <= environment.gasLimit, 'what Core queues for a block fits it')
  engine.core.install(engine.manager.flat)
  const outcomes: SystemOutcome[] = []
  for (const transaction of systemTransactions) {
    const outcome = await applySystemTransaction(engine, block, transaction)
    outcomes.push(systemOutcomeOf(transaction.nonce, outcome))
    const bytes = encodeSystemTransaction(transaction, environment.number)
    body.gasUsed += outcome.gasUsed
    body.transactions.push({
      hash: keccak256(bytes),
      sender: transaction.from,
      bytes,
      receipt: systemReceiptOf(outcome, body.gasUsed),
    })
  }
  return outcomes
}

const systemReceiptOf = (outcome: MessageOutcome, cumulativeGasUsed: number): Receipt => ({
  type: SYSTEM_TRANSACTION_TYPE,
  status: outcome.error === null ? 1 : 0,
  gasUsed: outcome.gasUsed,
  cumulativeGasUsed,
  effectiveGasPrice: 0n,
  contractAddress: null,
  logs: outcome.logs,
  logsBloom: bloomOf(outcome.logs),
})

async function runOne(
  engine: Engine,
  context: BlockContext,
  transaction: DecodedTransaction,
  body: Body,
): Promise<void> {
  const gasLeft = context.environment.gasLimit - body.gasUsed
  const applied = await applyTransaction(engine, context, transaction, gasLeft)
  const { hash, sender, nonce, bytes } = transaction
  if (!applied.ok) {
    body.skipped.push({ hash, code: applied.code })
    return
  }
  body.gasUsed += applied.value.outcome.gasUsed
  const receipt = receiptOf(transaction, applied.value, body.gasUsed)
  body.transactions.push({ hash, sender, bytes, receipt })
  body.included.push({ hash, sender, nonce })
}

function receiptOf(
  transaction: DecodedTransaction,
  { outcome, effectiveGasPrice }: AppliedTransaction,
  cumulativeGasUsed: number,
): Receipt {
  const { type, to, sender, nonce } = transaction
  return {
    type,
    status: outcome.error === null ? 1 : 0,
    gasUsed: outcome.gasUsed,
    cumulativeGasUsed,
    effectiveGasPrice,
    // As geth shows it: also when the creation failed.
    contractAddress: to === null ? contractAddress(sender, nonce) : null,
    logs: outcome.logs,
    logsBloom: bloomOf(outcome.logs),
  }
}

function headerOf(input: EvmBlockInput, body: Body, stateRoot: Uint8Array): EthereumHeader {
  const bytes = body.transactions.map((transaction) => transaction.bytes)
  const receipts = body.transactions.map(({ receipt }) => receipt)
  return sealHeader(
    {
      parentHash: input.parent.hash,
      coinbase: input.coinbase,
      stateRoot,
      transactionsRoot: orderedRoot(bytes),
      receiptsRoot: orderedRoot(receipts.map(encodeReceipt)),
      logsBloom: mergeBlooms(receipts.map((receipt) => receipt.logsBloom)),
      number: input.number,
      gasLimit: input.gasLimit,
      gasUsed: body.gasUsed,
      timestamp: secondsOf(input.timestampMs),
      prevRandao: input.prevRandao,
      baseFeePerGas: input.baseFeePerGas,
      parentBeaconBlockRoot: input.parentBlockId,
    },
    bytes,
  )
}
